/** Networks that give class codes: how many there are is proven or told, and a code without a class is nodata. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapFindings } from '../../server/pipeline/report-assumptions.ts';
import { mapped, mapRequest, type TestScene, townScene } from '../../test/support/mapped-scene.ts';
import { addedNetwork } from '../../test/support/networks/added-network.ts';
import { type TestNode, writeOnnx } from '../../test/support/networks/onnx-writer.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import { CLASS_NODATA, SCORE_NODATA } from '../runtime/answer.ts';
import { decodeMap } from './pixels.ts';

const [WIDTH, HEIGHT] = [150, 130];
let folder: string;
let scene: TestScene;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-labels-'));
  scene = await townScene(folder, 3, WIDTH, HEIGHT);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const node = (op: string, inputs: string[], output: string, attributes: TestNode['attributes'] = {}): TestNode => ({
  op,
  inputs,
  outputs: [output],
  attributes,
});
const INT64 = 7;
const [grey, cast] = [node('Conv', ['x', 'w'], 'grey'), node('Cast', ['labels'], 'y', { to: INT64 })];
const GREY = [0.3, 0.6, 0.1];

/** `nodes` go from `grey`, 0..1, to `labels`. */
async function labelNetwork(name: string, nodes: TestNode[], constants: Record<string, number> = {}, side?: number) {
  const path = join(folder, `${name}.onnx`);
  const dims = side ? [1, 3, side, side] : ['n', 3, 'h', 'w'];
  const file = writeOnnx({
    nodes: [grey, ...nodes, cast],
    constants: {
      w: { dims: [1, 3, 1, 1], values: GREY },
      ...Object.fromEntries(Object.entries(constants).map(([key, value]) => [key, { dims: [1], values: [value] }])),
    },
    inputs: [{ name: 'x', dims }],
    outputs: [{ name: 'y', dims: [dims[0], 1, ...dims.slice(2)], type: INT64 }],
  });
  await writeFile(path, file);
  return path;
}

/** How many thresholds the brightness reaches. */
function counted(thresholds: number[]): [TestNode[], Record<string, number>] {
  const nodes = thresholds.flatMap((_, i) => [
    node('Greater', ['grey', `t${i}`], `g${i}`),
    node('Cast', [`g${i}`], `c${i}`, { to: 1 }),
    node('Add', [i === 0 ? 'zero' : `s${i - 1}`, `c${i}`], `s${i}`),
  ]);
  const last = node('Identity', [`s${thresholds.length - 1}`], 'labels');
  return [[...nodes, last], { zero: 0, ...Object.fromEntries(thresholds.map((value, i) => [`t${i}`, value])) }];
}

const divisor = { divisor: 255, mean: [0], deviation: [1] };
const floors = [node('Mul', ['grey', 'by'], 'm'), node('Floor', ['m'], 'labels')];

async function brightness(): Promise<Float64Array> {
  const raster = await openScene(scene.workingPath);
  const { pixels } = await raster.read(0, { x: 0, y: 0, width: WIDTH, height: HEIGHT });
  await raster.close();
  return Float64Array.from({ length: WIDTH * HEIGHT }, (_, i) =>
    GREY.reduce((sum, weight, band) => sum + (weight * pixels[i * 3 + band]) / 255, 0),
  );
}

test('the number of labels is what the graph can give, not what a trial scene showed', async () => {
  const path = await labelNetwork('counted', ...counted([0.2, 0.3, 0.4, 2]));
  const { network } = await addedNetwork(path, { said: divisor });
  expect(network.classes.map(({ name }) => name)).toEqual(['class 0', 'class 1', 'class 2', 'class 3', 'class 4']);
});

test('labels that nothing bounds are refused until somebody names them', async () => {
  const path = await labelNetwork('floors', floors, { by: 4 });
  await expect(addedNetwork(path, { said: divisor })).rejects.toMatchObject({
    code: 'unsupported_model',
    message: expect.stringContaining('--classes'),
  });
});

test.each([
  ['exact', undefined],
  ['blended', 64],
])('a label without a class is nodata and a finding, never the first class (%s)', async (_, side) => {
  const path = await labelNetwork(`named-${side}`, floors, { by: 8 }, side);
  const classes = ['a', 'b', 'c', 'd'].map((name, value) => ({ value, name }));
  const { network, understanding } = await addedNetwork(path, { said: { ...divisor, classes } });
  // As a network of one size whose chips are blended.
  if (side) network.receptiveField = [null, null, null, null] as unknown as typeof network.receptiveField;
  expect(understanding.findings.map(({ code }) => code)).toContain('values_without_class');
  const { result, classes: codes, scores } = await mapped(await mapRequest(folder, scene, network));
  const truth = Array.from(await brightness(), (value) => Math.floor(value * 8));
  let wrong = 0;
  let beyond = 0;
  for (const [i, label] of truth.entries()) {
    // Rounding of float32 against float64, just at a step.
    if (codes[i] !== (label < 4 ? label : CLASS_NODATA)) wrong++;
    if (codes[i] === CLASS_NODATA) beyond++;
  }
  expect(new Set(scores)).toEqual(new Set([SCORE_NODATA])); // labels alone say nothing of how sure they are
  expect(wrong).toBeLessThan(20);
  expect(beyond).toBeGreaterThan(500);
  expect(result.withoutClass).toBe(beyond);
  expect(mapFindings(result.ledger, [], result.withoutClass)).toMatchObject([
    { code: 'values_without_class', message: expect.stringContaining(`${beyond} pixels`) },
  ]);
});

test('numbers that are none and codes that are no whole ones have no class', () => {
  const output = {
    ...{ kind: 'map' as const, name: 'y', rowDim: 2, columnDim: 3, classDim: 1, threshold: 0.5, scale: 1 },
    ...{ offset: [0, 0] as [number, number], exclusive: true },
  };
  const chip = { width: 6, height: 1 };
  const labels = Float32Array.of(1, Number.NaN, -1, 260, 0.5, 2);
  const codes = decodeMap({ ...output, numbers: 'labels' }, labels, [1, 1, 1, 6], 3, chip);
  expect([...codes.classes]).toEqual([1, 255, 255, 255, 255, 2]);
  expect([...codes.scores]).toEqual(new Array(6).fill(SCORE_NODATA));
  const logits = Float32Array.of(1, Number.NaN, 0, 0, 0, 9, 0, 0, 5, Number.NaN, 0, 0);
  const planes = decodeMap({ ...output, numbers: 'logits' }, logits, [1, 2, 1, 6], 2, chip);
  expect([...planes.classes]).toEqual([0, 255, 1, 255, 0, 0]);
});
