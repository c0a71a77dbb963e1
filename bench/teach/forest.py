"""A random forest on filters of the image, as ilastik's pixel classification has it: job.json in, classes out.

Filters of each band at several scales: Gaussian smoothing, Laplacian, gradient magnitude, difference of Gaussians,
eigenvalues of the structure tensor and of the Hessian (S. Berg et al., ilastik, Nature Methods 16, 2019).
"""

import json
import sys

import numpy as np
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier

SCALES = (0.7, 1.6, 3.5, 10.0)


def eigenvalues(xx, xy, yy):
    middle, spread = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    return [middle + spread, middle - spread]


def filters(band):
    planes = [band]
    for scale in SCALES:
        smooth = ndimage.gaussian_filter(band, scale)
        x, y = (ndimage.gaussian_filter(band, scale, order) for order in ((0, 1), (1, 0)))
        planes += [smooth, ndimage.gaussian_laplace(band, scale), np.hypot(x, y)]
        planes.append(smooth - ndimage.gaussian_filter(band, scale * 0.66))
        planes += eigenvalues(*(ndimage.gaussian_filter(each, scale / 2) for each in (x * x, x * y, y * y)))
        planes += eigenvalues(*(ndimage.gaussian_filter(band, scale, order) for order in ((0, 2), (1, 1), (2, 0))))
    return planes


def main():
    job = json.load(open(sys.argv[1]))
    maps = []
    for file in job["files"]:
        pixels = np.fromfile(file["path"], np.uint8).reshape(file["height"], file["width"], 3).astype(np.float32)
        maps.append(np.stack([plane for band in range(3) for plane in filters(pixels[..., band])], -1))
    labelled, asked = np.array(job["labelled"]), np.array(job["asked"])
    at = lambda rows: np.stack([maps[scene][y, x] for scene, x, y in rows[:, :3]])
    forest = RandomForestClassifier(100, random_state=job["seed"]).fit(at(labelled), labelled[:, 3])
    print(json.dumps(forest.predict(at(asked)).tolist()))


main()
