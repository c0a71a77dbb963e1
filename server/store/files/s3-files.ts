/**
 * Files in an S3-compatible bucket, behind the interface of file-store.ts. What is written goes up from a
 * scratch folder, in parts where it is large; what is read comes down to a cache folder, by key and ETag, from which the
 * least recently used go.
 *
 * `s3://BUCKET/PREFIX`, with the environment that AWS's own tools read: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL (any
 * S3-compatible server, with the bucket in the path), AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { dirname, join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { Problem } from '../../../errors/problem.ts';
import { regionOf, signer } from '../../remote/s3.ts';
import { type FileStore, localFileStore, type StoredFile, type UnfinishedUpload } from './file-store.ts';
import { StoreUnreachable } from './unreachable.ts';

export interface S3FileOptions {
  /** Folder for what is being written and for copies of what was read. */
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Largest part of an upload; smaller files go up in one. S3 wants 5 MiB at least. */
  partBytes?: number;
  /** Size of the cache beyond which copies go that nobody asked for lately. */
  cacheBytes?: number;
  /** How long a copy that was asked for stays in any case: somebody may be about to open it. */
  keepMs?: number;
  /** How often a request is tried where the server fails or does not answer. */
  attempts?: number;
  timeoutMs?: number;
  /** Called for each request that failed or was not answered, and is tried again or given up. */
  onFault?: (method: string) => void;
}

const PART_BYTES = 16 * 2 ** 20;
const CACHE_BYTES = 50 * 2 ** 30;
const KEEP_MS = 3600_000;
const ATTEMPTS = 6;
const TIMEOUT_MS = 120_000;
/** S3's limit. */
const MAX_PARTS = 10_000;
/** Parts or deletions under way at a time. */
const AT_ONCE = 4;
const FIRST_PAUSE_MS = 100;

/** `body` must be read or destroyed. */
interface Answer {
  status: number;
  headers: Headers;
  body: Readable;
}

type Request = { query?: Record<string, string>; body?: Uint8Array; headers?: Record<string, string> };

/** Throws Problem bad_request for an address or an environment that is not complete. */
export function s3FileStore(address: string, options: S3FileOptions): FileStore {
  const { folder, partBytes = PART_BYTES, cacheBytes = CACHE_BYTES, keepMs = KEEP_MS } = options;
  const { prefix, request } = createClient(address, options);
  const scratch = localFileStore(join(folder, 'scratch'));
  const cache = localFileStore(join(folder, 'cache'));
  const fetching = new Map<string, Promise<string>>();

  const copyPath = (key: string, etag: string) =>
    join(cache.path(key), createHash('sha256').update(etag).digest('hex').slice(0, 16), posix.basename(key));

  const download = async (key: string): Promise<string> => {
    const head = await request('HEAD', prefix + key);
    if (head.status === 404) throw new Problem('not_found', `The file ${key} is not there any more.`);
    const etag = etagOf(head);
    const path = copyPath(key, etag);
    const now = new Date();
    const there = await utimes(path, now, now).then(
      () => true,
      () => false,
    );
    if (there) return path;
    // This process's own: another one that shares the folder does not write into the same file.
    const partial = `${path}.${process.pid}.new`;
    await mkdir(dirname(path), { recursive: true });
    const have = await stat(partial).then(
      ({ size }) => size,
      () => 0,
    );
    const range = have > 0 ? { Range: `bytes=${have}-` } : {};
    const got = await request('GET', prefix + key, { headers: { 'If-Match': etag, ...range } });
    const goesOn = got.status === 206 && got.headers.get('content-range')?.startsWith(`bytes ${have}-`);
    if (got.status !== 200 && !goesOn) {
      got.body.destroy();
      await rm(partial, { force: true });
      throw new Interrupted(`${key}: GET was answered with ${got.status}`);
    }
    await pipeline(got.body, createWriteStream(partial, { flags: goesOn ? 'a' : 'w' }));
    const { size } = await stat(partial);
    const expected = Number(head.headers.get('content-length'));
    if (size > expected) await rm(partial, { force: true });
    if (size !== expected) throw new Interrupted(`${key}: ${size} of ${expected} bytes came`);
    await rename(partial, path);
    await evict(join(folder, 'cache'), cacheBytes, keepMs);
    return path;
  };

  /** A download that breaks off goes on where it did; one whose file is replaced meanwhile begins anew. */
  const downloadAgain = async (key: string): Promise<string> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await download(key);
      } catch (error) {
        if (error instanceof Problem || attempt >= (options.attempts ?? ATTEMPTS)) throw error;
        await pause(attempt);
      }
    }
  };

  const uploadParts = async (key: string, file: FileHandle, size: number): Promise<string> => {
    const started = await request('POST', prefix + key, { query: { uploads: '' } });
    const uploadId = one(await expectText(started, `starting the upload of ${key}`), 'UploadId');
    const bytesEach = Math.max(partBytes, Math.ceil(size / MAX_PARTS));
    const numbers = Array.from({ length: Math.ceil(size / bytesEach) }, (_, i) => i + 1);
    try {
      const etags = await mapSome(numbers, async (number) => {
        const body = await readAt(file, (number - 1) * bytesEach, Math.min(bytesEach, size - (number - 1) * bytesEach));
        return putBytes(prefix + key, body, { partNumber: String(number), uploadId });
      });
      const parts = etags.map((etag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
      const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`);
      const completed = await request('POST', prefix + key, { query: { uploadId }, body });
      // An answer that was lost: the first attempt has completed it, and the upload is not known any more.
      if (completed.status === 404) completed.body.destroy();
      else await expectText(completed, `completing the upload of ${key}`);
      const head = await request('HEAD', prefix + key);
      if (head.status !== 200 || Number(head.headers.get('content-length')) !== size) {
        throw new Error(`the store does not have the ${size} bytes of ${key} that were sent`);
      }
      return etagOf(head);
    } catch (error) {
      await request('DELETE', prefix + key, { query: { uploadId } }).then(
        ({ body }) => body.resume(),
        () => {},
      );
      throw error;
    }
  };

  /** Returns the ETag; throws where the store says that it got other bytes. */
  const putBytes = async (name: string, body: Uint8Array, query?: Record<string, string>): Promise<string> => {
    const md5 = createHash('md5').update(body);
    const hex = md5.copy().digest('hex');
    const headers = { 'Content-MD5': md5.digest('base64') };
    const answer = await request('PUT', name, { body, headers, ...(query && { query }) });
    await expectText(answer, `storing ${name}`);
    const etag = etagOf(answer);
    // Of what the server encrypts with keys of its own, the ETag is another sum.
    const plain = /^"[0-9a-f]{32}"$/.test(etag) && !answer.headers.get('x-amz-server-side-encryption');
    if (plain && etag !== `"${hex}"`) throw new Error(`the store has other bytes of ${name} than were sent`);
    return etag;
  };

  const entries = async (under: string): Promise<StoredFile[]> => {
    const found: StoredFile[] = [];
    let token: string | null = null;
    do {
      const query = { 'list-type': '2', prefix: prefix + under, ...(token && { 'continuation-token': token }) };
      const xml: string = await expectText(await request('GET', '', { query }), `listing ${under}`);
      for (const [, content] of xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
        found.push({
          key: one(content!, 'Key').slice(prefix.length),
          bytes: Number(one(content!, 'Size')),
          modifiedMs: Date.parse(one(content!, 'LastModified')),
        });
      }
      token = /<IsTruncated>true/.test(xml) ? one(xml, 'NextContinuationToken') : null;
    } while (token);
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  };
  const list = async (under: string) => (await entries(under)).map(({ key }) => key);

  return {
    path: scratch.path,
    async put(key) {
      const path = scratch.path(key);
      const file = await open(path, 'r');
      let etag: string;
      try {
        const { size } = await file.stat();
        const small = size <= partBytes;
        etag = small ? await putBytes(prefix + key, await readAt(file, 0, size)) : await uploadParts(key, file, size);
      } finally {
        await file.close();
      }
      const copy = copyPath(key, etag);
      await mkdir(dirname(copy), { recursive: true });
      await rename(path, copy);
    },
    fetch(key) {
      scratch.path(key);
      const running = fetching.get(key) ?? downloadAgain(key).finally(() => fetching.delete(key));
      fetching.set(key, running);
      return running;
    },
    async list(under) {
      scratch.path(under);
      return list(`${under}/`);
    },
    async entries(under) {
      scratch.path(under);
      return entries(`${under}/`);
    },
    async unfinished() {
      const found: UnfinishedUpload[] = [];
      let marker: Record<string, string> = {};
      for (let more = true; more; ) {
        const query = { uploads: '', prefix, ...marker };
        const xml: string = await expectText(await request('GET', '', { query }), 'listing uploads');
        for (const [, upload] of xml.matchAll(/<Upload>(.*?)<\/Upload>/gs)) {
          const startedMs = Date.parse(one(upload!, 'Initiated'));
          found.push({ key: one(upload!, 'Key').slice(prefix.length), id: one(upload!, 'UploadId'), startedMs });
        }
        more = /<IsTruncated>true/.test(xml);
        if (more)
          marker = { 'key-marker': one(xml, 'NextKeyMarker'), 'upload-id-marker': one(xml, 'NextUploadIdMarker') };
      }
      return found;
    },
    async abandon({ key, id }) {
      const answer = await request('DELETE', prefix + key, { query: { uploadId: id } });
      if (answer.status === 404) answer.body.destroy();
      else await expectText(answer, `abandoning an upload of ${key}`);
    },
    async remove(under) {
      await Promise.all([scratch.remove(under), cache.remove(under)]);
      const keys = (await list(under)).filter((key) => key === under || key.startsWith(`${under}/`));
      await mapSome(keys, async (key) => {
        const answer = await request('DELETE', prefix + key);
        if (answer.status === 404) answer.body.destroy();
        else await expectText(answer, `deleting ${key}`);
      });
    },
  };
}

/** The address of the S3 server that the environment names. */
export function s3Endpoint(env: S3FileOptions['env']): string {
  return env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL || `https://s3.${regionOf(env)}.amazonaws.com`;
}

/** Something that another attempt may do better. */
class Interrupted extends StoreUnreachable {}

function createClient(
  address: string,
  { env, attempts = ATTEMPTS, timeoutMs = TIMEOUT_MS, onFault = () => {} }: S3FileOptions,
) {
  const { hostname: bucket, pathname } = new URL(address);
  if (!/^s3:\/\/[\w.-]+(\/[\w.-]+)*\/?$/.test(address)) {
    throw new Problem('bad_request', 'The store is named as s3://BUCKET or s3://BUCKET/PREFIX.');
  }
  const folder = pathname.replace(/^\/|\/$/g, '');
  const region = regionOf(env);
  const sign = signer(env, region);
  if (!sign) throw new Problem('bad_request', 'A store in S3 needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.');
  const endpoint = s3Endpoint(env);

  const once = async (method: string, key: string, { query = {}, body, headers = {} }: Request): Promise<Answer> => {
    const url = new URL(`${endpoint.replace(/\/+$/, '')}/${bucket}${key && `/${key}`}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return send(url, method, await sign(url, headers, method), body, timeoutMs);
  };

  /** Answers below 500, whatever they are; throws where there is none after all attempts. */
  const request = async (method: string, key: string, rest: Request = {}): Promise<Answer> => {
    for (let attempt = 1; ; attempt++) {
      const answer: Answer | Error = await once(method, key, rest).catch((error: Error) => error);
      if (!(answer instanceof Error) && answer.status < 500 && answer.status !== 429) return answer;
      onFault(method);
      if (!(answer instanceof Error)) answer.body.destroy();
      if (attempt >= attempts) {
        const cause = answer instanceof Error ? answer : new Error(`it answers ${answer.status}`);
        const what = `the file store at ${endpoint} does not answer ${method} in ${attempts} attempts`;
        throw new StoreUnreachable(what, { cause });
      }
      await pause(attempt);
    }
  };
  return { prefix: folder && `${folder}/`, request };
}

/** Not by `fetch`: where a server hangs up on a slow reader, it ends the process (`assert(!this.paused)` in undici). */
function send(
  url: URL,
  method: string,
  headers: Record<string, string>,
  body: Uint8Array | undefined,
  timeout: number,
) {
  return new Promise<Answer>((resolve, reject) => {
    const over = url.protocol === 'http:' ? overHttp : overHttps;
    const sent = {
      ...headers,
      'content-length': body?.length ?? 0,
    };
    const request = over(url, { method, timeout, headers: sent }, (message) => {
      const pairs = Object.entries(message.headers).map(([name, value]): [string, string] => [name, String(value)]);
      const answer = { status: message.statusCode!, headers: new Headers(pairs), body: message };
      if (method === 'HEAD') message.resume();
      resolve(answer);
    });
    request.on('timeout', () => request.destroy(new Error(`no byte for ${timeout} ms`)));
    request.on('error', reject);
    request.end(body);
  });
}

const pause = (attempt: number) =>
  new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random())));

function etagOf(answer: Answer): string {
  const etag = answer.headers.get('etag');
  if (answer.status !== 200 || !etag) throw new Error(`the file store answers ${answer.status}, without an ETag`);
  return etag;
}

/** S3 also says 200 and then that it failed. */
async function expectText(answer: Answer, doing: string): Promise<string> {
  const body = await text(answer.body);
  if (answer.status < 300 && !body.includes('<Error>')) return body;
  const code = /<Code>(\w+)<\/Code>/.exec(body)?.[1] ?? '';
  throw new Error(`${doing}: the file store answers ${answer.status} ${code}`);
}

function one(xml: string, tag: string): string {
  const value = new RegExp(`<${tag}>([^<]+)</${tag}>`).exec(xml)?.[1];
  if (!value) throw new Error(`the file store answers without ${tag}`);
  return value.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, position);
  if (bytesRead !== length) throw new Error(`expected ${length} bytes at ${position}, got ${bytesRead}`);
  return buffer;
}

/** As `Promise.all` of a map, a few at a time; after a failure no more are begun, and those under way are awaited. */
async function mapSome<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const lane = async () => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i]).catch((error) => {
        next = items.length;
        throw error;
      });
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, lane));
  for (const lane of ended) if (lane.status === 'rejected') throw lane.reason;
  return results;
}

/** Removes copies, those asked for longest ago first, until the rest takes no more than `limitBytes`. */
async function evict(folder: string, limitBytes: number, keepMs: number): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const copies: { path: string; size: number; mtimeMs: number }[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const state = entry.isFile() ? await stat(path).catch(() => null) : null;
    if (state) copies.push({ path, size: state.size, mtimeMs: state.mtimeMs });
  }
  let total = copies.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size, mtimeMs } of copies.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (total <= limitBytes || Date.now() - mtimeMs < keepMs) break;
    await rm(path, { force: true });
    total -= size;
  }
}
