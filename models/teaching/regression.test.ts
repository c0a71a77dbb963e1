/** The least loss is found whatever one begins with; labels move what is near them, and a strong ridge moves nothing. */
import { expect, test } from 'vitest';
import { randomStream } from '../../synthetic/town/noise.ts';
import { probabilities, type Rows, solve } from './regression.ts';

const [FEATURES, CLASSES] = [6, 4];

/** Rows whose class follows from their features, mostly. */
function rowsOf(seed: number, count: number, kind: 'label' | 'set' | 'anchor'): Rows {
  const { between, next } = randomStream(seed);
  const rows: Rows = {
    count,
    features: Float64Array.from({ length: count * FEATURES }, () => between(-1, 1)),
    logits: Float64Array.from({ length: count * CLASSES }, () => between(-2, 2)),
    target: new Float64Array(count * CLASSES),
    weight: Float64Array.from({ length: count }, () => between(0.1, 1)),
  };
  for (let row = 0; row < count; row++) {
    const own = rows.target.subarray(row * CLASSES, (row + 1) * CLASSES);
    const f = rows.features.subarray(row * FEATURES);
    const code = (f[0]! > 0 ? 1 : 0) + (f[1]! > 0.2 ? 2 : 0);
    if (kind === 'anchor') for (let c = 0; c < CLASSES; c++) own[c] = 1 / CLASSES;
    else own[code] = 1;
    if (kind === 'set' && next() < 0.5) own[(code + 1) % CLASSES] = 1;
  }
  return rows;
}

test.each(Array.from({ length: 12 }, (_, i) => 100 + i))('seed %s: two beginnings, one end', (seed) => {
  const labels = rowsOf(seed, 60, 'label');
  const anchors = rowsOf(seed + 1000, 40, 'anchor');
  const asked = { features: FEATURES, classes: CLASSES, labels, anchors, ridge: 0.5 };
  const { between } = randomStream(seed + 2000);
  const far = Float64Array.from({ length: (FEATURES + 1) * CLASSES }, () => between(-3, 3));
  const [a, b] = [solve(asked, 2000), solve(asked, 2000, far)].map((found) =>
    probabilities(labels, FEATURES, CLASSES, found),
  );
  for (const [i, value] of a!.entries()) expect(value).toBeCloseTo(b![i]!, 2);
});

test('what labels say is learnt, also where they allow several classes', () => {
  const labels = rowsOf(5, 400, 'set');
  const anchors = { ...rowsOf(6, 10, 'anchor'), weight: new Float64Array(10) };
  const found = solve({ features: FEATURES, classes: CLASSES, labels, anchors, ridge: 0.01 }, 500);
  const fresh = { ...rowsOf(7, 300, 'label') };
  const told = probabilities(fresh, FEATURES, CLASSES, found);
  const right = (all: Float64Array) =>
    Array.from({ length: fresh.count }, (_, row) => {
      const own = [...all.subarray(row * CLASSES, (row + 1) * CLASSES)];
      return Number(fresh.target[row * CLASSES + own.indexOf(Math.max(...own))] === 1);
    }).reduce((sum, each) => sum + each, 0) / fresh.count;
  const before = probabilities(fresh, FEATURES, CLASSES, new Float64Array((FEATURES + 1) * CLASSES));
  expect(right(before)).toBeLessThan(0.4);
  expect(right(told)).toBeGreaterThan(0.75);
});

test('a strong ridge, or anchors that outweigh all labels, change little', () => {
  const labels = rowsOf(8, 50, 'label');
  const blank = rowsOf(9, 200, 'anchor');
  const none = new Float64Array((FEATURES + 1) * CLASSES);
  const kept = { ...blank, target: probabilities(blank, FEATURES, CLASSES, none) };
  const heavy = { ...kept, weight: new Float64Array(200).fill(1e4) };
  for (const [anchors, ridge] of [
    [kept, 1e7],
    [heavy, 0.01],
  ] as const) {
    const found = solve({ features: FEATURES, classes: CLASSES, labels, anchors, ridge }, 500);
    const after = probabilities(kept, FEATURES, CLASSES, found);
    for (const [i, value] of after.entries()) expect(value).toBeCloseTo(kept.target[i]!, 1);
  }
});
