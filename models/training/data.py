"""Folders of labelled images in, arrays at a chosen ground size out, and random training crops from them.

The layout is `manifest.json` (places with `place`, `split`, `gsd_m`), `PLACE/images/*` and `PLACE/labels/*` with equal
stems. Label codes: 0..4 the classes, 252 'not vegetation', 253 'not a road', 254 'not a building' (all three otherwise
unlabelled), 255 not labelled.
"""

import json
import math
from pathlib import Path

import numpy as np
from PIL import Image

NOT_VEGETATION, NOT_ROAD, NOT_BUILDING, IGNORE = 252, 253, 254, 255
#: What a place may label to be trained on.
KINDS = ("full", "building-only", "road-only", "vegetation-only")
#: Codes that say which class a pixel is not, and nothing else.
RULED_OUT = {NOT_BUILDING: 1, NOT_ROAD: 2, NOT_VEGETATION: 3}
CACHE = 0.5  # imagery finer than this times the network's ground size is reduced to it when loaded for training


def read_places(folder: Path, split: str) -> list[dict]:
    """The manifest's places of a split ('train' or 'val')."""
    manifest = json.loads((folder / "manifest.json").read_text())
    return [place for place in manifest["places"] if place["split"] == split]


def kind_of(place: dict) -> str:
    """What a place labels: 'full', 'building-only', 'road-only', or another word for what only validation uses."""
    return place["kind"].split(",")[0]


def read_pairs(folder: Path, place: str) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(stem, HxWx3 uint8 image, HxW uint8 label) of every image of a place, at its own ground size."""
    pairs = []
    for path in sorted((folder / place / "images").iterdir()):
        label = next((folder / place / "labels").glob(path.stem + ".*"))
        pairs.append((path.stem, np.asarray(Image.open(path).convert("RGB")), np.asarray(Image.open(label))))
    return pairs


def resample(image: np.ndarray, label: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Image (Lanczos-3, antialiased) and label (nearest) with sides multiplied by `factor`; as they are near 1."""
    if abs(factor - 1) < 1e-6:
        return image, label
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return (
        np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)),
        np.asarray(Image.fromarray(label).resize(size, Image.Resampling.NEAREST)),
    )


def load_training_place(folder: Path, place: dict, network_gsd_m: float) -> tuple[float, list]:
    """Ground size in metres and (image, label) pairs of a place, reduced where they are finer than can be of use."""
    gsd_m = max(place["gsd_m"], CACHE * network_gsd_m)
    pairs = [resample(image, label, place["gsd_m"] / gsd_m) for _, image, label in read_pairs(folder, place["place"])]
    return gsd_m, pairs


def pack(pairs: list[tuple[np.ndarray, np.ndarray]], side: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Images with a side shorter than `side` pixels become one sheet of rows of them; the others stay as they are."""
    sheets = [pair for pair in pairs if min(pair[1].shape) >= side]
    small = [pair for pair in pairs if min(pair[1].shape) < side]
    if not small:
        return sheets
    height = max(label.shape[0] for _, label in small)
    width = max(label.shape[1] for _, label in small)
    columns = max(math.ceil(math.sqrt(len(small) * height / width)), math.ceil(side / width))
    rows = max(math.ceil(len(small) / columns), math.ceil(side / height))
    image = np.full((rows * height, columns * width, 3), 128, np.uint8)
    label = np.full((rows * height, columns * width), IGNORE, np.uint8)
    for number in range(rows * columns):
        part, codes = small[number % len(small)]
        y, x = number // columns * height, number % columns * width
        image[y : y + part.shape[0], x : x + part.shape[1]] = part
        label[y : y + part.shape[0], x : x + part.shape[1]] = codes
    return [*sheets, (image, label)]


def load_generated(folder: Path, prefix: str, known: set[str]) -> dict[str, tuple[float, list]]:
    """Generated towns `PREFIX*/` with `image.tif` and `truth.tif` under the folder that are not yet known, by name."""
    import rasterio

    towns = {}
    if not folder.is_dir():
        return towns
    for path in sorted(folder.glob(f"{prefix}*/truth.tif")):
        name = path.parent.name
        if name in known:
            continue
        try:
            with rasterio.open(path.parent / "image.tif") as image, rasterio.open(path) as truth:
                pixels = np.ascontiguousarray(image.read((1, 2, 3)).transpose(1, 2, 0))
                towns[name] = (abs(image.transform.a), [(pixels, truth.read(1))])
        except rasterio.errors.RasterioIOError:
            continue  # still being written; it is looked for again
    return towns


def random_crop(
    random: np.random.Generator, sheets: list, gsd_m: float, target_gsd_m: float, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """A side x side crop at the target ground size, from a sheet chosen by area, turned by any angle and mirrored."""
    areas = np.array([label.size for _, label in sheets], float)
    image, label = sheets[random.choice(len(sheets), p=areas / areas.sum())]
    angle = random.uniform(-45, 45) if random.random() < 0.35 else 0.0
    turned = abs(math.cos(math.radians(angle))) + abs(math.sin(math.radians(angle)))
    window = side * target_gsd_m / gsd_m
    reach = math.ceil(window * turned)
    reach = min(reach, *label.shape)
    window = min(window, reach / turned)
    y = random.integers(0, label.shape[0] - reach + 1)
    x = random.integers(0, label.shape[1] - reach + 1)
    picture = Image.fromarray(image[y : y + reach, x : x + reach])
    codes = Image.fromarray(label[y : y + reach, x : x + reach])
    if angle:
        picture = picture.rotate(angle, Image.Resampling.BILINEAR)
        codes = codes.rotate(angle, Image.Resampling.NEAREST, fillcolor=IGNORE)
    edge = (reach - window) / 2
    box = (edge, edge, edge + window, edge + window)
    picture = np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR, box))
    codes = np.asarray(codes.resize((side, side), Image.Resampling.NEAREST, box))
    turns = int(random.integers(4))
    picture, codes = np.rot90(picture, turns), np.rot90(codes, turns)
    if random.random() < 0.5:
        picture, codes = picture[:, ::-1], codes[:, ::-1]
    return np.ascontiguousarray(picture), np.ascontiguousarray(codes)
