import { expect, test } from 'vitest';
import { type Collection, colourByClass, fillOpacity, labelOffset, lineWidth, shownFilter } from './layer-styles.ts';

const view = { hidden: new Set(['other']), opacity: 0.5, ranges: { score: [0.25, null] } as const };

test('classes have their colour, and what is of none is grey', () => {
  expect(colourByClass([])).toBe('#888888');
  const classes = [
    { name: 'road', value: 1, color: '#111111' },
    { name: 'water', value: 2, color: '#222222' },
  ];
  expect(colourByClass(classes)).toEqual([
    ...['match', ['get', 'class'], 'road', '#111111', 'water', '#222222'],
    '#888888',
  ]);
});

test('hidden classes and low scores are left out, and of land use what has a collection of its own', () => {
  const without = (collection: Collection) => JSON.stringify(shownFilter(collection, view)[1]);
  expect(without('roads')).toBe('["!",["in",["get","class"],["literal",["other"]]]]');
  expect(without('landuse')).toBe('["!",["in",["get","class"],["literal",["building","other"]]]]');
  expect(shownFilter('roads', view)[2]).toEqual([
    'any',
    ['!', ['has', 'score']],
    ['all', ['>=', ['get', 'score'], 0.25]],
  ]);
});

test('boxes leave their object to be seen', () => {
  expect(fillOpacity('landuse', view)).toBe(0.5);
  expect(fillOpacity('objects', view)).toBeCloseTo(0.15);
  expect(lineWidth('objects')).toBe(2);
});

test('labels stand higher over their box the nearer the map is', () => {
  const [, , , zoomOut, [, [, , near]], zoomIn, [, [, , nearer]]] = labelOffset(48) as unknown as [
    ...[string, unknown, unknown, number, [string, [string, unknown, number], number]],
    ...[number, [string, [string, unknown, number], number]],
  ];
  expect(nearer / near).toBeCloseTo(2 ** (zoomIn - zoomOut));
});
