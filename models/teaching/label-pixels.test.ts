/** Pixels of labels: against every pixel's centre asked one by one. */
import { expect, test } from 'vitest';
import { randomStream } from '../../synthetic/town/noise.ts';
import { type PlacedLabel, unitsOf } from './label-pixels.ts';

const GRID = { width: 150, height: 110 };

const pixelsOf = (shape: PlacedLabel['shape']): Set<string> => {
  const units = unitsOf({ index: 0, allowed: [0], shape }, GRID);
  const all = units.flatMap(({ pixels }) => {
    const own = Array.from({ length: pixels.length / 2 }, (_, i) => [pixels[2 * i]!, pixels[2 * i + 1]!]);
    expect(new Set(own.map(([x, y]) => `${Math.floor(x! / 64)} ${Math.floor(y! / 64)}`)).size).toBe(1);
    return own.map((at) => at.join());
  });
  expect(new Set(all).size).toBe(all.length);
  return new Set(all);
};

test.each(Array.from({ length: 30 }, (_, i) => 500 + i))('seed %s: strokes', (seed) => {
  const { between } = randomStream(seed);
  const points = Float64Array.from({ length: 2 * Math.ceil(between(0, 4)) }, () => between(-30, 160));
  const halfWidth = between(0.4, 6);
  const expected = new Set<string>();
  const distance = (x: number, y: number) => {
    let least = Math.hypot(points[0]! - x, points[1]! - y);
    for (let i = 2; i < points.length; i += 2) {
      const [ax, ay, bx, by] = points.subarray(i - 2, i + 2) as unknown as [number, number, number, number];
      const length = (bx - ax) ** 2 + (by - ay) ** 2;
      const share = Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length));
      least = Math.min(least, Math.hypot(ax + share * (bx - ax) - x, ay + share * (by - ay) - y));
    }
    return least;
  };
  for (let y = 0; y < GRID.height; y++) {
    for (let x = 0; x < GRID.width; x++) if (distance(x + 0.5, y + 0.5) <= halfWidth) expected.add(`${x},${y}`);
  }
  const found = pixelsOf({ kind: 'line', points, halfWidth });
  for (const at of expected) expect(found).toContain(at);
  // Beside those, only pixels that the line goes through.
  for (const at of found) {
    const [x, y] = at.split(',').map(Number) as [number, number];
    expect(distance(x + 0.5, y + 0.5)).toBeLessThanOrEqual(Math.max(halfWidth, Math.SQRT1_2));
  }
});

test.each(Array.from({ length: 20 }, (_, i) => 700 + i))('seed %s: areas with a hole', (seed) => {
  const { between } = randomStream(seed);
  const [x0, y0, w, h] = [between(-40, 120), between(-40, 80), between(0.1, 90), between(0.1, 90)];
  const rectangle = (inset: number) =>
    [x0 + inset * w, y0 + inset * h, x0 + (1 - inset) * w, y0 + (1 - inset) * h] as const;
  const ring = ([a, b, c, d]: readonly [number, number, number, number], turned: boolean) =>
    Float64Array.from(turned ? [a, b, a, d, c, d, c, b] : [a, b, c, b, c, d, a, d]);
  const inside = ([a, b, c, d]: readonly [number, number, number, number], x: number, y: number) =>
    x > a && x < c && y > b && y < d;
  const found = pixelsOf({ kind: 'area', rings: [ring(rectangle(0), false), ring(rectangle(0.3), true)] });
  const expected = new Set<string>();
  for (let y = 0; y < GRID.height; y++) {
    for (let x = 0; x < GRID.width; x++) {
      const at = [x + 0.5, y + 0.5] as const;
      if (inside(rectangle(0), ...at) && !inside(rectangle(0.3), ...at)) expected.add(`${x},${y}`);
    }
  }
  if (expected.size > 0) expect(found).toEqual(expected);
  else expect(found.size).toBeLessThanOrEqual(1);
});
