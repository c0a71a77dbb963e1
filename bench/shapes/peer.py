"""Exact polygons of a class map, as JSON lines of rings, simplified as a coverage by GEOS (shapely): rings out, CPU seconds last."""
import json
import sys
import time

import shapely

polygons = [shapely.Polygon(rings[0], rings[1:]) for rings in map(json.loads, open(sys.argv[1]))]
tolerance = float(sys.argv[2])
begun = time.process_time()
# The tolerance is the square root of the least area of a corner that stays.
simplified = shapely.coverage_simplify(polygons, tolerance)
seconds = time.process_time() - begun
for polygon in simplified:
    parts = polygon.geoms if polygon.geom_type == "MultiPolygon" else [polygon]
    print(json.dumps([list(map(list, ring.coords)) for part in parts for ring in (part.exterior, *part.interiors)]))
print(seconds)
