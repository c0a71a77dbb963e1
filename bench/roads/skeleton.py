"""A road mask in (raw uint8, 0 or 1), the graph of scikit-image's skeletonize + sknw out, as JSON.

Coordinates are pixel corners (x, y). `seconds` is the processor time that both took, the mask in memory, after a first run on a small mask
(sknw compiles itself then).
"""

import json
import sys
import time

import numpy as np
import sknw
from skimage.morphology import skeletonize

width, height, source = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
mask = np.fromfile(source, dtype=np.uint8).reshape(height, width).astype(bool)


def network(mask):
    return sknw.build_sknw(skeletonize(mask).astype(np.uint16), multi=True)


small = np.zeros((64, 64), bool)
small[30:34, 5:60] = True
network(small)
start = time.process_time()
graph = network(mask)
seconds = time.process_time() - start

number = {node: index for index, node in enumerate(graph.nodes)}
place = {node: graph.nodes[node]["o"][::-1] + 0.5 for node in graph.nodes}
edges = []
for a, b, edge in graph.edges(data=True):
    line = edge["pts"][:, ::-1] + 0.5
    # sknw gives the pixels in either direction.
    if len(line) and np.hypot(*(line[0] - place[a])) + np.hypot(*(line[-1] - place[b])) > np.hypot(
        *(line[-1] - place[a])
    ) + np.hypot(*(line[0] - place[b])):
        line = line[::-1]
    points = np.vstack([place[a], line, place[b]])
    edges.append({"from": number[a], "to": number[b], "points": points.ravel().tolist()})
nodes = [{"x": float(place[node][0]), "y": float(place[node][1])} for node in graph.nodes]
json.dump({"nodes": nodes, "edges": edges, "seconds": seconds}, sys.stdout)
