/** Scenes of other samples than 8-bit ones give the network what their 8-bit versions give. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSamples, isFloat, type Samples, type SampleType } from '../geotiff/samples.ts';
import { wholeOf } from '../geotiff/window.ts';
import { createTiffWriter } from '../geotiff/write-tiff.ts';
import { planModelGrid, readModelWindow } from '../grid/model-grid.ts';
import { type IngestReport, ingest } from '../ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../ingest/validate-source.ts';
import { openScene } from '../working-copy/open-scene.ts';
import { type Rendering, toByte } from './rendering.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rendering-'));
});
afterAll(() => rm(folder, { recursive: true }));

const WIDTH = 700;
const HEIGHT = 530;

/** Smooth ground with noise and a few very bright pixels, 0..1. */
function ground(seed: number): Float64Array {
  const values = new Float64Array(WIDTH * HEIGHT * 3);
  let state = seed;
  for (let i = 0, pixel = 0; pixel < WIDTH * HEIGHT; pixel++) {
    const x = pixel % WIDTH;
    const y = Math.floor(pixel / WIDTH);
    for (let band = 0; band < 3; band++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const noise = state / 2 ** 32;
      const smooth = 0.3 + 0.2 * Math.sin(x / 37 + band) * Math.cos(y / 23);
      values[i++] = noise > 0.998 ? 1 : smooth + noise * 0.05;
    }
  }
  return values;
}

async function write(name: string, type: SampleType, bands: number, pixels: Samples): Promise<string> {
  const path = join(folder, `${name}.tif`);
  const writer = await createTiffWriter(path, {
    width: WIDTH,
    height: HEIGHT,
    bands,
    sampleType: type,
    compression: 'zstd',
    geotransform: [400_000, 0.5, 0, 2_800_000, 0, -0.5],
    epsg: 32640,
    overviews: 'none',
  });
  await writer.writeRows(HEIGHT, pixels);
  await writer.finish();
  return path;
}

async function take(source: string): Promise<{ report: IngestReport; pixels: Uint8Array; coarse: Uint8Array }> {
  const working = `${source}.working.tif`;
  const report = await ingest(source, working, DEFAULT_INGEST_LIMITS, () => {});
  const scene = await openScene(working);
  const { pixels } = await scene.read(0, { x: 0, y: 0, width: WIDTH, height: HEIGHT });
  const grid = planModelGrid({ ...scene, gsdMetres: { x: 0.5, y: 0.5 } }, 1.3);
  const coarse = await readModelWindow(scene, grid, report.meanColour, wholeOf(grid));
  for (const [x, y, width, height] of [
    [0, 0, 64, 64],
    [101, 77, 90, 33],
    [grid.width - 20, grid.height - 20, 60, 60],
  ]) {
    const crop = await readModelWindow(scene, grid, report.meanColour, { x, y, width, height });
    for (let row = 0; row < Math.min(height, grid.height - y); row++) {
      const columns = Math.min(width, grid.width - x);
      const from = ((y + row) * grid.width + x) * 3;
      const mine = crop.pixels.subarray(row * width * 3, (row * width + columns) * 3);
      expect(Buffer.compare(mine, coarse.pixels.subarray(from, from + columns * 3)), `${source} row ${row}`).toBe(0);
    }
  }
  await scene.close();
  return { report, pixels, coarse: coarse.pixels };
}

const largestDifference = (a: Uint8Array, b: Uint8Array): number =>
  a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);

const LEVELS: readonly [type: SampleType, of: (level: number) => number][] = [
  ['uint16', (level) => level],
  ['uint16', (level) => level * 8],
  ['uint16', (level) => level * 257],
  ['uint16', (level) => Math.round((level * 2047) / 255)],
  ['uint16', (level) => Math.floor((level * 10_000) / 255)],
  ['int16', (level) => Math.round((level * 32_767) / 255)],
  ['uint32', (level) => level],
  ['float32', (level) => level],
  ['float32', (level) => level / 255],
  ['float64', (level) => level / 255],
];

test('8-bit imagery in a wider type is given back its levels', async () => {
  const bytes = Uint8Array.from(ground(1), (value) => Math.floor(value * 255 + 0.5));
  const plain = await take(await write('plain', 'uint8', 3, bytes));
  expect(plain.report.rendering).toEqual({ bands: [1, 2, 3], ranges: null });
  for (const [i, [type, of]] of LEVELS.entries()) {
    const samples = createSamples(type, bytes.length);
    for (let at = 0; at < bytes.length; at++) samples[at] = of(bytes[at]);
    const wide = await take(await write(`levels${i}`, type, 3, samples));
    const name = `${type} ${of(255)}`;
    expect(wide.report, name).toMatchObject({ dtype: type, meanColour: plain.report.meanColour });
    expect(wide.report.assumptions, name).toContainEqual(expect.objectContaining({ code: 'stretch' }));
    expect(largestDifference(wide.pixels, plain.pixels), name).toBe(0);
    expect(largestDifference(wide.coarse, plain.coarse), name).toBeLessThanOrEqual(2); // overviews round once each
  }
}, 60_000);

test('real 16-bit, 32-bit and floating-point imagery gives the pixels of its 8-bit version', async () => {
  const scales: [SampleType, number, number][] = [
    ['uint16', 2000, 150],
    ['int16', 9000, -700],
    ['float32', 0.3, 0.02],
    ['int32', 3e6, -1e6],
    ['float64', 40, 1e6],
  ];
  for (const [at, [type, scale, offset]] of scales.entries()) {
    const seed = at + 1;
    const values = ground(seed);
    const samples = createSamples(type, values.length);
    for (let i = 0; i < values.length; i++) samples[i] = values[i] * scale + offset;
    const wide = await take(await write(`wide-${type}-${seed}`, type, 3, samples));
    expect(wide.report.findings.map(({ code }) => code)).toContain('scaled_to_8bit');
    // The percentiles, by sorting.
    const ranges = wide.report.rendering.ranges!;
    for (let band = 0; band < 3; band++) {
      const sorted = Float64Array.from({ length: WIDTH * HEIGHT }, (_, i) => samples[i * 3 + band]).sort();
      const least = isFloat(type) || type === 'int32' ? (sorted.at(-1)! - sorted[0]) / 10_000 : 0;
      for (const [at, share] of [0.02, 0.98].entries()) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1];
        expect(Math.abs(ranges[band][at] - exact), `seed ${seed} ${type} ${exact}`).toBeLessThanOrEqual(least);
      }
    }
    const bytes = Uint8Array.from(samples, (value, i) => toByte(value, ranges[i % 3]));
    const plain = await take(await write(`bytes-${type}-${seed}`, 'uint8', 3, bytes));
    const name = `seed ${seed} ${type}`;
    expect(largestDifference(wide.pixels, plain.pixels), name).toBe(0);
    let sum = 0;
    expect(largestDifference(wide.coarse, plain.coarse), name).toBeLessThanOrEqual(2);
    for (let i = 0; i < plain.coarse.length; i++) sum += Math.abs(wide.coarse[i] - plain.coarse[i]);
    expect(sum / plain.coarse.length, name).toBeLessThan(0.5);
    for (const [i, mean] of wide.report.meanColour.entries()) {
      expect(Math.abs(mean - plain.report.meanColour[i]), name).toBeLessThanOrEqual(1);
    }
  }
}, 60_000);

test('gray is repeated, further bands are kept and can be chosen', async () => {
  const values = ground(5);
  const gray = Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => values[i * 3] * 255);
  const repeated = await take(await write('gray', 'uint8', 1, gray));
  expect(repeated.report).toMatchObject({ bands: 1, rendering: { bands: [1, 1, 1], ranges: null } });
  expect(repeated.report.findings.map(({ code }) => code)).toEqual(['gray_repeated']);
  for (let i = 0; i < gray.length; i += 97) {
    expect([...repeated.pixels.subarray(i * 3, i * 3 + 3)]).toEqual([gray[i], gray[i], gray[i]]);
  }
  const five = Uint8Array.from({ length: WIDTH * HEIGHT * 5 }, (_, i) => (i * 7 + (i % 5) * 31) & 255);
  const path = await write('five', 'uint8', 5, five);
  const all = await take(path);
  expect(all.report).toMatchObject({ bands: 5, rendering: { bands: [1, 2, 3] } });
  const other: Rendering = {
    bands: [5, 3, 1],
    ranges: [
      [0, 255],
      [255, 0],
      [0, 127],
    ],
  };
  const scene = await openScene(`${path}.working.tif`, other);
  const { pixels } = await scene.read(0, { x: 3, y: 2, width: 1, height: 1 });
  await scene.close();
  const at = (2 * WIDTH + 3) * 5;
  expect([...pixels]).toEqual([five[at + 4], 255 - five[at + 2], toByte(five[at], [0, 127])]);
});
