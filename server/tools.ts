import type { DeviceChoice } from '../models/runtime/device.ts';
import type { RunChooser } from '../models/runtime/run-profile.ts';
import type { Compute } from './processes/compute.ts';
import type { RemoteReader } from './remote/reader.ts';
import type { Database, Queryable } from './store/database/database.ts';
import type { FileStore } from './store/files/file-store.ts';

/** What it takes to map and draw. */
export type MappingTools = Omit<PipelineTools, 'db'> & { db: Queryable };

export interface PipelineTools {
  db: Database;
  files: FileStore;
  compute: Compute;
  /** Reads images elsewhere. */
  remote: RemoteReader;
  /** Where networks run, unless a job says otherwise. */
  device: DeviceChoice;
  /** How they are run there. */
  chooseRun: RunChooser;
  /** Of shards that jobs are cut into, at least, in model pixels; the usual one by default. */
  shardHeight?: number;
  /** What may be stored for a workspace, where there are tokens; the usual limit by default. */
  maxBytes?: number;
}
