/** Whether a file store does what is asked of it, and whether its clock and ours agree. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isBucket, openFileStore } from './open-file-store.ts';
import { s3Endpoint } from './s3-bucket.ts';

/** S3 refuses requests whose time is off by a quarter of an hour. */
const MAX_SKEW_SECONDS = 300;

/**
 * Writes a mark, reads it as another machine would, and deletes it again. Returns what was found in words; throws what to
 * do.
 */
export async function probeFileStore(
  dataFolder: string,
  store: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const bucket = store && isBucket(store);
  // Where files go into a bucket: without the copies that are kept of what was written.
  const folders = bucket ? await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), 'planimeter-tmp-')))) : [];
  const [writer, reader] = bucket
    ? folders.map((folder) => openFileStore(folder, store))
    : [1, 2].map(() => openFileStore(dataFolder, store));
  const key = `doctor/${randomUUID()}`;
  try {
    await mkdir(dirname(writer!.path(key)), { recursive: true });
    await writeFile(writer!.path(key), key);
    await writer!.put(key);
    if ((await readFile(await reader!.fetch(key), 'utf8')) !== key)
      throw new Error('other bytes were read than written');
    await writer!.remove(key);
    if ((await reader!.list('doctor')).includes(key)) throw new Error('what was deleted is still there');
  } catch (error) {
    const what = error instanceof Error ? [error.message, (error.cause as Error | undefined)?.message] : [error];
    const advice = bucket
      ? 'look at PLANIMETER_STORE, AWS_ENDPOINT_URL, AWS_REGION and the keys, which must be allowed to list, get, put and delete'
      : 'look at the rights of the folder and whether its disk is full or not mounted';
    throw new Error(`${what.filter(Boolean).join(': ')}; ${advice}`);
  } finally {
    await writer!.remove('doctor').catch(() => {});
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  }
  if (!bucket) return 'a mark was written, read and deleted';
  const skew = await clockSkewSeconds(s3Endpoint(env));
  if (Math.abs(skew) > MAX_SKEW_SECONDS) {
    const way = skew > 0 ? 'ahead of' : 'behind';
    throw new Error(
      `the clock here is ${Math.abs(Math.round(skew))} s ${way} the store's; set it (NTP): S3 refuses such`,
    );
  }
  return `a mark was written, read and deleted; its clock is within ${Math.ceil(Math.abs(skew))} s of ours`;
}

/** Of our clock against that of a web server, which gives whole seconds; positive where ours is ahead. */
export async function clockSkewSeconds(address: string): Promise<number> {
  const before = Date.now();
  const answer = await fetch(address, { method: 'HEAD', redirect: 'manual' });
  const date = Date.parse(answer.headers.get('date') ?? '');
  const skew = ((before + Date.now()) / 2 - (date + 500)) / 1000;
  return Number.isNaN(skew) ? 0 : skew;
}
