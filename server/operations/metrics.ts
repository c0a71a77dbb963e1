/** What the service counts and measures of itself, as Prometheus reads it (text exposition format). */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { Problem } from '../../errors/problem.ts';
import type { JobReport } from '../api/index.ts';
import type { Queryable } from '../store/database/database.ts';
import type { FileStore } from '../store/files/file-store.ts';
import { createRoom, type Room } from '../store/files/free-room.ts';
import { addFreeRoom, addGauges, type Traffic } from './gauges.ts';

export interface Metrics {
  readonly contentType: string;
  /** One answered request; `route` is the pattern, such as `/scenes/:id`, so that ids do not become series. */
  countRequest(request: { method: string; route: string; status: number }, seconds: number): void;
  /** One job that ended well. */
  countJob(report: JobReport): void;
  /** The same files; what they take and what fails is counted. */
  measureFiles(files: FileStore): FileStore;
  /** A request to the file store that failed, and may be tried again. */
  countStoreFault(method: string): void;
  text(): Promise<string>;
}

const OPERATIONS = ['put', 'fetch', 'list', 'remove'] as const;

/** Routes of map tiles, and what they show. */
const TILE_KINDS: readonly (readonly [RegExp, string])[] = [
  [/^\/imagery\/:scene\/:z/, 'imagery'],
  [/^\/tiles\/:job\/:z/, 'vector'],
  [/^\/jobs\/:id\/classes\/:z/, 'classes'],
  [/^\/jobs\/:id\/scores\/:z/, 'scores'],
];

/** Jobs and scenes are counted in the database when the figures are asked for; the rest is counted as it happens. */
export function createMetrics(
  db: Queryable,
  remote: Traffic = { traffic: { requests: 0, bytes: 0 } },
  room: Pick<Room, 'free'> = createRoom([], 0),
): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const metrics = { ...requestMetrics(registers), ...jobMetrics(registers), ...fileMetrics(registers) };
  addGauges(registers, db, remote);
  addFreeRoom(registers, room);
  return { contentType: registry.contentType, ...metrics, text: () => registry.metrics() };
}

function requestMetrics(registers: Registry[]): Pick<Metrics, 'countRequest'> {
  const requests = new Histogram({
    name: 'planimeter_http_request_seconds',
    help: 'Time from the arrival of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
  const tiles = new Histogram({
    name: 'planimeter_tile_seconds',
    help: 'Time from the arrival of a request for a map tile to the end of its answer',
    labelNames: ['kind'],
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
    registers,
  });
  return {
    countRequest({ method, route, status }, seconds) {
      requests.observe({ method, route, status }, seconds);
      const kind = TILE_KINDS.find(([pattern]) => pattern.test(route))?.[1];
      if (kind && status < 400) tiles.observe({ kind }, seconds);
    },
  };
}

function jobMetrics(registers: Registry[]): Pick<Metrics, 'countJob'> {
  const stages = new Counter({
    name: 'planimeter_stage_seconds_total',
    help: 'Time that finished jobs spent in each stage',
    labelNames: ['stage'],
    registers,
  });
  const pixels = new Counter({
    name: 'planimeter_mapped_pixels_total',
    help: 'Model-grid pixels that finished jobs gave a class',
    registers,
  });
  const speed = new Gauge({
    name: 'planimeter_job_mpx_per_second',
    help: 'Megapixels of the model grid that the last finished job gave a class in a second of inference',
    labelNames: ['model', 'device'],
    registers,
  });
  const peak = new Gauge({
    name: 'planimeter_compute_peak_rss_bytes',
    help: 'Largest resident memory of the compute process that a finished job reported',
    registers,
  });
  let peakBytes = 0;
  return {
    countJob(report) {
      for (const [stage, milliseconds] of Object.entries(report.timings_ms)) {
        if (stage !== 'ingest') stages.inc({ stage }, milliseconds / 1000); // which is the scene's, not the job's
      }
      pixels.inc(report.ledger.done);
      const { infer } = report.timings_ms;
      const device = report.device?.name ?? 'unknown';
      if (infer > 0) speed.set({ model: report.model, device }, report.ledger.done / 1000 / infer);
      peakBytes = Math.max(peakBytes, report.peak_rss_bytes);
      peak.set(peakBytes);
    },
  };
}

function fileMetrics(registers: Registry[]): Pick<Metrics, 'measureFiles' | 'countStoreFault'> {
  const seconds = new Histogram({
    name: 'planimeter_store_seconds',
    help: 'Time that the file store took',
    labelNames: ['operation'],
    buckets: [0.001, 0.01, 0.1, 1, 10, 100],
    registers,
  });
  const errors = new Counter({
    name: 'planimeter_store_errors_total',
    help: 'Calls of the file store that failed for good',
    labelNames: ['operation'],
    registers,
  });
  const faults = new Counter({
    name: 'planimeter_store_faults_total',
    help: 'Requests to S3 that failed or were not answered; most of them were tried again with success',
    labelNames: ['method'],
    registers,
  });
  for (const operation of OPERATIONS) errors.inc({ operation }, 0);
  return {
    measureFiles(files) {
      const measured = { ...files };
      for (const operation of OPERATIONS) {
        const call = files[operation] as (...args: unknown[]) => Promise<unknown>;
        Object.assign(measured, {
          async [operation](...args: unknown[]) {
            const started = performance.now();
            try {
              return await call(...args);
            } catch (error) {
              if (!(error instanceof Problem)) errors.inc({ operation });
              throw error;
            } finally {
              seconds.observe({ operation }, (performance.now() - started) / 1000);
            }
          },
        });
      }
      return measured;
    },
    countStoreFault: (method) => faults.inc({ method }),
  };
}
