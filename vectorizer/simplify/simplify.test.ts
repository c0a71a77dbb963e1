import { expect, test } from 'vitest';
import { type ClassMap, noiseMap, smoothMap, vectorizeMap } from '../../test/support/generated/generated-maps.ts';
import { largestDistance } from '../../test/support/ring-distance.ts';

/** Class 1 where the shape holds a pixel's centre, else 0. */
function shapeMap(width: number, height: number, holds: (x: number, y: number) => boolean): ClassMap {
  const classes = Uint8Array.from({ length: width * height }, (_, pixel) =>
    holds((pixel % width) + 0.5, Math.floor(pixel / width) + 0.5) ? 1 : 0,
  );
  return { width, height, classes };
}

function points(ring: Float64Array): [number, number][] {
  return Array.from({ length: ring.length / 2 }, (_, i) => [ring[2 * i], ring[2 * i + 1]]);
}

test.each([0.1, 0.3, 0.5, 0.77, 1, 1.4, 3, 9])(
  'the stair-steps of a border of slope %f become one line',
  async (slope) => {
    const map = shapeMap(120, 90, (x, y) => y - 45 > (x - 60) * slope);
    const { regions } = await vectorizeMap(map, { tolerancePixels: 1 });
    const onEdge = ([x, y]: [number, number]): boolean => x === 0 || y === 0 || x === 120 || y === 90;
    expect(points(regions[0].rings[0]).filter((point) => !onEdge(point))).toEqual([]);
  },
);

test('rectangles along the grid keep their corners exactly', async () => {
  for (let size = 2; size < 12; size++) {
    const map = shapeMap(30, 30, (x, y) => x > 5 && x < 5 + size && y > 7 && y < 7 + 2 * size);
    const { regions } = await vectorizeMap(map, { tolerancePixels: 1 });
    const corners = points(regions.find((region) => region.class === 1)!.rings[0]).map(String);
    expect(new Set(corners)).toEqual(
      new Set(
        [
          [5, 7],
          [5 + size, 7],
          [5, 7 + 2 * size],
          [5 + size, 7 + 2 * size],
        ].map(String),
      ),
    );
  }
});

test.each([5, 13, 22, 30, 38, 45])('a building turned by %i° has four corners and right angles', async (degrees) => {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const map = shapeMap(100, 100, (x, y) => {
    const along = (x - 50) * cos + (y - 50) * sin;
    const across = (y - 50) * cos - (x - 50) * sin;
    return Math.abs(along) < 30 && Math.abs(across) < 18;
  });
  const { regions } = await vectorizeMap(map, { tolerancePixels: 1 });
  const building = regions.find((region) => region.class === 1)!;
  const corners = points(building.rings[0]).slice(0, -1);
  expect(corners.length).toBe(4);
  for (const [i, [x, y]] of corners.entries()) {
    const [beforeX, beforeY] = corners[(i + 3) % 4];
    const [afterX, afterY] = corners[(i + 1) % 4];
    const turned = Math.atan2(y - beforeY, x - beforeX) - Math.atan2(afterY - y, afterX - x);
    expect(Math.abs(Math.abs(Math.cos(turned)))).toBeLessThan(Math.sin((3 * Math.PI) / 180));
    const [along, across] = [(x - 50) * cos + (y - 50) * sin, (y - 50) * cos - (x - 50) * sin];
    expect(Math.hypot(Math.abs(along) - 30, Math.abs(across) - 18)).toBeLessThan(1);
  }
});

test('an island is not left behind by a border that is drawn past it', async () => {
  // The notch between the two classes is flattened at this tolerance, and with it what would lie in it.
  const map = shapeMap(
    60,
    30,
    (x, y) => (y > 15 && !(x > 29 && x < 31 && y < 18)) || (x > 20 && x < 22 && y > 13 && y < 14),
  );
  for (const tolerancePixels of [1, 2, 4, 8]) {
    const { regions } = await vectorizeMap(map, { tolerancePixels });
    expect(regions.length).toBe(3);
    const island = regions[1].rings[0];
    const outer = regions[0].rings.find((ring) =>
      points(ring).some(([x, y]) => String([x, y]) === String([island[0], island[1]])),
    );
    expect(outer?.length).toBe(island.length);
  }
});

const seeds = Array.from({ length: 60 }, (_, seed) => seed);

test.each(seeds)('no border moves farther than the tolerance (seed %i)', async (seed) => {
  const map =
    seed % 3 === 0
      ? noiseMap(seed, 40, 30, 2 + (seed % 4))
      : smoothMap(seed, 70, 60, 2 + (seed % 4), { scale: 5 + (seed % 10), nodata: seed % 2 === 0, wrongShare: 0.01 });
  const tolerancePixels = [0.75, 1, 1.5, 3][seed % 4];
  const exact = (await vectorizeMap(map)).regions;
  const simple = (await vectorizeMap(map, { tolerancePixels })).regions;
  expect(simple.length).toBe(exact.length);
  for (const [i, region] of exact.entries()) {
    expect([simple[i].x, simple[i].y, simple[i].rings.length]).toEqual([region.x, region.y, region.rings.length]);
    expect(largestDistance(region, simple[i])).toBeLessThanOrEqual(tolerancePixels + 1e-6);
    expect(largestDistance(simple[i], region)).toBeLessThanOrEqual(tolerancePixels + 1e-6);
  }
});
