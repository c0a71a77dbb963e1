"""A checkpoint in, NETWORK.onnx out: uint8 [N,H,W,3] RGB in, class and score uint8 [N,H,W] out, checked.

The graph is that of graph.py; here it is written, and compared with PyTorch and with itself in pieces.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from evaluate import ROOT, load_network, logits, place_pairs, probabilities, validation_places
from graph import FEATURES, build
from network import STRIDE, halo
from recipes import RECIPES, Recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--network", choices=RECIPES, default="landuse-unet")
    parser.add_argument("--out", type=Path, help="the .onnx file; models/NETWORK/NETWORK.onnx unless said otherwise")
    parser.add_argument(
        "--scores", type=Path, required=True, help="what evaluate.py wrote: the temperature is taken from it"
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="imagery to check on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = RECIPES[options.network]
    out = options.out or ROOT / "models" / recipe.name / f"{recipe.name}.onnx"
    network = load_network(options.checkpoint, recipe)
    temperature = json.loads(options.scores.read_text())["temperature"]
    model = build(network, recipe, temperature)
    onnx.checker.check_model(model, full_check=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, out)
    print(f"{out.name}: {out.stat().st_size:,} bytes, temperature {temperature}")
    check_against_torch(out, network, recipe, temperature, options.data)
    check_stitching(out, recipe, options.data)


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def maps_of(run: onnxruntime.InferenceSession, images: np.ndarray) -> list[np.ndarray]:
    """Outputs at the resolution of the images [N,H,W,3]: class, score and, where there are some, planes."""
    return run.run([each.name for each in run.get_outputs() if each.name != FEATURES], {"image": images})


def reflect(image: np.ndarray, margin: int) -> np.ndarray:
    """The image with `margin` reflected pixels around it, and more to the right and bottom as the stride asks."""
    height, width = image.shape[:2]
    return np.pad(image, ((margin, margin + -height % STRIDE), (margin, margin + -width % STRIDE), (0, 0)), "reflect")


def check_against_torch(path: Path, network: nn.Module, recipe: Recipe, temperature: float, folder: Path) -> None:
    """Compares classes and scores with PyTorch's on one image of every validation place, and a batch with its parts."""
    run = session(path, 1)
    margin = halo(recipe.architecture)
    pixels = other_class = other_score = 0
    for place in validation_places(folder, recipe)[0]:
        image, _ = next(iter(place_pairs(folder, recipe, [place])))
        height, width = image.shape[:2]
        maps = maps_of(run, reflect(image, margin)[None])
        classes, scores, *planes = [each[0, ..., margin : margin + height, margin : margin + width] for each in maps]
        y = logits(network, image)
        p = probabilities(recipe, y, temperature)
        pixels += height * width
        other_class += int((classes != p.argmax(0)).sum())
        other_score += int((np.abs(scores.astype(int) - np.round(255 * p.max(0)).astype(int)) > 1).sum())
        if planes:
            wanted = np.round(255 / (1 + np.exp(-y / temperature))).astype(int)
            other_score += int((np.abs(planes[0].astype(int) - wanted) > 1).sum())
    print(f"against PyTorch: {other_class} of {pixels:,} classes differ, {other_score} scores by more than 1/255")
    assert other_class < pixels * 1e-4
    pair = np.stack([reflect(image, margin)[:64, :96], reflect(image, margin)[64:128, :96]])
    both = maps_of(run, pair)
    each = [maps_of(run, one[None]) for one in pair]
    assert all(np.array_equal(both[n], np.concatenate([one[n] for one in each])) for n in range(len(both)))
    print("a batch of two equals its parts")


def check_stitching(path: Path, recipe: Recipe, folder: Path) -> None:
    """Stitched chips against one whole pass, with one and two threads; prints the smallest halo that sufficed."""
    places, _ = validation_places(folder, recipe)
    place = max(places, key=lambda place: place["megapixels"] * place["gsd_m"] ** 2)
    scene = join([image for image, _ in place_pairs(folder, recipe, [place])])
    margin = halo(recipe.architecture)
    whole = None
    for threads in (1, 2):
        run = session(path, threads)
        reference = whole_pass(run, scene, margin)
        assert whole is None or all(np.array_equal(a, b) for a, b in zip(whole, reference, strict=True))
        whole = reference
        for core in (256, 400, 512):
            stitched = stitch(run, scene, core, margin)
            same = [np.array_equal(a, b) for a, b in zip(whole, stitched, strict=True)]
            print(f"stitched, core {core}, halo {margin}, {threads} threads: outputs byte-equal: {same}")
            assert all(same)
    for less in range(margin - STRIDE, 0, -STRIDE):
        differing = [int((a != b).sum()) for a, b in zip(whole, stitch(run, scene, 256, less), strict=True)]
        print(f"halo {less}: {differing[0]} classes, {differing[1]} scores differ of {whole[0].size:,}")
        if any(differing):
            break


def join(images: list[np.ndarray]) -> np.ndarray:
    """A scene of four images, cut to the smallest of them (or of the first, four times)."""
    four = (images * 4)[:4]
    height, width = (min(image.shape[side] for image in four) for side in (0, 1))
    four = [image[:height, :width] for image in four]
    return np.concatenate([np.concatenate(four[:2], 1), np.concatenate(four[2:], 1)])


def whole_pass(run: onnxruntime.InferenceSession, scene: np.ndarray, margin: int) -> list[np.ndarray]:
    """All outputs for a scene in one run, padded by the halo."""
    height, width = scene.shape[:2]
    maps = maps_of(run, reflect(scene, margin)[None])
    return [each[0, ..., margin : margin + height, margin : margin + width] for each in maps]


def stitch(run: onnxruntime.InferenceSession, scene: np.ndarray, core: int, margin: int) -> list[np.ndarray]:
    """All outputs for a scene from chips of `core` pixels with `margin` pixels around each."""
    height, width = scene.shape[:2]
    padded = reflect(scene, margin)
    maps = None
    for y in range(0, height, core):
        for x in range(0, width, core):
            chip = padded[y : y + core + 2 * margin, x : x + core + 2 * margin]
            parts = [each[0] for each in maps_of(run, chip[None])]
            maps = maps or [np.zeros((*part.shape[:-2], height, width), np.uint8) for part in parts]
            for target, part in zip(maps, parts, strict=True):
                rows, columns = target[..., y : y + core, x : x + core].shape[-2:]
                inner = part[..., margin : margin + rows, margin : margin + columns]
                target[..., y : y + core, x : x + core] = inner
    return maps


if __name__ == "__main__":
    main()
