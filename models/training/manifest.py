"""Scores and the ONNX files of a network in, its manifest out: a STAC Item with the Machine Learning Model fields."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import onnx

from graph import FEATURES
from network import STRIDE, fold_batch_norms, halo, receptive_field
from recipes import Recipe

DESCRIPTIONS = {
    "other": ("Other land: bare soil, sand, paved yards", "D9C7A3"),
    "building": ("Buildings", "E0604C"),
    "road": ("Roads and paved surfaces for traffic", "6B7688"),
    "vegetation": ("Trees, shrubs, grass and crops", "5DA35B"),
    "water": ("Sea, rivers, lakes and pools", "3E8FD0"),
}
EXTENSIONS = (
    "https://stac-extensions.github.io/mlm/v1.5.0/schema.json",
    "https://stac-extensions.github.io/classification/v1.1.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
)


def parameters(recipe: Recipe) -> int:
    """Number of weights of the exported network."""
    return sum(p.numel() for p in fold_batch_norms(recipe.architecture(recipe.logits)).parameters())


def manifest(recipe: Recipe, folder: Path, scores: dict) -> dict:
    """The STAC Item of the network in `folder`. It is not bound to a place, so its geometry is null."""
    model, twin = folder / f"{recipe.name}.onnx", folder / f"{recipe.name}.int8.onnx"
    colours = [{"name": name, "eo:common_name": name} for name in ("red", "green", "blue")]
    properties = {
        "title": recipe.title,
        "description": recipe.description,
        "license": "Apache-2.0",
        "datetime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "gsd": recipe.gsd_m,
        "bands": colours,
        "mlm:name": recipe.title,
        "mlm:architecture": f"{recipe.architecture.__name__} on MobileNetV2",
        "mlm:tasks": ["semantic-segmentation"],
        "mlm:framework": "ONNX",
        "mlm:framework_version": f"{onnx.__version__}",
        "mlm:memory_size": model.stat().st_size,
        "mlm:total_parameters": parameters(recipe),
        "mlm:pretrained": True,
        "mlm:pretrained_source": "ImageNet",
        "mlm:input": [image_input([band["name"] for band in colours])],
        "mlm:output": outputs(recipe),
        "planimeter:gsd_m": recipe.gsd_m,
        "planimeter:gsd_range_m": list(recipe.gsd_range_m),
        "planimeter:stride": STRIDE,
        "planimeter:halo": halo(recipe.architecture),
        "planimeter:receptive_field": list(receptive_field(recipe.architecture)),
        "planimeter:class_output": "class",
        "planimeter:score_output": "score",
        "planimeter:scores": headline(scores["full"]) | {"by_place": by_place(scores["places"])},
    }
    if before := scores.get("before"):
        properties["mlm:pretrained_source"] = before["id"]
        properties["planimeter:started_from"] = {
            "id": before["id"],
            "sha256": before["sha256"],
            "scores": headline(before["full"]),
            "data": sources_of(before["learnt_from"]),
        }
    if scores["generated"]:
        properties["planimeter:generated_scores"] = by_place(scores["generated"])
    if "drawn" in scores:
        properties["planimeter:drawn"] = drawn_by_place(scores["drawn"])
    if recipe.planes:
        properties["planimeter:planes"] = list(recipe.planes)
    features = next((each for each in onnx.load(model).graph.output if each.name == FEATURES), None)
    if features:
        channels = features.type.tensor_type.shape.dim[1].dim_value
        properties["planimeter:features"] = {"output": FEATURES, "stride": STRIDE, "channels": channels}
    assets = {"model": asset(model, "Network, normalisation and arg max inside")}
    if twin.exists() and "int8" in scores:
        properties["planimeter:int8"] = twin.name
        properties["planimeter:int8_scores"] = headline(scores["int8"]["full"])
        assets["int8"] = asset(twin, "The same network in eight bits, for CPUs")
    assets["scores"] = {"href": "scores.json", "type": "application/json", "roles": ["metadata"]}
    assets["card"] = {"href": "CARD.md", "type": "text/markdown", "roles": ["metadata"]}
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(EXTENSIONS),
        "id": recipe.name,
        "geometry": None,
        "properties": properties,
        "links": [],
        "assets": assets,
    }


def sources_of(places: list[str]) -> list[dict]:
    """Where labelled places come from and under which licence, as sources.json tells it."""
    told = json.loads((Path(__file__).parent / "sources.json").read_text())
    found = []
    for source in told["sources"]:
        if used := [place for place in source["places"] if place in places]:
            found.append({"places": used, "repository": source["repository"], "licence": source["licence"]})
    return found


def drawn_by_place(drawn: dict) -> dict:
    """What jobs draw at each place, in figures: buildings found one for one, routes along the roads."""
    figures = {}
    for place, each in drawn.items():
        found = {}
        if each["buildings"]:
            found |= {
                f"buildings_{name}": round(each["buildings"][name], 4) for name in ("f1_50", "f1_75", "count_error")
            }
        if each["roads"]:
            found["roads_apls"] = round(each["roads"]["apls"], 4)
        if found:
            figures[place] = found
    return figures


def headline(score: dict) -> dict:
    """A score, rounded: the places it is of, mIoU, IoU by class and calibration error, if it can be told."""
    return {
        "places": score["places"],
        "miou": round(score["miou"], 4),
        "iou": {name: round(value, 4) for name, value in score["iou"].items()},
        "ece": None if score["ece"] is None else round(score["ece"], 4),
    }


def by_place(scores: dict) -> dict:
    """IoU by class of each place, rounded."""
    return {place: {name: round(value, 4) for name, value in score["iou"].items()} for place, score in scores.items()}


def image_input(bands: list[str]) -> dict:
    shape = {"shape": [-1, -1, -1, 3], "dim_order": ["batch", "height", "width", "bands"], "data_type": "uint8"}
    return {
        "name": "image",
        "description": f"RGB bytes as they are; height and width are multiples of {STRIDE}.",
        "bands": bands,
        "input": shape,
        "value_scaling": None,
        "resize_type": None,
        "pre_processing_function": None,
    }


def outputs(recipe: Recipe) -> list[dict]:
    """Class, score and, where the network has them, planes."""
    classes = [
        {"value": value, "name": name, "description": DESCRIPTIONS[name][0], "color_hint": DESCRIPTIONS[name][1]}
        for value, name in enumerate(recipe.classes)
    ]
    order = ["batch", "height", "width"]
    made = [
        output("class", None, order, classes),
        output("score", "Probability of the class times 255, rounded.", order, []),
    ]
    if recipe.planes:
        names = ", ".join(plane["name"] for plane in recipe.planes)
        about = f"Probabilities times 255, rounded: {names}."
        made.append(output("planes", about, ["batch", "plane", "height", "width"], []))
    return made


def output(name: str, description: str | None, order: list[str], classes: list[dict]) -> dict:
    return {
        "name": name,
        **({"description": description} if description else {}),
        "tasks": ["semantic-segmentation"],
        "result": {"shape": [-1] * len(order), "dim_order": order, "data_type": "uint8"},
        "classification:classes": classes,
        "post_processing_function": None,
    }


def asset(path: Path, title: str) -> dict:
    """An ONNX file, with its size and its SHA-256 as a multihash."""
    data = path.read_bytes()
    return {
        "href": path.name,
        "title": title,
        "type": "application/octet-stream; application=onnx",
        "roles": ["mlm:model", "mlm:weights"],
        "mlm:artifact_type": "onnx",
        "file:size": len(data),
        "file:checksum": "1220" + hashlib.sha256(data).hexdigest(),
    }
