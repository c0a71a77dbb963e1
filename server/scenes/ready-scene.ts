/** Scenes that can be worked on. */
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

/** Names of the working COG's bands; those of scenes that were read before names were kept are not known. */
export function bandNamesOf({ bandNames, bands }: IngestReport): (string | null)[] {
  return bandNames ?? new Array<string | null>(bands).fill(null);
}
