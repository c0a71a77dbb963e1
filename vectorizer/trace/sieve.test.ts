import { expect, test } from 'vitest';
import {
  type ClassMap,
  drawnMap,
  floodRegions,
  NODATA,
  noiseMap,
  rasterize,
  smoothMap,
  vectorizeMap,
} from '../../test/support/generated/generated-maps.ts';
import { vectorize } from '../vectorize.ts';

/** The class map that regions stand for, drawn with letters as in drawnMap. */
async function sievedText(text: string, minAreaM2: number): Promise<string> {
  const map = drawnMap(text);
  const { regions } = await vectorizeMap(map, { minAreaM2 });
  const owner = rasterize(regions, map.width, map.height);
  const letters = [...owner].map((number) => (number < 0 ? '.' : String.fromCharCode(97 + regions[number].class)));
  return Array.from({ length: map.height }, (_, y) => letters.slice(y * map.width, (y + 1) * map.width).join('')).join(
    ' ',
  );
}

test('a small region goes to the neighbour with the longest shared border', async () => {
  expect(await sievedText('aabbb aacbb aabbb', 2)).toBe('aabbb aabbb aabbb');
});

test('a region as large as the limit stays, in square metres', async () => {
  expect(await sievedText('aaa abb aaa', 2)).toBe('aaa abb aaa');
  const map = drawnMap('aaa abb aaa');
  expect((await vectorizeMap(map, { minAreaM2: 2, pixelAreaM2: 1.5 })).regions.length).toBe(2);
  expect((await vectorizeMap(map, { minAreaM2: 2, pixelAreaM2: 0.9 })).regions.length).toBe(1);
});

test('regions that a given one connects become one', async () => {
  const { regions, report } = await vectorizeMap(drawnMap('aaabaaa'), { minAreaM2: 2 });
  expect(regions.map((region) => [region.class, region.pixels, region.rings[0].length / 2])).toEqual([[0, 7, 5]]);
  expect(report).toMatchObject({ regions: 1, sieved: 1, sievedPixels: 1 });
});

test('holes below the size are filled, by the minimum of their own class, and larger ones stay', async () => {
  const map = drawnMap('aaaaaaaaaa abaaccaaaa aaaaccaada aaaaaaaada aaaaaaaaaa');
  const ringsAt = async (minAreaM2: number | Map<number, number>) => {
    const { regions } = await vectorizeMap(map, { minAreaM2 });
    return [regions[0].rings.length - 1, regions.map((region) => 'abcd'[region.class]).join('')];
  };
  expect(await ringsAt(0)).toEqual([3, 'abcd']);
  expect(await ringsAt(2)).toEqual([2, 'acd']);
  expect(await ringsAt(4)).toEqual([1, 'ac']);
  expect(await ringsAt(new Map([[2, 5]]))).toEqual([2, 'abd']);
  expect(await ringsAt(5)).toEqual([0, 'a']);
});

test('nodata neither gives nor takes', async () => {
  expect(await sievedText('..... ..a.. .....', 9)).toBe('..... ..a.. .....');
  expect(await sievedText('aaaaa aa.aa aaaaa', 9)).toBe('aaaaa aa.aa aaaaa');
  expect(await sievedText('...b. .aa..', 2)).toBe('...b. .aa..');
});

test('the score is the mean over the pixels of the class itself', async () => {
  const map = drawnMap('aab aaa');
  const scores = Uint8Array.from([100, 110, 255, 120, 130, 140]);
  const { regions } = await vectorize([{ rows: 2, classes: map.classes, scores }], {
    width: 3,
    height: 2,
    pixelAreaM2: 1,
    minAreaM2: 2,
    tolerancePixels: 0,
    nodata: NODATA,
  });
  expect([...regions].map(({ pixels, score }) => [pixels, score])).toEqual([[6, 600 / 5 / 255]]);
});

test('a line of one pixel is a sliver, whatever its length', async () => {
  const map = drawnMap('aaaaaaaa aaaaaaaa bbbbbbbb aaaaaaaa aaaccaaa aaaccaaa aaaaaaaa');
  const { regions, report } = await vectorizeMap(map, { minAreaM2: 4, minWidthPixels: 1 });
  expect(regions.map((region) => region.class)).toEqual([0, 2]);
  expect(report).toMatchObject({ sieved: 1, slivers: 1, sievedPixels: 8 });
  expect(report.sievedByClass).toEqual({ 1: { regions: 1, pixels: 8 } });
});

test('classes have minima of their own', async () => {
  const map = drawnMap('aaaaa abaca aaaca aaaaa');
  const { regions } = await vectorizeMap(map, { minAreaM2: new Map([[2, 3]]) });
  expect(regions.map((region) => region.class)).toEqual([0, 1]);
});

/** The same rule on the pixels themselves: slow, and as plain as it can be said. */
function sievePixels(map: ClassMap, minPixels: (cls: number) => number, minWidth: number): Uint8Array {
  const { width, height } = map;
  const classes = map.classes.slice();
  const settled = new Set<number>();
  for (;;) {
    const region = floodRegions({ width, height, classes });
    const sizes = new Map<number, number>();
    for (const first of region) sizes.set(first, (sizes.get(first) ?? 0) + 1);
    const perimeters = new Map<number, number>();
    for (let pixel = 0; pixel < region.length; pixel++) {
      const x = pixel % width;
      for (const next of [x > 0 ? pixel - 1 : -1, x < width - 1 ? pixel + 1 : -1, pixel - width, pixel + width]) {
        if (region[next] !== region[pixel]) perimeters.set(region[pixel], (perimeters.get(region[pixel]) ?? 0) + 1);
      }
    }
    const isUnfit = (first: number, size: number): boolean =>
      size < minPixels(classes[first]) || size / (perimeters.get(first)! / 2) < minWidth;
    const small = [...sizes]
      .filter(([first, size]) => isUnfit(first, size) && classes[first] !== NODATA && !settled.has(first))
      .sort(([firstA, a], [firstB, b]) => a - b || firstA - firstB)[0];
    if (!small) return classes;
    const shared = new Map<number, number>();
    for (let pixel = 0; pixel < region.length; pixel++) {
      if (region[pixel] !== small[0]) continue;
      const x = pixel % width;
      for (const next of [x > 0 ? pixel - 1 : -1, x < width - 1 ? pixel + 1 : -1, pixel - width, pixel + width]) {
        if (next < 0 || next >= region.length || region[next] === small[0] || classes[next] === NODATA) continue;
        shared.set(region[next], (shared.get(region[next]) ?? 0) + 1);
      }
    }
    const receiver = [...shared].sort(
      ([a, lengthA], [b, lengthB]) => lengthB - lengthA || sizes.get(b)! - sizes.get(a)! || a - b,
    )[0];
    if (!receiver) settled.add(small[0]);
    else
      for (let pixel = 0; pixel < region.length; pixel++)
        if (region[pixel] === small[0]) classes[pixel] = classes[receiver[0]];
  }
}

const seeds = Array.from({ length: 50 }, (_, seed) => seed);

test.each(seeds)('sieving arcs is sieving pixels (seed %i)', async (seed) => {
  const nodata = seed % 3 === 0;
  const map =
    seed % 2 === 0
      ? noiseMap(seed, 10 + (seed % 9), 9 + (seed % 7), 2 + (seed % 4), nodata ? 0.2 : 0)
      : smoothMap(seed, 26, 22, 2 + (seed % 4), { nodata, wrongShare: 0.05, scale: 5 });
  const limit = [2, 4, 9, 30][seed % 4];
  const byClass = new Map([0, 1, 2, 3, 4].map((cls) => [cls, (limit * (cls + 1)) / 3]));
  const minAreaM2 = seed % 5 === 0 ? byClass : limit;
  const minWidthPixels = [0, 1, 1.5][seed % 3];
  const { regions } = await vectorizeMap(map, { minAreaM2, minWidthPixels });
  const owner = rasterize(regions, map.width, map.height);
  const minPixels = (cls: number): number => (seed % 5 === 0 ? byClass.get(cls)! : limit);
  const expected = sievePixels(map, minPixels, minWidthPixels);
  expect([...owner].map((number) => (number < 0 ? NODATA : regions[number].class))).toEqual([...expected]);
  const expectedRegions = floodRegions({ ...map, classes: expected });
  for (let pixel = 0; pixel < owner.length; pixel++) {
    if (owner[pixel] < 0) continue;
    const region = regions[owner[pixel]];
    expect(region.y * map.width + region.x).toBe(expectedRegions[pixel]);
  }
});
