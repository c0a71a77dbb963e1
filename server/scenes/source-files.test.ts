/** What is handed in as one scene, from its arrival to its being ready: archives, a CRS given, refusals, cancelling. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import type { Database } from '../store/database/database.ts';
import { openDatabase } from '../store/database/open-database.ts';
import { type FileStore, localFileStore } from '../store/files/file-store.ts';
import { getScene, insertScene } from '../store/tables/scenes.ts';
import { createToken } from '../store/tables/tokens.ts';
import { storedBytes, usageOf } from '../store/tables/usage.ts';
import type { PipelineTools } from '../tools.ts';
import { ingestScene } from './ingest-scene.ts';
import { writeSrs } from './source-files.ts';

const PYTHON = pythonWithJudges();
const SIDE = 96;
let folder = '';
let db: Database;
let files: FileStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'originals-'));
  db = await openDatabase({});
  files = localFileStore(join(folder, 'files'));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

async function writeImage(name: string, x: number): Promise<string> {
  const path = join(folder, name);
  const layout = {
    width: SIDE,
    height: SIDE,
    bands: 3,
    compression: 'deflate',
    overviews: 'none',
    epsg: 32640,
  } as const;
  const writer = await createTiffWriter(path, { ...layout, geotransform: [400_000 + x, 1, 0, 2_800_000, 0, -1] });
  await writer.writeRows(
    SIDE,
    Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (i * 31 + x) % 251),
  );
  await writer.finish();
  return path;
}

/** A scene with these bytes as its original, not ingested yet. */
async function arrive(id: string, bytes: Uint8Array): Promise<void> {
  await mkdir(files.path(`scenes/${id}`), { recursive: true });
  await writeFile(files.path(`scenes/${id}/original.tif`), bytes);
  await insertScene(db, { id, name: 'x', upload: null, sha256: id, bytes: bytes.length });
}

const ingestIt = async (id: string, more: Partial<PipelineTools> = {}, signal = new AbortController().signal) => {
  const tools = { db, files, ...more } as PipelineTools; // nothing is computed
  await ingestScene(tools, (await getScene(db, id))!, { signal, progress() {} });
  return (await getScene(db, id))!;
};

function zip(paths: string[]): string {
  const path = join(folder, 'scene.zip');
  const script = `
import json, os, sys, zipfile
path, paths = json.load(sys.stdin)
with zipfile.ZipFile(path, 'w') as z:
    for each in paths: z.write(each, os.path.basename(each))
json.dump(None, sys.stdout)`;
  judge(PYTHON!, script, [path, paths]);
  return path;
}

test.skipIf(!PYTHON)('an archive of two images is one scene, and nothing stays of the unpacking', async () => {
  await arrive('zip', await readFile(zip([await writeImage('a.tif', 0), await writeImage('b.tif', SIDE)])));
  const scene = await ingestIt('zip');
  expect(scene).toMatchObject({ state: 'ready', width: 2 * SIDE, height: SIDE, srs: 'EPSG:32640', epsg: 32640 });
  expect(await files.list('scenes/zip')).toEqual(['scenes/zip/original.tif', 'scenes/zip/working.tif']);
});

test.skipIf(!PYTHON)('an archive whose images do not belong together is refused and leaves nothing', async () => {
  await arrive('bad', await readFile(zip([await writeImage('a.tif', 0), await writeImage('b.tif', SIDE + 0.4)])));
  const message = expect.stringMatching(/^b\.tif lies 0\.40 pixels off the grid of a\.tif/);
  await expect(ingestIt('bad')).rejects.toMatchObject({ code: 'unsupported_raster', message });
  expect(await files.list('scenes/bad')).toEqual([]);
});

test('a CRS that was given with the upload goes before that of the file', async () => {
  await arrive('given', await readFile(await writeImage('c.tif', 0)));
  await writeSrs(files, 'given', 'EPSG:32639');
  const scene = await ingestIt('given');
  expect(scene).toMatchObject({ state: 'ready', srs: 'EPSG:32639' });
  expect(scene.report!.findings).toContainEqual(expect.objectContaining({ code: 'crs_given' }));
});

test('cancelling leaves the original as it came, and nothing else', async () => {
  const bytes = await readFile(await writeImage('d.tif', 0));
  await arrive('cancelled', bytes);
  await writeSrs(files, 'cancelled', 'EPSG:32639');
  await expect(ingestIt('cancelled', {}, AbortSignal.timeout(60))).rejects.toThrow();
  const kept = ['scenes/cancelled/original.srs', 'scenes/cancelled/original.tif'];
  expect(await files.list('scenes/cancelled')).toEqual(kept);
  expect(await readFile(files.path('scenes/cancelled/original.tif'))).toEqual(bytes);
});

test('an image whose working copy is more than its workspace may store is refused, and leaves nothing', async () => {
  await createToken(db, { name: 'Ada', role: 'admin' });
  const bytes = await readFile(await writeImage('e.tif', 0));
  await arrive('large', bytes);
  expect((await getScene(db, 'large'))!.state).toBe('uploaded');
  const { bytes: used } = await usageOf(db.within({ workspace: 'default' }));
  const refused = { code: 'quota_bytes', message: expect.stringContaining(`${used + 1} bytes together`) };
  await expect(ingestIt('large', { maxBytes: used + 1 })).rejects.toMatchObject(refused);
  expect(await files.list('scenes/large')).toEqual([]);
  await arrive('fits', bytes);
  expect(await ingestIt('fits', { maxBytes: used + 2 ** 20 })).toMatchObject({ state: 'ready' });
  const stored = await storedBytes(files, 'scenes/fits');
  expect(stored).toBeGreaterThan(bytes.length);
  const [row] = await db.query(`SELECT stored_bytes::integer AS bytes FROM planimeter.scenes WHERE id = 'fits'`);
  expect(row).toEqual({ bytes: stored });
});
