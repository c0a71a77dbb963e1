import { expect, test } from 'vitest';
import { graticuleLabel, graticuleLines, graticuleStep, gridValues } from './graticule.ts';

test('meridians stand at least 120 pixels apart and never leave a phone without one', () => {
  for (let zoom = 3; zoom <= 20; zoom += 0.05) {
    const pixels = (graticuleStep(zoom) * 512 * 2 ** zoom) / 360;
    expect(pixels, `zoom ${zoom}`).toBeGreaterThanOrEqual(119.99);
    expect(pixels, `zoom ${zoom}`).toBeLessThan(360);
  }
});

test('grid values enclose what they are asked for, in steps', () => {
  expect(gridValues(55.27, 55.3, 1 / 60).map((value) => Math.round(value * 60))).toEqual([3316, 3317, 3318]);
  expect(gridValues(-180, 180, 90)).toEqual([-180, -90, 0, 90, 180]);
});

test('labels say the value to the last unit of the step', () => {
  const second = 1 / 3600;
  expect(graticuleLabel(55.275, second * 30, 'lon')).toBe('55°16′30″\u2009E');
  expect(graticuleLabel(-0.5, 1 / 60, 'lat')).toBe('0°30′\u2009S');
  expect(graticuleLabel(190, 10, 'lon')).toBe('170°\u2009W');
  expect(graticuleLabel(0, 10, 'lat')).toBe('0°');
  expect(graticuleLabel(2 - 1e-12, second * 0.5, 'lat')).toBe('2°00′00.0″\u2009N');
  for (const step of [10, 1, 0.5, 1 / 60, second * 5, second, second * 0.2]) {
    for (let index = -50; index <= 50; index++) {
      const value = index * step;
      if (Math.abs(value) > 85) continue;
      const [degrees, minutes = 0, seconds = 0] = graticuleLabel(value, step, 'lat')
        .match(/[\d.]+/g)!
        .map(Number);
      expect(degrees + minutes / 60 + seconds / 3600, `${value} by ${step}`).toBeCloseTo(Math.abs(value), 7);
    }
  }
});

test('lines of the whole globe have vertices enough to bend, and no meridian twice', () => {
  const { features } = graticuleLines([-180, -85, 180, 85], 15);
  const meridians = features.filter(({ geometry: { coordinates: c } }) => c[0][0] === c[1][0]);
  expect(meridians).toHaveLength(24);
  for (const { geometry } of features) {
    for (const [index, [lon, lat]] of geometry.coordinates.entries()) {
      if (index === 0) continue;
      const [lastLon, lastLat] = geometry.coordinates[index - 1];
      expect(Math.max(Math.abs(lon - lastLon), Math.abs(lat - lastLat))).toBeLessThanOrEqual(3.001);
    }
  }
});
