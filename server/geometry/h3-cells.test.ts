import type { MultiPolygon, Position } from 'geojson';
import { getHexagonAreaAvg, latLngToCell } from 'h3-js';
import { expect, test } from 'vitest';
import { cellPolygon, cellsCovering, MOST_CELLS } from './h3-cells.ts';

/** Square degrees of a ring. */
const area = (ring: Position[]) =>
  Math.abs(ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i]![0]! * y! - x! * ring[i]![1]!, 0)) / 2;

test('a cell across the 180th meridian is cut there, and keeps its area', () => {
  const split = cellPolygon(latLngToCell(0.3, 179.999, 5)) as MultiPolygon;
  expect(split.type).toBe('MultiPolygon');
  const [west, east] = split.coordinates.map(([ring]) => ring!) as [Position[], Position[]];
  expect(Math.max(...west.map(([lon]) => lon!))).toBe(180);
  expect(Math.min(...east.map(([lon]) => lon!))).toBe(-180);
  for (const ring of [west, east]) expect(ring.at(-1)).toEqual(ring[0]);
  const metres = 111_195 ** 2;
  expect(((area(west) + area(east)) * metres) / getHexagonAreaAvg(5, 'm2')).toBeGreaterThan(0.7);
  expect(((area(west) + area(east)) * metres) / getHexagonAreaAvg(5, 'm2')).toBeLessThan(1.3);
});

test('a point and a box within a cell have that cell; a box larger than the limit is refused before it is filled', () => {
  const cell = latLngToCell(25.1, 55.2, 6);
  expect(cellsCovering([[55.2, 25.1, 55.2, 25.1]], 6)).toContain(cell);
  expect(cellsCovering([[55.2, 25.1, 55.2001, 25.1001]], 6)).toContain(cell);
  expect(cellsCovering([], 6)).toEqual([]);
  expect(() => cellsCovering([[-180, -90, 180, 90]], 15)).toThrow(expect.objectContaining({ code: 'bad_request' }));
  expect(cellsCovering([[55, 25, 55.5, 25.5]], 8).length).toBeLessThan(MOST_CELLS);
});
