/** What is refused of a geometry before anything is computed with it, and with which words. */
import type { Position } from 'geojson';
import { expect, test } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { AREAS, GEOMETRIES, readGeometry } from './read-geometry.ts';

const wrong = (what: string) => new Problem('bad_request', what);
const read = (given: unknown, onEarth = true) =>
  readGeometry(given, { types: GEOMETRIES, mostPositions: 2000, onEarth, wrong });
const polygon = (...ring: unknown[]) => ({ type: 'Polygon', coordinates: [ring] });
const square = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]; // biome-ignore format: positions
const tangle = (count: number) => ({
  type: 'LineString',
  coordinates: Array.from({ length: count }, (_, i): Position => [Math.cos(i * 2.4), Math.sin(i * 2.4)]),
});
const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);

test('heights are left out', () => {
  expect(read({ type: 'Point', coordinates: [1, 2, 3] })).toEqual({ type: 'Point', coordinates: [1, 2] });
});

test('tracks may cross themselves', () => {
  expect(read(tangle(500)).type).toBe('LineString');
});

test.each<[string, unknown, string]>([
  ['nothing', null, 'no Point, MultiPoint'],
  ['a collection', { type: 'GeometryCollection', geometries: [] }, '"GeometryCollection" is no'],
  ['no coordinates', { type: 'Polygon' }, 'a list of coordinates is empty or none'],
  ['empty lists', { type: 'MultiPolygon', coordinates: [[]] }, 'empty'],
  ['lists in lists', { type: 'Polygon', coordinates: nested(5000) }, 'not two numbers'],
  ['words', polygon(['a', 'b']), 'not two numbers'],
  ['one number', { type: 'Point', coordinates: [1] }, 'not two numbers'],
  ['infinity', { type: 'Point', coordinates: [1, Number.POSITIVE_INFINITY] }, 'not two numbers'],
  ['metres', polygon([326000, 2784000]), '326000, 2784000 is no longitude and latitude'],
  ['huge numbers', { type: 'Point', coordinates: [1e308, 0] }, '1e+308, 0 is no longitude and latitude'],
  ['an open ring', polygon(...square.slice(0, 4)), 'does not end where it begins'],
  ['a ring of two points', polygon([0, 0], [1, 1], [0, 0]), 'fewer than four positions'],
  ['a line of one', { type: 'LineString', coordinates: [[1, 1]] }, 'fewer than two positions'],
  ['too many positions', tangle(2001), 'more than 2000 positions'],
  ['a long tangle', tangle(1500), 'it crosses itself at '],
  [
    'a bow tie',
    polygon([0, 0], [1, 1], [1, 0], [0, 1], [0, 0]),
    'it crosses itself at 0.5, 0.5; mend it with ST_MakeValid',
  ],
  [
    'parts that overlap',
    { type: 'MultiPolygon', coordinates: [[square], [square.map(([x, y]) => [x! + 0.5, y! + 0.5])]] },
    'crosses itself',
  ],
])('%s: %#', (_, given, words) => {
  expect(() => read(given)).toThrow(words);
});

test('teeth that lean side by side are refused where they are many, upright ones are not', () => {
  const comb = (lean: number, teeth: number) => {
    const ring = Array.from({ length: teeth }, (_, i): Position[] => {
      const x = i / teeth;
      return [[x, 0], [x + lean, 1], [x + lean + 0.5 / teeth, 1], [x + 0.5 / teeth, 0]]; // biome-ignore format: a tooth
    }).flat();
    return polygon(...ring, [1, -0.1], [0, -0.1], [0, 0]);
  };
  expect(() => read(comb(1, 480))).toThrow('more than 200000 pairs of its sides overlap');
  expect(read(comb(1, 200)).type).toBe('Polygon');
  expect(read(comb(0, 480)).type).toBe('Polygon');
});

test('beyond the antimeridian, where that is asked for', () => {
  expect(read({ type: 'Point', coordinates: [190, 0] }, false).type).toBe('Point');
  expect(() => read({ type: 'Point', coordinates: [1e4, 0] }, false)).toThrow('no longitude');
});

test('only areas, where those are wanted', () => {
  const areas = { types: AREAS, mostPositions: 10, onEarth: true, wrong };
  expect(() => readGeometry({ type: 'Point', coordinates: [1, 2] }, areas)).toThrow(
    '"Point" is no Polygon or MultiPolygon',
  );
});
