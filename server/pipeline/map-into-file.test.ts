/** Features that go into a file are those that a database would have held, in every format. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findNetwork, type Network } from '../../models/registry.ts';
import { makeFrame } from '../../synthetic/town/frame.ts';
import { makePalette } from '../../synthetic/town/palette.ts';
import { renderBand } from '../../synthetic/town/render.ts';
import { tinyNetwork } from '../../test/support/networks/tiny-network.ts';
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import type { JobReport } from '../api/index.ts';
import { withEphemeralEngine } from '../ephemeral-engine.ts';
import { EXPORT_FORMATS, exportJob, exportTables } from '../export/export.ts';
import { parseWkb } from '../geometry/wkb.ts';
import { copyScene, placeScene } from '../scenes/ingest-scene.ts';
import type { ReadyScene } from '../scenes/ready-scene.ts';
import { createFeatureFile } from '../store/files/feature-file.ts';
import { coveringTable, type FeatureTable, featureTables, type TableRow } from '../store/tables/feature-tables.ts';
import { insertJob } from '../store/tables/jobs.ts';
import { insertScene, updateScene } from '../store/tables/scenes.ts';
import { tiledJob } from '../tiles/tile-of-job.ts';
import type { MappingTools } from '../tools.ts';
import { parseParameters } from './job-parameters.ts';
import { mapIntoFile, runWhole } from './pipeline.ts';

const [WIDTH, HEIGHT] = [300, 260];
const DEGREES = 1e-11;
const context = { signal: new AbortController().signal, progress: () => {} };
const rights = { license: 'CC-BY-4.0', attribution: '© Survey' };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-into-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function writeImage(path: string, epsg: number, geotransform: Geotransform, seed: number): Promise<void> {
  const writer = await createTiffWriter(path, {
    ...{ width: WIDTH, height: HEIGHT, bands: 3, compression: 'deflate', overviews: 'none', epsg, geotransform },
  });
  const { image } = renderBand(makeFrame(seed), makePalette(seed), 1, WIDTH, 0, HEIGHT, new Map());
  await writer.writeRows(HEIGHT, image);
  await writer.finish();
}

/** Of both ways: tables, reports and the bytes of each format; and how often the database was asked on the way of the file. */
async function bothWays(image: string, network: Network, given: object) {
  return withEphemeralEngine(async (open, ready) => {
    const { files } = ready;
    let asked = 0;
    const tools: MappingTools = {
      ...ready,
      db: {
        async query(...statement) {
          asked++;
          return (await open()).db.query(...statement);
        },
      },
    };
    const id = randomUUID();
    await mkdir(files.path(`scenes/${id}`), { recursive: true });
    await symlink(image, files.path(`scenes/${id}/original.tif`));
    const scene: ReadyScene = {
      ...{
        id,
        workspace: 'default',
        name: 'town',
        upload: null,
        sha256: '00',
        bytes: 1,
        created_at: '',
        problem: null,
      },
      ...rights,
      ...(await placeScene(tools.db, await copyScene(ready, { id, report: null }, context))),
    };
    const job = {
      id: randomUUID(),
      scene,
      network,
      parameters: parseParameters(given),
      modelReason: '',
      finestOnly: true,
    };
    const formats = EXPORT_FORMATS.filter(({ ending }) => ending !== '.pmtiles');
    const sizes: [string, number, number][] = [];

    const features = createFeatureFile(files.path('features'), tools.db, scene.epsg);
    const report = await mapIntoFile(tools, job, features, context);
    const tables = features.tables({
      ...{ job: job.id, scene: id, model: network.id, capturedAt: null, rights, detected: false },
    });
    const found = await contentsOf(tables);
    const covering = coveringTable(tables);
    for (const format of formats) {
      for (const wanted of ['all', covering]) {
        await exportTables(tables, wanted, format, files.path(`file-${wanted}${format.ending}`));
      }
    }
    features.close();
    const askedByFile = asked;
    await files.remove(`jobs/${job.id}`);

    const opened = await open();
    const { db } = opened;
    const { id: _, workspace: _w, sha256: _s, bytes: _b, created_at: _c, ...known } = scene;
    await insertScene(db, scene);
    await updateScene(db, id, known);
    await insertJob(db, { id: job.id, scene: id, model: network.id, parameters: {} });
    const expectedReport = await runWhole(opened, job, context);
    const expected = await contentsOf((await featureTables(db, job.id))!);
    for (const format of formats) {
      for (const wanted of ['all', undefined]) {
        const path = files.path(`database${format.ending}`);
        await exportJob(db, tiledJob({ id: job.id, report: expectedReport }), format, path, { collection: wanted });
        const bytes = async (each: string) => (await stat(each)).size;
        sizes.push([format.ending, await bytes(files.path(`file-${wanted ?? (format.layered ? 'all' : covering)}${format.ending}`)), await bytes(path)]); // biome-ignore format: one line
      }
    }
    return { asked: askedByFile, report, expectedReport, found, expected, sizes };
  });
}

async function contentsOf(tables: readonly FeatureTable[]) {
  const contents: (Omit<FeatureTable, 'rows'> & { features: TableRow[] })[] = [];
  for (const { rows, ...table } of tables)
    contents.push({ ...table, features: (await Array.fromAsync(rows())).flat() });
  return contents;
}

const close = (found: number, expected: number) => Math.abs(found - expected) <= 1e-9 * Math.abs(expected);
const settled = ({ timings_ms: _, peak_rss_bytes: _p, areas_m2: _a, ...report }: JobReport) =>
  JSON.parse(JSON.stringify(report));

function expectSame({ report, expectedReport, found, expected, sizes }: Awaited<ReturnType<typeof bothWays>>): void {
  const { scene_license, scene_attribution, ...rest } = settled(report);
  expect({ scene_license, scene_attribution }).toEqual({ scene_license: rights.license, scene_attribution: rights.attribution }); // biome-ignore format: one line
  expect(rest).toEqual(settled(expectedReport));
  expect(Object.keys(report.areas_m2)).toEqual(Object.keys(expectedReport.areas_m2));
  for (const [name, area] of Object.entries(expectedReport.areas_m2))
    expect(close(report.areas_m2[name]!, area)).toBe(true);
  expect(found.map(({ collection }) => collection)).toEqual(expected.map(({ collection }) => collection));
  for (const [t, { features, bbox, ...table }] of expected.entries()) {
    const { features: foundFeatures, bbox: foundBbox, ...foundTable } = found[t]!;
    expect(foundTable).toEqual(table);
    expect(foundBbox?.every((side, i) => Math.abs(side - bbox![i]!) < DEGREES) ?? bbox).not.toBe(false);
    expect(foundFeatures.map(({ id }) => id)).toEqual(features.map(({ id }) => id));
    for (const [f, { values, geometry }] of features.entries()) {
      const other = foundFeatures[f]!;
      for (const [i, value] of values.entries()) {
        if (
          typeof value !== 'number' ||
          (!table.columns[i]!.name.endsWith('_m2') && !table.columns[i]!.name.endsWith('_m'))
        )
          expect(other.values[i]).toEqual(value); // biome-ignore format: one line
        else expect(close(other.values[i] as number, value), table.columns[i]!.name).toBe(true);
      }
      const [shape, otherShape] = [parseWkb(geometry), parseWkb(other.geometry)];
      const flat = ({ parts }: typeof shape) => parts.flatMap((rings) => rings.flatMap((ring) => [...ring]));
      expect(otherShape.type).toBe(shape.type);
      const coordinates = flat(otherShape);
      expect(flat(shape).every((value, i) => Math.abs(value - coordinates[i]!) < DEGREES)).toBe(true);
    }
  }
  // Figures of other lengths in text and when compressed; the same everywhere else.
  for (const [ending, bytes, expectedBytes] of sizes) {
    const loose = /json|csv|parquet/.test(ending);
    if (loose) expect(Math.abs(bytes / expectedBytes - 1), ending).toBeLessThan(0.01);
    else expect([ending, bytes]).toEqual([ending, expectedBytes]);
  }
}

/** One of each kind in the quick run. */
const some = <Case>(cases: Case[], quick: number[]): Case[] =>
  process.env.PLANIMETER_FULL === '1' ? cases : quick.map((i) => cases[i]!);

describe('features in a file as in the database', { timeout: 300_000 }, () => {
  const known: [string, number, Geotransform][] = [
    ['UTM', 32633, [530_000, 1, 0, 5_360_000, 0, -1]],
    ['UTM, south, turned', 32733, [480_000, 0.8, 0.3, 6_200_000, 0.3, -0.8]],
    ['ETRS89', 25832, [560_000, 1, 0, 5_930_000, 0, -1]],
    ['Web Mercator', 3857, [1_500_000, 1.4, 0, 5_800_000, 0, -1.4]],
    ['degrees', 4326, [-71.2, 1.2e-5, 0, 42.4, 0, -9e-6]],
  ];
  test.each(some(known, [1, 4]))('%s: no database is asked', async (name, epsg, geotransform) => {
    const image = join(folder, `${name}.tif`);
    await writeImage(image, epsg, geotransform, epsg);
    const result = await bothWays(image, await findNetwork('landuse-unet'), {});
    expect(result.asked).toBe(0);
    expect(result.found.filter(({ count }) => count > 0).length).toBeGreaterThan(1);
    expectSame(result);
  });

  const others: [string, number, Geotransform, object][] = [
    ['another system', 2154, [600_000, 1, 0, 6_360_000, 0, -1], {}],
    ['across the antimeridian', 32660, [833_500, 1, 0, 20_000, 0, -1], {}],
    ['an area of interest', 4326, [10, 1e-5, 0, 50, 0, -1e-5], { aoi: { type: 'Polygon', coordinates: [[[10.001, 49.997], [10.004, 49.997], [10.003, 49.999], [10.001, 49.997]]] } }], // biome-ignore format: one line
  ];
  test.each(some(others, [1]))('%s: the database is asked', async (name, epsg, geotransform, parameters) => {
    const image = join(folder, `${name}.tif`);
    await writeImage(image, epsg, geotransform, 7);
    const result = await bothWays(image, await tinyNetwork(folder), parameters);
    expect(result.asked).toBeGreaterThan(0);
    expect(result.found.some(({ count }) => count > 0)).toBe(true);
    expectSame(result);
  });
});
