/** An area of interest, as rings in model pixels, becomes rows of 0|1: inside are the pixels whose centre is inside. */

/**
 * Closed rings in model pixels (x, y, x, y, …; the last point need not repeat the first). Inside is what they go round,
 * once all ways round are summed up: holes go round the other way than outlines, which may overlap.
 */
export type Area = readonly Float64Array[];

/**
 * Rows `y` ... `y + rows - 1` of the mask: rows * width of 0|1. A pixel centre on a border that two areas share is
 * inside exactly one of them. Time follows the number of edges and the rows, memory the rows alone.
 */
export function areaRows(area: Area, width: number, y: number, rows: number): Uint8Array {
  const mask = new Uint8Array(rows * width);
  const crossings: Crossing[][] = Array.from({ length: rows }, () => []);
  for (const ring of area) {
    for (let i = 0; i < ring.length; i += 2) {
      const next = (i + 2) % ring.length;
      addCrossings(crossings, y, ring[i], ring[i + 1], ring[next], ring[next + 1]);
    }
  }
  for (const [row, xs] of crossings.entries()) {
    xs.sort((a, b) => a.x - b.x);
    let winding = 0;
    for (let i = 0; i + 1 < xs.length; i++) {
      winding += xs[i].way;
      if (winding === 0) continue;
      const from = Math.max(0, Math.ceil(xs[i].x - 0.5));
      const to = Math.min(width, Math.ceil(xs[i + 1].x - 0.5));
      if (to > from) mask.fill(1, row * width + from, row * width + to);
    }
  }
  return mask;
}

interface Crossing {
  x: number;
  /** 1 where the edge goes to larger y, else -1. */
  way: 1 | -1;
}

/** Where an edge crosses the centre lines of the rows from `top` on; its upper end counts, its lower end does not. */
function addCrossings(crossings: Crossing[][], top: number, x0: number, y0: number, x1: number, y1: number): void {
  const low = Math.min(y0, y1);
  const high = Math.max(y0, y1);
  const first = Math.max(0, Math.ceil(low - 0.5) - top);
  const end = Math.min(crossings.length, Math.ceil(high - 0.5) - top);
  for (let row = first; row < end; row++) {
    const t = (top + row + 0.5 - y0) / (y1 - y0);
    crossings[row].push({ x: x0 + t * (x1 - x0), way: y1 > y0 ? 1 : -1 });
  }
}
