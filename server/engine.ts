/**
 * What does the work of scenes and jobs: the database, the shared folder, the networks, the child processes and the queue
 * that hands them work. With HTTP in front it is the service; without, a worker.
 */
import { join } from 'node:path';
import { Problem } from '../errors/problem.ts';
import { SHARD_HEIGHT } from '../models/mapping/shards.ts';
import type { Network } from '../models/registry.ts';
import { candidates, type Device, type DeviceChoice, parseDevice } from '../models/runtime/device.ts';
import type { DeviceJson, JobReport, ModelJson } from './api/index.ts';
import { modelReason } from './networks/choose-network.ts';
import { type NetworkCatalog, openNetworkCatalog } from './networks/network-catalog.ts';
import { createRunChooser } from './networks/run-profiles.ts';
import { createMetrics, type Metrics } from './operations/metrics.ts';
import { readLimits } from './operations/quotas.ts';
import { parseParameters } from './pipeline/job-parameters.ts';
import { removeParts } from './pipeline/parts/run-parts.ts';
import { runJob } from './pipeline/pipeline.ts';
import { choosable } from './pipeline/preflight.ts';
import { DRAWING_PROCESSES, startCompute } from './processes/compute.ts';
import { type Queue, startQueue } from './queue/queue.ts';
import type { Handlers } from './queue/work-context.ts';
import type { RemotePolicy } from './remote/policy.ts';
import { createRemoteReader, type RemoteOptions } from './remote/reader.ts';
import { ingestScene, mendWorkingCopy } from './scenes/ingest-scene.ts';
import { isReady } from './scenes/ready-scene.ts';
import type { Database } from './store/database/database.ts';
import { openDatabase } from './store/database/open-database.ts';
import { type CheckedFileStore, checkedFileStore } from './store/files/checked-files.ts';
import type { FileStore } from './store/files/file-store.ts';
import { createRoom, minFreeBytes, type Room } from './store/files/free-room.ts';
import { isBucket, openFileStore, sharedFolderOf } from './store/files/open-file-store.ts';
import { getJob } from './store/tables/jobs.ts';
import { getScene } from './store/tables/scenes.ts';
import { createTileKeeper, type TileKeeper } from './tiles/kept-tiles.ts';
import type { PipelineTools } from './tools.ts';

export interface EngineOptions {
  /** Holds the embedded database and, unless `store` says otherwise, everything else. */
  dataFolder: string;
  /** `file:` URL of the folder that all processes of a fleet share, or `s3:` URL for its images and maps. */
  store?: string | undefined;
  /** A PostgreSQL server with PostGIS; embedded without. */
  databaseUrl?: string | undefined;
  device: string;
  remotePolicy: RemotePolicy | null;
  remote?: RemoteOptions | undefined;
}

export interface Engine {
  tools: PipelineTools & { files: CheckedFileStore };
  queue: Queue;
  catalog: NetworkCatalog;
  /** Those installed, the default one first; changes as networks come and go. */
  networks: readonly Network[];
  models: readonly ModelJson[];
  metrics: Metrics;
  tiles: TileKeeper;
  /** What was asked for, and what the last job ran on. */
  device: DeviceJson;
  /** Where networks lie, and uploads before they are whole. */
  sharedFolder: string;
  /** On the disks of both folders. */
  room: Room;
  stop(): Promise<void>;
}

/**
 * Opens everything and begins to work. `check` runs before the queue hands out work; what it throws is thrown. Throws
 * `data_folder_locked`, `bad_request` for a store that is not a `file:` URL.
 */
export async function openEngine(
  options: EngineOptions,
  check: (db: Database, files: FileStore) => Promise<void>,
): Promise<Engine> {
  const { dataFolder, databaseUrl } = options;
  const chosen = parseDevice(options.device);
  const leastBytes = minFreeBytes(process.env);
  const limits = readLimits(process.env);
  const sharedFolder = sharedFolderOf(dataFolder, options.store);
  const inBucket = options.store !== undefined && isBucket(options.store);
  const [db, opened] = await Promise.all([
    openDatabase(databaseUrl ? { url: databaseUrl } : { folder: join(dataFolder, 'database') }),
    inBucket ? null : openNetworkCatalog(sharedFolder, null),
  ]);
  const room = createRoom([dataFolder, sharedFolder], leastBytes);
  const remote = createRemoteReader(options.remotePolicy, options.remote);
  const metrics = createMetrics(db, remote, room);
  const stored = openFileStore(dataFolder, options.store, { onFault: metrics.countStoreFault });
  const files = checkedFileStore(metrics.measureFiles(stored), db);
  const tiles = createTileKeeper(db, files, limits.statementSeconds);
  const compute = startCompute(remote.open);
  const close = async () => {
    await compute.stop();
    remote.close();
    await db.close();
  };
  try {
    await check(db, files);
    const { catalog, networks, models } = opened ?? (await openNetworkCatalog(sharedFolder, files));
    const tools = {
      db,
      files,
      compute,
      remote,
      device: chosen,
      chooseRun: createRunChooser(),
      shardHeight: shardHeightOf(process.env),
      maxBytes: limits.bytes,
    };
    // Where `auto` has a choice, the first job makes it.
    const device: DeviceJson = { chosen, name: deviceAtHand(chosen), fallback_nodes: null };
    const noteDevice = ({ device: last }: JobReport) => last && Object.assign(device, last);
    const queue = await startQueue(
      db,
      { url: databaseUrl },
      handlers(tools, { catalog, networks }, metrics, tiles, noteDevice, room),
    );
    return {
      ...{ tools, queue, catalog, networks, models, metrics, tiles, device, sharedFolder, room },
      async stop() {
        await Promise.all([tiles.stop(), queue.stop()]);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The device that will be taken; null where that is found out by trying. */
const deviceAtHand = (device: DeviceChoice): Device | null =>
  device === 'auto' ? (candidates().length === 1 ? 'cpu' : null) : device;

/** PLANIMETER_SHARD_HEIGHT: model pixels of a shard's height, at least. Throws Problem bad_request. */
function shardHeightOf({ PLANIMETER_SHARD_HEIGHT: text }: NodeJS.ProcessEnv): number {
  const height = text ? Number(text) : SHARD_HEIGHT;
  if (Number.isInteger(height) && height > 0) return height;
  throw new Problem('bad_request', `PLANIMETER_SHARD_HEIGHT is a number of pixels, such as 2048, not "${text}".`);
}

/** What the queue calls. Both begin with a clean slate, so that an interrupted run can simply be started again. */
function handlers(
  tools: PipelineTools,
  { catalog, networks }: { catalog: NetworkCatalog; networks: readonly Network[] },
  metrics: Metrics,
  tiles: TileKeeper,
  noteDevice: (report: JobReport) => void,
  room: Room,
): Handlers {
  return {
    drawing: DRAWING_PROCESSES,
    async ingest(id, context) {
      const scene = await getScene(tools.db, id);
      if (scene) await ingestScene(tools, scene, context);
    },
    async segment(id, context) {
      const job = await getJob(tools.db, id);
      const scene = job && (await getScene(tools.db, job.scene));
      if (!job || !scene || !isReady(scene)) return; // deleted while it waited
      if (context.part === undefined) await mendWorkingCopy(tools, scene, context.signal);
      await catalog.refresh();
      const network = networks.find((each) => each.id === job.model);
      if (!network) throw new Problem('not_found', `The network "${job.model}" is not installed any more.`);
      const report = await runJob(
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
      if (!report) return;
      metrics.countJob(report);
      noteDevice(report);
      const done = await getJob(tools.db, id);
      if (done) await tiles.keep(done);
    },
    discard: (id) => removeParts(tools, id),
    room: () => room.check(),
  };
}
