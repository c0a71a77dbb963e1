import { expect, test } from 'vitest';
import { drawnMap, vectorizeMap } from '../test/support/generated/generated-maps.ts';
import { regionToWkb } from './wkb.ts';

/** Rings of a little-endian WKB polygon. */
function readWkb(wkb: Uint8Array): [number, number][][] {
  const view = new DataView(wkb.buffer, wkb.byteOffset, wkb.byteLength);
  expect([view.getUint8(0), view.getUint32(1, true)]).toEqual([1, 3]);
  let at = 9;
  const rings = Array.from({ length: view.getUint32(5, true) }, () => {
    const count = view.getUint32(at, true);
    at += 4;
    return Array.from({ length: count }, (): [number, number] => {
      at += 16;
      return [view.getFloat64(at - 16, true), view.getFloat64(at - 8, true)];
    });
  });
  expect(at).toBe(wkb.length);
  return rings;
}

function signedArea(ring: [number, number][]): number {
  return ring.slice(1).reduce((sum, [x, y], i) => sum + (ring[i][0] * y - x * ring[i][1]) / 2, 0);
}

const geotransforms: [string, number[]][] = [
  ['north up', [500000, 0.5, 0, 2700000, 0, -0.5]],
  ['south up', [500000, 0.5, 0, 2700000, 0, 0.5]],
  ['mirrored', [500000, -0.5, 0, 2700000, 0, -0.5]],
  ['turned by 30°', [10, 2 * Math.cos(0.5), 2 * Math.sin(0.5), 20, 2 * Math.sin(0.5), -2 * Math.cos(0.5)]],
  ['sheared, x and y exchanged', [10, 0.2, 1.5, 20, 2, 0.1]],
];

test.each(geotransforms)('shells counter-clockwise, holes clockwise: %s', async (_, geotransform) => {
  const { regions } = await vectorizeMap(drawnMap('aaaa abba aaaa aaac'));
  const [, a, b, , d, e] = geotransform;
  const pixelArea = Math.abs(a * e - b * d);
  for (const region of regions) {
    const areas = readWkb(regionToWkb(region, geotransform)).map(signedArea);
    expect(areas[0]).toBeGreaterThan(0);
    for (const hole of areas.slice(1)) expect(hole).toBeLessThan(0);
    expect(areas.reduce((sum, area) => sum + area) / pixelArea).toBeCloseTo(region.pixels, 4);
  }
});

test('vertices are pixel corners through the geotransform', async () => {
  const { regions } = await vectorizeMap(drawnMap('aa aa aa'));
  const [shell] = readWkb(regionToWkb(regions[0], [100, 2, 0.5, 200, 0.25, -3]));
  expect(new Set(shell.map(String))).toEqual(new Set(['100,200', '104,200.5', '101.5,191', '105.5,191.5']));
  expect(shell[0]).toEqual(shell.at(-1));
});
