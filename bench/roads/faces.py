"""
A road network against the true one: which cycles the ground has not, which of its faces are missed, how wrong widths are.
Reads {metres, drawn, truth | null}, edges as {line: [[x, y], ...] in pixels, width in metres or null}; prints
{small, true_faces, missed, false_faces, width_error}.
"""
import json
import sys
from statistics import median

from shapely import STRtree, LineString, polygonize, unary_union

SMALL_M2 = 200
"""A block of houses is larger: a face of less is a loop around a car, a tree or a hole of the mask."""
LEAST_IOU = 0.5
SAME_METRES = 4


def faces(edges, metres):
    strings = [LineString(edge["line"]) for edge in edges]
    collection = polygonize([part for part in getattr(unary_union(strings), "geoms", strings)])
    return [face for face in collection.geoms if face.area * metres**2 > 1]


def alike(a, b):
    shared = a.intersection(b).area
    return shared > LEAST_IOU * (a.area + b.area - shared)


def width_error(drawn, truth, metres):
    lines = [LineString(edge["line"]) for edge in truth]
    tree = STRtree(lines)
    errors = []
    for edge in drawn:
        middle = LineString(edge["line"]).interpolate(0.5, normalized=True)
        nearest = tree.nearest(middle)
        if lines[nearest].distance(middle) * metres < SAME_METRES and edge["width"]:
            errors.append(abs(edge["width"] - truth[nearest]["width"]))
    return median(errors) if errors else None


with open(sys.argv[1]) as file:
    task = json.load(file)
metres = task["metres"]
drawn = faces(task["drawn"], metres)
answer = {"small": sum(face.area * metres**2 < SMALL_M2 for face in drawn)}
if task["truth"] is not None:
    true = faces(task["truth"], metres)
    tree = STRtree(true)
    pairs = [(i, k) for i, face in enumerate(drawn) for k in tree.query(face) if alike(face, true[k])]
    matched, found = len({i for i, _ in pairs}), {int(k) for _, k in pairs}
    answer |= {"true_faces": len(true), "missed": len(true) - len(found), "false_faces": len(drawn) - matched}
    answer["width_error"] = width_error(task["drawn"], task["truth"], metres)
print(json.dumps(answer))
