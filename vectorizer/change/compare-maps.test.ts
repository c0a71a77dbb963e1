import { expect, test } from 'vitest';
import { compareMaps, type DatedMap } from './compare-maps.ts';

const NODATA = 255;
const SIZE = { width: 90, height: 600 };

function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Rectangles of four classes upon each other. */
function landOf(seed: number): (x: number, y: number) => number {
  const random = randomFrom(seed);
  const boxes = Array.from({ length: 60 }, () => {
    const [x, y] = [random() * SIZE.width, random() * SIZE.height];
    return { x, y, right: x + 2 + random() * 25, below: y + 2 + random() * 40, code: Math.floor(random() * 4) };
  });
  return (x, y) => boxes.findLast((box) => x >= box.x && x < box.right && y >= box.y && y < box.below)?.code ?? 0;
}

function mapOf(at: (x: number, y: number) => number): DatedMap {
  return {
    async read(y, rows) {
      const classes = Uint8Array.from({ length: rows * SIZE.width }, (_, i) =>
        at(i % SIZE.width, y + Math.floor(i / SIZE.width)),
      );
      return { classes, scores: new Uint8Array(classes.length).fill(200) };
    },
  };
}

async function changesOf(before: DatedMap, after: DatedMap, radiusPixels: number) {
  const compared = compareMaps(before, after, { ...SIZE, nodata: NODATA, radiusPixels, leastScore: 128 });
  const codes: number[] = [];
  for await (const { classes } of compared.bands) codes.push(...classes);
  return { ...compared, codes };
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'what is moved by no more than the error has not changed, seed %i',
  async (seed) => {
    const random = randomFrom(seed * 77);
    const radius = 1 + Math.floor(random() * 3);
    const [dx, dy] = [0, 0].map(() => Math.round((random() * 2 - 1) * radius));
    const land = landOf(seed);
    // Beyond the map nothing is known of either.
    const inside = (x: number, y: number) => x >= 0 && y >= 0 && x < SIZE.width && y < SIZE.height;
    const moved = mapOf((x, y) => (inside(x - dx, y - dy) ? land(x - dx, y - dy) : NODATA));
    const { codes, kinds, pixels, withinError } = await changesOf(mapOf(land), moved, radius);
    const found = codes.flatMap((code, at) => (code === NODATA ? [] : [at]));
    // At the rim what came in or left is not on the map.
    const atRim = (at: number) => {
      const [x, y] = [at % SIZE.width, Math.floor(at / SIZE.width)];
      return Math.min(x, y, SIZE.width - 1 - x, SIZE.height - 1 - y) < 3 * radius;
    };
    expect(found.filter((at) => !atRim(at))).toEqual([]);
    expect(kinds.length).toBeLessThan(13);
    const differing = [...pixels].reduce((sum, [key, count]) => sum + (key >> 8 === (key & 255) ? 0 : count), 0);
    const within = [...withinError.values()].reduce((sum, count) => sum + count, 0);
    expect(differing - within).toBe(found.length);
  },
);

test('a new house is found with all of its pixels, and one that is as small as the error is not', async () => {
  const house = (x: number, y: number) => x >= 30 && x < 41 && y >= 250 && y < 262;
  const shed = (x: number, y: number) => x >= 60 && x < 62 && y >= 100 && y < 102;
  const before = mapOf(() => 3);
  const after = mapOf((x, y) => (house(x, y) || shed(x, y) ? 1 : 3));
  const { codes, kinds } = await changesOf(before, after, 2);
  expect(kinds).toEqual([{ from: 3, to: 1 }]);
  const found = codes.flatMap((code, at) => (code === NODATA ? [] : [at]));
  expect(found.length).toBe(11 * 12 + 4);
  const unsure: DatedMap = {
    read: async (y, rows) => {
      const read = await after.read(y, rows);
      return { ...read, scores: read.scores.fill(100) };
    },
  };
  expect((await changesOf(before, unsure, 2)).kinds).toEqual([]);
});
