/** The compute process: one, long-lived, started again when it has died. */
import { availableParallelism, tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from '../../errors/problem.ts';
import type { MapProgress, MapRequest, MapResult } from '../../models/mapping/map-scene.ts';
import type { MergeRequest } from '../../models/mapping/merge-shards.ts';
import type { Taught, TeachRequest } from '../../models/teaching/teach.ts';
import type { Proof, VerifyRequest } from '../../models/verify/verify-windows.ts';
import { isRemote, type OpenBytes } from '../../tiler/geotiff/byte-source.ts';
import type { ChosenRendering } from '../../tiler/working-copy/job-rendering.ts';
import type { SceneView } from '../../tiler/working-copy/scene-view.ts';
import type { DrawnStratum, DrawRequest } from '../accuracy/draw-units.ts';
import { onlyCards } from '../remote/reader.ts';
import type { DrawStripRequest } from '../tracing/draw-strip.ts';
import type { JoinCoarserRequest, JoinedCoarser, JoinedFinest, JoinStripsRequest } from '../tracing/join-strips.ts';
import { createChildPool } from './child-pool.ts';
import { ChildCrash, type ChildOptions, createChild, runOnce, type TaskOptions } from './child-process.ts';

/** Resident memory after which the compute process is ended. */
export const COMPUTE_MEMORY_BYTES = 6 * 2 ** 30;
const COMPUTE = {
  name: 'compute',
  entry: fileURLToPath(new URL('./compute-entry.ts', import.meta.url)),
  oldMegabytes: 128,
};
const DRAW = { name: 'draw', entry: fileURLToPath(new URL('./draw-entry.ts', import.meta.url)) };
/** Processes that draw: one a core, up to eight, since each takes memory by the width of the map. */
export const DRAWING_PROCESSES = Math.min(8, availableParallelism());

/**
 * Time in which at least one chip must be finished, or all windows of a proof by a network that somebody brought: PLANIMETER_MAX_CHIP_SECONDS, half an hour without. A network whose work
 * depends on what it sees may never end, and a device may hang. Throws Problem bad_request.
 */
export function chipLimitMs({ PLANIMETER_MAX_CHIP_SECONDS: text }: NodeJS.ProcessEnv): number {
  const seconds = text ? Number(text) : 1800;
  // Timers do not wait for longer.
  if (seconds >= 1 && seconds * 1000 < 2 ** 31) return seconds * 1000;
  throw new Problem('bad_request', `PLANIMETER_MAX_CHIP_SECONDS is a number of seconds, such as 1800, not "${text}".`);
}

/** Where the process of some work dies, another takes the work up. */
export interface Compute {
  /** Inference and stitching. Another process goes on with the chips that are left, and writes the maps anew. */
  map(request: MapRequest, options: TaskOptions<MapProgress>): Promise<MapResult>;
  /** The maps of all shards become those of the scene. */
  join(request: MergeRequest, options: TaskOptions<never>): Promise<void>;
  /** From the rows of a map to the features of a strip, while other strips are drawn and the network runs. */
  drawStrip(request: DrawStripRequest, options: TaskOptions<never>): Promise<void>;
  /** From what strips have left open to the last features of the finest level … */
  joinFinest(request: JoinStripsRequest, options: TaskOptions<never>): Promise<JoinedFinest>;
  /** … and of coarser ones. */
  joinCoarser(request: JoinCoarserRequest, options: TaskOptions<never>): Promise<JoinedCoarser>;
  /** Pixels of each class of a finished map, in a random order. */
  drawUnits(request: DrawRequest, options: TaskOptions<never>): Promise<DrawnStratum[]>;
  /** Random windows of a finished map, in one pass each. */
  prove(request: VerifyRequest, options: TaskOptions<never>): Promise<Proof>;
  /** A taught network from images and labels, in a process of its own: jobs go on beside it. */
  teach(request: TeachRequest, options: TaskOptions<number>): Promise<Taught>;
  /** Of a whole working COG, for a job that sets bands or stretch. */
  chooseRendering(request: { path: string; view: SceneView }, options: TaskOptions<never>): Promise<ChosenRendering>;
  stop(): Promise<void>;
}

/** How often one map may lose its process: a chip is given up after three times, this is for those that never begin. */
const MAX_MAP_CRASHES = 12;
/** How often other work may: it begins again from its files, and whose fault it was is not known. */
const MAX_CRASHES = 5;

const isCrash = (error: unknown): boolean => error instanceof ChildCrash;
const isMapCrash = (error: unknown): boolean =>
  isCrash(error) || (error instanceof Problem && error.code === 'limit_exceeded');

async function outliving<T>(most: number, crashed: (error: unknown) => boolean, run: () => Promise<T>): Promise<T> {
  for (let crashes = 1; ; crashes++) {
    try {
      return await run();
    } catch (error) {
      if (!crashed(error) || crashes >= most) throw error;
    }
  }
}

/** Looked at to see which devices there are. */
const DEVICE_FILES = ['/dev/dri', '/dev/nvidiactl'];

/**
 * A network that somebody brought, or an image that is read in place, in a process that reads the scene and the network,
 * and writes the job's folder.
 */
function confinedMap({ workingPath, network, classesPath }: MapRequest): ChildOptions {
  const confine = { read: [workingPath, network.modelPath, ...DEVICE_FILES], write: [dirname(classesPath), tmpdir()] };
  return { ...COMPUTE, memoryBytes: COMPUTE_MEMORY_BYTES, confine };
}

/** `remote`: reads images in place; their bytes are untrusted, so confined processes work on them. */
export function startCompute(remote?: OpenBytes): Compute {
  const child = createChild({ ...COMPUTE, memoryBytes: COMPUTE_MEMORY_BYTES });
  const drawing = createChildPool({ ...DRAW, memoryBytes: COMPUTE_MEMORY_BYTES }, DRAWING_PROCESSES);
  const stillMs = chipLimitMs(process.env);
  const reading = (path: string) => (remote && isRemote(path) ? { remote: onlyCards([path], remote) } : {});
  const untilDone = <Result, Progress>(task: string, request: unknown, options: TaskOptions<Progress>) =>
    outliving(MAX_CRASHES, isCrash, () => child.run<Result, Progress>(task, request, options));
  const draw = <Result>(task: string, request: unknown, options: TaskOptions<never>) =>
    outliving(MAX_CRASHES, isCrash, () => drawing.run<Result>(task, request, options));
  /** For work that writes nothing. */
  const runConfined = <T>(
    task: string,
    path: string,
    request: unknown,
    read: string[],
    options: TaskOptions<never>,
  ) => {
    const limits = { ...COMPUTE, memoryBytes: COMPUTE_MEMORY_BYTES, confine: { read, write: [] }, ...reading(path) };
    return runOnce<T>(limits, task, request, options);
  };
  return {
    map(request, options) {
      const { network, workingPath } = request;
      return outliving(MAX_MAP_CRASHES, isMapCrash, () => {
        const limited = { ...options, stillMs };
        if (!network.adapter && !isRemote(workingPath))
          return child.run<MapResult, MapProgress>('map', request, limited);
        const limits = { ...confinedMap(request), ...reading(workingPath) };
        return runOnce<MapResult, MapProgress>(limits, 'map', request, limited);
      });
    },
    prove(request, options) {
      const { workingPath, network, classesPath, scoresPath } = request;
      if (!isRemote(workingPath) && !network.adapter) return untilDone('prove', request, options);
      const read = [network.modelPath, classesPath, scoresPath, ...DEVICE_FILES];
      if (!isRemote(workingPath)) read.push(workingPath);
      return runConfined('prove', workingPath, request, read, { ...options, stillMs });
    },
    teach(request, options) {
      const { scenes, network, outputPath } = request;
      const paths = scenes.map(({ workingPath }) => workingPath);
      const elsewhere = paths.filter(isRemote);
      const read = [network.modelPath, ...paths.filter((path) => !isRemote(path))];
      const limits = { memoryBytes: COMPUTE_MEMORY_BYTES, confine: { read, write: [dirname(outputPath)] } };
      const files = remote && elsewhere.length > 0 ? { remote: onlyCards(elsewhere, remote) } : {};
      return runOnce<Taught, number>({ ...COMPUTE, ...limits, ...files }, 'teach', request, { ...options, stillMs });
    },
    join: (request, options) => draw('join', request, options),
    drawUnits: (request, options) => draw('drawUnits', request, options),
    drawStrip: (request, options) => draw('drawStrip', request, options),
    joinFinest: (request, options) => draw('joinFinest', request, options),
    joinCoarser: (request, options) => draw('joinCoarser', request, options),
    chooseRendering(request, options) {
      if (!isRemote(request.path)) return untilDone('chooseRendering', request, options);
      return runConfined('chooseRendering', request.path, request, [], options);
    },
    async stop() {
      await Promise.all([child.stop(), drawing.stop()]);
    },
  };
}
