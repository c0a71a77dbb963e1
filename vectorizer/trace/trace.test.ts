import { expect, test } from 'vitest';
import {
  drawnMap,
  floodRegions,
  NODATA,
  noiseMap,
  rasterize,
  smoothMap,
  vectorizeMap,
} from '../../test/support/generated/generated-maps.ts';
import type { Region } from '../region.ts';

/** Class, pixels and rings of each region as text, so that expectations can be read. */
async function polygons(text: string): Promise<string[]> {
  const { regions } = await vectorizeMap(drawnMap(text));
  return regions.map(
    (region) => `${'abcdef'[region.class]} ${region.pixels}: ${region.rings.map(ringText).join(' | ')}`,
  );
}

/** The ring from its topmost, then leftmost vertex on. */
function ringText(ring: Float64Array): string {
  const points = Array.from({ length: ring.length / 2 - 1 }, (_, i) => ring.subarray(2 * i, 2 * i + 2));
  const top = points.reduce((best, [x, y], i) => ((y - points[best][1] || x - points[best][0]) < 0 ? i : best), 0);
  return [...points.slice(top), ...points.slice(0, top + 1)].map((point) => point.join()).join(' ');
}

test('one region is one rectangle, counter-clockwise as displayed', async () => {
  expect(await polygons('aaa aaa')).toEqual(['a 6: 0,0 0,2 3,2 3,0 0,0']);
});

test('islands in holes in islands', async () => {
  expect(await polygons('aaaaaaa abbbbba abaaaba abacaba abaaaba abbbbba aaaaaaa')).toEqual([
    'a 24: 0,0 0,7 7,7 7,0 0,0 | 1,1 6,1 6,6 1,6 1,1',
    'b 16: 1,1 1,6 6,6 6,1 1,1 | 2,2 5,2 5,5 2,5 2,2',
    'a 8: 2,2 2,5 5,5 5,2 2,2 | 3,3 4,3 4,4 3,4 3,3',
    'c 1: 3,3 3,4 4,4 4,3 3,3',
  ]);
});

test('a T-junction is a vertex of all three regions', async () => {
  expect(await polygons('aab aac')).toEqual([
    'a 4: 0,0 0,2 2,2 2,1 2,0 0,0',
    'b 1: 2,0 2,1 3,1 3,0 2,0',
    'c 1: 2,1 2,2 3,2 3,1 2,1',
  ]);
});

test('pixels that touch at a corner only are regions of their own', async () => {
  const { regions } = await vectorizeMap(drawnMap('aba bab aba'));
  expect(regions.map((region) => [region.x, region.y, region.pixels])).toEqual(
    Array.from({ length: 9 }, (_, i) => [i % 3, Math.floor(i / 3), 1]),
  );
});

test('where a region touches itself at a corner, its rings part there', async () => {
  // The hole at (1,1) touches the outside of the region at the corner (2,2).
  const { regions } = await vectorizeMap(drawnMap('aaaa abaa aacc aacc'));
  const around = regions.find((region) => region.class === 0)!;
  expect(around.rings.length).toBe(2);
  for (const ring of around.rings) {
    const points = ringText(ring).split(' ').slice(1);
    expect(new Set(points).size).toBe(points.length);
  }
});

test('two holes that touch at a corner are two holes', async () => {
  const { regions } = await vectorizeMap(drawnMap('aaaa abaa aaba aaaa'));
  expect(regions[0].rings.map((ring) => ring.length / 2)).toEqual([5, 5, 5]);
});

test('nodata has no polygon and leaves a hole', async () => {
  expect(await polygons('aaa a.a aaa')).toEqual(['a 8: 0,0 0,3 3,3 3,0 0,0 | 1,1 2,1 2,2 1,2 1,1']);
  expect(await polygons('... ...')).toEqual([]);
  expect(await polygons('..a')).toEqual(['a 1: 2,0 2,1 3,1 3,0 2,0']);
});

test('lines of one pixel, and maps of one pixel, row or column', async () => {
  expect(await polygons('b')).toEqual(['b 1: 0,0 0,1 1,1 1,0 0,0']);
  expect((await polygons('abab')).length).toBe(4);
  expect((await polygons('a b a b')).length).toBe(4);
  expect(await polygons('aaa aba aba aaa')).toEqual([
    'a 10: 0,0 0,4 3,4 3,0 0,0 | 1,1 2,1 2,3 1,3 1,1',
    'b 2: 1,1 1,3 2,3 2,1 1,1',
  ]);
});

test('bands that do not fill the map are refused', async () => {
  const map = drawnMap('ab ab');
  await expect(vectorizeMap(map, { height: 3 })).rejects.toThrow('expected 3 rows, got 2');
  await expect(vectorizeMap({ ...map, classes: map.classes.subarray(1) })).rejects.toThrow('expected 2 rows of 2');
});

const maps = Array.from({ length: 60 }, (_, seed) => {
  const width = 1 + ((seed * 7) % 45);
  const height = 1 + ((seed * 13) % 40);
  return seed % 2 === 0
    ? noiseMap(seed, width, height, 2 + (seed % 5), seed % 3 === 0 ? 0.2 : 0)
    : smoothMap(seed, width, height, 2 + (seed % 5), { nodata: seed % 3 === 0, wrongShare: 0.02, scale: 6 });
});

test.each(maps.keys().toArray())('every pixel centre is in exactly its region (seed %i)', async (seed) => {
  const map = maps[seed];
  const { regions, report } = await vectorizeMap(map);
  const owner = rasterize(regions, map.width, map.height);
  const expected = floodRegions(map);
  for (let pixel = 0; pixel < owner.length; pixel++) {
    const region: Region | undefined = regions[owner[pixel]];
    if (map.classes[pixel] === NODATA) expect(owner[pixel]).toBe(-1);
    else
      expect(region && [region.class, region.y * map.width + region.x]).toEqual([map.classes[pixel], expected[pixel]]);
  }
  expect(regions.reduce((sum, region) => sum + region.pixels, 0)).toBe(
    map.classes.reduce((sum, cls) => sum + (cls === NODATA ? 0 : 1), 0),
  );
  for (const region of regions) expect(ringsArea(region)).toBe(region.pixels);
  expect(report.vertices).toBe(
    regions.reduce((sum, region) => sum + region.rings.reduce((n, ring) => n + ring.length / 2 - 1, 0), 0),
  );
});

test.each(maps.keys().toArray())('any banding gives the same bytes (seed %i)', async (seed) => {
  const map = maps[seed];
  const options = { minAreaM2: 4, tolerancePixels: 1 };
  const whole = await vectorizeMap(map, options);
  for (const bandRows of [[1], [3, 1, 7], [2, 5]]) {
    expect(await vectorizeMap(map, options, bandRows)).toEqual(whole);
  }
});

function ringsArea(region: Region): number {
  let double = 0;
  for (const ring of region.rings) {
    for (let i = 2; i < ring.length; i += 2) double -= ring[i - 2] * ring[i + 1] - ring[i] * ring[i - 1];
  }
  return double / 2;
}
