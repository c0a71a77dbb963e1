/**
 * Readers of a service that works: 50 connections read features, vector tiles and imagery tiles while the service is idle,
 * and again while there are always two jobs to run, on the embedded database. Prints how long their answers take, and counts errors.
 * Run: node bench/load.ts [--requests=1000] [--connections=50]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobJson } from '../server/api/index.ts';
import { startService } from '../server/service.ts';
import { measure, speedText } from './requests.ts';

const flag = (name: string, otherwise: number) =>
  Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1] ?? otherwise);
const requests = flag('requests', 1000);
const connections = flag('connections', 50);
const POLL_MS = 200;
const ROUNDS = 4;

const folder = await mkdtemp(join(tmpdir(), 'planimeter-load-'));
const service = await startService({ host: '127.0.0.1', port: 0, dataFolder: folder, device: 'cpu' });
try {
  const { id: scene } = await post<{ id: string }>('/scenes/demo', {});
  await until<{ state: string }>(`/scenes/${scene}`, ({ state }) => state === 'ready');
  const map = await start({ min_area_m2: 20 });
  await finished(map);
  const addresses = await reads(scene, map);
  await measure(addresses.slice(0, connections), connections); // opens what is opened once
  const idle = await measure(addresses, connections);
  console.log(`${addresses.length} reads by ${connections} connections, nothing else: ${speedText(idle)}`);
  let working = true;
  const work = Promise.all([0, 1].map(keepWorking));
  work.catch(() => {});
  for (let round = 0; round < ROUNDS; round++) {
    console.log(`the same while two jobs run: ${speedText(await measure(addresses, connections))}`);
  }
  working = false;
  await work;
  console.log('errors: 0');

  /** One job after the other. */
  async function keepWorking(which: number): Promise<void> {
    for (let i = 0; working; i++) await finished(await start({ min_area_m2: 21 + which + i / 10 }));
  }

  async function start(parameters: Record<string, number>): Promise<string> {
    return (await post<JobJson>('/jobs', { scene, parameters })).id;
  }
} finally {
  await service.stop();
  await rm(folder, { recursive: true });
}
process.exit();

/** A mix of what a viewer asks for, shuffled: each is asked for as often. */
async function reads(scene: string, job: string): Promise<string[]> {
  const imagery = await get<{ bounds: number[]; maxzoom: number }>(`/imagery/${scene}.json`);
  const tiles: string[] = [];
  for (const z of [imagery.maxzoom, imagery.maxzoom - 1]) {
    const [west, south, east, north] = imagery.bounds;
    const column = (lon: number) => Math.floor((lon / 360 + 0.5) * 2 ** z);
    const row = (lat: number) =>
      Math.floor((0.5 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI)) * 2 ** z);
    for (let x = column(west); x <= column(east); x++) {
      for (let y = row(north); y <= row(south); y++) tiles.push(`${z}/${x}/${y}`);
    }
  }
  const { features } = await get<{ features: { id: string }[] }>('/collections/buildings/items?limit=1000');
  return Array.from({ length: requests }, (_, i) => {
    const tile = tiles[(i * 7919) % tiles.length];
    const item = features[(i * 104_729) % features.length];
    const path = [
      '/collections/landuse/items?limit=20',
      `/collections/buildings/items/${item.id}`,
      `/tiles/${job}/${tile}.mvt`,
      `/imagery/${scene}/${tile}.webp`,
    ][i % 4];
    return service.url + path;
  });
}

async function get<T>(path: string): Promise<T> {
  const response = await fetch(service.url + path);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function post<T>(path: string, body: unknown): Promise<T> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(service.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function until<T>(path: string, condition: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await get<T>(path);
    if (condition(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function finished(job: string): Promise<void> {
  const { state } = await until<JobJson>(`/jobs/${job}`, ({ state }) => state !== 'queued' && state !== 'running');
  if (state !== 'done') throw new Error(`the job ended as ${state}`);
}
