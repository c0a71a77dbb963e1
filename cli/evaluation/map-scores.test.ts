import { expect, test } from 'vitest';
import { told } from './map-scores.ts';

const land = ['other', 'building', 'road', 'vegetation', 'water'].map((name) => ({ name }));
const mask = Uint8Array.of(0, 1, 2, 3, 4, 254, 255);

test('to a network of buildings, roads are other land', () => {
  expect([...told(mask, land.slice(0, 2), undefined)]).toEqual([0, 1, 0, 0, 0, 254, 255]);
  expect([...told(mask, land.slice(0, 2), 'building')]).toEqual([254, 1, 254, 254, 254, 254, 255]);
  expect(told(mask, land, undefined)).toEqual(mask);
  expect(told(mask, [{ name: 'other' }, { name: 'tree' }], undefined)).toEqual(mask);
});
