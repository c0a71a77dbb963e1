/** A running service for the tests of the routes: real Express and a real database, with a fake queue and renderer. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import { drawUnits } from '../../server/accuracy/draw-units.ts';
import type { JobReport, ModelJson } from '../../server/api/index.ts';
import { type AppContext, createApp } from '../../server/http/app.ts';
import { createAccess } from '../../server/http/core/access.ts';
import type { TileRequest } from '../../server/http/core/app-context.ts';
import { readPublicAddress } from '../../server/http/core/public-address.ts';
import { openNetworkCatalog } from '../../server/networks/network-catalog.ts';
import { recordDone } from '../../server/operations/caller.ts';
import { createMetrics } from '../../server/operations/metrics.ts';
import { DEFAULT_LIMITS } from '../../server/operations/quotas.ts';
import { preflight } from '../../server/pipeline/preflight.ts';
import type { Queue } from '../../server/queue/queue.ts';
import { createRemoteReader } from '../../server/remote/reader.ts';
import { addRemoteScene } from '../../server/scenes/add-remote-scene.ts';
import type { Database, Queryable } from '../../server/store/database/database.ts';
import { localFileStore } from '../../server/store/files/file-store.ts';
import { createRoom } from '../../server/store/files/free-room.ts';
import { insertFeatures, publishJob } from '../../server/store/tables/features.ts';
import { georeference } from '../../server/store/tables/georeference.ts';
import { insertJob, updateJob } from '../../server/store/tables/jobs.ts';
import { insertScene, updateScene } from '../../server/store/tables/scenes.ts';
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import type { BandStatistics, ImageStatistics } from '../../tiler/ingest/image-statistics.ts';

type Listener = Parameters<Queue['subscribe']>[1];

/** Remembers what it was asked for, and changes states as the real queue does, but runs nothing. */
export class FakeQueue implements Queue {
  readonly calls: string[] = [];
  readonly #db: Database;
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(db: Database) {
    this.#db = db;
  }

  async enqueueIngest(sceneId: string) {
    this.calls.push(`ingest ${sceneId}`);
  }

  async enqueueSegment(jobId: string) {
    this.calls.push(`segment ${jobId}`);
  }

  async cancel(jobId: string, note?: Parameters<Queue['cancel']>[1]) {
    this.calls.push(`cancel ${jobId}`);
    await this.#change(jobId, 'cancelled', note);
    this.notify('job', jobId);
  }

  async retry(jobId: string, note?: Parameters<Queue['retry']>[1]) {
    this.calls.push(`retry ${jobId}`);
    await this.#change(jobId, 'queued', note);
    this.notify('job', jobId);
  }

  async #change(jobId: string, state: 'cancelled' | 'queued', note: Parameters<Queue['retry']>[1]) {
    await this.#db.transaction(async (q) => {
      await updateJob(q, jobId, { state });
      await note?.(q);
    });
  }

  subscribe(id: string, listener: Listener) {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(id);
    };
  }

  async stop() {}

  notify(kind: 'scene' | 'job', id: string) {
    for (const listener of this.#listeners.get(id) ?? []) listener({ kind, id });
  }

  get subscriptions(): number {
    return this.#listeners.size;
  }
}

export const MODEL: ModelJson = {
  id: 'landuse-unet',
  name: 'Land use',
  description: 'Five classes',
  kind: 'shipped',
  task: 'segmentation',
  gsd_m: 0.5,
  classes: [{ name: 'building', value: 1, color: '#cc4444' }],
  sha256: 'ab'.repeat(32),
  identity: 'ab'.repeat(32),
  bands: null,
  stored: false,
  probabilities: false,
  features: { stride: 16, channels: 64 },
};

/** By labels that say nothing. */
const TAUGHT = {
  ...{ sha256: 'ab'.repeat(32), outside: 0, better: false, drawn_on_errors: false, agreement: null },
  ...{ classes: [], contradicted: [], strength: { anchors: 1, ridge: 1 }, paint_next: [] },
};

export interface TestService {
  address: string;
  server: Server;
  db: Database;
  queue: FakeQueue;
  folder: string;
  files: AppContext['files'];
  uploadFolder: string;
  /** What the fake renderer was asked for. */
  rendered: TileRequest[];
  close(): Promise<void>;
}

/** Of an image in grays from 0 to 200. */
const VALUES = {
  min: 0,
  max: 200,
  mean: 90,
  percentiles: [1, 40, 90, 130, 199],
  histogram: [4, 5],
} satisfies BandStatistics;
const LOOK: ImageStatistics = {
  sampled: 9,
  valid: 9,
  bands: [VALUES, VALUES, null],
  content: { kind: 'imagery', colours: 999, flatShare: 0.01, commonestShare: 0.1, contrast: 198 },
};

export const UPLOAD_LIMIT_BYTES = 64 * 2 ** 20;

export async function startService(db: Database, changes: Partial<AppContext> = {}): Promise<TestService> {
  const folder = changes.uploadFolder ? join(changes.uploadFolder, '..') : await mkdtemp(join(tmpdir(), 'planimeter-'));
  const queue = new FakeQueue(db);
  const files = localFileStore(folder);
  const rendered: TileRequest[] = [];
  const fakeRenderTile: AppContext['renderTile'] = async (request) => {
    rendered.push(request);
    return Buffer.from(`fake ${request.format} of ${request.size} pixels`);
  };
  const uploadFolder = join(folder, 'uploads');
  const app = createApp({
    allWorkspaces: db,
    access: createAccess(db, false),
    publicAddress: readPublicAddress({}),
    files,
    queue,
    models: [MODEL],
    networks: (await openNetworkCatalog(folder, null)).catalog,
    service: {
      name: 'planimeter',
      version: '1.2.3',
      database: db.kind,
      device: 'cpu',
      limits: { upload_bytes: UPLOAD_LIMIT_BYTES },
      basemap: null,
      remote_imagery: false,
    },
    device: () => ({ chosen: 'auto', name: 'cpu', fallback_nodes: 2 }),
    metrics: createMetrics(db),
    limits: { ...DEFAULT_LIMITS, uploadBytes: UPLOAD_LIMIT_BYTES },
    uploadFolder,
    room: createRoom([folder], 0),
    viewerFolder: null,
    addRemoteScene: (db, actor, request) =>
      addRemoteScene({ db, files, queue, remote: createRemoteReader(null) }, actor, request),
    renderTile: fakeRenderTile,
    readPixel: async () => null,
    keepTiles: () => {},
    prove: async (_job, { seed, windows }) => ({ seed, windows, pixels: 9, differing: 0, max_score_delta: 0 }),
    drawUnits,
    settle: async (parameters) => parameters,
    preflight: async ({ report }) =>
      preflight(
        { ...report, gsdMetres: { x: 0.5, y: 0.5 }, bandNames: ['red', 'green', 'blue'], look: LOOK, validShare: 0.75 },
        [],
      ),
    teach: ({ from, id, labels }) => {
      if (labels.length === 0) throw new Problem('labels_unusable', 'There are no labels on these scenes.');
      return async ({ onProgress }) => {
        onProgress(0.5);
        return { ...TAUGHT, model: id, derived_from: from, labels: labels.length };
      };
    },
    addDemoScene: (db, actor) =>
      db.transaction(async (q) => {
        const id = await addScene(q, { ready: false });
        await recordDone(q, actor, 'scene_added', id, { name: 'dubai.tif', bytes: 12 });
        return id;
      }),
    remakeWorkingCopy: async (scene) => ({ key: `scenes/${scene.id}/working.tif`, bytes: 1, sha256: '0', same: true }),
    ...changes,
  });
  const server = await listen(createServer(app));
  return {
    address: `http://localhost:${(server.address() as AddressInfo).port}`,
    server,
    db,
    queue,
    folder,
    files,
    uploadFolder,
    rendered,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function listen(server: Server): Promise<Server> {
  return new Promise((resolve) => server.listen(0, 'localhost', () => resolve(server)));
}

/** A scene of 2000 × 2000 pixels at 0.5 m in UTM zone 40N, in Dubai. */
export const GEOTRANSFORM = [326_000, 0.5, 0, 2_784_000, 0, -0.5] as const;

export async function addScene(
  db: Queryable,
  { ready = true, sha256 = randomUUID().replaceAll('-', '').repeat(2) } = {},
): Promise<string> {
  const id = randomUUID();
  await insertScene(db, { id, name: 'dubai.tif', upload: null, sha256, bytes: 12 });
  if (!ready) return id;
  const place = {
    epsg: 32640,
    userCrs: null,
    geotransform: [...GEOTRANSFORM] as Geotransform,
    width: 2000,
    height: 2000,
  };
  const { footprint, bbox } = await georeference(db, place);
  await updateScene(db, id, {
    state: 'ready',
    progress: 1,
    srs: 'EPSG:32640',
    epsg: 32640,
    footprint,
    bbox,
    gsd_m: 0.5,
    gsd_x_m: 0.5,
    gsd_y_m: 0.5,
    width: 2000,
    height: 2000,
    bands: 3,
    report: {
      ...place,
      bands: 3,
      dtype: 'uint8',
      rendering: { bands: [1, 2, 3], ranges: null },
      geographic: false,
      nodata: null,
      meanColour: [1, 2, 3],
      validPixels: 3_000_000,
      findings: [],
      assumptions: [],
    },
  });
  return id;
}

/** Of a job that found nothing worth a word. */
export const reportOf = (job: string, scene: string): JobReport => ({
  job,
  scene,
  model: MODEL.id,
  parameters: { min_area_m2: 20, tolerance_m: 1 },
  assumptions: [],
  counts: {},
  areas_m2: {},
  ledger: { done: 9, nodata: 0, outside: 0, failed: 0, pending: 0 },
  seam: { certified: true, halo: 92, disagreement: 0 },
  timings_ms: { ingest: 1, plan: 1, infer: 1, stitch: 1, vectorize: 1, store: 1 },
  peak_rss_bytes: 1,
});

export interface TestFeature {
  collection: string;
  class: string;
  /** Rings in pixels of the scene. */
  rings: [number, number][][];
}

/** A job in state `done` with these features; their ids are in the order given. */
export async function addDoneJob(db: Database, scene: string, features: readonly TestFeature[], workspace = 'default') {
  const job = randomUUID();
  await insertJob(db.within({ workspace }), { id: job, scene, model: MODEL.id, parameters: {} });
  const ids = features.map(() => randomUUID());
  const rows = features.map(({ collection, class: name, rings }, i) => {
    return { id: ids[i], collection, class: name, score: 0.75, wkb: polygonWkb(rings) };
  });
  await insertFeatures(db, { id: job, epsg: 32640 }, rows);
  await publishJob(db, job, reportOf(job, scene));
  return { job, ids };
}

/** WKB (little endian) in the scene's CRS of rings in its pixels. */
function polygonWkb(rings: readonly [number, number][][]): Uint8Array {
  const points = rings.reduce((sum, ring) => sum + ring.length + 1, 0);
  const wkb = Buffer.alloc(9 + 4 * rings.length + 16 * points);
  wkb.writeUInt8(1, 0);
  wkb.writeUInt32LE(3, 1);
  wkb.writeUInt32LE(rings.length, 5);
  let at = 9;
  const [left, width, , top, , height] = GEOTRANSFORM;
  for (const ring of rings) {
    at = wkb.writeUInt32LE(ring.length + 1, at);
    for (const [px, py] of [...ring, ring[0]]) {
      at = wkb.writeDoubleLE(left + px * width, at);
      at = wkb.writeDoubleLE(top + py * height, at);
    }
  }
  return wkb;
}

/** A response with its body as JSON. */
export async function fetchJson(address: string, init?: RequestInit) {
  const response = await fetch(address, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : null };
}
