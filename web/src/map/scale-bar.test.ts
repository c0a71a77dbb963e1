import { expect, test } from 'vitest';
import { scaleBar } from './scale-bar.ts';

test('a length that people count in, as wide as it fits', () => {
  expect(scaleBar(16, 0)).toMatchObject({ middle: '100', end: '200\u2009m' });
  expect(scaleBar(16.2, 0)).toMatchObject({ middle: '', end: '100\u2009m' });
  expect(scaleBar(12, 48.4)).toMatchObject({ middle: '1', end: '2\u2009km' });
  for (let zoom = 6; zoom <= 22; zoom += 0.1) {
    const { pixels } = scaleBar(zoom, 48.4);
    expect(pixels, `zoom ${zoom}`).toBeLessThanOrEqual(190.001);
    expect(pixels, `zoom ${zoom}`).toBeGreaterThan(190 / 2.5 - 0.001);
  }
});
