"""The ONNX file of a network in, its twin in eight bits out, with what that costs (added to scores.json).

Static quantisation with QuantizeLinear and DequantizeLinear around every convolution: unsigned activations, signed
weights, one scale an output channel, ranges from real training chips. All eight bits of a weight are used: with seven,
which 16-bit sums on processors without VNNI could never overflow, landuse-unet lost 1.6 points instead of 0.3.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from data import kind_of, load_training_place, random_crop, read_places
from evaluate import ROOT, evaluate_pairs, place_pairs, validation_places
from export import check_stitching, reflect, session
from network import halo
from recipes import RECIPES, Recipe

CHIPS = 96
SIDE = 256
QUANTISED = ["Conv", "Add", "Concat", "Resize", "Clip", "Relu"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=RECIPES, default="landuse-unet")
    parser.add_argument("--folder", type=Path, help="folder of the network; models/NETWORK unless said otherwise")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of labelled places")
    parser.add_argument("--method", choices=["MinMax", "Percentile", "Entropy"], default="MinMax")
    options = parser.parse_args()
    torch.set_num_threads(1)
    recipe = RECIPES[options.network]
    folder = options.folder or ROOT / "models" / recipe.name
    model, twin = folder / f"{recipe.name}.onnx", folder / f"{recipe.name}.int8.onnx"
    quantise(model, twin, chips(recipe, options.data), options.method)
    kinds = operators(twin)
    print(f"{twin.name}: {twin.stat().st_size:,} bytes, {kinds['QLinearConv']} QLinearConv, {kinds['Conv']} Conv")
    if kinds["Conv"] or not kinds["QLinearConv"]:
        raise SystemExit("some convolutions are still in floating point")
    check_stitching(twin, recipe, options.data)
    cost = compare(model, twin, recipe, options.data) | {"convolutions": kinds["QLinearConv"], "chips": CHIPS}
    path = folder / "scores.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"int8": cost}, indent=1) + "\n")
    print(f"mIoU {cost['fp32']['miou']:.4f} in floats, {cost['full']['miou']:.4f} in eight bits", cost["full"]["iou"])


def chips(recipe: Recipe, folder: Path) -> list[np.ndarray]:
    """Crops [1,SIDE,SIDE,3] of the training places at the network's ground size, as many from each."""
    random = np.random.default_rng(1)
    places = [place for place in read_places(folder, "train") if kind_of(place) in recipe.shares]
    loaded = [load_training_place(folder, place, recipe.gsd_m) for place in places]
    made = []
    for number in range(CHIPS):
        gsd_m, pairs = loaded[number % len(loaded)]
        image, _ = random_crop(random, pairs, gsd_m, max(recipe.gsd_m, gsd_m / 2), SIDE)
        made.append(image[None])
    return made


class Chips(CalibrationDataReader):
    """Hands chips to the calibrator, one at a time."""

    def __init__(self, images: list[np.ndarray]):
        self.left = iter(images)

    def get_next(self) -> dict | None:
        image = next(self.left, None)
        return None if image is None else {"image": image}


def quantise(model: Path, twin: Path, images: list[np.ndarray], method: str) -> None:
    """Writes the twin. What comes after the head (softmax, arg max) stays in floating point."""
    graph = onnx.load(model).graph
    head = next(number for number, node in enumerate(graph.node) if node.name == "head")
    quantize_static(
        model,
        twin,
        Chips(images),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        calibrate_method=CalibrationMethod[method],
        op_types_to_quantize=QUANTISED,
        nodes_to_exclude=[node.name for node in graph.node[head + 1 :]],
        extra_options={
            "CalibPercentile": 99.995,
            "ActivationSymmetric": False,
            # The 256 values that a byte has after normalisation, without loss.
            "TensorQuantOverrides": {"image.normalised": [{"rmin": np.float32(-1), "rmax": np.float32(127 / 128)}]},
        },
    )


def operators(path: Path) -> Counter:
    """How often each operator occurs in the graph as ONNX Runtime runs it on this CPU."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = f"{folder}/optimised.onnx"
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.log_severity_level = 3
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return Counter(node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node)


def in_onnx(path: Path, recipe: Recipe) -> Callable:
    """The ONNX file as a function: image in, class map and its probabilities out."""
    run, margin = session(path, 1), halo(recipe.architecture)

    def answer(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height, width = image.shape[:2]
        maps = run.run(["class", "score"], {"image": reflect(image, margin)[None]})
        classes, scores = (each[0, margin : margin + height, margin : margin + width] for each in maps)
        return classes, scores / np.float32(255)

    return answer


def compare(model: Path, twin: Path, recipe: Recipe, folder: Path) -> dict:
    """Scores of both on the places of the headline score, and the share of pixels with another class."""
    _, places = validation_places(folder, recipe)
    floats, bytes_ = in_onnx(model, recipe), in_onnx(twin, recipe)
    images = [image for image, _ in place_pairs(folder, recipe, places)]
    pixels = sum(image.shape[0] * image.shape[1] for image in images)
    other = sum(int((floats(image)[0] != bytes_(image)[0]).sum()) for image in images)
    scores = {
        name: evaluate_pairs(answer, recipe, place_pairs(folder, recipe, places))
        for name, answer in (("fp32", floats), ("full", bytes_))
    }
    scores["full"]["places"] = [place["place"] for place in places]
    return {**scores, "other_class": other / pixels}


if __name__ == "__main__":
    main()
