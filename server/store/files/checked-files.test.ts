/** A stored file whose bytes are not those that were stored is never handed out, on both engines, in a folder and a bucket. */
import { randomBytes, randomInt } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestEngine, testEngines } from '../../../test/support/databases.ts';
import { startMoto } from '../../../test/support/moto.ts';
import { getRecord, listRecords } from '../tables/stored-files.ts';
import { type CheckedFileStore, checkedFileStore } from './checked-files.ts';
import { type FileStore, fetchIfThere, localFileStore } from './file-store.ts';
import { s3FileStore } from './s3-files.ts';

const SEEDS = 40;

describe.each(testEngines())('on $name', (engine) => {
  let opened: Awaited<ReturnType<TestEngine['open']>>;
  let folder: string;
  let files: CheckedFileStore;
  beforeAll(async () => {
    opened = await engine.open();
    folder = mkdtempSync(join(tmpdir(), 'planimeter-checked-'));
    files = checkedFileStore(localFileStore(folder), opened.db);
  });
  afterAll(async () => {
    await opened.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('one flipped bit, wherever it is, is noticed, and so is that it is mended', async () => {
    const bytes = randomBytes(10_000);
    await store(files, 'scenes/a/working.tif', bytes);
    for (let seed = 0; seed < SEEDS; seed++) {
      const path = await files.fetch('scenes/a/working.tif');
      flip(path);
      await expect(files.fetch('scenes/a/working.tif')).rejects.toMatchObject({
        code: 'damaged',
        message: expect.stringContaining('POST /scenes/a/retry'),
      });
      expect((await getRecord(opened.db, 'scenes/a/working.tif'))?.damage).toContain('not those that were stored');
      writeFileSync(path, bytes);
      expect(readFileSync(await files.fetch('scenes/a/working.tif')).equals(bytes)).toBe(true);
      expect((await getRecord(opened.db, 'scenes/a/working.tif'))?.damage).toBeNull();
    }
  });

  test('also where nothing but the bytes has changed', async () => {
    await store(files, 'jobs/a/classes.tif', randomBytes(5000));
    const path = await files.fetch('jobs/a/classes.tif');
    utimesSync(path, 1000, 1000);
    await files.fetch('jobs/a/classes.tif');
    flip(path);
    utimesSync(path, 1000, 1000);
    await expect(files.fetch('jobs/a/classes.tif')).rejects.toMatchObject({
      code: 'damaged',
      message: expect.stringContaining('POST /jobs/a/retry'),
    });
  });

  test('what is cut short, lost or swapped is noticed', async () => {
    for (const name of ['b', 'c', 'd', 'e']) await store(files, `jobs/${name}/classes.tif`, randomBytes(3000));
    truncateSync(files.path('jobs/b/classes.tif'), 2999);
    rmSync(files.path('jobs/c/classes.tif'));
    const [d, e] = [files.path('jobs/d/classes.tif'), files.path('jobs/e/classes.tif')];
    renameSync(d, `${d}.other`);
    renameSync(e, d);
    renameSync(`${d}.other`, e);
    for (const name of ['b', 'c', 'd', 'e']) {
      await expect(fetchIfThere(files, `jobs/${name}/classes.tif`), name).rejects.toMatchObject({ code: 'damaged' });
    }
    const damaged = await listRecords(opened.db, { damaged: true });
    expect(damaged.map(({ key }) => key)).toEqual(expect.arrayContaining(['jobs/b/classes.tif', 'jobs/c/classes.tif']));
    await files.remove('jobs/c');
    expect(await fetchIfThere(files, 'jobs/c/classes.tif')).toBeNull();
    await store(files, 'jobs/b/classes.tif', randomBytes(10));
    await files.fetch('jobs/b/classes.tif');
  });

  test('a folder goes with its records, and with no other', async () => {
    for (const key of ['jobs/1/a.tif', 'jobs/10/a.tif', 'jobs/1-1/a.tif']) await store(files, key, randomBytes(10));
    await files.remove('jobs/1');
    expect(await getRecord(opened.db, 'jobs/1/a.tif')).toBeNull();
    for (const key of ['jobs/10/a.tif', 'jobs/1-1/a.tif']) expect(await getRecord(opened.db, key)).not.toBeNull();
  });

  test('a large file is shown while it is compared, and not after; who works with it waits', async () => {
    const small = checkedFileStore(localFileStore(folder), opened.db, { atOnceBytes: 100 });
    await store(small, 'scenes/large/working.tif', randomBytes(5000));
    flip(small.path('scenes/large/working.tif'));
    await small.fetch('scenes/large/working.tif', { toShow: true });
    const fetched = () =>
      small.fetch('scenes/large/working.tif', { toShow: true }).then(
        () => 'shown',
        () => 'refused',
      );
    await expect.poll(fetched).toBe('refused');
    await expect(small.fetch('scenes/large/working.tif')).rejects.toMatchObject({ code: 'damaged' });
  });

  test('files that were stored before there were records are handed out as they are', async () => {
    const key = 'scenes/old/working.tif';
    mkdirSync(dirname(files.path(key)), { recursive: true });
    writeFileSync(files.path(key), 'pixels');
    expect(await files.fetch(key)).toBe(files.path(key));
    expect(await files.compare(key)).toBeNull();
  });

  test('of a bucket, a damaged copy is fetched again, and a damaged object is noticed', { timeout: 60_000 }, async ({
    skip,
  }) => {
    const moto = await startMoto();
    if (!moto) return skip();
    try {
      const options = { folder: join(folder, 's3'), env: moto.env };
      const bucket = s3FileStore(`s3://maps/${engine.name}`, options);
      const checked = checkedFileStore(bucket, opened.db);
      const bytes = randomBytes(20_000);
      await store(checked, 'scenes/s3/working.tif', bytes);
      flip(await checked.fetch('scenes/s3/working.tif'));
      expect(readFileSync(await checked.fetch('scenes/s3/working.tif')).equals(bytes)).toBe(true);
      // Written past the records, as a bucket that lost bytes would have it.
      bytes[randomInt(bytes.length)]! ^= 1;
      await store(bucket, 'scenes/s3/working.tif', bytes);
      await expect(checked.fetch('scenes/s3/working.tif')).rejects.toMatchObject({ code: 'damaged' });
    } finally {
      moto.stop();
    }
  });
});

async function store(files: FileStore, key: string, bytes: Uint8Array): Promise<void> {
  mkdirSync(dirname(files.path(key)), { recursive: true });
  writeFileSync(files.path(key), bytes);
  await files.put(key);
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[randomInt(bytes.length)]! ^= 1 << randomInt(8);
  writeFileSync(path, bytes);
}
