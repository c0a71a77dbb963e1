"""A checkpoint and labelled imagery in, scores by place out (JSON): IoU, boundary IoU, confusion, calibration.

Images are brought to the network's ground size, padded by reflection (a halo to the left and top, a halo and
what lacks to the stride to the right and bottom) and run whole, in PyTorch.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from data import RULED_OUT, kind_of, load_generated, read_pairs, read_places, resample
from graph import read_weights
from instances import BUILDING, TOUCHING, UNKNOWN, building_codes, town_numbers
from network import STRIDE, fold_batch_norms, halo, take_weights
from recipes import RECIPES, Recipe
from tally import calibration_error, count, count_confidence, label_of, new_tally, summarise

ROOT = Path(__file__).resolve().parents[2]


def logits(network: nn.Module, image: np.ndarray) -> np.ndarray:
    """Logits [L,H,W] float32 of an RGB uint8 image [H,W,3] at the network's ground size, in one pass."""
    height, width = image.shape[:2]
    margin = halo(type(network))
    pad = ((margin, margin + -height % STRIDE), (margin, margin + -width % STRIDE), (0, 0))
    padded = np.pad(image, pad, "reflect")
    with torch.inference_mode():
        batch = torch.from_numpy(padded).permute(2, 0, 1)[None].float().contiguous(memory_format=torch.channels_last)
        y = network(batch)[0]
    return y[:, margin : margin + height, margin : margin + width].numpy()


def probabilities(recipe: Recipe, y: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities [classes,...] of logits [L,...]: softmax, or the building plane's sigmoid and the rest."""
    y = y / temperature
    if recipe.planes:
        y = np.stack([np.zeros_like(y[0]), y[0]])
    e = np.exp(y - y.max(0))
    return e / e.sum(0)


def in_torch(network: nn.Module, recipe: Recipe, temperature: float) -> Callable:
    """The network as a function: image in, class map and its probabilities out."""

    def answer(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = probabilities(recipe, logits(network, image), temperature)
        return p.argmax(0), p.max(0)

    return answer


def evaluate_pairs(answer: Callable, recipe: Recipe, pairs: Iterable) -> dict:
    """Scores over (image, label) pairs at the network's ground size, together."""
    tally = new_tally(recipe)
    for image, label in pairs:
        count(tally, recipe, *answer(image), label_of(recipe, label))
    return summarise(tally, recipe)


def place_pairs(folder: Path, recipe: Recipe, places: list[dict]) -> Iterable:
    """All (image, label) pairs of the places, at the network's ground size."""
    for place in places:
        for _, image, label in read_pairs(folder, place["place"]):
            yield resample(image, label, place["gsd_m"] / recipe.gsd_m)


def validation_places(folder: Path, recipe: Recipe) -> tuple[list[dict], list[dict]]:
    """The validation places whose ground size and labels suit the network, and those of them that its headline score
    is of: the ones of the recipe's kind, or all where there are none of it."""
    places = [
        place
        for place in read_places(folder, "val")
        if place["gsd_m"] <= recipe.gsd_range_m[1] + 1e-6
        and (kind_of(place) != "vegetation-only" or "vegetation" in recipe.classes)
    ]
    return places, [place for place in places if kind_of(place) == recipe.validation_kind] or places


def read_scene(path: Path) -> np.ndarray:
    """RGB uint8 [H,W,3] of a GeoTIFF; [H,W] where it has one band."""
    import rasterio

    with rasterio.open(path) as scene:
        if scene.count == 1:
            return scene.read(1)
        return np.ascontiguousarray(scene.read((1, 2, 3)).transpose(1, 2, 0))


def load_network(path: Path, recipe: Recipe) -> nn.Module:
    """The moving average of a checkpoint, or what export.py wrote; batch norms folded, ready for inference."""
    network = recipe.architecture(recipe.logits)
    if path.suffix == ".onnx":
        fold_batch_norms(network)
        take_weights(network, read_weights(path, network))
    else:
        network.load_state_dict(torch.load(path, weights_only=True)["average"])
        fold_batch_norms(network)
    return network.to(memory_format=torch.channels_last)


def fit_temperature(network: nn.Module, recipe: Recipe, pairs: Iterable) -> float:
    """The temperature with the smallest calibration error on the images, on every 16th pixel; 1 if none is told."""
    answers = []
    for image, label in pairs:
        answers.append((logits(network, image)[:, ::4, ::4], label_of(recipe, label)[::4, ::4]))

    def error(temperature: float) -> float:
        tally = new_tally(recipe)
        for y, label in answers:
            count_confidence(tally, *judged(recipe, probabilities(recipe, y, temperature), label))
        return calibration_error(tally) or 0.0

    # Nearest to 1 of those that are equally good.
    candidates = np.round(np.geomspace(0.5, 2.5, 17), 3)
    return float(min(candidates, key=lambda temperature: (error(temperature), abs(np.log(temperature)))))


def judged(recipe: Recipe, p: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How sure a network was of each pixel that the label judges, and whether it was right; p [classes,H,W].

    A label that tells of one class only judges the answer 'it is one' or 'it is none'.
    """
    classes = len(recipe.classes)
    told, right, confidence = label < classes, p.argmax(0) == label, p.max(0)
    for code, number in RULED_OUT.items():
        if number < classes and (label == code).any():
            told = (label == code) | (label == number)
            right = (p[number] >= 0.5) == (label == number)
            confidence = np.maximum(p[number], 1 - p[number])
    return confidence[told], right[told]


def touching_scores(network: nn.Module, recipe: Recipe, examples: Iterable) -> dict:
    """Precision, recall and F1 of the touching-border plane at one half, over (image, codes of instances.py)."""
    right = claimed = there = 0
    for image, codes in examples:
        known = ((codes & UNKNOWN) == 0) & (codes <= (BUILDING | TOUCHING | UNKNOWN))
        ours = (logits(network, image)[1] > 0) & known
        truth = ((codes & TOUCHING) > 0) & known
        right, claimed, there = right + (ours & truth).sum(), claimed + ours.sum(), there + truth.sum()
    return {
        "precision": float(right / max(1, claimed)),
        "recall": float(right / max(1, there)),
        "f1": float(2 * right / max(1, claimed + there)),
        "pixels": int(there),
    }


def touching_examples(folder: Path, recipe: Recipe, place: dict) -> Iterable:
    """Images of a place with the codes of its touching borders, made at the label's own ground size."""
    for _, image, label in read_pairs(folder, place["place"]):
        yield resample(image, building_codes(label, place["gsd_m"]), place["gsd_m"] / recipe.gsd_m)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="checkpoint, or a network (.onnx) that is to be judged again")
    parser.add_argument("--network", choices=RECIPES, default="landuse-unet")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of labelled places")
    parser.add_argument("--generated", type=Path, help="folder with generated validation towns, val-*/")
    parser.add_argument(
        "--scene", type=Path, nargs=2, metavar=("IMAGE", "TRUTH"), help="one whole scene at the network's ground size"
    )
    parser.add_argument("--out", type=Path, required=True, help="scores, JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = RECIPES[options.network]
    network = load_network(options.checkpoint, recipe)
    told = told_of(options.checkpoint)
    scores = with_told(told, score(network, recipe, options, told.get("temperature")))
    if options.checkpoint.suffix != ".onnx":
        state = torch.load(options.checkpoint, weights_only=True)["state"]
        scores["training"] = {"steps": state["step"], "minutes": state["seconds"] / 60, "crops": state["crops"]}
        if before := state.get("fine_tuned_from"):
            scores["before"] = score_before(Path(before), recipe, options)
    options.out.write_text(json.dumps(scores, indent=1))
    for name, each in {"all": scores["full"], **scores["places"], **scores["generated"]}.items():
        iou = {key: round(value, 4) for key, value in each["iou"].items()}
        error = "" if each["ece"] is None else f" calibration error {each['ece']:.4f}"
        print(name, json.dumps(iou), f"{each['miou']:.4f}{error}")


def told_of(path: Path) -> dict:
    """The scores.json beside an exported network, with the temperature that its graph holds; nothing of others."""
    told = path.parent / "scores.json"
    return json.loads(told.read_text()) if path.suffix == ".onnx" and told.exists() else {}


def with_told(told: dict, scores: dict) -> dict:
    """Scores of a network that is judged again, with what that does not find out: how it was trained, its eight bits,
    generated towns that are not there now."""
    names = ("temperature", "temperature_places", "training", "before", "int8", "seen", "drawn", "previous")
    scores = {name: told[name] for name in names if name in told} | scores
    for name in ("generated", "touching"):
        if name in told or name in scores:
            scores[name] = told.get(name, {}) | scores.get(name, {})
    return scores


def score_before(path: Path, recipe: Recipe, options: argparse.Namespace) -> dict:
    """What the network that a fine-tuning went on from scores on the same images, and what it had learnt from."""
    told = told_of(path)
    options = argparse.Namespace(**vars(options) | {"scene": None})
    scores = score(load_network(path, recipe), recipe, options, told.get("temperature"))
    return {
        "id": path.stem if path.suffix == ".onnx" else str(path.parent.name),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "full": scores["full"],
        "places": scores["places"],
        "learnt_from": sorted({*told.get("training", {}).get("crops", {}), *told.get("places", {})}),
    }


def score(network: nn.Module, recipe: Recipe, options: argparse.Namespace, temperature: float | None) -> dict:
    """All scores of a network, as evaluate.py writes them; without a temperature one is fitted."""
    places, full = validation_places(options.data, recipe)
    scores = {}
    if temperature is None:
        # Fitted on all but the largest, so that the calibration there is a fair figure.
        area = {place["place"]: place["megapixels"] * place["gsd_m"] ** 2 for place in full}
        largest = max(area, key=area.get)
        fitted_on = [place for place in full if place["place"] != largest] or full
        temperature = fit_temperature(network, recipe, place_pairs(options.data, recipe, fitted_on))
        scores = {"temperature": temperature, "temperature_places": [place["place"] for place in fitted_on]}
    answer = in_torch(network, recipe, temperature)
    scores["full"] = evaluate_pairs(answer, recipe, place_pairs(options.data, recipe, full))
    scores["full"]["places"] = [place["place"] for place in full]
    scores["places"] = {
        place["place"]: evaluate_pairs(answer, recipe, place_pairs(options.data, recipe, [place])) for place in places
    }
    scores["generated"], towns = {}, {}
    if options.generated:
        towns = load_generated(options.generated, "val-", set())
    for name, (gsd_m, pairs) in towns.items():
        at_gsd = [resample(image, label, gsd_m / recipe.gsd_m) for image, label in pairs]
        scores["generated"][name] = evaluate_pairs(answer, recipe, at_gsd)
    if recipe.planes:
        scores["touching"] = {
            place["place"]: touching_scores(network, recipe, touching_examples(options.data, recipe, place))
            for place in full
        }
        for name, (gsd_m, pairs) in towns.items():
            numbers = town_numbers(options.generated / name)
            codes = [(image, building_codes(label, gsd_m, numbers)) for image, label in pairs]
            at_gsd = [resample(*each, gsd_m / recipe.gsd_m) for each in codes]
            scores["touching"][name] = touching_scores(network, recipe, at_gsd)
    if options.scene:
        pair = [read_scene(path) for path in options.scene]
        scores["scene"] = evaluate_pairs(answer, recipe, [pair]) | {"name": options.scene[0].name}
    return scores


if __name__ == "__main__":
    main()
