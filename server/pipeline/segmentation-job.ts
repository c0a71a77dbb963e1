/** A job as it stands in the database, with what it takes to run it. */

import type { Network } from '../../models/registry.ts';
import type { ReadyScene } from '../scenes/ready-scene.ts';
import type { JobParameters } from './job-parameters.ts';

export interface SegmentationJob {
  id: string;
  scene: ReadyScene;
  network: Network;
  parameters: JobParameters;
  /** Why this network was taken. */
  modelReason: string;
  /** Where nobody will look at it at a smaller scale: without levels of detail. */
  finestOnly?: boolean;
}
