/** A database, files and a compute process for one command, all gone when it ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceChoice } from '../models/runtime/device.ts';
import { createRunChooser } from './networks/run-profiles.ts';
import { startCompute } from './processes/compute.ts';
import type { RemotePolicy } from './remote/policy.ts';
import { createRemoteReader } from './remote/reader.ts';
import type { Database } from './store/database/database.ts';
import { openDatabase } from './store/database/open-database.ts';
import { localFileStore } from './store/files/file-store.ts';
import type { PipelineTools } from './tools.ts';

interface Place {
  device?: DeviceChoice;
  /** For images elsewhere. */
  policy?: RemotePolicy | null;
  /** Where its files lie, and stay, so that a job that was interrupted goes on; else they are gone with it. */
  folder?: string;
}

/** Runs `work` with tools of its own. Their database is opened when it is first asked for. */
export async function withEphemeralEngine<T>(
  work: (open: () => Promise<PipelineTools>, ready: Omit<PipelineTools, 'db'>) => Promise<T>,
  { device = 'cpu', policy = null, folder: kept }: Place = {},
): Promise<T> {
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'planimeter-tmp-')));
  const remote = createRemoteReader(policy);
  const compute = startCompute(remote.open);
  const files = localFileStore(folder);
  const ready = { files, compute, remote, device, chooseRun: createRunChooser() };
  let opening: Promise<Database> | undefined;
  const open = async () => {
    opening ??= openDatabase({});
    opening.catch(() => {});
    return { ...ready, db: await opening };
  };
  try {
    return await work(open, ready);
  } finally {
    await compute.stop();
    remote.close();
    await (opening as Promise<Database> | undefined)?.then((db) => db.close()).catch(() => {});
    if (kept === undefined) await rm(folder, { recursive: true, force: true });
  }
}
