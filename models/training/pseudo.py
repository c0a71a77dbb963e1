"""Labelled places and a checkpoint of landuse-unet in, the same places with pseudo-labels out (Lee 2013).

Where a training place says no more than 'not a building', 'not a road' or 'not vegetation', and the mean answer over
turns, mirrorings and ground sizes is sure, its class becomes the label; all else, and every validation place, stays as
it is. The folder it writes (labels, links to the imagery) is what train.py takes for `--data`.
"""

import argparse
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from data import NOT_BUILDING, NOT_ROAD, NOT_VEGETATION, kind_of, read_pairs, read_places, resample
from evaluate import ROOT, load_network, logits, probabilities
from recipes import LANDUSE_UNET

GROUND_SIZES_M = (0.7, 1.0, 1.4)
SMALL, JOINED = 512, 5  # pixels; images a side of what they are joined to
FINEST_M = 0.5  # probabilities are averaged no finer than this
# The least mean probability for a label, by class. Roads are few and answered timidly; dark things pass for water.
SURE = (0.8, 0.8, 0.55, 0.65, 0.85)
UNLABELLED = {
    "building-only": (NOT_BUILDING, 1),
    "road-only": (NOT_ROAD, 2),
    "vegetation-only": (NOT_VEGETATION, 3),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="of landuse-unet, or the network itself (.onnx)")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of labelled places")
    parser.add_argument("--out", type=Path, required=True, help="folder for the places with more labels")
    parser.add_argument(
        "--wrong",
        nargs="*",
        default=[],
        metavar="PLACE:CLASS",
        help="classes that a look has shown to be wrong at a place, which gets no label of them",
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network(options.checkpoint, LANDUSE_UNET)
    options.out.mkdir(parents=True, exist_ok=True)
    shutil.copy(options.data / "manifest.json", options.out)
    for place in read_places(options.data, "train") + read_places(options.data, "val"):
        source, target = options.data / place["place"], options.out / place["place"]
        if place["split"] == "val" or kind_of(place) not in UNLABELLED:
            link(source, target)
            continue
        link(source / "images", target / "images")
        (target / "labels").mkdir(exist_ok=True)
        gained = np.zeros(256, np.int64)
        wrong = [
            number for number, name in enumerate(LANDUSE_UNET.classes) if f"{place['place']}:{name}" in options.wrong
        ]
        for stems, image, label in join_small(read_pairs(options.data, place["place"])):
            more = fill(network, image, label, place["gsd_m"], *UNLABELLED[kind_of(place)])
            more = np.where(np.isin(more, wrong), label, more)
            gained += np.bincount(more[more != label], minlength=256)
            for row, each in zip(np.split(more, len(stems)), stems, strict=True):
                for part, stem in zip(np.split(row, len(each), 1), each, strict=True):
                    Image.fromarray(part).save(target / "labels" / f"{stem}.png")
        print(place["place"], dict(zip(LANDUSE_UNET.classes, gained.tolist(), strict=False)), flush=True)


def join_small(pairs: list[tuple[str, np.ndarray, np.ndarray]]) -> Iterable:
    """(rows of stems, image, label): images of one small size are joined, `JOINED` x `JOINED`, so that most of the
    work is not their halos; others, and what is left over, stay by themselves."""
    small = [pair for pair in pairs if max(pair[2].shape) <= SMALL and pair[2].shape == pairs[0][2].shape]
    whole = len(small) // JOINED**2 * JOINED**2
    for start in range(0, whole, JOINED**2):
        rows = [small[at : at + JOINED] for at in range(start, start + JOINED**2, JOINED)]
        stems = [[stem for stem, *_ in row] for row in rows]
        image, label = (
            np.concatenate([np.concatenate([pair[part] for pair in row], 1) for row in rows]) for part in (1, 2)
        )
        yield stems, image, label
    joined = {stem for stem, *_ in small[:whole]}
    for stem, image, label in pairs:
        if stem not in joined:
            yield [[stem]], image, label


def link(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    if not target.exists():
        target.symlink_to(source.resolve())


def fill(
    network: nn.Module, image: np.ndarray, label: np.ndarray, gsd_m: float, code: int, excluded: int
) -> np.ndarray:
    """The label [H,W] with classes where it has `code` and the network is sure; `excluded` is the class that `code`
    rules out."""
    factor = min(1.0, gsd_m / FINEST_M)
    small, _ = resample(image, label, factor)
    p = mean_probabilities(network, small, gsd_m / factor)
    p[excluded] = 0
    best = p.argmax(0).astype(np.uint8)
    best[p.max(0) < np.array(SURE)[best]] = code
    wanted = Image.fromarray(best).resize(label.shape[::-1], Image.Resampling.NEAREST)
    return np.where(label == code, np.asarray(wanted), label)


def mean_probabilities(network: nn.Module, image: np.ndarray, gsd_m: float) -> np.ndarray:
    """Class probabilities [5,H,W] of an image [H,W,3], averaged over ground sizes, turns and mirrorings."""
    size = image.shape[:2]
    total = np.zeros((len(LANDUSE_UNET.classes), *size), np.float32)
    for ground_m in GROUND_SIZES_M:
        scaled, _ = resample(image, image[..., 0], gsd_m / ground_m)
        views = [(turns, turns % 2 == 1) for turns in range(4)]
        mean = 0
        for turns, mirrored in views:
            seen = np.rot90(scaled, turns)
            y = logits(network, np.ascontiguousarray(seen[:, ::-1] if mirrored else seen))
            p = probabilities(LANDUSE_UNET, y, 1.0)
            mean = mean + np.rot90(p[:, :, ::-1] if mirrored else p, -turns, (1, 2)) / len(views)
        mean = torch.from_numpy(np.ascontiguousarray(mean))[None]
        total += nn.functional.interpolate(mean, size, mode="bilinear")[0].numpy()
    return total / len(GROUND_SIZES_M)


if __name__ == "__main__":
    main()
