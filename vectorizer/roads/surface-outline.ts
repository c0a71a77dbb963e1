/**
 * The runs of a surface in, its border out: rings of smoothed points one to three pixels apart, with the surface on their
 * left as the map is displayed. Diagonal neighbours are connected. Specks are dropped and small holes filled.
 */
import { holds, type Rows } from './line-graph.ts';
import { contains, type Runs } from './surface.ts';

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

/** Points are counted from where the border crosses this grid, so that its surroundings alone say which are kept. */
const COUNTED_FROM = 16;

export interface BorderOptions {
  /** Rings around less surface than this go, pixels. */
  minPieceArea: number;
  /** And those around smaller holes. */
  minHoleArea: number;
  /** Up to this area holes go too that are narrow in their surface and no median between two carriageways. */
  maxNarrowHoleArea: number;
  /** One border point in so many is kept. */
  stride: number;
  /** Specks and holes are counted where they begin in these rows. */
  counted: Rows;
}

export function traceBorder(runs: Runs, options: BorderOptions): Border {
  const { minPieceArea, minHoleArea, maxNarrowHoleArea, stride, counted } = options;
  const { rows, toggles } = runs;
  const rowOf = new Int32Array(toggles.length);
  for (let y = 0; y + 1 < rows.length; y++) rowOf.fill(y, rows[y], rows[y + 1]);
  const next = linkSides(runs);
  const keep = new Uint8Array(toggles.length);
  const seen = new Uint8Array(toggles.length);
  const points = growingPoints();
  const ring = { x: new Int32Array(1024), y: new Int32Array(1024), kept: new Uint8Array(1024) };
  let specks = 0;
  let filledHoles = 0;

  for (let first = 0; first < toggles.length; first++) {
    if (seen[first]) continue;
    let count = 0;
    let area = 0;
    let since = -1;
    for (let side = first; !seen[side]; side = next[side]) {
      seen[side] = 1;
      const x = toggles[side];
      const row = rowOf[side];
      const down = ((side - rows[row]) & 1) === 0;
      area += down ? -x : x;
      const target = toggles[next[side]];
      const across = Math.abs(target - x);
      if (count + across + 1 > ring.x.length) growRing(ring, count + across + 1);
      // In half pixels: the middles of pixel sides.
      since = row % COUNTED_FROM === 0 ? 0 : since + 1;
      ring.x[count] = 2 * x;
      ring.y[count] = 2 * row + 1;
      ring.kept[count++] = since % stride === 0 ? 1 : 0;
      const corner = 2 * (down ? row + 1 : row);
      const step = target > x ? 1 : -1;
      for (let at = x; at !== target; at += step) {
        since = (step > 0 ? at : at - 1) % COUNTED_FROM === 0 ? 0 : since + 1;
        ring.x[count] = 2 * at + step;
        ring.y[count] = corner;
        ring.kept[count++] = since % stride === 0 ? 1 : 0;
      }
    }
    const speck = area > 0 && area < minPieceArea;
    const smallHole =
      area < 0 &&
      (-area < LEAST_ISLAND_SHARE * minHoleArea ||
        (-area < Math.max(minHoleArea, maxNarrowHoleArea) &&
          isFilled(holeFrom(runs, ring, count), -area, minHoleArea)));
    if (speck || smallHole) {
      if (!holds(counted, rowOf[first] + 0.5)) continue;
      if (speck) specks++;
      else filledHoles++;
      continue;
    }
    points.addRing(ring, count);
    let side = first;
    do {
      keep[side] = 1;
      side = next[side];
    } while (side !== first);
  }
  return { ...points.finish(), filled: keepToggles(runs, keep), specks, filledHoles };
}

/** A hole that takes a larger share of its surface's width in any direction has roads around it, as a roundabout's island. */
const NARROW_SHARE = 0.35;
/** One longer than this many times its width is a median. */
const MEDIAN_WIDTHS = 4;
/** Of the area up to which holes are filled: still smaller ones are no roundabouts' islands either. */
const LEAST_ISLAND_SHARE = 0.5;
const DIRECTIONS = 8;
/** Pixels; no hole that is filled is so long. */
const MOST_LOOK = 128;

/** A hole as seen from the middle of its border: its longest and widest share of the surface, and the least surface beside. */
interface Hole {
  length: number;
  share: number;
  beside: number;
}

/**
 * Whether the surface around a hole is one road: a car, a lorry's shadow or a traffic island takes a small part of its
 * width. Of holes under `minHoleArea`, such as crowns over a road, only those stay that a road leads around, at least as
 * wide everywhere as half of the hole.
 * @param hole null: bent, so that it does not hold its own middle
 */
function isFilled(hole: Hole | null, area: number, minHoleArea: number): boolean {
  if (!hole) return area < minHoleArea;
  const { length, share, beside } = hole;
  if (area < minHoleArea) return share < NARROW_SHARE || beside * beside * Math.PI < area;
  return share < NARROW_SHARE && length * length < MEDIAN_WIDTHS * area;
}

function holeFrom(runs: Runs, ring: Ring, count: number): Hole | null {
  // Whole numbers from a point of the ring, so that where the map was cut does not show.
  const [originX, originY] = [ring.x[0], ring.y[0]];
  let [sumX, sumY] = [0, 0];
  for (let i = 0; i < count; i++) {
    sumX += ring.x[i] - originX;
    sumY += ring.y[i] - originY;
  }
  const x = (originX + sumX / count) / 2;
  const y = (originY + sumY / count) / 2;
  if (contains(runs, x, y)) return null;
  const hole = { length: 0, share: 0, beside: Number.POSITIVE_INFINITY };
  for (let k = 0; k < DIRECTIONS; k++) {
    const angle = (k / DIRECTIONS) * Math.PI;
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
    const [a, b] = [look(runs, x, y, dx, dy), look(runs, x, y, -dx, -dy)];
    const across = a.hole + b.hole;
    hole.length = Math.max(hole.length, across);
    hole.share = Math.max(hole.share, across / (across + a.surface + b.surface));
    hole.beside = Math.min(hole.beside, a.surface, b.surface);
  }
  return hole;
}

/** From a point in a hole how far the hole goes in a direction, and how far the surface behind; at most as is decisive. */
function look(runs: Runs, x: number, y: number, dx: number, dy: number): { hole: number; surface: number } {
  let hole = 0.5;
  while (hole < MOST_LOOK && !contains(runs, x + hole * dx, y + hole * dy)) hole += 0.5;
  let surface = 0.5;
  const reach = (2 * hole) / NARROW_SHARE;
  while (surface < reach && contains(runs, x + (hole + surface) * dx, y + (hole + surface) * dy)) surface += 0.5;
  return { hole, surface };
}

interface Ring {
  /** Middles of pixel sides, in half pixels. */
  x: Int32Array;
  y: Int32Array;
  kept: Uint8Array;
}

function growRing(ring: Ring, count: number): void {
  const grown = <T extends Int32Array | Uint8Array>(values: T, larger: T): T => {
    larger.set(values);
    return larger;
  };
  const size = 2 * count;
  ring.x = grown(ring.x, new Int32Array(size));
  ring.y = grown(ring.y, new Int32Array(size));
  ring.kept = grown(ring.kept, new Uint8Array(size));
}

/** Collects the kept points of rings, each moved to the mean of its neighbours' means. */
function growingPoints() {
  let x = new Float64Array(1024);
  let y = new Float64Array(1024);
  let count = 0;
  const offsets = [0];
  const larger = (values: Float64Array, size: number) => {
    const grown = new Float64Array(size);
    grown.set(values);
    return grown;
  };
  return {
    addRing(ring: Ring, size: number): void {
      if (count + size > x.length) {
        const room = 2 * (count + size);
        [x, y] = [larger(x, room), larger(y, room)];
      }
      const half = Math.min(SMOOTHING, Math.floor((size - 1) / 4));
      const divisor = 2 * (2 * half + 1) ** 2;
      for (let i = 0; i < size; i++) {
        if (!ring.kept[i]) continue;
        // A moving average of a moving average; whole numbers, so that no order of adding shows.
        let [sumX, sumY] = [0, 0];
        for (let k = -2 * half; k <= 2 * half; k++) {
          const weight = 2 * half + 1 - Math.abs(k);
          const at = i + k < 0 ? i + k + size : i + k >= size ? i + k - size : i + k;
          sumX += weight * ring.x[at];
          sumY += weight * ring.y[at];
        }
        x[count] = sumX / divisor;
        y[count++] = sumY / divisor;
      }
      offsets.push(count);
    },
    finish() {
      const ring = new Int32Array(count);
      for (let k = 0; k + 1 < offsets.length; k++) ring.fill(k, offsets[k], offsets[k + 1]);
      return { offsets: Int32Array.from(offsets), x: x.slice(0, count), y: y.slice(0, count), ring };
    },
  };
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
