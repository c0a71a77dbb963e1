/** Road surfaces with a known network, for tests: strips of given width painted on a class map (code 2 on 0). */
import { createRoadSurface, type RoadSurface } from '../../../vectorizer/roads/surface.ts';

export interface Strip {
  points: readonly (readonly [number, number])[];
  width: number;
}

/** A pixel is road where its centre lies within half the width of a strip's line; ends are square. */
export function paintRoads(width: number, height: number, strips: readonly Strip[]): Uint8Array {
  const classes = new Uint8Array(width * height);
  for (const { points, width: across } of strips) {
    for (let k = 1; k < points.length; k++) {
      const [x0, y0] = points[k - 1];
      const [x1, y1] = points[k];
      const length = Math.hypot(x1 - x0, y1 - y0);
      const round = across / 2;
      const left = Math.max(0, Math.floor(Math.min(x0, x1) - across));
      const right = Math.min(width, Math.ceil(Math.max(x0, x1) + across));
      const top = Math.max(0, Math.floor(Math.min(y0, y1) - across));
      const bottom = Math.min(height, Math.ceil(Math.max(y0, y1) + across));
      for (let y = top; y < bottom; y++) {
        for (let x = left; x < right; x++) {
          const along = ((x + 0.5 - x0) * (x1 - x0) + (y + 0.5 - y0) * (y1 - y0)) / length;
          const aside = Math.abs((x + 0.5 - x0) * (y1 - y0) - (y + 0.5 - y0) * (x1 - x0)) / length;
          // Inner vertices are round, so that bends have no notch.
          const inside = along >= 0 && along <= length && aside < round;
          const bend =
            (k > 1 && Math.hypot(x + 0.5 - x0, y + 0.5 - y0) < round) ||
            (k < points.length - 1 && Math.hypot(x + 0.5 - x1, y + 0.5 - y1) < round);
          if (inside || bend) classes[y * width + x] = 2;
        }
      }
    }
  }
  return classes;
}

export function surfaceOf(width: number, height: number, classes: Uint8Array, score = 204): RoadSurface {
  const surface = createRoadSurface(width, height, { road: 2, blocked: [1, 4] });
  // In two bands, as a caller would.
  const half = (height >> 1) * width;
  const scores = new Uint8Array(width * height).fill(score);
  surface.addRows(height >> 1, classes.subarray(0, half), scores.subarray(0, half));
  surface.addRows(height - (height >> 1), classes.subarray(half), scores.subarray(half));
  return surface.finish();
}

/** Points of a circle, closed. */
export function circle(x: number, y: number, radius: number): [number, number][] {
  return Array.from({ length: 65 }, (_, k) => [
    x + radius * Math.cos((k * Math.PI) / 32),
    y + radius * Math.sin((k * Math.PI) / 32),
  ]);
}

/** A generator of numbers in 0–1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Eats and grows the borders: `rounds` times every pixel beside the other class changes with a probability of `share`. */
export function roughen(
  width: number,
  height: number,
  classes: Uint8Array,
  rounds: number,
  share: number,
  seed: number,
) {
  const next = random(seed);
  for (let round = 0; round < rounds; round++) {
    const before = classes.slice();
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const i = y * width + x;
        const border = [i - 1, i + 1, i - width, i + width].some((other) => before[other] !== before[i]);
        if (border && next() < share) classes[i] = before[i] === 2 ? 0 : 2;
      }
    }
  }
}
