/** The service in one process: database, file store, queue, HTTP, and the child processes that do the heavy work. */

import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Problem } from '../errors/problem.ts';
import type { TaughtModelJson } from './api/index.ts';
import { VERSION } from './content-ids.ts';
import { openEngine } from './engine.ts';
import { createApp } from './http/app.ts';
import { createAccess } from './http/core/access.ts';
import { isForOthers, readPublicAddress } from './http/core/public-address.ts';
import { startGarbageCollector } from './operations/garbage-collector.ts';
import { listen } from './operations/listen.ts';
import { admitting, readLimits } from './operations/quotas.ts';
import { viewerFolder } from './operations/viewer-folder.ts';
import { checkDaysOf, watchDamage } from './operations/watch-damage.ts';
import { requireExtraMaps } from './pipeline/extra-maps.ts';
import { preflight, type SceneFacts } from './pipeline/preflight.ts';
import { settlePrecision } from './pipeline/settle-precision.ts';
import { verifyJob } from './pipeline/verify-job.ts';
import { type Renderer, startRenderer } from './processes/render.ts';
import { parseRemoteHosts } from './remote/policy.ts';
import type { RemoteOptions } from './remote/reader.ts';
import { addDemoScene } from './scenes/add-demo-scene.ts';
import { addRemoteScene } from './scenes/add-remote-scene.ts';
import { remakeWorkingCopy } from './scenes/ingest-scene.ts';
import { bandNamesOf, type ReadyScene } from './scenes/ready-scene.ts';
import { fetchWorking } from './scenes/working-copy.ts';
import type { Queryable } from './store/database/database.ts';
import { requireRowLevelSecurity } from './store/database/row-level-security.ts';
import { markStore } from './store/files/open-file-store.ts';
import { anyToken } from './store/tables/tokens.ts';
import { planTeaching } from './teaching/teach-scenes.ts';
import type { PipelineTools } from './tools.ts';

export interface ServiceOptions {
  host: string;
  /** 0 for any free port. */
  port: number;
  dataFolder: string;
  /** `file:` or `s3:` URL of what workers on other machines reach too; the data folder without. */
  store?: string | undefined;
  /** A PostgreSQL server with PostGIS; embedded without. */
  databaseUrl?: string | undefined;
  device: string;
  /** Whether files that tiles are drawn from stay open, with the blocks decoded last; the default. */
  keepRasters?: boolean;
  /** A MapLibre style to lie under everything; none by default, so that nothing leaves the machine. */
  basemap?: string | undefined;
  /** Hosts that imagery may be read from where it lies: see server/remote/policy.ts; none by default. */
  remoteHosts?: string | undefined;
  remote?: RemoteOptions;
  /** Opens everything, for what this process asks of itself. */
  ownToken?: string;
}

export interface Service {
  url: string;
  stop(): Promise<void>;
}

/**
 * Starts everything; resolves when it answers. Throws `data_folder_locked` when another process has the folder,
 * `address_unusable`, `database_unreachable` and `database_unprepared`.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { dataFolder, host } = options;
  const limits = readLimits(process.env);
  const checkDays = checkDaysOf(process.env);
  const reached = readPublicAddress(process.env);
  const forOthers = isForOthers(host, reached);
  const remotePolicy = parseRemoteHosts(options.remoteHosts);
  const [viewer, engine] = await Promise.all([
    viewerFolder(),
    openEngine({ ...options, remotePolicy }, async (db, files) => {
      if (forOthers) await needToken(db, reached.url ?? host);
      await requireRowLevelSecurity(db);
      await markStore(db, files);
    }),
  ]);
  const { tools, queue, catalog, networks, models, metrics, device, sharedFolder } = engine;
  const { db, files, remote } = tools;
  const uploadFolder = join(sharedFolder, 'uploads');
  const demoFolder = join(dataFolder, 'demo');
  const renderer = startRenderer(remote.open);
  const installed = (id: string) => {
    const network = networks.find((each) => each.id === id);
    if (network) return network;
    throw new Problem('not_found', `The network "${id}" is not installed any more.`);
  };
  const stopping = new AbortController();
  const inTurn = oneAtATime((teach: () => Promise<TaughtModelJson>) => teach());
  const app = createApp({
    allWorkspaces: db,
    access: createAccess(db.within(null, limits), forOthers, options.ownToken, process.env.PLANIMETER_METRICS_TOKEN),
    files,
    queue,
    models,
    networks: catalog,
    service: {
      name: 'planimeter',
      version: VERSION,
      database: db.kind,
      device: device.name ?? device.chosen,
      limits: { upload_bytes: limits.uploadBytes },
      basemap: options.basemap ?? null,
      remote_imagery: remotePolicy !== null,
    },
    device: () => device,
    metrics,
    limits,
    uploadFolder,
    room: engine.room,
    viewerFolder: viewer,
    publicAddress: reached,
    allowedHosts: forOthers ? 'any' : [],
    renderTile: (request) => renderer.tile({ ...request, afresh: options.keepRasters === false }),
    readPixel: renderer.pixel,
    keepTiles: (job) => void engine.tiles.keep(job),
    prove: (id, windows) => verifyJob(tools, async (name) => installed(name), id, windows),
    drawUnits: (request) => tools.compute.drawUnits(request, {}),
    settle: async (parameters, model) => {
      const network = installed(model);
      requireExtraMaps(network, parameters);
      return settlePrecision(parameters, network, tools.device, tools.chooseRun);
    },
    teach: (request) => {
      const work = planTeaching(tools, sharedFolder, networks, installed(request.from), request);
      return ({ signal, onProgress }) =>
        inTurn(async () => {
          const taught = await work({ signal: AbortSignal.any([signal, stopping.signal]), onProgress });
          await catalog.publish(request.id);
          return taught;
        });
    },
    preflight: async (scene) => {
      const freeBytes = await engine.room.free();
      return preflight({ ...(await sceneFacts(files, renderer, scene)), freeBytes }, networks);
    },
    remakeWorkingCopy: oneAtATime((scene: ReadyScene) => remakeWorkingCopy(tools, scene, stopping.signal)),
    addRemoteScene: (db, caller, request) =>
      addRemoteScene({ db, files, queue, remote, admit: admitting(caller, limits) }, caller, request),
    addDemoScene: (db, caller) =>
      addDemoScene({ db, files, queue, admit: admitting(caller, limits) }, caller, demoFolder),
  });
  const watch = watchDamage(db, files, checkDays);
  const server = createServer(app);
  const close = async (collecting?: Promise<unknown>) => {
    stopping.abort();
    db.endRequests();
    await Promise.all([collecting, watch.stop()]);
    await Promise.all([engine.stop(), renderer.stop()]);
  };
  let port: number;
  try {
    await Promise.all([mkdir(uploadFolder, { recursive: true }), watch.begun]);
    port = await listen(server, options.port, host);
  } catch (error) {
    // Else the process would live on without an address, and hold the folder.
    await close();
    throw error;
  }
  const collector = startGarbageCollector({ db, files, dataFolder, uploadFolder });
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await close(collector.stop());
    },
  };
}

/** One call after the other: each takes a machine's cores. */
function oneAtATime<T, R>(work: (of: T) => Promise<R>): (of: T) => Promise<R> {
  let last: Promise<unknown> = Promise.resolve();
  return (of) => {
    const result = last.then(() => work(of));
    last = result.catch(() => {});
    return result;
  };
}

/** Throws Problem token_needed where other machines could reach a service that asks nobody who they are. */
async function needToken(db: Queryable, host: string): Promise<void> {
  if (await anyToken(db)) return;
  throw new Problem(
    'token_needed',
    `Reached by ${host}, anybody could use the service. Make a token first, on the same ` +
      'database: planimeter tokens create NAME --role admin',
  );
}

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
    look: await renderer.look(await fetchWorking(files, scene, { toShow: true })),
    bandNames: bandNamesOf(scene.report),
    validShare: validPixels / (width * height),
  };
}
