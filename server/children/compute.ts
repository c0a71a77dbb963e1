/** The compute process: one, long-lived, started again when it has died. */
import { fileURLToPath } from 'node:url';
import type { MapRequest, MapResult } from '../../models/map-scene.ts';
import type { ChosenRendering } from '../../tiler/choose-rendering.ts';
import type { SceneView } from '../../tiler/scene-view.ts';
import { createChild, type TaskOptions } from './child.ts';
import type { GeometryReport, VectorizeMapRequest } from './vectorize-map.ts';

/** Resident memory after which the compute process is ended. */
export const COMPUTE_MEMORY_BYTES = 6 * 2 ** 30;

export interface Compute {
  /** Inference and stitching; progress in chips. */
  map(request: MapRequest, options: TaskOptions<number>): Promise<MapResult>;
  /** From class map to features; progress in rows. */
  vectorize(request: VectorizeMapRequest, options: TaskOptions<number>): Promise<GeometryReport>;
  /** Of a whole working COG, for a job that sets bands or stretch. */
  chooseRendering(request: { path: string; view: SceneView }, options: TaskOptions<never>): Promise<ChosenRendering>;
  stop(): Promise<void>;
}

export function startCompute(): Compute {
  const entry = fileURLToPath(new URL('./compute-entry.ts', import.meta.url));
  const child = createChild({ entry, memoryBytes: COMPUTE_MEMORY_BYTES });
  return {
    map: (request, options) => child.run('map', request, options),
    vectorize: (request, options) => child.run('vectorize', request, options),
    chooseRendering: (request, options) => child.run('chooseRendering', request, options),
    stop: () => child.stop(),
  };
}
