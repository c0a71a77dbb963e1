"""Where an image looks like it does in one place, by what the network saw (a job with "parameters": {"features": true}):

    pip install numpy rasterio
    python similar_places.py http://127.0.0.1:8080 JOB X Y     # X and Y in the image's coordinate system
"""

import os
import sys

import numpy
import rasterio

service, job, x, y = sys.argv[1:]
token = os.environ.get("PLANIMETER_TOKEN")
with (
    rasterio.Env(**({"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": token} if token else {})),
    rasterio.open(f"{service}/jobs/{job}/features.tif") as raster,
):
    features = raster.read()  # channels, rows, columns; NaN where there is no imagery
    row, column = raster.index(float(x), float(y))
features /= numpy.linalg.norm(features, axis=0)
similarity = numpy.tensordot(features[:, row, column], features, axes=1)  # cosine, 1 is alike
for place in numpy.argsort(-numpy.nan_to_num(similarity, nan=-1), axis=None)[:5]:
    at = numpy.unravel_index(place, similarity.shape)
    print(*raster.xy(*at), round(float(similarity[at]), 3))
