import { expect, test } from 'vitest';
import { addVectors, type CodedMap, createVectorTally, type DrawOptions, scoreVectors } from './score-vectors.ts';

const OPTIONS: DrawOptions = {
  codes: { building: 1, road: 2, water: 4 },
  classCount: 5,
  minAreaM2: 4,
  toleranceMetres: 0.5,
};

/** 200 m square, pixels of `pixelMetres`; rectangles are x, y, width, height in metres. */
function map(pixelMetres: number, fill: number, ...rectangles: [code: number, ...number[]][]): CodedMap {
  const side = 200 / pixelMetres;
  const codes = new Uint8Array(side * side).fill(fill);
  for (const [code, x, y, width, height] of rectangles) {
    for (let row = y / pixelMetres; row < (y + height) / pixelMetres; row++) {
      codes.fill(code, row * side + x / pixelMetres, row * side + (x + width) / pixelMetres);
    }
  }
  return { width: side, height: side, codes, geotransform: [0, pixelMetres, 0, 0, 0, -pixelMetres], pixelMetres };
}

function score(truth: CodedMap, predicted: CodedMap) {
  const tally = createVectorTally();
  addVectors(tally, truth, predicted, OPTIONS);
  return scoreVectors(tally);
}

test('the truth itself scores 1, also on coarser pixels', () => {
  const shapes: [number, ...number[]][] = [
    [1, 20, 20, 12, 16],
    [1, 60, 24, 20, 10],
    [2, 0, 100, 200, 8],
    [2, 120, 0, 8, 200],
  ];
  for (const pixelMetres of [0.5, 1]) {
    const { buildings, roads } = score(map(0.5, 0, ...shapes), map(pixelMetres, 0, ...shapes));
    expect(buildings).toEqual({ truth: 2, predicted: 2, f1_50: 1, f1_75: 1, count_error: 0 });
    expect(roads!.apls).toBeGreaterThan(0.98);
    expect(roads!.truth_m).toBeCloseTo(roads!.predicted_m, -1);
  }
});

test('a missed house, a false one and a broken road cost', () => {
  const truth = map(1, 0, [1, 20, 20, 12, 16], [1, 60, 24, 20, 10], [2, 0, 100, 200, 8]);
  const drawn = map(1, 0, [1, 20, 20, 12, 16], [1, 160, 160, 10, 10], [1, 20, 150, 10, 10], [2, 0, 100, 80, 8]);
  const { buildings, roads } = score(truth, drawn);
  expect(buildings).toEqual({ truth: 2, predicted: 3, f1_50: 0.4, f1_75: 0.4, count_error: 0.5 });
  expect(roads!.apls).toBeLessThan(0.6);
});

test('what the truth does not tell of is not judged', () => {
  const drawn = map(1, 0, [1, 20, 20, 12, 16], [1, 160, 160, 10, 10], [2, 0, 100, 200, 8]);
  const unknown = map(1, 255, [254, 0, 0, 80, 80], [1, 20, 20, 12, 16]);
  expect(score(unknown, drawn)).toEqual({
    buildings: { truth: 1, predicted: 1, f1_50: 1, f1_75: 1, count_error: 0 },
    roads: null,
  });
  const roadsOnly = map(1, 253, [2, 0, 100, 200, 8]);
  expect(score(roadsOnly, drawn)).toMatchObject({ buildings: null, roads: { apls: expect.closeTo(1, 2) } });
});
