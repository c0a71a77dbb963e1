/** Scenes that can be worked on. */
import { Problem } from '../../errors/problem.ts';
import type { IngestReport } from '../../tiler/ingest/ingest.ts';
import type { Scene } from '../store/tables/scenes.ts';

/** A scene whose ingest is over. */
export type ReadyScene = Scene & {
  epsg: number;
  gsd_m: number;
  gsd_x_m: number;
  gsd_y_m: number;
  bbox: [number, number, number, number];
  report: IngestReport & { ingest_ms: number };
};

export function isReady(scene: Scene): scene is ReadyScene {
  return scene.state === 'ready';
}

/** Throws `conflict` for a scene that is not ready to be mapped. */
export function requireReady(scene: Scene): ReadyScene {
  if (scene.state === 'refused') {
    throw new Problem('conflict', `The scene was refused: ${scene.problem?.detail ?? 'its file cannot be used.'}`);
  }
  if (!isReady(scene)) {
    throw new Problem('conflict', 'The scene is still being read; ask again once it is ready.');
  }
  return scene;
}

/** Names of the working COG's bands; those of scenes that were read before names were kept are not known. */
export function bandNamesOf({ bandNames, bands }: IngestReport): (string | null)[] {
  return bandNames ?? new Array<string | null>(bands).fill(null);
}
