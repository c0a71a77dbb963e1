"""
Faces of a road network against those of the true one: which cycles the ground has not, and which of its faces are missed.
Reads {metres, drawn, truth | null}, lines as lists of [x, y] in pixels; prints {false_faces, missed, true_faces, small}.
"""
import json
import sys

from shapely import STRtree, LineString, polygonize, unary_union

SMALL_M2 = 200
"""A block of houses is larger: a face of less is a loop around a car, a tree or a hole of the mask."""
LEAST_IOU = 0.5


def faces(lines, metres):
    strings = [LineString(line) for line in lines if len(line) > 1]
    collection = polygonize([part for part in getattr(unary_union(strings), "geoms", strings)])
    return [face for face in collection.geoms if face.area * metres**2 > 1]


def alike(a, b):
    shared = a.intersection(b).area
    return shared > LEAST_IOU * (a.area + b.area - shared)


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
print(json.dumps(answer))
