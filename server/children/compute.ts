/** The compute process: one, long-lived, started again when it has died. */
import { fileURLToPath } from 'node:url';
import type { MapRequest, MapResult } from '../../models/map-scene.ts';
import type { ChosenRendering } from '../../tiler/choose-rendering.ts';
import { Problem } from '../../tiler/problem.ts';
import type { SceneView } from '../../tiler/scene-view.ts';
import { ChildCrash, createChild, type TaskOptions } from './child.ts';
import type { GeometryReport, VectorizeMapRequest } from './vectorize-map.ts';

/** Resident memory after which the compute process is ended. */
export const COMPUTE_MEMORY_BYTES = 6 * 2 ** 30;

export interface Compute {
  /** Inference and stitching; progress in chips. Where its process dies, another goes on with the chips that are left. */
  map(request: MapRequest, options: TaskOptions<number>): Promise<MapResult>;
  /** From class map to features; progress in rows. */
  vectorize(request: VectorizeMapRequest, options: TaskOptions<number>): Promise<GeometryReport>;
  /** Of a whole working COG, for a job that sets bands or stretch. */
  chooseRendering(request: { path: string; view: SceneView }, options: TaskOptions<never>): Promise<ChosenRendering>;
  stop(): Promise<void>;
}

/** How often one map may lose its process: a chip is given up after three times, this is for those that never begin. */
const MAX_CRASHES = 12;

const isCrash = (error: unknown): boolean =>
  error instanceof ChildCrash || (error instanceof Problem && error.code === 'limit_exceeded');

export function startCompute(): Compute {
  const entry = fileURLToPath(new URL('./compute-entry.ts', import.meta.url));
  const child = createChild({ entry, memoryBytes: COMPUTE_MEMORY_BYTES });
  return {
    async map(request, options) {
      for (let crashes = 1; ; crashes++) {
        try {
          return await child.run<MapResult, number>('map', request, options);
        } catch (error) {
          if (!isCrash(error) || crashes >= MAX_CRASHES) throw error;
        }
      }
    },
    vectorize: (request, options) => child.run('vectorize', request, options),
    chooseRendering: (request, options) => child.run('chooseRendering', request, options),
    stop: () => child.stop(),
  };
}
