import type { ReadyScene } from '../scenes/ready-scene.ts';
import type { FeatureTable } from '../store/tables/feature-tables.ts';

export interface DatedScene {
  scene: ReadyScene;
  workingPath: string;
}

/** A scene that was mapped. */
export interface DatedJob extends DatedScene {
  job: string;
  classesPath: string;
  /** Null where the network tells none. */
  scoresPath: string | null;
  buildings: FeatureTable;
}
