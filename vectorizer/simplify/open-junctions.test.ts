/** Three regions meet in a wedge: simplified, its borders leave the junction as far apart as the map shows them. */
import { expect, test } from 'vitest';
import { vectorize } from '../vectorize.ts';

const [WIDTH, HEIGHT] = [60, 40];
const TOLERANCE_PIXELS = 1;

/** The least angle of each region at a place, in degrees. */
async function anglesAt(classAt: (x: number, y: number) => number, isThere: (x: number, y: number) => boolean) {
  const classes = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => classAt(i % WIDTH, Math.floor(i / WIDTH)));
  const { regions } = await vectorize([{ rows: HEIGHT, classes, scores: new Uint8Array(classes.length) }], {
    ...{ width: WIDTH, height: HEIGHT, pixelAreaM2: 1, minAreaM2: 0, tolerancePixels: TOLERANCE_PIXELS, nodata: 255 },
  });
  const angles: number[] = [];
  for (const { rings } of regions) {
    for (const ring of rings) {
      const count = ring.length / 2 - 1;
      for (let i = 0; i < count; i++) {
        const [x, y] = [ring[2 * i], ring[2 * i + 1]];
        if (!isThere(x, y)) continue;
        const [a, b] = [(i + count - 1) % count, i + 1].map((k) => Math.atan2(ring[2 * k + 1] - y, ring[2 * k] - x));
        const turn = Math.abs(a - b) % (2 * Math.PI);
        angles.push((Math.min(turn, 2 * Math.PI - turn) * 180) / Math.PI);
      }
    }
  }
  return angles;
}

/** Class 2 between two borders that leave (10, 20) to the right, a pixel lower for every four columns. */
const wedge = (x: number, y: number) => (x < 10 ? 0 : y < 20 ? 1 : y < 20 + Math.floor((x - 10) / 4) + 1 ? 2 : 0);

test('at a junction within the map', async () => {
  const angles = await anglesAt(wedge, (x, y) => x > 9 && x < 12 && y > 19 && y < 22);
  expect(angles.length).toBeGreaterThanOrEqual(3);
  expect(Math.min(...angles)).toBeGreaterThan(45);
});

test('not at the edge of the map, beyond which borders go on', async () => {
  const beside = (x: number, y: number) => wedge(x + 10, y);
  const angles = await anglesAt(beside, (x, y) => x > 0 && x < 3 && y > 18 && y < 23);
  expect(angles).toEqual([]);
});
