/** The 8-bit and the 16-bit version of one scene give the same map. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTown } from '../../synthetic/town/town.ts';
import { openRaster } from '../../tiler/geotiff/raster.ts';
import { createSamples, type Samples, type SampleType } from '../../tiler/geotiff/samples.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { planChips } from '../../tiler/grid/chips.ts';
import { planModelGrid } from '../../tiler/grid/model-grid.ts';
import { ingest } from '../../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../../tiler/ingest/validate-source.ts';
import { toByte } from '../../tiler/rendering/rendering.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import { findNetwork, type Network } from '../registry.ts';
import { keepSession } from '../runtime/session-cache.ts';
import { mapScene } from './map-scene.ts';

const WIDTH = 900;
const HEIGHT = 700;

let folder: string;
let network: Network;
const sessions = keepSession();
let town: Uint8Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-same-'));
  network = await findNetwork('landuse-unet');
  const { image } = await writeTown(folder, { seed: 4, width: WIDTH, height: HEIGHT, gsdMetres: 0.5 });
  const raster = await openRaster(image);
  town = (await raster.read(0, { x: 0, y: 0, width: WIDTH, height: HEIGHT })).pixels;
  await raster.close();
});
afterAll(() => sessions.close());
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The class map of samples as if each pixel had the given size, and how they were rendered. */
async function mapOf(type: SampleType, samples: Samples, gsdMetres: number) {
  const file = (name: string) => join(folder, `${name}-${Math.random()}.tif`);
  const layout = { width: WIDTH, height: HEIGHT, bands: 3, compression: 'zstd', epsg: 32640 } as const;
  const source = file('source');
  const writer = await createTiffWriter(source, {
    ...layout,
    sampleType: type,
    geotransform: [400_000, gsdMetres, 0, 2_800_000, 0, -gsdMetres],
    overviews: 'none',
  });
  await writer.writeRows(HEIGHT, samples);
  await writer.finish();
  const workingPath = file('working');
  const report = await ingest(source, workingPath, DEFAULT_INGEST_LIMITS, () => {});
  const scene = await openScene(workingPath);
  const grid = planModelGrid({ ...scene, gsdMetres: { x: gsdMetres, y: gsdMetres } }, network.gsdMetres);
  await scene.close();
  const [classesPath, scoresPath] = [file('classes'), file('scores')];
  const plan = planChips(grid, network, 256);
  const fill = report.meanColour;
  const chipCachePath = await mkdtemp(join(folder, 'spool-'));
  const run = { threads: 1 };
  const request = { workingPath, grid, plan, fill, area: null, network, run, batch: 1 };
  await mapScene({ ...request, classesPath, scoresPath, chipCachePath }, sessions.of(network, run), () => {});
  const classes = await openRaster(classesPath);
  const { pixels } = await classes.read(0, wholeOf(grid));
  await classes.close();
  return { pixels, ranges: report.rendering.ranges };
}

/** Intersection over union of all classes together: agreeing pixels over agreeing and twice the differing ones. */
function intersectionOverUnion(a: Uint8Array, b: Uint8Array): number {
  let same = 0;
  for (let i = 0; i < a.length; i++) same += Number(a[i] === b[i]);
  return same / (2 * a.length - same);
}

test('8-bit imagery stored in 11 and 16 bits gives the map of the 8-bit file', async () => {
  for (const gsdMetres of [0.5, 0.2]) {
    const plain = await mapOf('uint8', town, gsdMetres);
    for (const most of [2047, 65_535]) {
      const wide = createSamples('uint16', town.length);
      for (let i = 0; i < town.length; i++) wide[i] = Math.round((town[i] * most) / 255);
      const { pixels } = await mapOf('uint16', wide, gsdMetres);
      expect(intersectionOverUnion(pixels, plain.pixels), `${most} at ${gsdMetres} m`).toBeGreaterThan(0.99);
    }
  }
}, 120_000);

test('16-bit and floating-point imagery gives the map of the 8-bit file that the same percentiles make', async () => {
  for (const [type, scale, offset] of [
    ['uint16', 37.3, 410],
    ['float32', 0.0013, 0.02],
  ] as const) {
    for (const gsdMetres of [0.5, 0.2]) {
      const wide = createSamples(type, town.length);
      for (let i = 0; i < town.length; i++) wide[i] = (town[i] + ((i * 7919) % 97) / 97) * scale + offset;
      const first = await mapOf(type, wide, gsdMetres);
      const bytes = Uint8Array.from(wide, (value, i) => toByte(value, first.ranges![i % 3]));
      const second = await mapOf('uint8', bytes, gsdMetres);
      const name = `${type} at ${gsdMetres} m`;
      expect(intersectionOverUnion(first.pixels, second.pixels), name).toBeGreaterThan(0.99);
    }
  }
}, 120_000);
