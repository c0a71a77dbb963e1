/** Garbage is collected on a folder and on S3 (moto's server from PyPI, a mock of AWS). */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { startMoto } from '../../test/support/moto.ts';
import type { Database } from '../store/database/database.ts';
import { type FileStore, localFileStore } from '../store/files/file-store.ts';
import { markStore } from '../store/files/open-file-store.ts';
import { s3FileStore } from '../store/files/s3-files.ts';
import { insertJob, updateJob } from '../store/tables/jobs.ts';
import { insertScene } from '../store/tables/scenes.ts';
import { recordDone } from './caller.ts';
import { type CollectedGarbage, collectGarbage, GRACE_MS, type Places } from './garbage-collector.ts';

const LATER_MS = Date.now() + GRACE_MS + 3600_000;

const folder = mkdtempSync(join(tmpdir(), 'garbage-'));
let db: Database;
let drop: () => Promise<void>;
let moto: Awaited<ReturnType<typeof startMoto>>;
beforeAll(async () => {
  ({ db, drop } = await testEngines()[0]!.open());
  moto = await startMoto();
  // The test database may be a copy that was made longer ago than its files.
  await db.query(`UPDATE planimeter.migrations SET applied_at = clock_timestamp() - interval '1 hour'`);
}, 180_000);
afterAll(async () => {
  moto?.stop();
  await drop();
  rmSync(folder, { recursive: true, force: true });
});

async function write(files: FileStore, key: string): Promise<void> {
  mkdirSync(dirname(files.path(key)), { recursive: true });
  writeFileSync(files.path(key), key);
  await files.put(key);
}

function placesOf(name: string, files: FileStore): Places {
  const [dataFolder, temporaryFolder] = ['data', 'tmp'].map((part) => join(folder, name, part)) as [string, string];
  for (const each of [dataFolder, temporaryFolder]) mkdirSync(each, { recursive: true });
  return { db, files, dataFolder, temporaryFolder, uploadFolder: join(dataFolder, 'uploads') };
}

const names = (reaped: CollectedGarbage[]) =>
  reaped.map(({ why, name }) => `${why} ${name.replace(folder, '')}`).sort();

test.each(['folder', 's3'])('removes what nothing refers to and nothing else: %s', async (kind) => {
  if (kind === 's3' && !moto) return;
  const data = join(folder, kind, 'data');
  const files =
    kind === 's3'
      ? s3FileStore('s3://maps/garbage', { folder: join(data, 'store'), env: moto!.env })
      : localFileStore(join(data, 'files'));
  const places = placesOf(kind, files);
  await markStore(db, files);
  const scene = randomUUID();
  await insertScene(db, { id: scene, name: 'a', upload: null, sha256: scene, bytes: 1 });
  const [done, running] = [randomUUID(), randomUUID()];
  for (const id of [done, running]) await insertJob(db, { id, scene, model: 'm', parameters: {} });
  await updateJob(db, done, { state: 'done' });
  await updateJob(db, running, { state: 'running' });
  const kept = [
    `scenes/${scene}/original.tif`,
    `scenes/${scene}/working.tif`,
    `jobs/${done}/classes.tif`,
    `jobs/${done}/exports/all.gpkg`,
    `jobs/${running}/shards/0/classes.tif`,
    `jobs/${running}/features.bin`,
  ];
  const leftovers = [`jobs/${done}/exports/all.fgb.partial`, `jobs/${done}/shards/1/classes.tif`];
  const gone = ['scenes/lost/original.tif', 'jobs/lost/classes.tif', ...leftovers];
  for (const key of [...kept, ...gone]) await write(files, key);
  mkdirSync(join(places.temporaryFolder!, 'planimeter-tmp-Ab12Cd', 'deep'), { recursive: true });
  for (const name of ['planimeter-of-somebody-else', 'planimeter-photos'])
    mkdirSync(join(places.temporaryFolder!, name));
  mkdirSync(places.uploadFolder);
  const [left, fresh] = ['left', 'fresh'].map((name) => join(places.uploadFolder, name)) as [string, string];
  for (const path of [left, fresh]) writeFileSync(path, 'half of an image');
  writeFileSync(`${left}.json`, JSON.stringify({ id: 'left', size: 99 }));
  // Arrived whole while the service was about to be stopped, for a long time.
  const whole = join(places.uploadFolder, 'whole');
  writeFileSync(whole, 'all of it');
  writeFileSync(`${whole}.json`, JSON.stringify({ id: 'whole', size: 9 }));
  for (const path of [whole, `${whole}.json`]) utimesSync(path, 1, 1);
  const lost = join(places.uploadFolder, 'lost-its-note');
  writeFileSync(lost, 'perhaps all of it');
  for (const path of [left, `${left}.json`, lost])
    utimesSync(path, new Date(LATER_MS - 8 * 24 * 3600_000), new Date(LATER_MS - 8 * 24 * 3600_000));
  if (kind === 's3') {
    mkdirSync(dirname(files.path('jobs/lost/spool')), { recursive: true });
    writeFileSync(files.path('jobs/lost/spool'), 'chips of a worker that died');
  }

  expect(names(await collectGarbage(places)), 'within the grace period').toEqual([]);
  if (kind === 's3') {
    // Only now: moto says of every upload that it was begun in 2010.
    const begun = await fetch(`${moto!.env.AWS_ENDPOINT_URL}/maps/garbage/scenes/lost/big.tif?uploads`, {
      method: 'POST',
    });
    expect(begun.ok).toBe(true);
    expect((await files.unfinished!()).map(({ key }) => key)).toEqual(['scenes/lost/big.tif']);
  }
  const expected = [
    ...['unknown_scene scenes/lost', 'unknown_job jobs/lost', ...leftovers.map((key) => `leftover ${key}`)],
    ...['', '.json'].map((end) => `left_upload /${kind}/data/uploads/left${end}`),
    ...[`temporary /${kind}/tmp/planimeter-tmp-Ab12Cd`],
    ...(kind === 's3' ? ['open_multipart scenes/lost/big.tif'] : []),
    // Copies of what was written.
    ...(kind === 's3' ? ['scenes/lost', 'jobs/lost'].map((name) => `scratch /s3/data/store/cache/${name}`) : []),
    // What was being written, and folders that are empty since it was stored.
    ...(kind === 's3'
      ? ['scenes/lost', 'jobs/lost', `jobs/${done}`].map((name) => `scratch /s3/data/store/scratch/${name}`)
      : []),
  ].sort();
  const planned = names(await collectGarbage(places, { nowMs: LATER_MS, dryRun: true }));
  expect(planned).toEqual(expected);
  expect(await files.list('jobs/lost'), 'a dry run removes nothing').toEqual(['jobs/lost/classes.tif']);

  await collectGarbage(places, { nowMs: LATER_MS });
  expect([...(await files.list('scenes')), ...(await files.list('jobs'))].sort()).toEqual([...kept].sort());
  expect(existsSync(left)).toBe(false);
  expect(existsSync(fresh)).toBe(true);
  expect(existsSync(lost)).toBe(true);
  expect(existsSync(whole) && existsSync(`${whole}.json`)).toBe(true);
  expect(existsSync(join(places.temporaryFolder!, 'planimeter-of-somebody-else'))).toBe(true);
  expect(existsSync(join(places.temporaryFolder!, 'planimeter-photos'))).toBe(true);
  expect((await files.unfinished?.()) ?? []).toEqual([]);
  expect(names(await collectGarbage(places, { nowMs: LATER_MS })), 'all is done').toEqual([]);
});

test('a database that is younger than the files, or of another store, loses nothing', async () => {
  const files = localFileStore(join(folder, 'other', 'data', 'files'));
  const places = placesOf('other', files);
  await expect(collectGarbage(places, { nowMs: LATER_MS })).rejects.toMatchObject({ code: 'store_mismatch' });
  await markStore(db, files);
  await write(files, 'scenes/before/original.tif');
  const before = new Date(Date.now() - 10 * 24 * 3600_000);
  utimesSync(files.path('scenes/before/original.tif'), before, before);
  expect(await collectGarbage(places, { nowMs: LATER_MS })).toEqual([]);
  expect(await files.list('scenes')).toEqual(['scenes/before/original.tif']);
});

test('an older database, from a backup, loses nothing of what came after it: only what was deleted goes by itself', async () => {
  const files = localFileStore(join(folder, 'restored', 'data', 'files'));
  const places = placesOf('restored', files);
  await markStore(db, files);
  const [after, deleted] = [randomUUID(), randomUUID()];
  for (const id of [after, deleted]) await write(files, `scenes/${id}/original.tif`);
  await recordDone(db, { workspace: 'default', name: 'a' }, 'scene_deleted', deleted, {});
  const options = { nowMs: LATER_MS, unknown: false };
  expect((await collectGarbage(places, options)).map(({ name }) => name)).toEqual([`scenes/${deleted}`]);
  expect(await files.list('scenes')).toEqual([`scenes/${after}/original.tif`]);
});
