import { expect, test } from 'vitest';
import { cql2Of, isWithin, mapConditions, type Ranges, readRanges, withRange, writeRanges } from './filter.ts';

const RANGES: Ranges = { score: [0.5, null], area_m2: [20, 500] };

test('a filter is the same in the address, in the service and on the map', () => {
  expect(writeRanges(RANGES)).toBe('score:0.5..;area_m2:20..500');
  expect(readRanges(writeRanges(RANGES))).toEqual(RANGES);
  expect(cql2Of(RANGES)).toBe(
    '(score IS NULL OR score >= 0.5) AND (length_m IS NOT NULL OR area_m2 >= 20 AND area_m2 <= 500)',
  );
  expect(mapConditions({ length_m: [null, 9] })).toEqual([
    ['any', ['!', ['has', 'length_m']], ['all', ['<=', ['get', 'length_m'], 9]]],
  ]);
  expect([writeRanges({}), cql2Of({}), mapConditions({}), readRanges(null)]).toEqual([null, null, [], {}]);
});

test('what cannot be read is left out, and a range without ends is none', () => {
  expect(readRanges("score:0.5..1;class:1..2;area_m2:..;length_m:x..3;score';DROP")).toEqual({ score: [0.5, 1] });
  expect(withRange(RANGES, 'score', [null, null])).toEqual({ area_m2: [20, 500] });
});

test('a feature is within, also where it has no such value', () => {
  expect(isWithin(RANGES, { score: 0.5, area_m2: 500 })).toBe(true);
  expect(isWithin(RANGES, { score: 0.49, area_m2: 100 })).toBe(false);
  expect(isWithin(RANGES, { score: null, length_m: 3 })).toBe(true);
});
