"""Labels of buildings become masks as a network could have drawn them: `masks.py DATA OUT` writes OUT/masks.json and one
file of raw bytes per mask (1 building, 0 not), per reference mask and, for the network's turn, per image."""
import json, sys
from pathlib import Path
import numpy as np, rasterio
from rasterio.enums import Resampling
from rasterio.features import sieve

data, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir(parents=True, exist_ok=True)
PLACES = {  # ground size of the labels and of the masks, most images
    'austin': (0.3, 0.3, 12), 'chicago': (0.3, 0.3, 12), 'kitsap': (0.3, 0.3, 2), 'tyrol': (0.3, 0.3, 2), 'vienna': (0.3, 0.3, 2),
    'christchurch': (0.3, 0.3, 3), 'vegas': (0.3, 0.3, 1), 'paris': (0.3, 0.3, 1), 'shanghai': (0.3, 0.3, 1), 'rio': (0.5, 0.5, 6),
    'zanzibar': (0.149, 0.447, 6), 'nairobi': (0.149, 0.447, 4), 'banepa-centre': (0.132, 0.396, 6), 'banepa-south': (0.132, 0.396, 2),
    'massachusetts-buildings': (1.0, 1.0, 1),
}
NETWORK_PLACES = ('vegas', 'christchurch', 'massachusetts-buildings', 'austin')
MIN_AREA_M2 = 12

def smooth(field, sigma):
    radius = int(3 * sigma) + 1
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padded = np.pad(field, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)], mode='edge')
        n = field.shape[axis]
        field = sum(k * np.take(padded, np.arange(i, i + n), axis) for i, k in enumerate(kernel))
    return field

def resize(array, shape, how=Resampling.average):
    if array.shape[-2:] == shape: return array
    with rasterio.MemoryFile() as memory:
        a = array if array.ndim == 3 else array[None]
        with memory.open(driver='GTiff', width=a.shape[2], height=a.shape[1], count=a.shape[0], dtype=a.dtype) as d: d.write(a)
        with memory.open() as d: return d.read(out_shape=(a.shape[0], *shape), resampling=how).reshape(*array.shape[:-2], *shape)

def degrade(mask, metres_per_pixel, seed):
    """What networks do to shapes: rounded corners, wavering edges (0.4 m deep, 1.5 m long), lost and false specks."""
    random = np.random.default_rng(seed)
    blurred = smooth(mask.astype(float), max(0.8, 0.6 / metres_per_pixel))
    waver = smooth(random.standard_normal(mask.shape), max(1.0, 1.0 / metres_per_pixel))
    return (blurred + 0.12 * waver / waver.std() > 0.5).astype(np.uint8)

masks = []
def write(name, kind, mask, reference, metres, factor, image=None):
    smallest = max(1, round(MIN_AREA_M2 / metres ** 2))
    entry = dict(name=name, kind=kind, height=mask.shape[0], width=mask.shape[1], metres=metres, factor=factor)
    sieve(mask, smallest, connectivity=4).tofile(out / f'{name}.{kind}.mask')
    reference.tofile(out / f'{name}.{kind}.reference')
    entry.update(referenceHeight=reference.shape[0], referenceWidth=reference.shape[1])
    if image is not None: np.ascontiguousarray(image.transpose(1, 2, 0)).tofile(out / f'{name}.{kind}.image')
    masks.append(entry)

for place, (label_metres, metres, most) in PLACES.items():
    for path in sorted((data / place / 'labels').glob('*.png'))[:most]:
        with rasterio.open(path) as label: reference = (label.read(1) == 1).astype(np.uint8)
        factor = round(metres / label_metres)
        shape = (reference.shape[0] // factor, reference.shape[1] // factor)
        reference = np.ascontiguousarray(reference[:shape[0] * factor, :shape[1] * factor])
        share = reference.reshape(shape[0], factor, shape[1], factor).mean((1, 3))
        mask = (share >= 0.5).astype(np.uint8)
        name = f'{place}-{path.stem}'
        write(name, 'label', mask, reference, metres, factor)
        write(name, 'degraded', degrade(mask, metres, seed=len(masks)), reference, metres, factor)
        if place in NETWORK_PLACES:
            with rasterio.open(data / place / 'images' / f'{path.stem}.jpg') as source: image = source.read()
            scale = 1.0 / label_metres
            shape = tuple(int(s / scale) // 16 * 16 for s in reference.shape)
            if min(shape) < 64: continue
            cropped = [round(s * scale) for s in shape]
            image = resize(image[:, :cropped[0], :cropped[1]], shape)
            reference = np.ascontiguousarray(reference[:cropped[0], :cropped[1]])
            write(name, 'network', np.zeros(shape, np.uint8), reference, 1.0, cropped[0] / shape[0], image)
json.dump(masks, open(out / 'masks.json', 'w'))
