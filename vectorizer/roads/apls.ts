/**
 * Two road networks in, their average path length similarity out (APLS): A. Van Etten, D. Lindenbaum, T. M. Bacastow,
 * "SpaceNet: A Remote Sensing Dataset and Challenge Series", 2018 (arXiv:1807.01232). For all pairs of control nodes of one
 * network it compares the shortest path with that between the nearest places of the other:
 *
 *     C = 1 - mean of min(1, |L(a, b) - L(a', b')| / L(a, b)), 1 where a', b' or the path between them is missing
 *
 * Control nodes are the nodes and points at most every 50 m between them; a place counts within 4 m. Both directions are
 * joined by their harmonic mean. 1: the same routes. A missing edge costs by how many routes need it.
 */
import Flatbush from 'flatbush';

/** `points` are x0, y0, x1, y1, … from node to node. */
export interface Graph {
  nodes: readonly { x: number; y: number }[];
  edges: readonly { from: number; to: number; points: ArrayLike<number> }[];
}

export interface AplsOptions {
  /** Metres per unit of the coordinates. Default 1. */
  unitMetres?: number;
  snapMetres?: number;
  controlSpacingMetres?: number;
  /** Paths are taken from at most so many control nodes, evenly chosen, to all others. Default 1000. */
  maxSources?: number;
}

/** A place on an edge, metres from its start. */
interface Place {
  edge: number;
  at: number;
}

export function apls(truth: Graph, proposal: Graph, options: AplsOptions = {}): number {
  const forth = oneWay(truth, proposal, options);
  const back = oneWay(proposal, truth, options);
  return forth > 0 && back > 0 ? 2 / (1 / forth + 1 / back) : 0;
}

/** How well paths between control nodes of `a` are found in `b`. 0 if there are none. */
function oneWay(a: Graph, b: Graph, options: AplsOptions): number {
  const { unitMetres = 1, snapMetres = 4, controlSpacingMetres = 50, maxSources = 1000 } = options;
  const own = controlPlaces(a, unitMetres, controlSpacingMetres);
  const snap = snapper(b, unitMetres, snapMetres);
  const places: Place[] = [];
  const placeOf = own.points.map(([x, y]) => {
    const place = snap(x, y);
    return place ? places.push(place) - 1 : -1;
  });
  const routesA = routes(a, own.places, unitMetres);
  const routesB = routes(b, places, unitMetres);
  const count = own.places.length;
  const step = Math.max(1, count / maxSources);
  let loss = 0;
  let paths = 0;
  for (let k = 0; Math.floor(k) < count; k += step) {
    const source = Math.floor(k);
    const from = routesA(source);
    const image = placeOf[source] >= 0 ? routesB(placeOf[source]) : null;
    for (let target = 0; target < count; target++) {
      const length = from(target);
      if (target === source || length === 0 || length === Number.POSITIVE_INFINITY) continue;
      paths++;
      const other = image && placeOf[target] >= 0 ? image(placeOf[target]) : Number.POSITIVE_INFINITY;
      loss += Math.min(1, Math.abs(length - other) / length);
    }
  }
  return paths > 0 ? 1 - loss / paths : 0;
}

function segmentLength(points: ArrayLike<number>, i: number): number {
  return Math.hypot(points[i + 2] - points[i], points[i + 3] - points[i + 1]);
}

function edgeLength(points: ArrayLike<number>, unitMetres: number): number {
  let length = 0;
  for (let i = 0; i + 3 < points.length; i += 2) length += segmentLength(points, i);
  return length * unitMetres;
}

/** Every node with an edge once, then places along the edges, evenly and at most `spacing` apart. */
function controlPlaces(graph: Graph, unitMetres: number, spacing: number) {
  const places: Place[] = [];
  const points: [number, number][] = [];
  const known = new Set<number>();
  for (const [edge, { from, to, points: line }] of graph.edges.entries()) {
    const length = edgeLength(line, unitMetres);
    for (const [node, at] of [
      [from, 0],
      [to, length],
    ]) {
      if (known.has(node)) continue;
      known.add(node);
      places.push({ edge, at });
      points.push([graph.nodes[node].x, graph.nodes[node].y]);
    }
    const parts = Math.ceil(length / spacing);
    let passed = 0;
    let part = 1;
    for (let i = 0; i + 3 < line.length; i += 2) {
      const segment = segmentLength(line, i) * unitMetres;
      for (; part < parts && (part * length) / parts <= passed + segment; part++) {
        const t = segment > 0 ? ((part * length) / parts - passed) / segment : 0;
        places.push({ edge, at: (part * length) / parts });
        points.push([line[i] + t * (line[i + 2] - line[i]), line[i + 1] + t * (line[i + 3] - line[i + 1])]);
      }
      passed += segment;
    }
  }
  return { places, points };
}

/** Finds the nearest place within a distance, or null. */
function snapper(graph: Graph, unitMetres: number, snapMetres: number): (x: number, y: number) => Place | null {
  const segments: { edge: number; i: number; passed: number }[] = [];
  for (const [edge, { points }] of graph.edges.entries()) {
    let passed = 0;
    for (let i = 0; i + 3 < points.length; i += 2) {
      segments.push({ edge, i, passed });
      passed += segmentLength(points, i);
    }
  }
  if (segments.length === 0) return () => null;
  const index = new Flatbush(segments.length);
  for (const { edge, i } of segments) {
    const { points } = graph.edges[edge];
    const [x0, y0, x1, y1] = [points[i], points[i + 1], points[i + 2], points[i + 3]];
    index.add(Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1));
  }
  index.finish();
  const reach = snapMetres / unitMetres;
  return (x, y) => {
    let best: Place | null = null;
    let nearest = reach;
    for (const found of index.search(x - reach, y - reach, x + reach, y + reach).sort((a, b) => a - b)) {
      const { edge, i, passed } = segments[found];
      const { points } = graph.edges[edge];
      const [dx, dy] = [points[i + 2] - points[i], points[i + 3] - points[i + 1]];
      const square = dx * dx + dy * dy;
      const along = (x - points[i]) * dx + (y - points[i + 1]) * dy;
      const t = square > 0 ? Math.max(0, Math.min(1, along / square)) : 0;
      const distance = Math.hypot(points[i] + t * dx - x, points[i + 1] + t * dy - y);
      if (distance > nearest || (distance === nearest && best)) continue;
      nearest = distance;
      best = { edge, at: (passed + t * Math.sqrt(square)) * unitMetres };
    }
    return best;
  };
}

/** Shortest paths: from the index of a place to a function of the index of another, in metres, Infinity for none. */
function routes(graph: Graph, places: readonly Place[], unitMetres: number) {
  const lengths = graph.edges.map(({ points }) => edgeLength(points, unitMetres));
  const onEdge: number[][] = graph.edges.map(() => []);
  for (const [place, { edge }] of places.entries()) onEdge[edge].push(place);
  // Vertices: the nodes, then the places; each edge is cut at its places.
  const vertices = graph.nodes.length + places.length;
  const neighbours: number[][] = Array.from({ length: vertices }, () => []);
  const weights: number[][] = Array.from({ length: vertices }, () => []);
  const connect = (a: number, b: number, length: number) => {
    neighbours[a].push(b);
    weights[a].push(length);
    neighbours[b].push(a);
    weights[b].push(length);
  };
  for (const [edge, { from, to }] of graph.edges.entries()) {
    onEdge[edge].sort((p, q) => places[p].at - places[q].at);
    let [vertex, at] = [from, 0];
    for (const place of onEdge[edge]) {
      connect(vertex, graph.nodes.length + place, places[place].at - at);
      [vertex, at] = [graph.nodes.length + place, places[place].at];
    }
    connect(vertex, to, Math.max(0, lengths[edge] - at));
  }
  return (source: number) => {
    const distances = dijkstra(neighbours, weights, graph.nodes.length + source);
    return (target: number) => distances[graph.nodes.length + target];
  };
}

function dijkstra(neighbours: readonly number[][], weights: readonly number[][], source: number): Float64Array {
  const distances = new Float64Array(neighbours.length).fill(Number.POSITIVE_INFINITY);
  const keys: number[] = [];
  const heap: number[] = [];
  const push = (vertex: number, key: number) => {
    let at = heap.length;
    for (; at > 0 && keys[(at - 1) >> 1] > key; at = (at - 1) >> 1) {
      heap[at] = heap[(at - 1) >> 1];
      keys[at] = keys[(at - 1) >> 1];
    }
    heap[at] = vertex;
    keys[at] = key;
  };
  const sinkLast = () => {
    const vertex = heap.pop() as number;
    const key = keys.pop() as number;
    if (heap.length === 0) return;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && keys[child + 1] < keys[child]) child++;
      if (keys[child] >= key) break;
      heap[at] = heap[child];
      keys[at] = keys[child];
      at = child;
    }
    heap[at] = vertex;
    keys[at] = key;
  };
  distances[source] = 0;
  push(source, 0);
  while (heap.length > 0) {
    const vertex = heap[0];
    const distance = keys[0];
    sinkLast();
    if (distance > distances[vertex]) continue;
    for (const [i, next] of neighbours[vertex].entries()) {
      const through = distance + weights[vertex][i];
      if (through >= distances[next]) continue;
      distances[next] = through;
      push(next, through);
    }
  }
  return distances;
}
