import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMetrics } from '../metrics.ts';
import type { Database } from '../store/database.ts';
import { testEngines } from '../store/test-databases.ts';
import { addScene, startService, type TestService } from './test-service.ts';

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
  expect(text).toMatch(/process_resident_memory_bytes \d+/);
});

test('a finished job adds to the stages and pixels', async () => {
  const stage = { ingest: 1, plan: 0, infer: 2500, stitch: 0, vectorize: 0, store: 0 };
  const ledger = { done: 1000, nodata: 0, outside: 0, failed: 0, pending: 0 };
  const report = { timings_ms: stage, ledger, peak_rss_bytes: 5 } as Parameters<typeof metrics.countJob>[0];
  metrics.countJob(report);
  metrics.countJob(report);
  const text = await (await fetch(`${service.address}/metrics`)).text();
  expect(text).toContain('planimeter_stage_seconds_total{stage="infer"} 5');
  expect(text).toContain('planimeter_mapped_pixels_total 2000');
});
