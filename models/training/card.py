"""Scores and an ONNX file in, the network's manifest (STAC Item with the MLM extension) and card (Markdown) out."""

import argparse
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import onnx
import torch

from data import read_places
from evaluate import GSD_M, ROOT, halo
from network import BLOCKS, CLASSES, STRIDE, WIDTHS, LanduseUnet, fold_batch_norms, receptive_field

DESCRIPTIONS = {
    "other": ("Other land: bare soil, sand, paved yards", "D9C7A3"),
    "building": ("Buildings", "E0604C"),
    "road": ("Roads and paved surfaces for traffic", "6B7688"),
    "vegetation": ("Trees, shrubs, grass and crops", "5DA35B"),
    "water": ("Sea, rivers, lakes and pools", "3E8FD0"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=Path, required=True, help="what evaluate.py wrote")
    parser.add_argument(
        "--model", type=Path, default=ROOT / "models" / "landuse-unet", help="folder with the .onnx file"
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of labelled places")
    parser.add_argument("--hardware", default="one CPU core", help="what the training ran on, for the card")
    parser.add_argument("--note", default="", help="a sentence on the state of this model, for the card's head")
    options = parser.parse_args()
    scores = json.loads(options.scores.read_text())
    model = next(options.model.glob("*.onnx"))
    (options.model / "manifest.json").write_text(json.dumps(manifest(model, scores), indent=2) + "\n")
    (options.model / "CARD.md").write_text(card(model, scores, options))


def parameters() -> int:
    """Number of weights of the exported network."""
    return sum(p.numel() for p in fold_batch_norms(LanduseUnet()).parameters())


def manifest(model: Path, scores: dict) -> dict:
    """The STAC Item. The network is not bound to a place, so its geometry is null."""
    data = model.read_bytes()
    size = [-1, -1, -1]
    order = ["batch", "height", "width"]
    classes = [
        {"value": value, "name": name, "description": DESCRIPTIONS[name][0], "color_hint": DESCRIPTIONS[name][1]}
        for value, name in enumerate(CLASSES)
    ]
    colours = [{"name": name, "eo:common_name": name} for name in ("red", "green", "blue")]
    properties = {
        "title": "Land use UNet",
        "description": "Land use and land cover from RGB imagery of about 1 m: other land, building, road, vegetation, water.",
        "license": "Apache-2.0",
        "datetime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "gsd": GSD_M,
        "bands": colours,
        "mlm:name": "Land use UNet",
        "mlm:architecture": "UNet on MobileNetV2",
        "mlm:tasks": ["semantic-segmentation"],
        "mlm:framework": "ONNX",
        "mlm:framework_version": f"{onnx.__version__}",
        "mlm:memory_size": len(data),
        "mlm:total_parameters": parameters(),
        "mlm:pretrained": True,
        "mlm:pretrained_source": "ImageNet",
        "mlm:input": [
            {
                "name": "image",
                "description": "RGB bytes as they are; height and width are multiples of 16.",
                "bands": [band["name"] for band in colours],
                "input": {"shape": [*size, 3], "dim_order": [*order, "bands"], "data_type": "uint8"},
                "value_scaling": None,
                "resize_type": None,
                "pre_processing_function": None,
            }
        ],
        "mlm:output": [
            {
                "name": "class",
                "tasks": ["semantic-segmentation"],
                "result": {"shape": size, "dim_order": order, "data_type": "uint8"},
                "classification:classes": classes,
                "post_processing_function": None,
            },
            {
                "name": "score",
                "description": "Probability of the class times 255, rounded.",
                "tasks": ["semantic-segmentation"],
                "result": {"shape": size, "dim_order": order, "data_type": "uint8"},
                "classification:classes": [],
                "post_processing_function": None,
            },
        ],
        "planimeter:gsd_m": GSD_M,
        "planimeter:stride": STRIDE,
        "planimeter:halo": halo(),
        "planimeter:receptive_field": list(receptive_field()),
        "planimeter:class_output": "class",
        "planimeter:score_output": "score",
        "planimeter:scores": {
            "places": scores["full"]["places"],
            "miou": round(scores["full"]["miou"], 4),
            "iou": {name: round(value, 4) for name, value in scores["full"]["iou"].items()},
            "ece": round(scores["full"]["ece"], 4),
        },
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/mlm/v1.5.0/schema.json",
            "https://stac-extensions.github.io/classification/v1.1.0/schema.json",
            "https://stac-extensions.github.io/file/v2.1.0/schema.json",
        ],
        "id": model.stem,
        "geometry": None,
        "properties": properties,
        "links": [],
        "assets": {
            "model": {
                "href": model.name,
                "title": "Network, normalisation and arg max inside",
                "type": "application/octet-stream; application=onnx",
                "roles": ["mlm:model", "mlm:weights"],
                "mlm:artifact_type": "onnx",
                "file:size": len(data),
                "file:checksum": "1220" + hashlib.sha256(data).hexdigest(),
            },
            "card": {"href": "CARD.md", "type": "text/markdown", "roles": ["metadata"]},
        },
    }


def card(model: Path, scores: dict, options: argparse.Namespace) -> str:
    """The Markdown card: what it is, what it scores where, what it learnt from, what it cannot do."""
    training = scores["training"]
    train = [place["place"] for place in read_places(options.data, "train")]
    train += ["generated towns"] if "generated" in training["crops"] else []
    left, top, right, bottom = receptive_field()
    rows = [score_row(f"**{' + '.join(scores['full']['places'])}**", scores["full"])]
    rows += [score_row(name, score) for name, score in scores["places"].items()]
    if scene := scores.get("scene"):
        rows.append(score_row(f"{scene['name']}, the whole scene in one pass", scene))
    crops = sum(training["crops"].values())
    by_place = ", ".join(f"{name} {count / crops:.1%}" for name, count in sorted(training["crops"].items()))
    generated = "\n".join(score_row(name, score) for name, score in scores["generated"].items())
    header = "| place | mIoU | " + " | ".join(CLASSES) + " |\n|" + "---|" * (len(CLASSES) + 2)
    note = f"\n{options.note}\n" if options.note else ""
    return f"""# landuse-unet

RGB imagery of about 1 m in; other land, building, road, vegetation or water for each pixel out, with its probability.
{note}
## Scores

IoU at 1 m by place, none of them trained on; finer imagery is resampled to 1 m before, its labels by nearest neighbour.
Building-only places have one figure: building against not building. mIoU is the mean over the classes that occur; only
the two Dubai places are labelled with all five.

{header}
{chr(10).join(rows)}

Expected calibration error on {" + ".join(scores["full"]["places"])}: {scores["full"]["ece"]:.3f}
({calibration(scores)}); temperature {scores["temperature"]}, fitted on {scores["temperature_place"]} alone and
folded into the graph.

Generated towns (`tiler/town`, seeds not trained on), kept apart because they say nothing about real imagery:

{header}
{generated or "| none scored | | | | | | |"}

## Training

{training["steps"]:,} steps of 8 crops of 256 x 256 pixels, {training["minutes"]:.0f} minutes on {options.hardware}.
Cross-entropy (weighted) plus Dice, only where something is labelled: 'not a building' and 'not a road' pixels teach just
that. AdamW, cosine over the time, moving average of the weights. Crops at 0.5-2 m, turned, mirrored, with changed colour,
contrast, haze, shadow, blur, noise, JPEG and missing parts. Share of the crops by place: {by_place}.

Trained on: {", ".join(train)}. Validated on: {", ".join(scores["places"])}.

## Network

UNet on MobileNetV2's first {len(BLOCKS)} blocks, decoder widths {"-".join(map(str, WIDTHS))}, nearest up-sampling, sub-pixel head;
{parameters():,} parameters, {model.stat().st_size:,} bytes, fp32. Total stride {STRIDE}. Receptive field in pixels: {left} to the left,
{top} to the top, {right} to the right, {bottom} to the bottom, from the architecture and confirmed by gradients (`test_training.py`); halo {halo()}.
No operation looks further, so stitched chips equal one pass over the whole scene byte by byte on the CPU.

## Limits

- One city, Dubai, carries nearly all full labels: road, vegetation and water elsewhere rest on augmentation, West
  Virginia's woods and New England's roads. Expect less in leafy, wet or snowy places, and look at the scores.
- Dense villa quarters are labelled as one building block in Dubai, and so they come out.
- Tracks in sand, which the Dubai labels call roads, are mostly missed; tarmac is found. Road IoU there suffers from it.
- Water was learnt from sea, lagoons, pools and generated rivers: the brown lake of newbrunswick is mostly missed.
- Places unlike all of these are guessed at: the beds of paddy fields in a dark tropical scene came out as buildings.
- 1 m: houses of less than about 6 m are lost or merged. Car parks and yards waver between road and other land.
- Dark roofs, building shadow and deep water look alike at this size; so do dry fields and bare land; dark
  shade in a wood can come out as water.
- Validation places chose nothing but the temperature; {scores["temperature_place"]} is therefore slightly favoured in calibration, not in IoU.

## Data

{(Path(__file__).parent / "sources.md").read_text()}"""


def score_row(name: str, score: dict) -> str:
    """One line of a score table."""
    values = [f"{score['iou'][c]:.3f}" if c in score["iou"] else "" for c in CLASSES]
    mean = f"{score['miou']:.3f}" if len(score["iou"]) > 1 else ""
    return f"| {name} | {mean} | {' | '.join(values)} |"


def calibration(scores: dict) -> str:
    """The calibration error of each fully labelled place."""
    return ", ".join(f"{name} {scores['places'][name]['ece']:.3f}" for name in scores["full"]["places"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
