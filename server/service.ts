/** The service in one process: database, file store, queue, HTTP, and the child processes that do the heavy work. */

import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { candidates, type Device, type DeviceChoice, parseDevice } from '../models/device.ts';
import type { Network } from '../models/registry.ts';
import { Problem } from '../tiler/problem.ts';
import { startCompute } from './children/compute.ts';
import { type Renderer, startRenderer } from './children/render.ts';
import { addDemoScene } from './demo-scene.ts';
import { createApp } from './http/app.ts';
import type { DeviceJson, JobReport } from './http/types.ts';
import { VERSION } from './identity.ts';
import { type Handlers, startQueue } from './jobs/queue.ts';
import { createRunChooser, settlePrecision } from './measurements.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { modelReason } from './model-choice.ts';
import { type NetworkShelf, openShelf } from './network-shelf.ts';
import { parseParameters } from './parameters.ts';
import { bandNamesOf, ingestScene, isReady, type PipelineTools, type ReadyScene, segmentScene } from './pipeline.ts';
import { choosable, preflight, type SceneFacts } from './preflight.ts';
import { proveJob } from './prove-job.ts';
import { parseRemoteHosts } from './remote/policy.ts';
import { createRemoteReader, type RemoteOptions } from './remote/reader.ts';
import { addRemoteScene } from './remote-scene.ts';
import { openDatabase } from './store/database.ts';
import { localFileStore } from './store/files.ts';
import { getJob } from './store/jobs.ts';
import { getScene } from './store/scenes.ts';
import { viewerFolder } from './viewer.ts';
import { workingPathOf } from './working-copy.ts';

export interface ServiceOptions {
  host: string;
  /** 0 for any free port. */
  port: number;
  dataFolder: string;
  /** A PostgreSQL server with PostGIS; embedded without. */
  databaseUrl?: string | undefined;
  device: string;
  uploadLimitBytes?: number;
  /** Whether files that tiles are drawn from stay open, with the blocks decoded last; the default. */
  keepRasters?: boolean;
  /** A MapLibre style to lie under everything; none by default, so that nothing leaves the machine. */
  basemap?: string | undefined;
  /** Hosts that imagery may be read from where it lies: see server/remote/policy.ts; none by default. */
  remoteHosts?: string | undefined;
  remote?: RemoteOptions;
}

export interface Service {
  url: string;
  stop(): Promise<void>;
}

/** Largest file that may be uploaded, unless another limit is set. */
export const UPLOAD_LIMIT_BYTES = 64 * 2 ** 30;

const LOOPBACK_HOSTS = ['127.0.0.1', '::1', 'localhost'];

/** Starts everything; resolves when it answers. Throws `data_folder_locked` when another process has the folder. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { dataFolder, databaseUrl, host, uploadLimitBytes = UPLOAD_LIMIT_BYTES } = options;
  const device = parseDevice(options.device);
  const remotePolicy = parseRemoteHosts(options.remoteHosts);
  const uploadFolder = join(dataFolder, 'uploads');
  const demoFolder = join(dataFolder, 'demo');
  await mkdir(uploadFolder, { recursive: true });
  const [db, viewer, { shelf, networks, models }] = await Promise.all([
    openDatabase(databaseUrl ? { url: databaseUrl } : { folder: join(dataFolder, 'database') }),
    viewerFolder(),
    openShelf(dataFolder),
  ]);
  const files = localFileStore(join(dataFolder, 'files'));
  const remote = createRemoteReader(remotePolicy, options.remote);
  const compute = startCompute(remote.open);
  const renderer = startRenderer(remote.open);
  const tools = { db, files, compute, remote, device, chooseRun: createRunChooser() };
  const metrics = createMetrics(db, remote);
  // Where `auto` has a choice, the first job makes it.
  const used: DeviceJson = { chosen: device, name: deviceAtHand(device), fallback_nodes: null };
  const noteDevice = ({ device: last }: JobReport) => last && Object.assign(used, last);
  const queue = await startQueue(db, { url: databaseUrl }, handlers(tools, { shelf, networks }, metrics, noteDevice));
  const installed = (id: string) => {
    const network = networks.find((each) => each.id === id);
    if (network) return network;
    throw new Problem('not_found', `The network "${id}" is not installed any more.`);
  };
  const app = createApp({
    db,
    files,
    queue,
    models,
    networks: shelf,
    service: {
      name: 'planimeter',
      version: VERSION,
      database: db.kind,
      device: deviceAtHand(device) ?? device,
      limits: { upload_bytes: uploadLimitBytes },
      basemap: options.basemap ?? null,
      remote_imagery: remotePolicy !== null,
    },
    device: () => used,
    metrics,
    uploadFolder,
    uploadLimitBytes,
    viewerFolder: viewer,
    allowedHosts: LOOPBACK_HOSTS.includes(host) ? [] : 'any',
    renderTile: (request) => renderer.tile({ ...request, afresh: options.keepRasters === false }),
    prove: (id, windows) => proveJob(tools, async (name) => installed(name), id, windows),
    settle: async (parameters, model) => settlePrecision(parameters, installed(model), device, tools.chooseRun),
    preflight: async (scene) => preflight(await sceneFacts(files, renderer, scene), networks),
    addRemoteScene: (request) => addRemoteScene({ db, files, queue, remote }, request),
    createDemoScene: () => addDemoScene({ db, files, queue }, demoFolder),
  });
  const server = createServer(app);
  server.listen(options.port, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await queue.stop();
      await Promise.all([compute.stop(), renderer.stop()]);
      remote.close();
      await db.close();
    },
  };
}

/** What the queue calls. Both begin with a clean slate, so that an interrupted run can simply be started again. */
function handlers(
  tools: PipelineTools,
  { shelf, networks }: { shelf: NetworkShelf; networks: readonly Network[] },
  metrics: Metrics,
  noteDevice: (report: JobReport) => void,
): Handlers {
  return {
    async ingest(id, context) {
      const scene = await getScene(tools.db, id);
      if (scene) await ingestScene(tools, scene, context);
    },
    async segment(id, context) {
      const job = await getJob(tools.db, id);
      const scene = job && (await getScene(tools.db, job.scene));
      if (!job || !scene || !isReady(scene)) return; // deleted while it waited
      await shelf.refresh();
      const network = networks.find((each) => each.id === job.model);
      if (!network) throw new Problem('not_found', `The network "${job.model}" is not installed any more.`);
      const report = await segmentScene(
        tools,
        {
          id,
          scene,
          network,
          parameters: parseParameters(job.parameters),
          modelReason: modelReason(scene.gsd_m, network.id, networks.map(choosable)),
        },
        context,
      );
      metrics.countJob(report);
      noteDevice(report);
    },
  };
}

/** The device that will be taken; null where that is found out by trying. */
const deviceAtHand = (device: DeviceChoice): Device | null =>
  device === 'auto' ? (candidates().length === 1 ? 'cpu' : null) : device;

async function sceneFacts(files: PipelineTools['files'], renderer: Renderer, scene: ReadyScene): Promise<SceneFacts> {
  const { width, height, geotransform, dtype, rendering, findings, validPixels } = scene.report;
  return {
    width,
    height,
    geotransform,
    gsdMetres: { x: scene.gsd_x_m, y: scene.gsd_y_m },
    dtype,
    rendering,
    findings,
    look: await renderer.look(workingPathOf(files, scene)),
    bandNames: bandNamesOf(scene.report),
    validShare: validPixels / (width * height),
  };
}
