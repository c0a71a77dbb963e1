"""A uint8 RGB crop in, the same crop as another sensor, season or hour might have seen it out."""

import io

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

from countryside import countryside
from data import IGNORE

OTHER, ROAD, WATER = 0, 2, 4
FIELDS = 0.4  # chance that bare fields and yards are laid into the open land of a crop of buildings
UNPAVED = 0.3  # chance that a crop's roads become tracks
INLAND = 0.3  # chance that a crop's water becomes that of lakes and rivers


def augment(
    random: np.random.Generator, image: np.ndarray, label: np.ndarray, buildings: bool = False, rural: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Bare fields or tracks, water, countryside; colour, haze, shadow, blur, noise, JPEG, missing data, each by chance.

    Labels are in the codes of data.py, or of instances.py where `buildings` says so. `rural` is the chance that fields,
    waters and roads are laid over open land.
    """
    side = image.shape[0]
    x = image.astype(np.float32)
    if buildings and random.random() < FIELDS:
        x = bare_fields(random, x, label)
    if not buildings and random.random() < UNPAVED:
        x = unpaved(random, x, label)
    if not buildings and random.random() < INLAND:
        x = inland(random, x, label)
    if not buildings and random.random() < rural:
        x, label = countryside(random, x, label)
    x = colour(random, x)
    if random.random() < 0.2:
        x = haze(random, x)
    if random.random() < 0.2:
        x *= shadow(random, side)[..., None]
    if random.random() < 0.3:
        x += random.normal(0, random.uniform(1, 9), x.shape).astype(np.float32)
    image = np.clip(x, 0, 255).astype(np.uint8)
    if random.random() < 0.25:
        image = blur(random, image)
    if random.random() < 0.25:
        image = jpeg(image, int(random.integers(25, 90)))
    if random.random() < 0.05:
        image, label = missing(random, image, label)
    return image, label


def colour(random: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """Gain and offset a channel, gamma, saturation, contrast; now and then grey or a mix of channels."""
    strength = random.choice([0.3, 1.0, 1.6], p=[0.3, 0.5, 0.2])
    grey = x.mean(2, keepdims=True)
    x = grey + (x - grey) * np.exp(random.normal(0, 0.35 * strength))
    if random.random() < 0.04:
        x = np.repeat(grey, 3, 2)
    gain = np.exp(random.normal(0, 0.2 * strength) + random.normal(0, 0.08 * strength, 3))
    mean = x.mean()
    x = mean + (x - mean) * np.exp(random.normal(0, 0.25 * strength))
    x = np.clip(x * gain + random.normal(0, 8 * strength, 3), 0, 255)
    if random.random() < 0.5:
        x = 255 * (x / 255) ** np.exp(random.normal(0, 0.25 * strength))
    return x.astype(np.float32)


def unpaved(random: np.random.Generator, x: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The labelled roads as tracks: the tone of the bare land around them, a little brighter or darker, part of their
    own texture and the grain of other ground. Few labels are of tracks; their course teaches what their tone cannot.
    """
    road, land = label == ROAD, label == OTHER
    if road.sum() < 100 or land.mean() < 0.1:
        return x
    reach = 41
    share = ndimage.uniform_filter(land.astype(np.float32), reach)
    mean = land.astype(np.float32)[..., None] * x
    mean = ndimage.uniform_filter(mean, (reach, reach, 0)) / np.maximum(share, 1e-3)[..., None]
    grain = np.roll((x - mean) * land[..., None], tuple(random.integers(8, 64, 2)), (0, 1))
    contrast = random.uniform(8, 30) * (1 if random.random() < 0.3 else -1)
    texture = x - ndimage.uniform_filter(x, (reach, reach, 0))
    track = mean + contrast + random.uniform(0.1, 0.4) * texture + random.uniform(0, 0.5) * np.clip(grain, -30, 30)
    edge = ndimage.gaussian_filter(road.astype(np.float32), random.uniform(0.5, 2.0))
    # Where there is no bare land near, a road stays as it is.
    blend = (edge * np.clip(10 * share, 0, 1) * random.uniform(0.7, 1.0))[..., None]
    return (x + blend * (track - x)).astype(np.float32)


def inland(random: np.random.Generator, x: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The labelled water in the tone of other water: brown, green, grey or nearly black, with part of its own texture.
    Most labels are of a blue sea; that water is smooth and lies low teaches what its tone cannot."""
    water = label == WATER
    if water.sum() < 100:
        return x
    side, hues = label.shape[0], np.array([(1.0, 0.88, 0.62), (0.72, 1.0, 0.7), (0.7, 0.88, 1.0), (1.0, 1.0, 1.0)])
    tone = np.exp(random.uniform(np.log(15), np.log(130))) * random.dirichlet((0.6, 0.6, 0.6, 0.6)) @ hues
    texture = x - ndimage.uniform_filter(x, (41, 41, 0))
    coarse = ndimage.zoom(random.normal(0, 1, (side // 32, side // 32)), 32, order=1)[..., None]
    lake = tone * (1 + random.uniform(0, 0.15) * coarse) + random.uniform(0.1, 0.8) * texture
    edge = ndimage.gaussian_filter(water.astype(np.float32), random.uniform(0.5, 2.0))[..., None]
    return (x + edge * random.uniform(0.7, 1.0) * (lake - x)).astype(np.float32)


def bare_fields(random: np.random.Generator, x: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Quadrangles and blobs of bare ground laid over what is known to be no building: flat tone, furrows, stones, no
    shadow and no height. Codes are those of instances.py."""
    side = x.shape[0]
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    free = (codes & 1) == 0
    away = ndimage.distance_transform_edt(free)
    for _ in range(int(random.integers(1, 6))):
        y, c = random.uniform(0, side, 2)
        angle = random.uniform(0, np.pi)
        along = (columns - c) * np.cos(angle) + (rows - y) * np.sin(angle)
        across = (rows - y) * np.cos(angle) - (columns - c) * np.sin(angle)
        across = across + random.normal(0, 0.25) * along
        half = np.exp(random.uniform(np.log(8), np.log(60))), np.exp(random.uniform(np.log(8), np.log(40)))
        if random.random() < 0.4:
            inside = (along / half[0]) ** 2 + (across / half[1]) ** 2 < 1
        else:
            inside = (np.abs(along) < half[0]) & (np.abs(across) < half[1])
        # Now and then up to the walls, else a way off them; shadows beside houses stay.
        inside &= away > random.choice([2, 10, 20])
        if inside.sum() < 100:
            continue
        tone = random.uniform(70, 215) * np.array([1, random.uniform(0.82, 1.0), random.uniform(0.62, 0.98)])
        own = x - ndimage.uniform_filter(x, (9, 9, 0))
        coarse = ndimage.zoom(random.normal(0, 1, (side // 16, side // 16)), 16, order=1)
        furrow = np.sin(across * random.uniform(0.5, 1.8)) * random.uniform(0, 6) * (random.random() < 0.4)
        ground = tone + own * random.uniform(0.1, 0.7) + (coarse * random.uniform(1, 10) + furrow)[..., None]
        ground = ground + random.normal(0, random.uniform(1, 8), x.shape)
        edge = ndimage.gaussian_filter(inside.astype(np.float32), random.uniform(0.5, 2.5))[..., None]
        edge = edge * free[..., None]
        x = x + edge * random.uniform(0.75, 1.0) * (ground - x)
    return x.astype(np.float32)


def haze(random: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A bright veil, thicker to one side."""
    ramp = np.linspace(1, random.uniform(0.5, 1.5), x.shape[0], dtype=np.float32)[:, None, None]
    veil = random.uniform(0.05, 0.4) * (ramp if random.random() < 0.5 else ramp.transpose(1, 0, 2))
    return x * (1 - veil) + veil * random.uniform((170, 175, 180), (235, 235, 245)).astype(np.float32)


def shadow(random: np.random.Generator, side: int) -> np.ndarray:
    """A factor for each pixel: a dark half plane or band with a soft edge, as of clouds and relief."""
    angle = random.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    along = (rows - side / 2) * np.sin(angle) + (columns - side / 2) * np.cos(angle) - random.uniform(-0.4, 0.4) * side
    soft = random.uniform(1, 30)
    dark = 1 / (1 + np.exp(np.clip(-along / soft, -30, 30)))
    if random.random() < 0.5:
        dark *= 1 / (1 + np.exp(np.clip((along - random.uniform(0.1, 0.5) * side) / soft, -30, 30)))
    return 1 - random.uniform(0.2, 0.6) * dark


def blur(random: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """A soft lens, or a coarser sensor brought up to size again."""
    picture = Image.fromarray(image)
    if random.random() < 0.5:
        return np.asarray(picture.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 1.4))))
    small = round(image.shape[0] * random.uniform(0.45, 0.9))
    return np.asarray(
        picture.resize((small, small), Image.Resampling.BOX).resize(picture.size, Image.Resampling.BICUBIC)
    )


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """The image after a JPEG of the given quality."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def missing(random: np.random.Generator, image: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A part without data: the mean colour in the image, as the product fills it, and no label."""
    image, label = image.copy(), label.copy()
    edge = int(random.integers(8, image.shape[0] // 2))
    turns = int(random.integers(4))
    np.rot90(image, turns)[:edge] = image.reshape(-1, 3).mean(0)
    np.rot90(label, turns)[:edge] = IGNORE
    return image, label
