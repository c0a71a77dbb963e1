import { expect, test } from 'vitest';
import { area, breakable, bytes, duration, gsd, percent, position, titleOf } from './format.ts';

test('areas take the unit people would', () => {
  const shown = [0, 4.21, 842, 4210, 9999, 12_400, 998_000, 5_240_000, 1_234_000_000].map(area);
  expect(shown).toEqual(
    ['0 m²', '4.2 m²', '842 m²', '4,210 m²', '9,999 m²', '1.24 ha', '99.8 ha', '5.24 km²', '1,234 km²'].map((text) =>
      text.replace(' ', '\u00a0'),
    ),
  );
});

test('shares, sizes and durations are rounded to what can be read', () => {
  expect([0, 0.0004, 0.0532, 0.0996, 0.634, 1].map(percent)).toEqual([
    '0 %',
    '< 0.1 %',
    '5.3 %',
    '10 %',
    '63 %',
    '100 %',
  ]);
  expect([0, 512, 2_106_630, 482e6, 20e9].map(bytes)).toEqual(['0 B', '512 B', '2.1 MB', '482 MB', '20 GB']);
  expect([12, 2240, 25_300, 185_000, 7_500_000].map(duration)).toEqual([
    '12 ms',
    '2.2 s',
    '25 s',
    '3 min 05 s',
    '2 h 05 min',
  ]);
  expect([0.3, 1, 5].map(gsd)).toEqual(['30 cm/px', '1 m/px', '5 m/px']);
});

test('positions keep to one turn around the globe', () => {
  expect(position(-33.5, 190.25, 2)).toBe('33.50°\u2009S  169.75°\u2009W');
});

test('classes get their title from their name', () => {
  expect(['other', 'building', 'bare_soil'].map(titleOf)).toEqual(['Other land', 'Building', 'Bare soil']);
});

test('file names break after their separators', () => {
  expect(breakable('a_b-c.tif')).toBe('a_\u200bb-\u200bc.\u200btif');
});
