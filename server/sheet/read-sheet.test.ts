/** Sheets of a detector's job, and of packages that are not what they say. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findNetwork, networkFolders } from '../../models/registry.ts';
import { zipOf } from '../../test/support/generated/zip.ts';
import { RED_CELL, redNetwork } from '../../test/support/networks/red-detector.ts';
import { GSD_M, mapped, sceneOf, writePatches } from '../../test/support/scene.ts';
import { withEphemeralEngine } from '../ephemeral-engine.ts';
import { ALL_COLLECTIONS, exportFormat, exportJob } from '../export/export.ts';
import { mapsThere, packageJob } from '../export/package.ts';
import { readFromZip } from '../export/read-zip.ts';
import { addNetwork } from '../networks/install-network.ts';
import { startRenderer } from '../processes/render.ts';
import { getJob } from '../store/tables/jobs.ts';
import { sceneJson } from '../store/tables/scenes.ts';
import { tiledJob } from '../tiles/tile-of-job.ts';
import { composeSheet } from './compose.ts';
import { readJob } from './read-job.ts';
import { openPackage, readPackage } from './read-package.ts';
import { sheetHtml } from './sheet-html.ts';

const FULL = process.env.PLANIMETER_FULL === '1';
const SIZE = { width: 200, height: 168 };
const RED = [
  { x: 16, y: 24 },
  { x: 96, y: 24 },
  { x: 64, y: 120 },
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-sheet-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const file = (name: string) => join(folder, name);

test('what a detector drew stands on the sheet where it is; a package of it says the same', {
  timeout: 300_000,
}, async () => {
  await writeFile(file('red.onnx'), redNetwork());
  await addNetwork(folder, file('red.onnx'), { said: { gsdMetres: GSD_M } });
  const network = await findNetwork('red', networkFolders(folder));
  const patches = RED.map((at) => ({ ...at, side: RED_CELL, colour: [250, 40, 40] as const }));
  await writePatches(file('scene.tif'), SIZE, patches);

  await withEphemeralEngine(async (open) => {
    const tools = await open();
    const renderer = startRenderer(tools.remote.open);
    try {
      const scene = await sceneOf(tools, file('scene.tif'));
      const report = await mapped(tools, scene, network);
      const read = await readJob({ ...tools, records: tools.db, renderTile: renderer.tile }, report.job);
      expect(read.summary).toContain('A detector draws boxes');
      expect(read.frame.pictures.map(({ type }) => type)).toEqual(['jpeg']);
      const [minX, , , maxY] = read.frame.box;
      const corners = read.frame.outlines.map(({ points }) => {
        const xs = points.map(([x]) => (x - minX) / GSD_M);
        const ys = points.map(([, y]) => (maxY - y) / GSD_M);
        return { x: Math.round(Math.min(...xs)), y: Math.round(Math.min(...ys)) };
      });
      expect(corners.sort((a, b) => a.y - b.y || a.x - b.x)).toEqual(RED);
      const html = sheetHtml(composeSheet({ ...read, title: undefined, network: null }));
      expect(html).toContain('<dt>Objects</dt><dd>3</dd>');

      const job = (await getJob(tools.db, report.job))!;
      await exportJob(tools.db, tiledJob(job), exportFormat('.gpkg')!, file('job.gpkg'), {
        collection: ALL_COLLECTIONS,
      });
      const { stream } = await packageJob({
        job: { ...job, report: job.report! },
        scene: sceneJson(scene),
        modelLicense: null,
        geopackage: file('job.gpkg'),
        maps: await mapsThere(tools.files, job),
      });
      await writeFile(file('job.zip'), await buffer(stream));

      await tools.db.query('DELETE FROM planimeter.scenes'); // as on another machine
      const opened = await openPackage(file('job.zip'));
      const packaged = await readPackage({ ...tools, renderTile: renderer.tile }, file('job.zip'), opened, null);
      expect(packaged.frame.outlines.length).toBe(3);
      expect([packaged.frame.pictures, packaged.placed.srid]).toEqual([[], 32633]);
      expect(packaged.summary).toBe(read.summary);
    } finally {
      await renderer.stop();
    }
  });

  const names = ['replay.json', 'report.json', 'features.gpkg'];
  const entries = await Promise.all(
    names.map(async (name) => ({ name, content: (await readFromZip(file('job.zip'), name))! })),
  );
  const pack = async (changes: Record<string, string | Buffer>) => {
    const changed = entries.map(({ name, content }) => ({ name, content: changes[name] ?? content }));
    await writeFile(file('odd.zip'), zipOf(changed));
  };
  await pack({ 'features.gpkg': Buffer.from('no database') });
  if (FULL)
    await withPackage('odd.zip', async (read) => {
      await expect(read()).rejects.toMatchObject({ code: 'damaged_archive' });
    });
  const record = JSON.parse(entries[0]!.content.toString());
  const refused: [Record<string, string>, string][] = [
    [{ 'replay.json': 'not JSON' }, 'replay.json of the archive cannot be used: it is not JSON'],
    [{ 'report.json': '{"counts": 1}' }, 'report.json of the archive cannot be used'],
    [
      { 'replay.json': JSON.stringify({ ...record, maps: { '../x.tif': '0'.repeat(64) } }) },
      'replay.json of the archive cannot be used',
    ],
  ];
  for (const [changes, said] of refused) {
    await pack(changes);
    await expect(openPackage(file('odd.zip'))).rejects.toMatchObject({ message: expect.stringContaining(said) });
  }
  await writeFile(file('odd.zip'), (await readFile(file('job.zip'))).subarray(0, 3000));
  await expect(openPackage(file('odd.zip'))).rejects.toMatchObject({ code: 'damaged_archive' });
  await copyFile(file('scene.tif'), file('odd.zip'));
  await expect(openPackage(file('odd.zip'))).rejects.toMatchObject({ code: 'damaged_archive' });
});

async function withPackage(
  name: string,
  look: (read: () => ReturnType<typeof readPackage>) => Promise<void>,
): Promise<void> {
  const opened = await openPackage(file(name));
  await withEphemeralEngine(async (open) => {
    const tools = await open();
    const renderer = startRenderer(tools.remote.open, dirname(tools.files.path('classes.tif')));
    try {
      await look(() => readPackage({ ...tools, renderTile: renderer.tile }, file(name), opened, null));
    } finally {
      await renderer.stop();
    }
  });
}
