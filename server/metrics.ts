/** What the service counts and measures of itself, as Prometheus reads it (text exposition format). */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { JobReport } from './http/types.ts';
import type { RemoteReader } from './remote/reader.ts';
import type { Queryable } from './store/database.ts';

export interface Metrics {
  readonly contentType: string;
  /** One answered request; `route` is the pattern, such as `/scenes/:id`, so that ids do not become series. */
  countRequest(request: { method: string; route: string; status: number }, seconds: number): void;
  /** One job that ended well. */
  countJob(report: JobReport): void;
  text(): Promise<string>;
}

/** What was read of images elsewhere. */
type Traffic = Pick<RemoteReader, 'traffic'>;

/** Jobs and scenes are counted in the database when the figures are asked for; the rest is counted as it happens. */
export function createMetrics(db: Queryable, remote: Traffic = { traffic: { requests: 0, bytes: 0 } }): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'planimeter_http_request_seconds',
    help: 'Time from the arrival of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  });
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
  const peak = new Gauge({
    name: 'planimeter_compute_peak_rss_bytes',
    help: 'Largest resident memory of the compute process that a finished job reported',
    registers,
  });
  for (const table of ['jobs', 'scenes'] as const) {
    new Gauge({
      name: `planimeter_${table}`,
      help: `Number of ${table} by state`,
      labelNames: ['state'],
      registers,
      async collect() {
        const counts = await db.query<{ state: string; count: number }>(
          `SELECT state, count(*)::integer AS count FROM planimeter.${table} GROUP BY state`,
        );
        this.reset();
        for (const { state, count } of counts) this.set({ state }, count);
      },
    });
  }
  for (const [name, help] of [
    ['requests', 'Requests for parts of images elsewhere'],
    ['bytes', 'Bytes received of images elsewhere'],
  ] as const) {
    new Counter({
      name: `planimeter_remote_${name}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(remote.traffic[name]);
      },
    });
  }
  let peakBytes = 0;
  return {
    contentType: registry.contentType,
    countRequest: ({ method, route, status }, seconds) => requests.observe({ method, route, status }, seconds),
    countJob(report) {
      for (const [stage, milliseconds] of Object.entries(report.timings_ms)) {
        if (stage !== 'ingest') stages.inc({ stage }, milliseconds / 1000); // which is the scene's, not the job's
      }
      pixels.inc(report.ledger.done);
      peakBytes = Math.max(peakBytes, report.peak_rss_bytes);
      peak.set(peakBytes);
    },
    text: () => registry.metrics(),
  };
}
