/** Copies of a bucket's objects on this machine's disk, by key and ETag; the least recently used ones go. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Problem } from '../../../errors/problem.ts';
import { ATTEMPTS, type Bucket, ifThere, Refused } from './s3-bucket.ts';
import { etagOf, objectAt } from './s3-upload.ts';
import { StoreUnreachable } from './unreachable.ts';

export interface Copies {
  folder: string;
  /** Beyond this size copies go that nobody asked for lately. */
  mostBytes: number;
  /** How long one that was asked for stays in any case: somebody may be about to open it. */
  keepMs: number;
  /** How often a download is begun or gone on with. */
  attempts: number;
}

const FIRST_PAUSE_MS = 100;

/** Moves a file to where the copy of the object with this key and ETag is looked for. */
export async function keepCopy(copies: Copies, key: string, etag: string, path: string): Promise<void> {
  const copy = copyPath(copies, key, etag);
  await mkdir(dirname(copy), { recursive: true });
  await rename(path, copy);
}

/**
 * Path of a copy of what the bucket holds now. A download that breaks off goes on where it did; one whose object is
 * replaced meanwhile begins anew. Throws Problem not_found.
 */
export function fetchCopy(bucket: Bucket, copies: Copies, key: string): Promise<string> {
  return attempted(copies.attempts, () => download(bucket, copies, key));
}

/** What a bucket's list says of an object → that very object as a file. Throws Problem remote_changed for another one. */
export function fetchObject(
  bucket: Bucket,
  { key, etag, bytes }: { key: string; etag: string; bytes: number },
  path: string,
): Promise<void> {
  return attempted(ATTEMPTS, async () => {
    await addTo(path, bucket, key, etag).catch((cause) => {
      if (!(cause instanceof Refused) || ![404, 412].includes(cause.status)) throw cause;
      throw new Problem('remote_changed', `${key} is not the object any more that it was.`, { cause });
    });
    await checkSize(path, key, bytes);
  });
}

async function attempted<T>(attempts: number, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Problem || attempt >= attempts) throw error;
      const pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

const copyPath = ({ folder }: Copies, key: string, etag: string): string =>
  join(folder, key, createHash('sha256').update(etag).digest('hex').slice(0, 16), posix.basename(key));

async function download(bucket: Bucket, copies: Copies, key: string): Promise<string> {
  const object = objectAt(bucket, key);
  const head = await ifThere(bucket.call(`looking for ${key}`, (s3) => s3.headObject(object)));
  if (!head) throw new Problem('not_found', `The file ${key} is not there any more.`);
  const etag = etagOf(head.ETag);
  const path = copyPath(copies, key, etag);
  const now = new Date();
  const there = await utimes(path, now, now).then(
    () => true,
    () => false,
  );
  if (there) return path;
  // This process's own: another one that shares the folder does not write into the same file.
  const partial = `${path}.${process.pid}.new`;
  await mkdir(dirname(path), { recursive: true });
  await addTo(partial, bucket, key, etag);
  await checkSize(partial, key, head.ContentLength!);
  await rename(partial, path);
  await evict(copies);
  return path;
}

async function checkSize(path: string, key: string, expected: number): Promise<void> {
  const { size } = await stat(path);
  if (size > expected) await rm(path, { force: true });
  if (size !== expected) throw new StoreUnreachable(`${key}: ${size} of ${expected} bytes came`);
}

/** Fetches what is missing of the object in the file at `path`, which goes where the object is another one by now. */
async function addTo(path: string, bucket: Bucket, key: string, etag: string): Promise<void> {
  const have = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  const wanted = { ...objectAt(bucket, key), IfMatch: etag, ...(have > 0 && { Range: `bytes=${have}-` }) };
  const got = await bucket
    .call(`reading ${key}`, (s3) => s3.getObject(wanted))
    .catch(async (error) => {
      if (error instanceof Refused) await rm(path, { force: true });
      throw error;
    });
  const body = got.Body as Readable;
  const goesOn = got.ContentRange?.startsWith(`bytes ${have}-`);
  if (got.ContentRange && !goesOn) {
    body.destroy();
    await rm(path, { force: true });
    throw new StoreUnreachable(`${key}: another part came than was asked for`);
  }
  await pipeline(body, createWriteStream(path, { flags: goesOn ? 'a' : 'w' }));
}

/** Removes copies, those asked for longest ago first, until the rest takes no more than it may. */
async function evict({ folder, mostBytes, keepMs }: Copies): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const copies: { path: string; size: number; mtimeMs: number }[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const state = entry.isFile() ? await stat(path).catch(() => null) : null;
    if (state) copies.push({ path, size: state.size, mtimeMs: state.mtimeMs });
  }
  let total = copies.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size, mtimeMs } of copies.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (total <= mostBytes || Date.now() - mtimeMs < keepMs) break;
    await rm(path, { force: true });
    total -= size;
  }
}
