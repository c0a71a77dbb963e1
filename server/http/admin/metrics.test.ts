import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import { createMetrics } from '../../operations/metrics.ts';
import { startQueue } from '../../queue/queue.ts';
import type { Database } from '../../store/database/database.ts';
import { localFileStore } from '../../store/files/file-store.ts';
import { updateScene } from '../../store/tables/scenes.ts';
import { createAccess } from '../core/access.ts';

let db: Database;
let drop: () => Promise<void>;
let service: TestService;
let metrics: ReturnType<typeof createMetrics>;
beforeAll(async () => {
  ({ db, drop } = await testEngines()[0]!.open());
  metrics = createMetrics(db);
  service = await startService(db, { metrics });
});
afterAll(async () => {
  await service.close();
  await drop();
});

test('requests are counted by the pattern of their route, scenes as they are now', async () => {
  await addScene(db, { ready: true });
  const status = async (path: string) => (await fetch(service.address + path)).status;
  expect(await status('/scenes/6f9619ff-8b86-4d01-b42d-00c04fc964ff')).toBe(404);
  expect(await status('/no/such/page')).toBe(404);
  const response = await fetch(`${service.address}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const text = await response.text();
  expect(text).toContain('planimeter_http_request_seconds_count{method="GET",route="/scenes/:id",status="404"} 1');
  expect(text).toContain('planimeter_http_request_seconds_count{method="GET",route="other",status="404"} 1');
  expect(text).toContain('planimeter_scenes{state="ready"} 1');
  expect(text).toContain('planimeter_store_errors_total{operation="put"} 0');
  expect(text).toMatch(/process_resident_memory_bytes \d+/);
});

test('a finished job adds to the stages and pixels', async () => {
  const stage = { ingest: 1, plan: 0, infer: 2500, stitch: 0, vectorize: 0, store: 0 };
  const ledger = { done: 1000, nodata: 0, outside: 0, failed: 0, pending: 0 };
  const model = { model: 'unet', device: { name: 'cpu', fallback_nodes: 0 } };
  const report = { ...model, timings_ms: stage, ledger, peak_rss_bytes: 5 } as Parameters<typeof metrics.countJob>[0];
  metrics.countJob(report);
  metrics.countJob(report);
  const text = await (await fetch(`${service.address}/metrics`)).text();
  expect(text).toContain('planimeter_stage_seconds_total{stage="infer"} 5');
  expect(text).toContain('planimeter_mapped_pixels_total 2000');
  expect(text).toContain('planimeter_job_mpx_per_second{model="unet",device="cpu"} 0.0004');
});

test('tiles are timed by what they show, whatever scene or job they are of', async () => {
  const answered = (route: string, status: number) => metrics.countRequest({ method: 'GET', route, status }, 0.004);
  answered('/imagery/:scene/:z/:x/:y.:format', 200);
  answered('/jobs/:id/classes/:z/:x/:y.:format', 200);
  answered('/jobs/:id/classes/:z/:x/:y.:format', 404);
  answered('/tiles/:job/:z/:x/:y.mvt', 200);
  answered('/tiles/:job.json', 200);
  const text = await metrics.text();
  for (const kind of ['imagery', 'classes', 'vector']) {
    expect(text).toContain(`planimeter_tile_seconds_bucket{le="0.005",kind="${kind}"} 1`);
    expect(text).toContain(`planimeter_tile_seconds_count{kind="${kind}"} 1`);
  }
});

test('what the file store takes is timed, and what it fails at is counted, but not that a file is not there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-metrics-'));
  try {
    const files = metrics.measureFiles(localFileStore(folder));
    await writeFile(files.path('a.txt'), 'a');
    await files.put('a.txt');
    await expect(files.fetch('b.txt')).rejects.toMatchObject({ code: 'not_found' });
    await expect(files.put('b.txt')).rejects.toThrow('ENOENT');
    metrics.countStoreFault('GET');
    const text = await metrics.text();
    expect(text).toContain('planimeter_store_seconds_count{operation="put"} 2');
    expect(text).toContain('planimeter_store_errors_total{operation="put"} 1');
    expect(text).toContain('planimeter_store_errors_total{operation="fetch"} 0');
    expect(text).toContain('planimeter_store_faults_total{method="GET"} 1');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the queue tells how much waits, since when, and what is worked on', async () => {
  let release = () => {};
  const busy = new Promise<void>((resolve) => {
    release = resolve;
  });
  const handlers = {
    ingest: async (id: string) => {
      await busy;
      await updateScene(db, id, { state: 'ready', progress: 1 });
    },
    segment: async () => {},
    discard: async () => {},
  };
  const queue = await startQueue(db, {}, handlers);
  try {
    for (let i = 0; i < 3; i++) await queue.enqueueIngest(await addScene(db, { ready: false }));
    const queueMetrics = createMetrics(db);
    await expect.poll(() => queueMetrics.text()).toContain('planimeter_queue_messages{kind="ingest",state="active"} 1');
    const text = await queueMetrics.text();
    expect(text).toContain('planimeter_queue_messages{kind="ingest",state="waiting"} 2');
    expect(text).toContain('planimeter_queue_messages{kind="segment",state="waiting"} 0');
    expect(text).toMatch(/planimeter_queue_oldest_seconds\{kind="ingest"\} \d*\.\d+/);
  } finally {
    release();
    await queue.stop();
  }
});

test('without the database there are the figures of the process, for who has the token for them', async () => {
  const down = { query: () => Promise.reject(new Error('connect ECONNREFUSED')) } as unknown as Database;
  const unreached = createMetrics(down);
  const text = await unreached.text();
  expect(text).toContain('planimeter_database_up 0');
  expect(text).toMatch(/process_resident_memory_bytes \d+/);
  expect(text).not.toMatch(/^planimeter_jobs\{/m);
  const guarded = await startService(db, {
    metrics: unreached,
    access: createAccess(down, true, undefined, 'scrape-me'),
  });
  const ask = async (path: string, token: string) =>
    (await fetch(guarded.address + path, { headers: { Authorization: `Bearer ${token}` } })).status;
  expect(await ask('/metrics', 'scrape-me')).toBe(200);
  expect(await ask('/scenes', 'scrape-me')).toBe(500);
  expect(await ask('/metrics', 'another')).toBe(500);
  await guarded.close();
});
