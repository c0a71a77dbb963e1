"""A checkpoint and labelled imagery in, scores by place out (JSON): IoU per class, mIoU, calibration.

Images are brought to the network's ground size, padded by reflection (a halo to the left and top, a halo and
what lacks to the stride to the right and bottom) and run whole, in PyTorch.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from data import NOT_BUILDING, NOT_ROAD, kind_of, load_generated, read_pairs, read_places, resample
from network import CLASSES, STRIDE, LanduseUnet, fold_batch_norms, receptive_field

ROOT = Path(__file__).resolve().parents[2]
GSD_M = 1.0
BINS = 20  # of confidence, for the calibration error


def halo() -> int:
    """The halo that makes stitching exact: the receptive field rounded up to the stride, in model pixels."""
    return -(-max(receptive_field()) // STRIDE) * STRIDE


def logits(network: LanduseUnet, image: np.ndarray) -> np.ndarray:
    """Logits [5,H,W] float32 of an RGB uint8 image [H,W,3] at the network's ground size, in one pass."""
    height, width = image.shape[:2]
    margin = halo()
    pad = ((margin, margin + -height % STRIDE), (margin, margin + -width % STRIDE), (0, 0))
    padded = np.pad(image, pad, "reflect")
    with torch.inference_mode():
        batch = torch.from_numpy(padded).permute(2, 0, 1)[None].float().contiguous(memory_format=torch.channels_last)
        y = network(batch)[0]
    return y[:, margin : margin + height, margin : margin + width].numpy()


def softmax(y: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities along the first axis."""
    e = np.exp((y - y.max(0)) / temperature)
    return e / e.sum(0)


def count(tally: dict, p: np.ndarray, label: np.ndarray) -> None:
    """Adds an image to the tally: intersections and unions where a class is known, calibration where all are."""
    classes = len(CLASSES)
    full = label < classes
    predicted = p.argmax(0)
    for number in range(classes):
        known = full.copy()
        if CLASSES[number] == "building":
            known |= label == NOT_BUILDING
        elif CLASSES[number] == "road":
            known |= label == NOT_ROAD
        ours, truth = predicted[known] == number, label[known] == number
        tally["intersection"][number] += (ours & truth).sum()
        tally["union"][number] += (ours | truth).sum()
        tally["truth"][number] += truth.sum()
    top = p.max(0)[full]
    bins = np.minimum((top * BINS).astype(int), BINS - 1)
    tally["bin_count"] += np.bincount(bins, minlength=BINS)
    tally["bin_score"] += np.bincount(bins, top, BINS)
    tally["bin_right"] += np.bincount(bins, predicted[full] == label[full], BINS)


def new_tally() -> dict:
    classes = len(CLASSES)
    tally = {name: np.zeros(classes, np.int64) for name in ("intersection", "union", "truth")}
    return tally | {name: np.zeros(BINS) for name in ("bin_count", "bin_score", "bin_right")}


def summarise(tally: dict) -> dict:
    """IoU of the classes that occur, their mean, and the expected calibration error over fully labelled pixels."""
    present = tally["truth"] > 0
    iou = {name: float(tally["intersection"][n] / tally["union"][n]) for n, name in enumerate(CLASSES) if present[n]}
    pixels = tally["bin_count"].sum()
    error = np.abs(tally["bin_score"] - tally["bin_right"]).sum() / pixels if pixels else float("nan")
    return {"miou": float(np.mean(list(iou.values()))), "iou": iou, "ece": float(error), "pixels": int(pixels)}


def evaluate_pairs(network: LanduseUnet, pairs: Iterable, temperature: float = 1.0) -> dict:
    """Scores over (image, label) pairs at the network's ground size, together."""
    tally = new_tally()
    for image, label in pairs:
        count(tally, softmax(logits(network, image), temperature), label)
    return summarise(tally)


def place_pairs(folder: Path, places: list[dict]) -> Iterable:
    """All (image, label) pairs of the places, at the network's ground size."""
    for place in places:
        for _, image, label in read_pairs(folder, place["place"]):
            yield resample(image, label, place["gsd_m"] / GSD_M)


def read_scene(path: Path) -> np.ndarray:
    """RGB uint8 [H,W,3] of a GeoTIFF; [H,W] where it has one band."""
    import rasterio

    with rasterio.open(path) as scene:
        if scene.count == 1:
            return scene.read(1)
        return np.ascontiguousarray(scene.read((1, 2, 3)).transpose(1, 2, 0))


def load_network(checkpoint: Path) -> LanduseUnet:
    """The moving average of a checkpoint, batch norms folded, ready for inference."""
    network = LanduseUnet()
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])
    return fold_batch_norms(network).to(memory_format=torch.channels_last)


def fit_temperature(network: LanduseUnet, pairs: Iterable) -> float:
    """The temperature with the smallest calibration error on fully labelled images, on every 16th pixel."""
    ys, labels = [], []
    for image, label in pairs:
        ys.append(logits(network, image)[:, ::4, ::4].reshape(len(CLASSES), -1))
        labels.append(label[::4, ::4].reshape(1, -1))
    y, label = np.concatenate(ys, 1)[:, None], np.concatenate(labels, 1)

    def error(temperature: float) -> float:
        tally = new_tally()
        count(tally, softmax(y, temperature), label)
        return summarise(tally)["ece"]

    return float(min(np.round(np.geomspace(0.5, 2.5, 33), 3), key=error))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of labelled places")
    parser.add_argument("--generated", type=Path, help="folder with generated validation towns, val-*/")
    parser.add_argument(
        "--scene", type=Path, nargs=2, metavar=("IMAGE", "TRUTH"), help="one whole scene at 1 m besides"
    )
    parser.add_argument("--out", type=Path, required=True, help="scores, JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    network = load_network(options.checkpoint)
    places = read_places(options.data, "val")
    full = [place for place in places if kind_of(place) == "full"]
    # Fitted on one fully labelled place, so that the calibration on the others is a fair figure.
    temperature = fit_temperature(network, place_pairs(options.data, full[-1:])) if full else 1.0
    scores = {"temperature": temperature, "temperature_place": full[-1]["place"] if full else "none"}
    scores |= {"places": {}, "generated": {}}
    full = full or places
    scores["full"] = evaluate_pairs(network, place_pairs(options.data, full), temperature)
    scores["full"]["places"] = [place["place"] for place in full]
    for place in places:
        scores["places"][place["place"]] = evaluate_pairs(network, place_pairs(options.data, [place]), temperature)
    if options.generated:
        for name, (gsd_m, pairs) in load_generated(options.generated, "val-", set()).items():
            at_gsd = [resample(image, label, gsd_m / GSD_M) for image, label in pairs]
            scores["generated"][name] = evaluate_pairs(network, at_gsd, temperature)
    if options.scene:
        pair = [read_scene(path) for path in options.scene]
        scores["scene"] = evaluate_pairs(network, [pair], temperature) | {"name": options.scene[0].name}
    state = torch.load(options.checkpoint, weights_only=True)["state"]
    scores["training"] = {"steps": state["step"], "minutes": state["seconds"] / 60, "crops": state["crops"]}
    options.out.write_text(json.dumps(scores, indent=1))
    print(json.dumps({"miou": scores["full"]["miou"], "iou": scores["full"]["iou"], "ece": scores["full"]["ece"]}))
    for name, score in {**scores["places"], **scores["generated"], "scene": scores.get("scene")}.items():
        if score:
            print(
                name, json.dumps({key: round(value, 4) for key, value in score["iou"].items()}), round(score["miou"], 4)
            )


if __name__ == "__main__":
    main()
