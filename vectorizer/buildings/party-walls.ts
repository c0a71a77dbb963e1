/**
 * Buildings whose regions border each other (row houses that the network tells apart) seen as arcs: stretches of ring with
 * one neighbour, or none, on the other side. What is drawn arc by arc is shared exactly.
 */

/** No building on the other side. */
export const OPEN = -1;

/** Pixel corners a unit step apart, first and last included; `owner` walked it in this direction. */
export interface Arc {
  points: number[];
  owner: number;
  neighbour: number;
}

/** Rings of buildings as arcs in walking order; `backwards` where the neighbour walks the owner's arc. */
export interface ArcRing {
  building: number;
  pieces: { arc: number; backwards: boolean }[];
}

export interface Row {
  arcs: Arc[];
  rings: ArcRing[];
}

/** Which building has the unit step from one pixel corner to the next in its rings. */
export type Steps = Map<number, number>;

/** Number of a directed unit step: place and one of four directions. Coordinates are below 2^24. */
function stepKey(x: number, y: number, toX: number, toY: number): number {
  const direction = toX > x ? 0 : toX < x ? 1 : toY > y ? 2 : 3;
  return (y * 2 ** 24 + x) * 4 + direction;
}

function eachStep(ring: Float64Array, step: (x: number, y: number, toX: number, toY: number) => void): void {
  for (let i = 0; i + 3 < ring.length; i += 2) {
    let x = ring[i];
    let y = ring[i + 1];
    const right = Math.sign(ring[i + 2] - x);
    const down = Math.sign(ring[i + 3] - y);
    for (; x !== ring[i + 2] || y !== ring[i + 3]; x += right, y += down) step(x, y, x + right, y + down);
  }
}

/**
 * Buildings that border each other, directly or through others, as lists of two and more in ascending order. Only
 * `candidates`, those whose boxes touch another's, are looked at.
 */
export function findRows(
  buildings: readonly { rings: readonly Float64Array[] }[],
  candidates: readonly number[],
): { rows: number[][]; steps: Steps } {
  const steps: Steps = new Map();
  const parent = Int32Array.from(buildings, (_, i) => i);
  const find = (i: number): number => {
    let root = i;
    while (parent[root] !== root) root = parent[root];
    parent[i] = root;
    return root;
  };
  for (const number of candidates) {
    for (const ring of buildings[number].rings) {
      eachStep(ring, (x, y, toX, toY) => {
        steps.set(stepKey(x, y, toX, toY), number);
        const across = steps.get(stepKey(toX, toY, x, y));
        if (across === undefined) return;
        const [a, b] = [find(number), find(across)];
        parent[Math.max(a, b)] = Math.min(a, b);
      });
    }
  }
  const members = new Map<number, number[]>();
  for (let i = 0; i < buildings.length; i++) {
    const root = find(i);
    if (members.has(root)) members.get(root)!.push(i);
    else members.set(root, [i]);
  }
  return { rows: [...members.values()].filter((row) => row.length > 1), steps };
}

/** The arcs of a row's buildings; null where a ring borders one neighbour all around, which has no place to begin. */
export function arcsOf(row: readonly number[], rings: readonly (readonly Float64Array[])[], steps: Steps): Row | null {
  const arcs: Arc[] = [];
  const sharedArcs = new Map<number, number>();
  const result: ArcRing[] = [];
  for (const building of row) {
    for (const ring of rings[building]) {
      const walk: [number, number, number, number][] = [];
      eachStep(ring, (...step) => walk.push(step));
      const across = walk.map(([x, y, toX, toY]) => steps.get(stepKey(toX, toY, x, y)) ?? OPEN);
      const start = across.findIndex((neighbour, i) => neighbour !== across[(i + walk.length - 1) % walk.length]);
      if (start < 0 && across[0] !== OPEN) return null;
      const pieces: ArcRing['pieces'] = [];
      const from = Math.max(0, start);
      for (let i = 0; i < walk.length; ) {
        const neighbour = across[(from + i) % walk.length];
        const [firstX, firstY] = walk[(from + i) % walk.length];
        const points = [firstX, firstY];
        const key = stepKey(...walk[(from + i) % walk.length]);
        while (i < walk.length && across[(from + i) % walk.length] === neighbour) {
          points.push(walk[(from + i) % walk.length][2], walk[(from + i) % walk.length][3]);
          i++;
        }
        const known = neighbour === OPEN ? undefined : sharedArcs.get(key);
        if (known !== undefined) {
          pieces.push({ arc: known, backwards: true });
          continue;
        }
        if (neighbour !== OPEN) {
          const [x, y, toX, toY] = walk[(from + i - 1) % walk.length];
          sharedArcs.set(stepKey(toX, toY, x, y), arcs.length); // as the neighbour will begin it
        }
        pieces.push({ arc: arcs.length, backwards: false });
        arcs.push({ points, owner: building, neighbour });
      }
      result.push({ building, pieces });
    }
  }
  return { arcs, rings: result };
}

/** The rings of each building of the row when each arc is drawn by the given points (flat, ends included). */
export function drawRings(row: Row, drawn: readonly (readonly number[])[]): Map<number, Float64Array[]> {
  const buildings = new Map<number, Float64Array[]>();
  for (const { building, pieces } of row.rings) {
    const vertices: number[] = [];
    for (const { arc, backwards } of pieces) {
      const points = drawn[arc];
      for (let i = 0; i < points.length - 2; i += 2) {
        const at = backwards ? points.length - 2 - i : i;
        vertices.push(points[at], points[at + 1]);
      }
    }
    vertices.push(vertices[0], vertices[1]);
    const rings = buildings.get(building);
    if (rings) rings.push(Float64Array.from(vertices));
    else buildings.set(building, [Float64Array.from(vertices)]);
  }
  return buildings;
}

/** The outline of the whole row: open arcs in walking order, ring by ring; null where rings meet in a point. */
export function outlinesOf({ arcs }: Row): number[][] | null {
  const beginning = new Map<string, number>();
  for (const [number, { neighbour, points }] of arcs.entries()) {
    if (neighbour !== OPEN) continue;
    const at = `${points[0]},${points[1]}`;
    if (beginning.has(at)) return null;
    beginning.set(at, number);
  }
  const outlines: number[][] = [];
  const used = new Set<number>();
  for (const first of beginning.values()) {
    if (used.has(first)) continue;
    const outline: number[] = [];
    for (let arc: number | undefined = first; arc !== undefined && !used.has(arc); ) {
      used.add(arc);
      outline.push(arc);
      const { points } = arcs[arc];
      arc = beginning.get(`${points[points.length - 2]},${points[points.length - 1]}`);
      if (arc === undefined) return null;
    }
    outlines.push(outline);
  }
  return outlines;
}
