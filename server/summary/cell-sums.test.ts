/** Shares by cell: against areas in closed form, and whatever the polygon, together what it has. */
import type { Polygon } from 'geojson';
import { expect, test } from 'vitest';
import { seeded } from '../../test/support/geometry.ts';
import { cellPolygon, cellsCovering } from '../geometry/h3-cells.ts';
import { cellSums } from './cell-sums.ts';

const box = (west: number, south: number, east: number, north: number): Polygon => ({
  type: 'Polygon',
  coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]], // biome-ignore format: a ring
});
const flat = ({ coordinates }: Polygon) => coordinates.map((ring) => Float64Array.from(ring.flat()));

test('a polygon with a hole, over squares', () => {
  const squares = Array.from({ length: 9 }, (_, i) =>
    box(i % 3, Math.floor(i / 3), (i % 3) + 1, Math.floor(i / 3) + 1),
  );
  const hole = flat(box(1, 1, 2, 2)).map((ring) => Float64Array.of(...[0, 3, 2, 1, 0].flatMap((i) => [...ring.subarray(2 * i, 2 * i + 2)]))); // biome-ignore format: one line
  const sums = new Float64Array(9);
  cellSums(squares).add([[...flat(box(0, 0, 2.5, 3)), ...hole]], 650, sums);
  const band = (row: number) => Math.sin(((row + 1) * Math.PI) / 180) - Math.sin((row * Math.PI) / 180);
  const whole = 2.5 * (band(0) + band(1) + band(2)) - band(1);
  for (const [i, sum] of sums.entries()) {
    const share = i === 4 ? 0 : (i % 3 === 2 ? 0.5 : 1) * band(Math.floor(i / 3));
    expect(sum, `${i}`).toBeCloseTo((share / whole) * 650, 9);
  }
});

test('stars over the cells of H3, anywhere', () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = seeded(seed);
    const [lon, lat] = [340 * (random() - 0.5), 150 * (random() - 0.5)];
    const reach = 0.002 + 0.02 * random();
    const points = Array.from({ length: 5 + Math.floor(40 * random()) }, () => reach * (0.2 + 0.8 * random()));
    const ring = points.map((radius, i) => {
      const turn = (2 * Math.PI * i) / points.length;
      return [lon + radius * Math.cos(turn), lat + radius * Math.sin(turn)];
    });
    const cells = cellsCovering([[lon - reach, lat - reach, lon + reach, lat + reach]], 8);
    const sums = new Float64Array(cells.length);
    cellSums(cells.map(cellPolygon)).add([[Float64Array.from([...ring, ring[0]!].flat())]], 1, sums);
    const total = sums.reduce((sum, each) => sum + each, 0);
    expect(Math.abs(total - 1), `seed ${seed}, ${cells.length} cells`).toBeLessThan(1e-9);
    expect(Math.min(...sums), `seed ${seed}`).toBeGreaterThan(-1e-9);
  }
});
