"""Building labels in, codes for `buildings-unet` out: building or not, and whether two buildings touch at a pixel.

A pixel is on a touching border when two buildings lie within `REACH_M` of it. Buildings are the polygons where there
are some (generated towns), else the connected parts of the label; a part too large for one house may be several that
the label has merged, so inside it nothing is said about borders, and neither where pixels are too coarse to tell.
"""

from pathlib import Path

import numpy as np
from scipy import ndimage

from data import IGNORE, NOT_BUILDING, RULED_OUT

REACH_M = 0.6
LARGEST_HOUSE_M2 = 250.0
COARSEST_M = 0.5
# Codes, in one byte so that a crop is cut, turned and resized once: bit 0 building, bit 1 touching, bit 2 not known
# whether touching. IGNORE stays.
BUILDING, TOUCHING, UNKNOWN = 1, 2, 4


def building_codes(label: np.ndarray, gsd_m: float, numbers: np.ndarray | None = None) -> np.ndarray:
    """Codes [H,W] uint8 of a label [H,W] in the codes of data.py; `numbers` (int) tells buildings apart, 0 is none."""
    building = label == 1
    codes = building.astype(np.uint8)
    if gsd_m > COARSEST_M + 1e-6:
        codes |= UNKNOWN
    else:
        if numbers is None:
            numbers, count = ndimage.label(building)
            area_m2 = np.bincount(numbers.ravel(), minlength=count + 1) * gsd_m**2
            large = area_m2 > LARGEST_HOUSE_M2
            large[0] = False
            codes[large[numbers]] |= UNKNOWN
        codes[touching(numbers, gsd_m)] |= TOUCHING
        codes[(codes & TOUCHING) > 0] &= BUILDING | TOUCHING
    codes[(label == IGNORE) | (np.isin(label, list(RULED_OUT)) & (label != NOT_BUILDING))] = IGNORE
    return codes


def touching(numbers: np.ndarray, gsd_m: float) -> np.ndarray:
    """Where two different buildings lie within REACH_M of a pixel."""
    reach = max(1, round(REACH_M / gsd_m))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = y**2 + x**2 <= reach**2
    largest = ndimage.maximum_filter(numbers, footprint=disc)
    none = np.iinfo(numbers.dtype).max
    smallest = ndimage.minimum_filter(np.where(numbers == 0, none, numbers), footprint=disc)
    return (largest > 0) & (smallest != largest)


def town_numbers(folder: Path) -> np.ndarray | None:
    """The building polygons of a generated town, burnt by number on the grid of its image; None where it has none."""
    import json

    import rasterio
    from rasterio.features import rasterize
    from rasterio.warp import transform_geom

    path = folder / "buildings.geojson"
    if not path.exists():
        return None
    polygons = [each["geometry"] for each in json.loads(path.read_text())["features"]]
    with rasterio.open(folder / "image.tif") as image:
        burnt = transform_geom("EPSG:4326", image.crs, polygons)
        shapes = ((polygon, number) for number, polygon in enumerate(burnt, 1))
        return rasterize(shapes, image.shape, transform=image.transform, dtype=np.int32)
