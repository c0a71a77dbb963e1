/**
 * Requests that nobody should send, made from the OpenAPI document and worse: the service answers each with less than
 * 500, goes on living, and keeps neither files nor memory.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTown } from '../synthetic/town/town.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from './support/client.ts';
import { type Served, serve, stopAll } from './support/serve.ts';

const REQUESTS = process.env.PLANIMETER_FULL === '1' ? 10_000 : 3000;
const AT_ONCE = 16;
const ANSWER_MS = 20_000;
/** What of an answer is read: streams of events never end. */
const READ_BYTES = 1 << 16;
const SEED = Number(process.env.SEED ?? Date.now() % 1e6);

interface Operation {
  parameters?: { name?: string; in?: string; $ref?: string }[];
}
type Known = Record<'scene' | 'job' | 'feature', string>;

let folder: string;
let service: Served;
let known: Known;
let operations: { method: string; path: string; names: string[] }[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-malformed-'));
  const { image } = await writeTown(join(folder, 'town'), { seed: 3, width: 400, height: 400, gsdMetres: 0.5 });
  service = await serve(join(folder, 'data'));
  const { url } = service;
  const scene = (await waitForScene(url, await upload(url, image))).id;
  const job = (await waitForJob(url, (await startJob(url, scene)).id)).id;
  const { features } = await getJson<{ features: { id: string }[] }>(`${url}/collections/landuse/items?limit=1`);
  known = { scene, job, feature: features[0]!.id };
  const { paths } = await getJson<{ paths: Record<string, Record<string, Operation>> }>(`${url}/openapi.json`);
  operations = Object.entries(paths).flatMap(([path, item]) => {
    const shared = (item as Operation).parameters ?? [];
    return Object.entries(item)
      .filter(([method]) => method !== 'parameters')
      .map(([method, { parameters = [] }]) => ({
        method: method.toUpperCase(),
        path,
        names: [...shared, ...parameters].flatMap((each) => (each.in === 'query' && each.name ? [each.name] : [])),
      }));
  });
});
afterAll(async () => {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
});

test(`malformed requests are answered, and leave nothing behind (SEED=${SEED})`, { timeout: 900_000 }, async () => {
  const random = randomFrom(SEED);
  const half = Math.floor(REQUESTS / 2);
  await send(half, random);
  const before = await resources();
  await send(REQUESTS - half, random);
  const after = await resources();
  expect(service.process.exitCode).toBeNull();
  expect((await fetch(`${service.url}/health`)).status).toBe(200);
  expect((await fetch(`${service.url}/scenes/${known.scene}`)).status).toBe(200);
  if (!before || !after) return console.error('SKIPPED: open files and memory: there is no /proc here');
  console.log(`open files ${before.files} → ${after.files}, resident ${before.megabytes} → ${after.megabytes} MB`);
  expect(after.files).toBeLessThan(before.files + AT_ONCE);
  expect(after.megabytes).toBeLessThan(before.megabytes + 200);
});

async function send(count: number, random: () => number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const statuses = new Map<number, number>();
  let next = 0;
  const client = async () => {
    while (next++ < count) {
      const made = random() < 0.05 ? raw(random) : malformed(random);
      const status = typeof made === 'string' ? await sendRaw(made, random) : await sendRequest(made, agent);
      if (status >= 500) throw new Error(`${status} for ${JSON.stringify(made).slice(0, 2000)}`);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  agent.destroy();
  console.log([...statuses].sort(([a], [b]) => a - b).map(([status, n]) => `${n} × ${status || 'closed'}`));
}

interface Malformed {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer | null;
  /** Sends part of the body and goes away. */
  goesAway: boolean;
}

const VALUES = [
  ...['', '.', '..', '%2e%2e%2f%2e%2e%2fetc%2fpasswd', '..%5c..%5c', '%00', 'a%00b', '%', '%zz', '%ED%A0%80', '%FF%FE'],
  ...["'%20OR%201=1--", '%22;DROP%20TABLE%20scenes;--', '%3Cscript%3Ealert(1)%3C/script%3E', '$%7Bjndi%7D', '*', '~'],
  ...['-1', '0', '1e309', 'NaN', 'Infinity', '2147483648', '99999999999999999999', '1.5', '0x10', 'null', 'undefined'],
  ...['1,2', '1,2,3,4,5', '10,10,-10,-10', '181,91,200,100', 'a,b,c,d', ',,,', '[object%20Object]', '%F0%9F%97%BA'],
  ...[
    'score%20%3E',
    'S_INTERSECTS(geom,POLYGON((0%200)))',
    '((((((((((',
    'class%20IN%20()',
    "a=b'",
    '%7B%22op%22:%22=%22%7D',
  ],
  ...['2020-13-99', '../..', '2020-01-01T00:00:00Z/..', 'class', '-geom', 'constructor', '__proto__', 'json', 'html'],
  'a'.repeat(5000),
  '('.repeat(3000),
];

/** A request that resembles what an operation wants. Nothing in it deletes, or has much computed. */
function malformed(random: () => number): Malformed {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const { method, path, names } = pick(operations);
  const harmless = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
  const ids = Object.values(known);
  const filled = path.replace(/\{[^}]+\}/g, () => {
    const named = ['landuse', 'buildings', 'webp', 'geojson', '3'];
    return pick(harmless && random() < 0.6 ? [...ids, ...named] : VALUES);
  });
  const query = names.filter(() => random() < 0.3).map((name) => `${name}=${pick(VALUES)}`);
  if (random() < 0.1) query.push(`${pick(VALUES)}=${pick(VALUES)}`);
  const headers: Record<string, string> = {};
  if (random() < 0.3) Object.assign(headers, pick(HEADERS));
  const body = harmless ? null : bodyOf(random, headers);
  // Without a body this one makes a scene.
  const reaches = filled === '/scenes/demo' ? '/scenes/demo%00' : filled;
  return {
    method: random() < 0.05 ? pick(['PUT', 'TRACE', 'PROPFIND', 'PATCH', 'OPTIONS']) : method,
    path: query.length > 0 ? `${reaches}?${query.join('&')}` : reaches,
    headers,
    body,
    goesAway: body !== null && random() < 0.1,
  };
}

const HEADERS: Record<string, string>[] = [
  { Accept: 'text/html;q=banana, */*;q=-1' },
  { Accept: 'a'.repeat(7000) },
  { 'If-None-Match': '"'.repeat(300) },
  { Range: 'bytes=9-1' },
  { Range: 'bytes=0-0,-1,5-,99999999999-999999999999' },
  { 'Tus-Resumable': '1.0.0', 'Upload-Length': '-5' },
  { 'Tus-Resumable': '1.0.0', 'Upload-Length': '1e40' },
  { 'Tus-Resumable': '1.0.0', 'Upload-Length': '10', 'Upload-Metadata': 'filename' },
  { 'Tus-Resumable': '1.0.0', 'Upload-Length': '10', 'Upload-Metadata': 'filename ####, srs \u00ff' },
  { 'Tus-Resumable': '1.0.0', 'Upload-Length': '10', 'Upload-Metadata': 'filename Li4vLi4vZXRjL3Bhc3N3ZA==' },
  { 'Tus-Resumable': '1.0.0', 'Upload-Offset': '99999999999999999999' },
  { 'Tus-Resumable': '1.0.0', 'Upload-Offset': '-1', 'Content-Type': 'application/offset+octet-stream' },
  { 'Tus-Resumable': '0.2.2' },
  { Origin: 'http://elsewhere.example' },
  { Host: 'elsewhere.example' },
  { 'X-Forwarded-Host': 'evil.example/%00', 'X-Forwarded-Proto': 'javascript' },
  { Authorization: 'Bearer '.padEnd(4000, 'x') },
  { Cookie: `a=${'%'.repeat(2000)}` },
  { 'Last-Event-ID': 'x'.repeat(1000) },
  { Prefer: 'respond-async, wait=-1' },
];

function bodyOf(random: () => number, headers: Record<string, string>): Buffer {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const types = [
    'application/json',
    'multipart/form-data; boundary=x',
    'application/offset+octet-stream',
    'text/plain',
    'x',
  ];
  headers['Content-Type'] ??= random() < 0.6 ? types[0]! : pick(types);
  const texts = [
    ...['', 'null', '[]', '0', '"text"', '{', '{"scene":', '\u0000', '{"__proto__": {"a": 1}}', '{"a": 1, "a": 2}'],
    '['.repeat(50_000),
    `{"scene": "${known.scene}", "model": ${JSON.stringify(pick(['no-such', 7, null, {}, '../x']))}}`,
    `{"scene": ${JSON.stringify(pick([known.job, 5, [], {}, '']))}, "parameters": {}}`,
    `{"scene": "${known.scene}", "parameters": ${pick(['[]', '{"min_area_m2": "1"}', '{"aoi": {"type": "Polygon", "coordinates": [[[0, 0]]]}}', '{"bands": [0, -1, 1e9]}', '{"device": "abacus"}', '{"precision": 8}', '{"stretch": [[1]]}', '{"nothing": 1}'])}}`,
    '{"url": "http://127.0.0.1/x.tif"}',
    '{"url": "file:///etc/passwd"}',
    '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n',
    '--x\r\nContent-Disposition: form-data; name="model"; filename="../../x.onnx"\r\n\r\nnot a network\r\n--x--\r\n',
    `{"seed": -1, "windows": 1e9}`,
    `{"inputs": {"scene": {"href": "${'x'.repeat(3000)}"}}}`,
  ];
  return random() < 0.1 ? Buffer.from(Array.from({ length: 300 }, () => random() * 256)) : Buffer.from(pick(texts));
}

/** The status; 0 where the connection was closed without one. */
function sendRequest({ method, path, headers, body, goesAway }: Malformed, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(service.url);
    const length = body === null ? {} : { 'Content-Length': String(body.length + (goesAway ? 1000 : 0)) };
    const outgoing = request({ hostname, port, method, path, headers: { ...headers, ...length }, agent });
    outgoing.setTimeout(ANSWER_MS, () => reject(new Error(`no answer to ${method} ${path.slice(0, 500)}`)));
    outgoing.on('response', (response) => {
      let read = 0;
      response.on('data', (chunk: Buffer) => {
        read += chunk.length;
        const endless = response.headers['content-type']?.startsWith('text/event-stream');
        if (endless || read > READ_BYTES) response.destroy();
      });
      response.on('close', () => resolve(response.statusCode!));
      response.on('error', () => resolve(response.statusCode!));
    });
    outgoing.on('error', () => resolve(0));
    if (body) outgoing.write(body);
    if (goesAway) setTimeout(() => outgoing.destroy(), 20);
    else outgoing.end();
  });
}

/** What no client library would put on the wire. */
function raw(random: () => number): string {
  const of = [
    'GET /../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET //elsewhere.example/scenes HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET http://elsewhere.example/scenes HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n',
    'GET /scenes\\..\\.. HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /scenes HTTP/1.1\r\n\r\n',
    'GET /scenes HTTP/9.9\r\nHost: localhost\r\n\r\n',
    'GARBAGE\r\n\r\n',
    '\u0016\u0003\u0001\u0002\u0000\u0001\u0000',
    `GET /scenes HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`,
    `GET /scenes HTTP/1.1\r\nHost: localhost\r\n${'X: y\r\n'.repeat(3000)}\r\n`,
    `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
    'POST /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n',
    'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{',
    'GET /scenes HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  ];
  return of[Math.floor(random() * of.length)]!;
}

/** Sends the text, slowly now and then, and goes away after the answer or a moment. */
function sendRaw(text: string, random: () => number): Promise<number> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    let status = 0;
    socket.on('data', (chunk) => {
      status ||= Number(/^HTTP\/1\.1 (\d{3})/.exec(chunk.toString('latin1'))?.[1] ?? 0);
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(status));
    const cut = random() < 0.3 ? Math.floor(random() * text.length) : text.length;
    socket.write(text.slice(0, cut), 'latin1');
    setTimeout(() => socket.write(text.slice(cut), 'latin1', () => {}), 20);
    setTimeout(() => socket.destroy(), 300);
  });
}

async function resources(): Promise<{ files: number; megabytes: number } | null> {
  await new Promise((resolve) => setTimeout(resolve, 1000)); // connections that went away are noticed
  const { pid } = service.process;
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null);
  if (status === null) return null;
  const files = (await readdir(`/proc/${pid}/fd`)).length;
  return { files, megabytes: Math.round(Number(/VmRSS:\s*(\d+)/.exec(status)![1]) / 1024) };
}

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
