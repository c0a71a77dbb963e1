/**
 * Private by default: while the whole service works (an upload, a job, tiles, exports, a link), no process of it opens a
 * connection to anything but this machine, asks for no name, and writes no secret into its log.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTown } from '../synthetic/town/town.ts';
import { startJob, upload, waitForJob, waitForScene } from './support/client.ts';

const PROGRAM = fileURLToPath(new URL('../cli/planimeter.js', import.meta.url));
const HOOK = pathToFileURL(fileURLToPath(new URL('./support/watch-connections.mjs', import.meta.url))).href;
const HERE = /^(localhost|127\.\d+\.\d+\.\d+|::1|::ffff:127\..*|\/.*)$/;

interface Noted {
  pid: number;
  what: string;
  where: string;
}

let folder: string;
let service: ChildProcess | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-outgoing-'));
});
afterAll(async () => {
  if (service && service.exitCode === null) {
    const gone = new Promise((resolve) => service!.once('exit', resolve));
    service.kill('SIGTERM');
    await gone;
  }
  await rm(folder, { recursive: true, force: true });
});

const watched = (file: string): NodeJS.ProcessEnv => ({
  ...process.env,
  NODE_OPTIONS: `--import ${HOOK}`,
  WATCHED_CONNECTIONS: file,
});
const noted = (file: string): Noted[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
const outgoing = (all: Noted[]) => all.filter(({ what, where }) => what !== 'watching' && !HERE.test(where));

test('what watches sees connections of a process and of its children, and look-ups', () => {
  const file = join(folder, 'negative.ndjson');
  const inner = `require('node:net').connect(9, '192.0.2.1').on('error', () => {}).destroy();
    fetch('http://192.0.2.2/').catch(() => {}); require('node:dns').lookup('planimeter.invalid', () => process.exit());`;
  const outer = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(inner)}])`;
  spawnSync(process.execPath, ['-e', outer], { env: watched(file), timeout: 30_000 });
  expect(outgoing(noted(file)).map(({ where }) => where)).toEqual(
    expect.arrayContaining(['192.0.2.1', '192.0.2.2', 'planimeter.invalid']),
  );
});

test('the service speaks to this machine alone, and its log holds no secret', { timeout: 240_000 }, async () => {
  const file = join(folder, 'service.ndjson');
  const env = { ...watched(file), LOG_LEVEL: 'debug', DATABASE_URL: '', PLANIMETER_STORE: '' };
  service = spawn(process.execPath, [PROGRAM, 'serve', '--port', '0', '--data', join(folder, 'data')], { env });
  let log = '';
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      log += chunk;
      const address = /http:\/\/127\S+/.exec(log);
      if (address) resolve(address[0].replace(/[",].*$/, ''));
    };
    service!.stdout!.on('data', read);
    service!.stderr!.on('data', read);
    service!.on('exit', (code) => reject(new Error(`serve ended with status ${code}: ${log}`)));
  });

  const foreign = new Set<string>();
  const processes = new Set<number>();
  const look = setInterval(() => {
    for (const pid of treeOf(service!.pid!)) processes.add(pid);
    for (const address of foreignConnections(service!.pid!)) foreign.add(address);
  }, 100);
  const { image } = await writeTown(join(folder, 'town'), { seed: 3, width: 500, height: 400, gsdMetres: 0.5 });
  const scene = await upload(url, image);
  await waitForScene(url, scene);
  const { id: job, state } = await waitForJob(url, (await startJob(url, scene)).id);
  expect(state).toBe('done');

  const post = async (path: string, body: object, headers = {}) => {
    const sent = { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers } };
    return (await fetch(url + path, { ...sent, body: JSON.stringify(body) })).json() as Promise<Record<string, string>>;
  };
  const { token } = await post('/tokens', { name: 'me', role: 'admin' });
  const bearer = { Authorization: `Bearer ${token}` };
  const link = (await post(`/jobs/${job}/shares`, {}, bearer)).url!;
  const wrong = 'planimeter_wrong-and-yet-a-secret';
  for (const path of [
    `jobs/${job}/export.gpkg`,
    `tiles/${job}.json`,
    `imagery/${scene}.json`,
    'collections',
    'x',
    '',
  ]) {
    await (await fetch(`${url}/${path}`, { headers: bearer })).arrayBuffer();
    await (await fetch(link + path)).arrayBuffer();
    await (await fetch(`${url}/${path}`, { headers: { Authorization: `Bearer ${wrong}` } })).arrayBuffer();
  }
  const form = new URLSearchParams({ token: token! });
  await fetch(`${url}/session`, { method: 'POST', body: form, redirect: 'manual' });
  clearInterval(look);

  const all = noted(file);
  expect(outgoing(all)).toEqual([]);
  expect(all.some(({ what, pid }) => what === 'watching' && pid === service!.pid)).toBe(true);
  // The children that read the image, draw and compute get no environment, so no hook; their sockets are looked at.
  if (existsSync('/proc/net/tcp')) expect(processes.size).toBeGreaterThan(2);
  expect([...foreign]).toEqual([]);
  expect(log).toContain(`/jobs/${job}`);
  for (const secret of [token!, wrong, link.split('/').at(-2)!]) expect(log).not.toContain(secret);
});

/** Addresses elsewhere that a process or what it started has TCP connections with (Linux). */
function foreignConnections(pid: number): string[] {
  if (!existsSync('/proc/net/tcp')) return [];
  const sockets = new Set(treeOf(pid).flatMap(socketsOf));
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => sockets.has(columns[9]!))
      .map((columns) => columns[2]!)
      .filter((remote) => !/^(00000000|0{32}):0000$|7F:|^0{16}FFFF0000\w{6}7F:|^0{24}01000000:/.test(remote)),
  );
}

function treeOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const children = threads.flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' '),
    );
    return [pid, ...children.filter(Boolean).flatMap((child) => treeOf(Number(child)))];
  } catch {
    return []; // it has ended meanwhile
  }
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
