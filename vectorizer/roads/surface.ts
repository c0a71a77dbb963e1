/**
 * A class map with scores in, as row bands from top to bottom; the road surface out, as runs: what the network of its
 * centre lines is drawn from. Memory follows the borders of the roads, not the area of the map.
 */

/** A set of pixels. Row y holds toggles[rows[y]] .. toggles[rows[y + 1] - 1]: x where a run starts, x where it ends, … */
export interface Runs {
  rows: Int32Array;
  toggles: Int32Array;
}

export interface RoadSurface {
  width: number;
  height: number;
  road: Runs;
  /** Pixels that no gap may be bridged across. */
  blocked: Runs;
  /** Of every block of BLOCK² pixels: the sum of the road pixels' scores (0–255) and their number. */
  scoreSums: Uint32Array;
  scoreCounts: Uint32Array;
}

/** Class codes: `road` is the surface; `blocked` cannot hide a road under it (buildings, water). */
export interface RoadClasses {
  road: number;
  blocked: readonly number[];
}

const BLOCK = 8;
const ROAD = 1;
const BLOCKED = 2;

/** Takes `rows * width` class codes and probabilities (0–255) a band, until the map is full. */
export function createRoadSurface(width: number, height: number, classes: RoadClasses) {
  const kindOf = new Uint8Array(256);
  for (const code of classes.blocked) kindOf[code] = BLOCKED;
  kindOf[classes.road] = ROAD;
  const blockColumns = Math.ceil(width / BLOCK);
  const scoreSums = new Uint32Array(blockColumns * Math.ceil(height / BLOCK));
  const scoreCounts = new Uint32Array(scoreSums.length);
  const road = growingRuns(height);
  const blocked = growingRuns(height);
  let y = 0;

  function endRun(kind: number, start: number, end: number, offset: number, scores: Uint8Array): void {
    if (kind === BLOCKED) blocked.push(start - offset, end - offset);
    if (kind !== ROAD) return;
    road.push(start - offset, end - offset);
    const row = (y >> 3) * blockColumns;
    for (let i = start; i < end; ) {
      const block = row + ((i - offset) >> 3);
      const stop = Math.min(end, offset + (((i - offset) | (BLOCK - 1)) + 1));
      scoreCounts[block] += stop - i;
      let sum = 0;
      for (; i < stop; i++) sum += scores[i];
      scoreSums[block] += sum;
    }
  }

  /** `words` are the same codes four by four, where they can be looked at so. */
  function addRow(codes: Uint8Array, words: Uint32Array | null, scores: Uint8Array, offset: number): void {
    let kind = 0;
    let start = offset;
    const end = offset + width;
    for (let at = offset; at < end; ) {
      const code = codes[at];
      if (kindOf[code] !== kind) {
        endRun(kind, start, at, offset, scores);
        kind = kindOf[code];
        start = at;
      }
      at++;
      while (at < end && codes[at] === code) {
        if (words && (at & 3) === 0 && at + 4 <= end && words[at >> 2] === code * 0x01010101) at += 4;
        else at++;
      }
    }
    endRun(kind, start, end, offset, scores);
    y++;
    road.endRow(y);
    blocked.endRow(y);
  }

  return {
    /** Throws a RangeError if the band does not fit. */
    addRows(rows: number, codes: Uint8Array, scores: Uint8Array): void {
      if (codes.length !== rows * width || scores.length !== rows * width || y + rows > height) {
        throw new RangeError(
          `expected at most ${height - y} rows of ${width} classes and scores, got ${rows} rows with ${codes.length} and ${scores.length}`,
        );
      }
      const { buffer, byteOffset, length } = codes;
      const words = byteOffset % 4 === 0 ? new Uint32Array(buffer, byteOffset, length >> 2) : null;
      for (let row = 0; row < rows; row++) addRow(codes, words, scores, row * width);
    },
    /** Throws a RangeError if rows are missing. */
    finish(): RoadSurface {
      if (y !== height) throw new RangeError(`expected ${height} rows, got ${y}`);
      return { width, height, road: road.finish(), blocked: blocked.finish(), scoreSums, scoreCounts };
    },
  };
}

function growingRuns(height: number) {
  const rows = new Int32Array(height + 1);
  let toggles = new Int32Array(1024);
  let count = 0;
  return {
    push(start: number, end: number): void {
      if (count + 2 > toggles.length) {
        const larger = new Int32Array(toggles.length * 2);
        larger.set(toggles);
        toggles = larger;
      }
      toggles[count++] = start;
      toggles[count++] = end;
    },
    endRow(y: number): void {
      rows[y] = count;
    },
    finish: (): Runs => ({ rows, toggles: toggles.slice(0, count) }),
  };
}

/** Whether the pixel that holds the point (x, y) belongs to the set. Outside the map nothing does. */
export function contains(runs: Runs, x: number, y: number): boolean {
  const row = Math.floor(y);
  if (row < 0 || row >= runs.rows.length - 1) return false;
  let low = runs.rows[row];
  const first = low;
  let high = runs.rows[row + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs.toggles[middle] <= x) low = middle + 1;
    else high = middle;
  }
  return ((low - first) & 1) === 1;
}

/** Mean score (0–1) of the road pixels around a point, or null where there are none. */
export function scoreAt(surface: RoadSurface, x: number, y: number): number | null {
  const column = Math.min(surface.width - 1, Math.max(0, Math.floor(x))) >> 3;
  const row = Math.min(surface.height - 1, Math.max(0, Math.floor(y))) >> 3;
  const block = row * Math.ceil(surface.width / BLOCK) + column;
  return surface.scoreCounts[block] > 0 ? surface.scoreSums[block] / surface.scoreCounts[block] / 255 : null;
}
