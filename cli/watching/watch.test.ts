/**
 * `planimeter watch` under kill -9: what lands is mapped once, in order, and told under one key; what is half-written is
 * not read. PLANIMETER_FULL=1: 200 files and 20 kills; PLANIMETER_SEED=N repeats a run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { signatureOf, WEBHOOK_SECRET, webhookSecret } from '../../server/remote/webhook.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { PROGRAM } from '../../test/support/workers.ts';
import { openLedger } from './ledger.ts';

const FULL = process.env.PLANIMETER_FULL === '1';
const seed = Number(process.env.PLANIMETER_SEED ?? Date.now() % 1e6);
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

interface Told {
  id: string;
  type: string;
  data: { seq: number; name: string; output?: string; problem?: { code: string } };
}

let folder: string;
let told: Told[];
/** Of the receiver, for each message. */
let answer: () => number;
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature } = request.headers;
  const signed = signatureOf(webhookSecret(SECRET), String(id), Number(time), body);
  if (signed === signature) told.push({ id: String(id), ...JSON.parse(body) });
  response.writeHead(signed === signature ? answer() : 401).end();
});

let watcher: ChildProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-watch-'));
  told = [];
  answer = () => 200;
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done));
});
afterEach(async () => {
  watcher?.kill('SIGKILL');
  receiver.closeAllConnections();
  receiver.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
});

const landing = (name = '') => join(folder, 'in', name);
const maps = (name = '') => join(folder, 'in', 'maps', name);
const hook = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
const env = () => ({ ...process.env, [WEBHOOK_SECRET]: SECRET });
const call = (...more: string[]) => [
  PROGRAM,
  'watch',
  landing(),
  '--model',
  'landuse-fcn',
  '--webhook',
  hook(),
  ...more,
];

/** Resolves when it watches. */
async function start(...more: string[]): Promise<ChildProcess> {
  watcher = spawn(process.execPath, call(...more), { env: env(), stdio: ['ignore', 'ignore', 'pipe'] });
  const started = watcher;
  let said = '';
  await new Promise<void>((resolve, reject) => {
    started.stderr!.on('data', (chunk) => {
      said += chunk;
      if (said.includes('Watching')) resolve();
    });
    started.on('exit', (code) => reject(new Error(`watch ended with ${code}: ${said}`)));
  });
  return started;
}

async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
  const gone = once(watcher!, 'exit');
  watcher!.kill(signal);
  const [code] = await gone;
  return code;
}

/** Towns of these numbers, each with other bytes, as buffers. */
async function towns(count: number): Promise<Buffer[]> {
  const images: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const { image } = await writeTown(join(folder, 'town'), { seed: 1 + i, width: 96, height: 96, gsdMetres: 1 });
    images.push(await readFile(image));
  }
  return images;
}

test('each is mapped once and told under one key, whenever the process is killed', {
  timeout: FULL ? 1_800_000 : 120_000,
}, async () => {
  console.log(`PLANIMETER_SEED=${seed}`);
  const random = randomNumbers(seed);
  const [files, kills] = FULL ? [200, 20] : [2, 1];
  const images = await towns(files);
  await mkdir(landing(), { recursive: true });
  // The receiver has it, and every third answer is lost.
  let asked = 0;
  answer = () => (++asked % 3 === 1 ? 503 : 200);
  const name = (i: number) => `t${String(i).padStart(3, '0')}.tif`;
  const drop = async (i: number) => {
    const { length } = images[i]!;
    await writeFile(landing(name(i)), images[i]!.subarray(0, length / 2));
    if (FULL) await sleep(random() * 100);
    await writeFile(landing(name(i)), images[i]!);
    await writeFile(landing(`${name(i)}.done`), '');
  };
  const half = images[files - 1]!;
  await writeFile(landing(name(files - 1)), half.subarray(0, 3000));
  const dropping = (async () => {
    for (let i = 0; i < files - 1; i++) await drop(i);
  })();
  await start('--marker', '.done');
  for (let i = 0; i < kills; i++) {
    // While it maps, and a little later each time.
    const before = told.length;
    await expect.poll(stagedOrTold(before), { timeout: 60_000, interval: 5 }).toBe(true);
    await sleep(random() * (FULL ? 3000 : 300));
    await kill();
    await start('--marker', '.done');
  }
  await dropping;
  expect(told.map(({ data }) => data.name)).not.toContain(name(files - 1));
  await drop(files - 1);
  const wanted = images.map((_, i) => name(i));
  const namesTold = () => [...new Set(told.map(({ data }) => data.name))].sort();
  await expect.poll(namesTold, { timeout: FULL ? 1_200_000 : 60_000 }).toEqual(wanted);
  expect(await kill('SIGTERM')).toBe(0);

  expect(told.filter(({ type }) => type !== 'image.mapped')).toEqual([]);
  for (const each of wanted) {
    const keys = told.filter(({ data }) => data.name === each).map(({ id }) => id);
    expect(new Set(keys).size, `${each} was told ${keys.length} times`).toBe(1);
  }
  const ledger = openLedger(maps('.planimeter/ledger.sqlite'));
  const listed = [...ledger.list(join(folder, 'in'))];
  ledger.close();
  expect(listed.map(({ state }) => state)).toEqual(wanted.map(() => 'mapped'));
  expect(listed.map((each) => each.name).sort()).toEqual(wanted);
  const there = (await readdir(maps())).filter((each) => each.endsWith('.gpkg'));
  expect(there.sort()).toEqual(wanted.map((each) => each.replace('.tif', '.gpkg')));
  expect(await readdir(maps('.planimeter/staging'))).toEqual([]);
  expect(await readdir(maps('.planimeter/work'))).toEqual([]);
  console.log(`${files} images, ${kills} kills: told ${told.length} times`);

  function stagedOrTold(before: number): () => Promise<boolean> {
    return async () => {
      const staged = await readdir(maps('.planimeter/staging')).catch(() => []);
      return staged.length > 0 || told.length > before;
    };
  }
});

/** Numbers in [0, 1), the same for a seed (mulberry32). */
function randomNumbers(from: number): () => number {
  let state = from | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
