"""A labelled crop in, the same crop with countryside laid over its open land out: lakes and ponds, parcels of fields,
plastic greenhouses, roads and tracks of many tones, some of them lined by trees.

Few labels are of the country, and where a network has seen none it takes fields for roofs and brown lakes for lawn.
Buildings and roads that the label knows stay as they are, with a strip around them. What is laid is labelled; what one
could argue about says only what it is not (a greenhouse is no building, the bund between two fields no road).
Lengths are pixels of the crop, [H,W] its size.
"""

import numpy as np
from scipy import ndimage

from data import IGNORE, NOT_BUILDING, NOT_ROAD, NOT_VEGETATION

OTHER, BUILDING, ROAD, VEGETATION, WATER = range(5)
CLEARANCE = 4  # from known buildings and roads
LEAST_OPEN = 0.35  # of the crop, else nothing is laid

Crop = tuple[np.ndarray, np.ndarray]


def countryside(random: np.random.Generator, x: np.ndarray, label: np.ndarray) -> Crop:
    """x [H,W,3] float32 0..255 and codes [H,W] uint8 of data.py, both changed where much land is open."""
    built = (label == BUILDING) | (label == ROAD)
    free = ndimage.distance_transform_edt(~built) > CLEARANCE if built.any() else np.ones(label.shape, bool)
    free &= label != IGNORE
    if free.mean() < LEAST_OPEN:
        return x, label
    x, label = x.astype(np.float32), label.copy()
    if random.random() < 0.6:
        x, label = fields(random, x, label, free)
    if random.random() < 0.35:
        x, label = water(random, x, label, free)
    # Where most is not told, unseen houses would be run over.
    if np.isin(label, (NOT_VEGETATION, NOT_ROAD)).mean() < 0.3 and random.random() < 0.3:
        for _ in range(random.integers(1, 3)):
            x, label = road(random, x, label, free)
    return x, label


def noise(random: np.random.Generator, shape: tuple[int, int], cell: int) -> np.ndarray:
    """Smooth noise [H,W] of unit variance whose hills are about `cell` pixels wide."""
    coarse = random.normal(0, 1, (shape[0] // cell + 2, shape[1] // cell + 2))
    return ndimage.zoom(coarse, cell, order=1)[: shape[0], : shape[1]].astype(np.float32)


def turned_grid(random: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two coordinates [H,W] across a crop, at right angles and a little bent, turned by any angle."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    angle = random.uniform(0, np.pi)
    u = columns * np.cos(angle) + rows * np.sin(angle)
    v = rows * np.cos(angle) - columns * np.sin(angle)
    bend = random.uniform(0, 8) * noise(random, shape, 96)
    return u + bend, v + random.normal(0, 0.15) * u + 0.5 * bend


def lay(x: np.ndarray, inside: np.ndarray, ground: np.ndarray, softness: float) -> np.ndarray:
    """`ground` ([H,W,3] or a colour) over x where `inside`, with a soft edge that keeps within it."""
    edge = ndimage.gaussian_filter(inside.astype(np.float32), softness) * inside
    return x + edge[..., None] * (ground - x)


def tone_of(random: np.random.Generator, x: np.ndarray, label: np.ndarray, code: int) -> np.ndarray:
    """The colour of crops (vegetation) or of bare soil: as elsewhere in the crop, or as it might be."""
    same = label == code
    if same.sum() > 500 and random.random() < 0.5:
        return x[same].mean(0) * np.exp(random.normal(0, 0.12)) + random.normal(0, 6, 3)
    if code == VEGETATION:
        return random.uniform(45, 130) * np.array([random.uniform(0.65, 1.0), 1.0, random.uniform(0.55, 0.85)])
    # Soils from nearly black to chalk.
    return np.exp(random.uniform(np.log(35), np.log(215))) * np.array(
        [1.0, random.uniform(0.8, 1.0), random.uniform(0.6, 1.05)]
    )


def fields(random: np.random.Generator, x: np.ndarray, label: np.ndarray, free: np.ndarray) -> Crop:
    """A patchwork of parcels: crops, bare soil, stubble, paddies, ponds, greenhouses, with bunds or tracks between."""
    shape = label.shape
    u, v = turned_grid(random, shape)
    inside = free.copy()
    if random.random() < 0.6:  # a part of the crop only
        hills = noise(random, shape, 64)
        inside &= hills > np.quantile(hills, random.uniform(0.2, 0.7))
    across, along = np.exp(random.uniform(np.log(10), np.log(70), 2)) * (1.0, random.uniform(1, 2.5))
    column = np.floor(u / across)
    row = np.floor(v / along + 0.37 * column * (random.random() < 0.5))
    number = (column * 7919 + row * 104729).astype(np.int64)
    number = np.unique(number, return_inverse=True)[1].reshape(shape)

    tones = [tone_of(random, x, label, code) for code in (VEGETATION, OTHER)]
    dry = random.random() < 0.6
    tones.append(random.uniform(120, 190) * np.array([1, 0.92, 0.7]) if dry else lake_tone(random) + 20)
    tones.append(lake_tone(random))
    tones.append(random.uniform(130, 235) * np.array([0.95, 1, random.uniform(0.95, 1.08)]))
    # What one could take for something else, stubble and greenhouses, is only said to be no building.
    codes = np.array((VEGETATION, OTHER, NOT_BUILDING, WATER, NOT_BUILDING), np.uint8)
    count = number.max() + 1
    kind = random.choice(5, count, p=random.dirichlet((1.2, 1.0, 0.5, 0.4, 0.4)))
    tone = np.array(tones)[kind] * np.exp(random.normal(0, 0.15, (count, 1)))
    rough = np.where(kind == 3, 0.15, 1.0)  # a pond is smooth
    furrowed = random.uniform(0, 9, count) * (random.random(count) < 0.5) * (kind < 3)
    strips = random.uniform(10, 60, count) * (kind == 4)

    def of_parcel(most: float) -> np.ndarray:
        return (rough * random.uniform(0, most, count))[number][..., None]

    own = x - ndimage.uniform_filter(x, (15, 15, 0))
    grain = random.normal(0, 1, (*shape, 1)).astype(np.float32)
    relief = furrowed[number] * np.sin(u * random.uniform(0.7, 2.2))
    relief = relief - strips[number] * ((u / random.uniform(4, 12)) % 1) ** 2  # lit from one side
    ground = tone[number] + of_parcel(0.8) * own + of_parcel(8) * noise(random, shape, 16)[..., None]
    ground = ground + of_parcel(7) * grain + relief[..., None]
    told = codes[kind][number]

    width = random.uniform(3, 5) if across > 25 and random.random() < 0.3 else random.uniform(0.5, 2.0)
    between = np.minimum(u - column * across, (column + 1) * across - u) < width / 2
    if width < 3:
        between |= ndimage.morphological_gradient(number, 3) > 0
        edge = tones[int(random.random() < 0.6)] * random.uniform(0.85, 1.2)
    else:
        edge = tones[1] + random.uniform(5, 40)
    ground = np.where(between[..., None], edge + 0.3 * own + 4 * grain, ground)
    told = np.where(between, np.uint8(NOT_ROAD if width < 3 else ROAD), told)
    ground = ndimage.gaussian_filter(ground, (0.6, 0.6, 0))
    return lay(x, inside, ground, 0.7).astype(np.float32), np.where(inside, told, label)


def lake_tone(random: np.random.Generator) -> np.ndarray:
    """Brown, green, grey or nearly black."""
    hues = np.array([(1.0, 0.88, 0.62), (0.75, 1.0, 0.7), (0.7, 0.9, 1.0), (1.0, 1.0, 1.0)])
    return np.exp(random.uniform(np.log(15), np.log(120))) * random.dirichlet((0.6, 0.6, 0.6, 0.6)) @ hues


def water(random: np.random.Generator, x: np.ndarray, label: np.ndarray, free: np.ndarray) -> Crop:
    """A lake, a bay, a river or a pond with a winding shore; smooth, with waves or glint, now and then a dark or pale
    rim. It reaches into woods and lawns, as water does in few labels."""
    shape = label.shape
    hills = noise(random, shape, int(random.choice([48, 96, 128]))) + 0.12 * noise(random, shape, 12)
    if random.random() < 0.3:
        u, _ = turned_grid(random, shape)
        middle = random.uniform(0.2, 0.8) * (u.max() - u.min()) + u.min()
        hills = random.uniform(8, 35) - np.abs(u - middle) + random.uniform(2, 12) * hills
        inside = hills > 0
    else:
        inside = hills > np.quantile(hills, random.uniform(0.45, 0.93))
    inside &= free
    if inside.sum() < 150:
        return x, label
    own = x - ndimage.uniform_filter(x, (15, 15, 0))
    lake = lake_tone(random) * (1 + random.uniform(0, 0.12) * noise(random, shape, 64))[..., None]
    lake = lake + random.uniform(0, 0.12) * own + random.normal(0, random.uniform(0.3, 4), (*shape, 1))
    if random.random() < 0.3:
        u, _ = turned_grid(random, shape)
        lake = (
            lake
            + (random.uniform(1, 5) * np.sin(u * random.uniform(0.5, 1.5) + 0.3 * noise(random, shape, 24)))[..., None]
        )
    if random.random() < 0.3:  # cast over by what stands on the shore, or shallow
        depth = ndimage.distance_transform_edt(inside)
        lake = lake + (random.normal(0, 25) * np.exp(-depth / random.uniform(3, 15)))[..., None]
    x = lay(x, inside, ndimage.gaussian_filter(lake, (0.7, 0.7, 0)), random.uniform(0.5, 1.5))
    return x.astype(np.float32), np.where(inside, np.uint8(WATER), label)


def road(random: np.random.Generator, x: np.ndarray, label: np.ndarray, free: np.ndarray) -> Crop:
    """A bent road or track across the crop: asphalt, concrete, gravel, laterite, or the tone of the land around it, a
    little brighter or darker; with verges, wheel tracks or trees along it by chance."""
    shape = label.shape
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    angle, side = random.uniform(0, 2 * np.pi), shape[0]
    y, c = random.uniform(0.1, 0.9, 2) * side
    along = (columns - c) * np.cos(angle) + (rows - y) * np.sin(angle)
    away = (rows - y) * np.cos(angle) - (columns - c) * np.sin(angle)
    bend, wave = random.normal(0, 0.0015), random.uniform(0, 14) * (random.random() < 0.5)
    length, phase = random.uniform(50, 160), random.uniform(0, 2 * np.pi)
    away = away + bend * along**2 + wave * np.sin(along / length + phase)
    slope = 2 * bend * along + wave / length * np.cos(along / length + phase)
    away = away / np.sqrt(1 + slope**2)
    width = np.exp(random.uniform(np.log(2.5), np.log(11)))
    inside = (np.abs(away) < width / 2) & free & (label != WATER)
    if inside.sum() < 100:
        return x, label
    near = (np.abs(away) < width / 2 + 12) & ~inside
    land = x[near].mean(0) if near.any() else x.mean((0, 1))
    kind = random.random()
    if kind < 0.35:
        tone = random.uniform(50, 130) * np.array([1, 1, random.uniform(0.97, 1.08)])
    elif kind < 0.55:
        tone = random.uniform(140, 225) * np.array([1, random.uniform(0.95, 1), random.uniform(0.86, 1)])
    elif kind < 0.7:
        tone = random.uniform(100, 190) * np.array([1, random.uniform(0.65, 0.9), random.uniform(0.45, 0.8)])
    else:
        tone = land * random.uniform(0.9, 1.0, 3) + random.choice([-1, 1], p=[0.25, 0.75]) * random.uniform(10, 45)
    own = x - ndimage.uniform_filter(x, (15, 15, 0))
    surface = tone + random.uniform(0.05, 0.35) * own + random.uniform(0, 6) * noise(random, shape, 24)[..., None]
    surface = surface + random.normal(0, random.uniform(1, 6), (*shape, 1))
    if random.random() < 0.3:  # a worn middle, or a middle of grass
        surface = surface + (random.normal(0, 15) * np.exp(-((away / (0.2 * width)) ** 2)))[..., None]
    if random.random() < 0.3:
        verge = (np.abs(away) < width / 2 + random.uniform(1, 3)) & free
        x = lay(x, verge, land + random.normal(0, 20), 0.7)
    x = lay(x, inside, ndimage.gaussian_filter(surface, (0.5, 0.5, 0)), random.uniform(0.4, 0.9))
    label = np.where(inside, np.uint8(ROAD), label)
    if random.random() < 0.3:
        x, label = trees(random, x, label, free, along, away, width)
    return x.astype(np.float32), label


def trees(
    random: np.random.Generator,
    x: np.ndarray,
    label: np.ndarray,
    free: np.ndarray,
    along: np.ndarray,
    away: np.ndarray,
    width: float,
) -> Crop:
    """Crowns on one or both sides of a road, over its edge, each with a shadow; the covered edge is not told."""
    radius = random.uniform(2, 5)
    step = radius * random.uniform(1.8, 5)
    nearest = np.round(along / step)
    jitter = random.uniform(0.6, 1.2, 4096)[nearest.astype(int) % 4096]
    lane = width / 2 + radius * random.uniform(0.4, 1.2)
    sides = np.abs(away) if random.random() < 0.6 else away
    crown = (along - nearest * step) ** 2 + (sides - lane) ** 2 < (radius * jitter) ** 2
    crown &= free
    shift = tuple(np.round(random.uniform(-radius, radius, 2)).astype(int))
    shadow = np.roll(crown, shift, (0, 1)) & ~crown & free
    shade = ndimage.gaussian_filter(shadow.astype(np.float32), 0.7) * free
    x = x * (1 - random.uniform(0.2, 0.6) * shade)[..., None]
    tone = tone_of(random, x, label, VEGETATION) * random.uniform(0.6, 1.0)
    leaves = tone * (1 + 0.2 * random.normal(0, 1, (*label.shape, 1)))
    x = lay(x, crown, ndimage.gaussian_filter(leaves, (0.7, 0.7, 0)), 0.6)
    covered = crown & (label == ROAD)
    label = np.where(crown, np.uint8(VEGETATION), label)
    return x, np.where(covered, np.uint8(IGNORE), label)
