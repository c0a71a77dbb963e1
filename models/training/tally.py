"""Class maps with their labels in, scores out: IoU per class, mIoU, confusion, boundary IoU, calibration.

What a place does not label counts for nothing: 254 says only that a pixel is no building, 253 that it is no road,
252 that it is no vegetation.
"""

import numpy as np
from scipy import ndimage

from data import IGNORE, NOT_BUILDING, RULED_OUT
from recipes import LANDUSE, Recipe

BINS = 20  # of confidence, for the calibration error
BOUNDARY_SHARE = 0.02  # of the image's diagonal (Cheng et al. 2021)


def label_of(recipe: Recipe, label: np.ndarray) -> np.ndarray:
    """The label in the recipe's classes: for a network of buildings all that is known not to be one is other."""
    if not recipe.planes:
        return label
    told = (label == 1).astype(np.uint8)
    told[(label == IGNORE) | (np.isin(label, list(RULED_OUT)) & (label != NOT_BUILDING))] = IGNORE
    return told


def known_for(name: str, label: np.ndarray, classes: int) -> np.ndarray:
    """Where a label says whether a pixel is of the class."""
    known = label < classes
    for code, number in RULED_OUT.items():
        if name == LANDUSE[number]:
            known |= label == code
    return known


def new_tally(recipe: Recipe) -> dict:
    classes = len(recipe.classes)
    counts = ("intersection", "union", "truth", "edge_intersection", "edge_union")
    tally = {name: np.zeros(classes, np.int64) for name in counts}
    tally["confusion"] = np.zeros((classes, classes), np.int64)
    return tally | {name: np.zeros(BINS) for name in ("bin_count", "bin_score", "bin_right")}


def count(tally: dict, recipe: Recipe, predicted: np.ndarray, confidence: np.ndarray, label: np.ndarray) -> None:
    """Adds an image: predicted classes, their probabilities 0..1 and the label in the recipe's classes, all [H,W]."""
    classes = len(recipe.classes)
    full = label < classes
    reach = max(1, round(BOUNDARY_SHARE * float(np.hypot(*label.shape))))
    for number, name in enumerate(recipe.classes):
        known = known_for(name, label, classes)
        ours, truth = (predicted == number) & known, label == number
        tally["intersection"][number] += (ours & truth).sum()
        tally["union"][number] += (ours | truth).sum()
        tally["truth"][number] += truth.sum()
        if min(label.shape) > 2 * reach:
            ours, truth = (edge_band(mask, reach) & known for mask in (predicted == number, truth))
            tally["edge_intersection"][number] += (ours & truth).sum()
            tally["edge_union"][number] += (ours | truth).sum()
    pairs = label[full].astype(np.int64) * classes + predicted[full]
    tally["confusion"] += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    # Where only one class is labelled, its pixels alone would be judged, and the answer's recall pass for its accuracy.
    if not partial(label):
        count_confidence(tally, confidence[full], predicted[full] == label[full])


def partial(label: np.ndarray) -> bool:
    """Whether an image's label tells of some pixels only what they are not."""
    return bool(np.isin(label, list(RULED_OUT)).any())


def count_confidence(tally: dict, confidence: np.ndarray, right: np.ndarray) -> None:
    """Adds answers [N] to the calibration: how sure each was, 0..1, and whether it was right."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    tally["bin_count"] += np.bincount(bins, minlength=BINS)
    tally["bin_score"] += np.bincount(bins, confidence, BINS)
    tally["bin_right"] += np.bincount(bins, right, BINS)


def edge_band(mask: np.ndarray, reach: int) -> np.ndarray:
    """The pixels of a mask within `reach` (chessboard distance) of its outline or the image's edge."""
    if mask.ndim != 2:
        return np.zeros_like(mask)
    inside = ndimage.minimum_filter(mask.astype(np.uint8), 2 * reach + 1, mode="constant", cval=0)
    return mask & (inside == 0)


def calibration_error(tally: dict) -> float | None:
    """Expected calibration error over the pixels of wholly labelled images whose class is known, if there are any."""
    pixels = tally["bin_count"].sum()
    return float(np.abs(tally["bin_score"] - tally["bin_right"]).sum() / pixels) if pixels else None


def summarise(tally: dict, recipe: Recipe) -> dict:
    """IoU, precision, recall and boundary IoU of the classes that occur, mean IoU, calibration error, confusion (rows:
    truth)."""
    present = [number for number in range(len(recipe.classes)) if tally["truth"][number] > 0]

    def shares(kind: str, other: str) -> dict:
        return {recipe.classes[n]: float(tally[kind][n] / max(1, tally[other][n])) for n in present}

    iou = shares("intersection", "union")
    tally = tally | {"claimed": tally["union"] - tally["truth"] + tally["intersection"]}
    return {
        "miou": float(np.mean(list(iou.values()))),
        "iou": iou,
        "precision": shares("intersection", "claimed"),
        "recall": shares("intersection", "truth"),
        "boundary_iou": shares("edge_intersection", "edge_union"),
        "ece": calibration_error(tally),
        "pixels": int(tally["bin_count"].sum()),
        "confusion": tally["confusion"].tolist(),
    }
