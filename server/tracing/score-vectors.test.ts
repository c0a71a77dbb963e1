import { expect, test } from 'vitest';
import { addVectors, type CodedMap, createVectorTally, type ScoreOptions, scoreVectors } from './score-vectors.ts';

const OPTIONS: ScoreOptions = {
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

async function score(truth: CodedMap, predicted: CodedMap, options = OPTIONS) {
  const tally = createVectorTally();
  await addVectors(tally, truth, predicted, options);
  return scoreVectors(tally);
}

test('the truth itself scores 1, also on coarser pixels', async () => {
  const shapes: [number, ...number[]][] = [
    [1, 20, 20, 12, 16],
    [1, 60, 24, 20, 10],
    [2, 0, 100, 200, 8],
    [2, 120, 0, 8, 200],
  ];
  for (const pixelMetres of [0.5, 1]) {
    const { buildings, roads } = await score(map(0.5, 0, ...shapes), map(pixelMetres, 0, ...shapes));
    expect(buildings).toEqual({ truth: 2, predicted: 2, f1_50: 1, f1_75: 1, count_error: 0 });
    expect(roads!.apls).toBeGreaterThan(0.98);
    expect(roads!.truth_m).toBeCloseTo(roads!.predicted_m, -1);
  }
});

test('a missed house, a false one and a broken road cost', async () => {
  const truth = map(1, 0, [1, 20, 20, 12, 16], [1, 60, 24, 20, 10], [2, 0, 100, 200, 8]);
  const drawn = map(1, 0, [1, 20, 20, 12, 16], [1, 160, 160, 10, 10], [1, 20, 150, 10, 10], [2, 0, 100, 80, 8]);
  const { buildings, roads } = await score(truth, drawn);
  expect(buildings).toEqual({ truth: 2, predicted: 3, f1_50: 0.4, f1_75: 0.4, count_error: 0.5 });
  expect(roads!.apls).toBeLessThan(0.6);
});

test('what the truth does not tell of is not judged', async () => {
  const drawn = map(1, 0, [1, 20, 20, 12, 16], [1, 160, 160, 10, 10], [2, 0, 100, 200, 8]);
  const unknown = map(1, 255, [254, 0, 0, 80, 80], [1, 20, 20, 12, 16]);
  expect(await score(unknown, drawn)).toEqual({
    buildings: { truth: 1, predicted: 1, f1_50: 1, f1_75: 1, count_error: 0 },
    roads: null,
  });
  const roadsOnly = map(1, 253, [2, 0, 100, 200, 8]);
  expect(await score(roadsOnly, drawn)).toMatchObject({ buildings: null, roads: { apls: expect.closeTo(1, 2) } });
});

test('houses that touch count one by one where the planes tell them apart, as in jobs', async () => {
  const two = map(0.5, 0, [1, 20, 20, 10, 12], [1, 30.5, 20, 10, 12]);
  const row = map(0.5, 0, [1, 20, 20, 20.5, 12]);
  const planes = new Uint8Array(2 * row.codes.length);
  row.codes.forEach((code, i) => {
    planes[2 * i] = 230 * code;
    planes[2 * i + 1] = code === 1 && i % row.width >= 59 && i % row.width <= 61 ? 230 : 0;
  });
  const roles = [
    { name: 'building', class: 1, role: 'object' },
    { name: 'border', role: 'touching-border' },
  ];
  expect((await score(two, row)).buildings).toMatchObject({ truth: 2, predicted: 1, f1_75: 0 });
  const split = await score(two, { ...row, planes }, { ...OPTIONS, planes: roles });
  expect(split.buildings).toMatchObject({ truth: 2, predicted: 2, f1_75: 1 });
});
