/** A network that gives class codes alone: no score wherever its features are given away, and a finding that says so. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';
import { VectorTile } from '@mapbox/vector-tile';
import type { Polygon } from 'geojson';
import { PbfReader } from 'pbf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Network } from '../../models/registry.ts';
import { DEFAULT_RUN } from '../../models/runtime/run-profile.ts';
import { testEngines } from '../../test/support/databases.ts';
import { addedNetwork } from '../../test/support/networks/added-network.ts';
import { writeOnnx } from '../../test/support/networks/onnx-writer.ts';
import { mapped, sceneOf, writePatches } from '../../test/support/scene.ts';
import { openSamples } from '../../tiler/geotiff/raster.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import type { JobReport } from '../api/index.ts';
import { exportFormat, exportJob } from '../export/export.ts';
import { type Compute, startCompute } from '../processes/compute.ts';
import { createRemoteReader } from '../remote/reader.ts';
import { localFileStore } from '../store/files/file-store.ts';
import { queryItems } from '../store/tables/items.ts';
import { packTile } from '../tiles/tile-of-job.ts';
import { mercatorX, mercatorY } from '../tiles/web-mercator.ts';
import type { PipelineTools } from '../tools.ts';

const BOOL_TO_INT64 = 7;
/** Bright pixels are buildings. */
const LABELS = writeOnnx({
  nodes: [
    { op: 'Conv', inputs: ['x', 'w'], outputs: ['grey'] },
    { op: 'Greater', inputs: ['grey', 'half'], outputs: ['bright'] },
    { op: 'Cast', inputs: ['bright'], outputs: ['y'], attributes: { to: BOOL_TO_INT64 } },
  ],
  constants: { w: { dims: [1, 3, 1, 1], values: [0.3, 0.6, 0.1] }, half: { dims: [1], values: [0.5] } },
  inputs: [{ name: 'x', dims: ['n', 3, 'h', 'w'] }],
  outputs: [{ name: 'y', dims: ['n', 1, 'h', 'w'], type: BOOL_TO_INT64 }],
});

let folder: string;
let network: Network;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-no-scores-'));
  const path = join(folder, 'labels.onnx');
  await writeFile(path, LABELS);
  const classes = ['ground', 'building'].map((name, value) => ({ name, value }));
  ({ network } = await addedNetwork(path, { said: { divisor: 255, mean: [0], deviation: [1], classes } }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(testEngines())('on $name', ({ name, open }) => {
  const remote = createRemoteReader(null);
  let compute: Compute;
  let tools: PipelineTools;
  let drop: () => Promise<void>;
  const reports: JobReport[] = [];

  beforeAll(async () => {
    const database = await open();
    ({ drop } = database);
    compute = startCompute(remote.open);
    const chooseRun = async () => ({ ...DEFAULT_RUN, core: 64 });
    tools = { db: database.db, files: localFileStore(join(folder, name)), compute, remote, device: 'cpu', chooseRun };
    const image = join(folder, `${name}.tif`);
    const patch = { side: 40, colour: [250, 240, 230] as const };
    await writePatches(image, { width: 200, height: 170 }, [
      { ...patch, x: 20, y: 30 },
      { ...patch, x: 120, y: 90 },
    ]);
    const scene = await sceneOf(tools, image);
    const blended: Network = { ...network, receptiveField: [999, 999, 999, 999], halo: 16 };
    for (const each of [network, blended]) reports.push(await mapped(tools, scene, each));
  }, 120_000);
  afterAll(async () => {
    await compute.stop();
    remote.close();
    await drop();
  });

  test.each([0, 1])('items have none, filters leave them out, sorting keeps them (%i)', async (which) => {
    const { job, findings } = reports[which]!;
    expect(findings!.map(({ code }) => code)).toContain('no_scores');
    const items = (query: object) => queryItems(tools.db, 'buildings', { job, limit: 10, ...query });
    const all = await items({});
    expect(all.features.map(({ properties }) => properties.score)).toEqual([null, null]);
    const score = { property: 'score' };
    for (const op of ['>=', '<', '=']) {
      expect((await items({ filter: { op, args: [score, 0.5] } })).matched, op).toBe(0);
    }
    expect((await items({ filter: { op: 'isNull', args: [score] } })).matched).toBe(2);
    const sort = [{ ...score, descending: true }];
    const first = await items({ limit: 1, sort });
    const second = await items({ limit: 1, sort, after: first.next! });
    expect(new Set([...first.features, ...second.features].map(({ id }) => id)).size).toBe(2);
  });

  test.each([0, 1])('the score map is nodata, the class map is not (%i)', async (which) => {
    const pixels = async (map: string) => {
      const raster = await openSamples(await tools.files.fetch(`jobs/${reports[which]!.job}/${map}.tif`));
      const { pixels: found } = await raster.read(0, wholeOf(raster));
      await raster.close();
      return new Set(found);
    };
    expect(await pixels('classes')).toEqual(new Set([0, 1]));
    expect(await pixels('scores')).toEqual(new Set([0]));
  });

  test('tiles carry none, and files keep the column empty', async () => {
    const job = reports[0]!.job;
    const tiled = { id: job, gsdMetres: null, levels: [0] };
    const { geometry } = (await queryItems(tools.db, 'buildings', { job, limit: 1 })).features[0]!;
    const [lon, lat] = (geometry as Polygon).coordinates[0]![0]! as [number, number];
    const z = 16;
    const [x, y] = [Math.floor(mercatorX(lon) * 2 ** z), Math.floor(mercatorY(lat) * 2 ** z)];
    const tile = await packTile(tools.db, tiled, { z, x, y });
    const { buildings } = new VectorTile(new PbfReader(gunzipSync(tile!))).layers;
    expect(buildings!.feature(0).properties).toEqual({
      id: expect.any(String),
      class: 'building',
      area_m2: expect.closeTo(400, 0),
    });

    const write = async (ending: string) => {
      const path = join(folder, `${name}${ending}`);
      await exportJob(tools.db, tiled, exportFormat(ending)!, path, { collection: 'buildings' });
      return path;
    };
    const geojson = JSON.parse(await readFile(await write('.geojson'), 'utf8'));
    expect(geojson.features.map(({ properties }: { properties: object }) => properties)).toMatchObject([
      { score: null },
      { score: null },
    ]);
    const [head, row] = (await readFile(await write('.csv'), 'utf8')).split('\n');
    expect([head, row]).toEqual([
      expect.stringContaining(',class,score,area_m2,'),
      expect.stringMatching(/,building,,\d/),
    ]);
    const geopackage = new DatabaseSync(await write('.gpkg'), { readOnly: true });
    expect(geopackage.prepare('SELECT count(*) AS all_of, count(score) AS scored FROM buildings').get()).toEqual({
      all_of: 2,
      scored: 0,
    });
    geopackage.close();
    for (const ending of ['.fgb', '.parquet', '.shp.zip', '.pmtiles', '.geojsonl']) await write(ending);
  });
});
