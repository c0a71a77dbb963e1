/**
 * The runs of a surface in, its border out: rings of smoothed points one to three pixels apart, with the surface on their
 * left as the map is displayed. Diagonal neighbours are connected. Specks are dropped and small holes filled.
 */
import type { Runs } from './surface.ts';

export interface Border {
  /** Points of ring k: offsets[k] .. offsets[k + 1] - 1, in order. Pixel corners frame. */
  offsets: Int32Array;
  x: Float64Array;
  y: Float64Array;
  ring: Int32Array;
  /** The surface without its specks and with its small holes filled. */
  filled: Runs;
  specks: number;
  filledHoles: number;
}

/** Points to each side of one that smoothing averages over, twice. */
const SMOOTHING = 2;

/** One border point in so many pixels of mean width, from one a pixel to one in three. */
const WIDTH_PER_STEP = 5;

/** Areas in pixels: rings around less surface than `minPieceArea` and around smaller holes than `minHoleArea` go. */
export function traceBorder(runs: Runs, minPieceArea: number, minHoleArea: number): Border {
  const { rows, toggles } = runs;
  const rowOf = new Int32Array(toggles.length);
  for (let y = 0; y + 1 < rows.length; y++) rowOf.fill(y, rows[y], rows[y + 1]);
  const next = linkSides(runs);
  const keep = new Uint8Array(toggles.length);
  const seen = new Uint8Array(toggles.length);
  const offsets = [0];
  const xs: number[] = [];
  const ys: number[] = [];
  let specks = 0;
  let filledHoles = 0;

  for (let first = 0; first < toggles.length; first++) {
    if (seen[first]) continue;
    const startOfRing = xs.length;
    let area = 0;
    for (let side = first; !seen[side]; side = next[side]) {
      seen[side] = 1;
      const x = toggles[side];
      const down = isStart(rows, rowOf, side);
      area += down ? -x : x;
      xs.push(x);
      ys.push(rowOf[side] + 0.5);
      const corner = rowOf[side] + (down ? 1 : 0);
      const target = toggles[next[side]];
      const step = target > x ? 1 : -1;
      for (let at = x; at !== target; at += step) {
        xs.push(at + step / 2);
        ys.push(corner);
      }
    }
    const speck = area > 0 && area < minPieceArea;
    const smallHole = area < 0 && -area < minHoleArea;
    if (speck) specks++;
    if (smallHole) filledHoles++;
    if (speck || smallHole) {
      xs.length = startOfRing;
      ys.length = startOfRing;
      continue;
    }
    offsets.push(xs.length);
    let side = first;
    do {
      keep[side] = 1;
      side = next[side];
    } while (side !== first);
  }

  const filled = keepToggles(runs, keep);
  // Twice the area over the perimeter is the mean width of strips. Wide ones need fewer points.
  const stride = Math.max(1, Math.min(3, Math.round((2 * areaOf(filled)) / xs.length / WIDTH_PER_STEP)));
  return { ...smoothRings(offsets, xs, ys, stride), filled, specks, filledHoles };
}

function smoothRings(offsets: readonly number[], xs: readonly number[], ys: readonly number[], stride: number) {
  const count = offsets.length - 1;
  const outOffsets = new Int32Array(count + 1);
  for (let ring = 0; ring < count; ring++) {
    outOffsets[ring + 1] = outOffsets[ring] + Math.ceil((offsets[ring + 1] - offsets[ring]) / stride);
  }
  const x = new Float64Array(outOffsets[count]);
  const y = new Float64Array(x.length);
  const ring = new Int32Array(x.length);
  for (let k = 0; k < count; k++) {
    const start = outOffsets[k];
    ring.fill(k, start, outOffsets[k + 1]);
    for (const [from, to] of [
      [xs, x],
      [ys, y],
    ] as const) {
      const values = Float64Array.from(from.slice(offsets[k], offsets[k + 1]));
      average(values);
      average(values);
      for (let i = 0; i < values.length; i += stride) to[start + i / stride] = values[i];
    }
  }
  return { offsets: outOffsets, x, y, ring };
}

function areaOf({ toggles }: Runs): number {
  let area = 0;
  for (let i = 0; i < toggles.length; i += 2) area += toggles[i + 1] - toggles[i];
  return area;
}

/** A toggle is the left side of a run, walked downwards, or its right side, walked upwards. */
function isStart(rows: Int32Array, rowOf: Int32Array, toggle: number): boolean {
  return ((toggle - rows[rowOf[toggle]]) & 1) === 0;
}

/**
 * Every toggle is a vertical pixel side. Between two rows the horizontal sides are where exactly one of both rows has
 * surface: they join the vertical side at their one end to that at their other. Returns the follower of each side.
 */
function linkSides({ rows, toggles }: Runs): Int32Array {
  const next = new Int32Array(toggles.length);
  const height = rows.length - 1;
  for (let corner = 0; corner <= height; corner++) {
    let above = corner > 0 ? rows[corner - 1] : 0;
    const aboveStart = above;
    const aboveEnd = corner > 0 ? rows[corner] : 0;
    let below = corner < height ? rows[corner] : 0;
    const belowStart = below;
    const belowEnd = corner < height ? rows[corner + 1] : 0;
    let open = -1; // the side at the left end of the horizontal being walked
    const link = (a: number, b: number) => {
      // A side comes in at this corner row when it is walked towards it: starts from above, ends from below.
      const aIn =
        a >= belowStart && a < belowEnd && corner < height
          ? ((a - belowStart) & 1) === 1
          : ((a - aboveStart) & 1) === 0;
      if (aIn) next[a] = b;
      else next[b] = a;
    };
    while (above < aboveEnd || below < belowEnd) {
      const xAbove = above < aboveEnd ? toggles[above] : Number.POSITIVE_INFINITY;
      const xBelow = below < belowEnd ? toggles[below] : Number.POSITIVE_INFINITY;
      if (xAbove === xBelow) {
        if (open < 0) link(above, below);
        else {
          // Two pixels of surface touch at this corner: stay connected, so that the background is what turns.
          const aboveEnds = ((above - aboveStart) & 1) === 1;
          link(open, aboveEnds ? below : above);
          open = aboveEnds ? above : below;
        }
        above++;
        below++;
        continue;
      }
      const side = xAbove < xBelow ? above++ : below++;
      if (open < 0) open = side;
      else {
        link(open, side);
        open = -1;
      }
    }
  }
  return next;
}

function keepToggles(runs: Runs, keep: Uint8Array): Runs {
  const rows = new Int32Array(runs.rows.length);
  const toggles = new Int32Array(runs.toggles.length);
  let count = 0;
  for (let y = 0; y + 1 < rows.length; y++) {
    for (let i = runs.rows[y]; i < runs.rows[y + 1]; i++) if (keep[i]) toggles[count++] = runs.toggles[i];
    rows[y + 1] = count;
  }
  return { rows, toggles: toggles.slice(0, count) };
}

/** Moving average around a ring, in place. */
function average(values: Float64Array): void {
  const count = values.length;
  const half = Math.min(SMOOTHING, Math.floor((count - 1) / 4));
  if (half < 1) return;
  const source = values.slice();
  const size = 2 * half + 1;
  let sum = 0;
  for (let k = -half; k <= half; k++) sum += source[(k + count) % count];
  for (let i = 0; i < count; i++) {
    values[i] = sum / size;
    sum += source[(i + half + 1) % count] - source[(i - half + count) % count];
  }
}
