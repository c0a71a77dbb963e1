/** The claim that matters most: the stitched maps are byte-equal to one pass of the network over the whole scene. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTown } from '../../synthetic/town/town.ts';
import { tinyNetwork } from '../../test/support/networks/tiny-network.ts';
import { sharedPath } from '../../test/support/shared.ts';
import { openRaster, type Raster } from '../../tiler/geotiff/raster.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import { planChips } from '../../tiler/grid/chips.ts';
import { type ModelGrid, planModelGrid, readModelWindow } from '../../tiler/grid/model-grid.ts';
import { ingest } from '../../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../../tiler/ingest/validate-source.ts';
import { findNetwork, type Network, type Precision } from '../registry.ts';
import { CLASS_NODATA, SCORE_NODATA } from '../runtime/answer.ts';
import { openNetwork, type RunOptions } from '../runtime/session.ts';
import { keepSession } from '../runtime/session-cache.ts';
import { mapScene } from './map-scene.ts';

let folder: string;
let network: Network;
const sessions = keepSession();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-map-'));
  network = await findNetwork('landuse-unet');
});
afterAll(() => sessions.close());
afterAll(() => rm(folder, { recursive: true, force: true }));

const FILL = [120, 118, 101] as const;

async function ingested(source: string, gsdMetres: number, networkGsdMetres: number | null) {
  const workingPath = join(folder, `${Math.random()}.tif`);
  await ingest(source, workingPath, DEFAULT_INGEST_LIMITS, () => {});
  const raster = await openRaster(workingPath);
  const grid = planModelGrid({ ...raster, gsdMetres: { x: gsdMetres, y: gsdMetres } }, networkGsdMetres);
  return { workingPath, raster, grid };
}

/** One run of the network over the whole model grid, reflect-padded by the halo and up to the stride. */
async function wholePass(raster: Raster, grid: ModelGrid, network: Network, run: RunOptions) {
  const { stride, halo } = network;
  const padded = (size: number) => Math.ceil(size / stride) * stride + 2 * halo;
  const [width, height] = [padded(grid.width), padded(grid.height)];
  const { pixels, valid } = await readModelWindow(raster, grid, FILL, { x: -halo, y: -halo, width, height });
  const session = await openNetwork(network, { ...run, threads: 1 });
  const answer = await session.infer(pixels, width, height);
  await session.close();
  const planes = network.planes.map((_, i) => answer.planes.subarray(i * width * height, (i + 1) * width * height));
  const crop = (plane: Uint8Array, nodata: number) => {
    const cropped = new Uint8Array(grid.width * grid.height);
    for (let y = 0; y < grid.height; y++) {
      for (let x = 0; x < grid.width; x++) {
        const from = (y + halo) * width + halo + x;
        cropped[y * grid.width + x] = valid[from] ? plane[from] : nodata;
      }
    }
    return cropped;
  };
  return {
    classes: crop(answer.classes, CLASS_NODATA),
    scores: crop(answer.scores, SCORE_NODATA),
    planes: planes.map((plane) => crop(plane, 0)),
  };
}

async function stitched(
  scene: { workingPath: string; grid: ModelGrid },
  network: Network,
  core: number,
  run: RunOptions,
) {
  const file = (name: string) => join(folder, `${name}.tif`);
  const paths = { classesPath: file('classes'), scoresPath: file('scores'), planesPath: file('planes') };
  const plan = planChips(scene.grid, network, core);
  const request = {
    ...paths,
    workingPath: scene.workingPath,
    grid: scene.grid,
    plan,
    fill: FILL,
    area: null,
    network,
    run,
    batch: 1,
    chipCachePath: await mkdtemp(join(folder, 'spool-')),
  };
  const { ledger } = await mapScene(request, sessions.of(network, request.run), () => {});
  const read = async (path: string) => {
    const raster = await openRaster(path);
    const { pixels } = await raster.read(0, wholeOf(raster));
    await raster.close();
    return pixels;
  };
  const count = network.planes.length;
  const interleaved = count > 0 ? await read(paths.planesPath) : new Uint8Array(0);
  const planes = network.planes.map((_, i) => interleaved.filter((_, at) => at % count === i));
  return { ledger, planes, classes: await read(paths.classesPath), scores: await read(paths.scoresPath) };
}

function differing(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  let count = 0;
  for (let i = 0; i < a.length; i++) count += Number(a[i] !== b[i]);
  return count;
}

async function expectNoTrace(
  network: Network,
  source: string,
  gsdMetres: number,
  runs: readonly (readonly [core: number, threads: number])[],
  precision: Precision = 'fp32',
) {
  const scene = await ingested(source, gsdMetres, network.gsdMetres);
  const whole = await wholePass(scene.raster, scene.grid, network, { precision });
  expect(new Set(whole.classes).size).toBeGreaterThan(1);
  for (const [core, threads] of runs) {
    const maps = await stitched(scene, network, core, { threads, precision });
    const what = `core ${core}, ${threads} threads`;
    expect(differing(maps.classes, whole.classes), `${what}: classes`).toBe(0);
    expect(differing(maps.scores, whole.scores), `${what}: scores`).toBe(0);
    for (const [i, plane] of whole.planes.entries()) {
      expect(differing(maps.planes[i], plane), `${what}: plane ${i}`).toBe(0);
      expect(new Set(plane).size, `${what}: plane ${i}`).toBeGreaterThan(10);
    }
    const { done, nodata, outside, failed, pending } = maps.ledger;
    expect(done + nodata + outside + failed + pending, what).toBe(scene.grid.width * scene.grid.height);
    expect(pending + failed, what).toBe(0);
  }
  await scene.raster.close();
}

test('chips of any size leave no trace on a generated town', async () => {
  const { image } = await writeTown(folder, { seed: 11, width: 1100, height: 739, gsdMetres: 0.5 });
  await expectNoTrace(network, image, 0.5, [
    [64, 1],
    [160, 2],
    [256, 1],
    [1024, 2],
  ]);
});

test('nor do they with 8-bit weights', async () => {
  const { image } = await writeTown(folder, { seed: 13, width: 600, height: 439, gsdMetres: 1 });
  const runs = [
    [96, 2],
    [256, 1],
  ] as const;
  for (const id of ['landuse-unet', 'landuse-fcn', 'buildings-unet']) {
    const shipped = await findNetwork(id);
    expect(shipped.int8, id).toBeDefined();
    await expectNoTrace({ ...shipped, gsdMetres: null }, image, 1, runs, 'int8');
  }
});

test('nor do they in the planes that a network gives besides its classes', async () => {
  const { image } = await writeTown(folder, { seed: 12, width: 301, height: 217, gsdMetres: 1 });
  const tiny = await tinyNetwork(folder, { planes: true });
  await expectNoTrace(tiny, image, 1, [
    [32, 1],
    [100, 2],
  ]);
});

const dubai = sharedPath('scenes/dubai_tile1_utm40n_jpeg.tif');
test.skipIf(!dubai || !process.env.PLANIMETER_FULL)('nor on a real scene', { timeout: 600_000 }, async () => {
  await expectNoTrace(network, dubai!, 1, [
    [256, 2],
    [512, 1],
  ]);
});
