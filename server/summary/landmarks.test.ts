/** Which buildings stand out, and why. */
import { expect, test } from 'vitest';
import { seeded } from '../../test/support/geometry.ts';
import { type Building, landmarksOf } from './landmarks.ts';

/** Squares of about 100 m², every 20 m. */
function usual(count: number): Building[] {
  const random = seeded(3);
  return Array.from({ length: count }, (_, i) => {
    const side = 9 + 2 * random();
    const [column, row] = [i % 10, Math.floor(i / 10)];
    return { id: `usual ${i}`, areaM2: side ** 2, perimeterM: 4 * side, lon: column * 1.8e-4, lat: row * 1.8e-4 };
  });
}

test('a hall, a long winding building and a lonely farm', () => {
  const hall = { id: 'hall', areaM2: 20_000, perimeterM: 600, lon: -2e-4, lat: 0 };
  const winding = { id: 'winding', areaM2: 400, perimeterM: 420, lon: 20e-4, lat: 0 };
  const farm = { id: 'farm', areaM2: 130, perimeterM: 46, lon: 0.01, lat: 0.01 };
  const found = landmarksOf([...usual(80), winding, farm, hall], 1, 20);
  expect(found[0]).toMatchObject({ building: { id: 'hall' }, reasons: [{ reason: 'area', value: 20_000 }] });
  const reasons = Object.fromEntries(found.map((each) => [each.building.id, each.reasons.map(({ reason }) => reason)]));
  expect(reasons.winding).toContain('compactness');
  expect(reasons.farm).toEqual(['isolation']);
  expect(Object.keys(reasons).filter((id) => id.startsWith('usual'))).toEqual([]);
});

test('of few or equal buildings the largest alone', () => {
  expect(landmarksOf([], 5, 20)).toEqual([]);
  expect(landmarksOf(usual(1), 5, 20).map(({ reasons }) => reasons.map(({ reason }) => reason))).toEqual([['area']]);
  const equal = usual(30).map((each) => ({ ...each, areaM2: 100, perimeterM: 40 }));
  expect(landmarksOf(equal, 2, 20).map(({ reasons }) => reasons[0]!.reason)).toEqual(['area', 'area']);
});
