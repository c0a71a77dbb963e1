/** A database, files and a compute process for one command, all gone when it ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceChoice } from '../models/runtime/device.ts';
import { createRunChooser } from './networks/run-profiles.ts';
import { startCompute } from './processes/compute.ts';
import type { RemotePolicy } from './remote/policy.ts';
import { createRemoteReader } from './remote/reader.ts';
import { openDatabase } from './store/database/open-database.ts';
import { localFileStore } from './store/files/file-store.ts';
import type { PipelineTools } from './tools.ts';

interface Place {
  device?: DeviceChoice;
  /** For images elsewhere. */
  policy?: RemotePolicy | null;
}

/** Runs `work` with tools of its own, whose database is still opening when it begins; `ready` are those that wait for none. */
export async function withEphemeralEngine<T>(
  work: (tools: Promise<PipelineTools>, ready: Pick<PipelineTools, 'files' | 'remote'>) => Promise<T>,
  { device = 'cpu', policy = null }: Place = {},
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-tmp-'));
  const remote = createRemoteReader(policy);
  const compute = startCompute(remote.open);
  const files = localFileStore(folder);
  const tools = openDatabase({}).then((db) => ({
    db,
    files,
    compute,
    remote,
    device,
    chooseRun: createRunChooser(),
  }));
  tools.catch(() => {});
  try {
    return await work(tools, { files, remote });
  } finally {
    await compute.stop();
    remote.close();
    await tools.then(({ db }) => db.close()).catch(() => {});
    await rm(folder, { recursive: true, force: true });
  }
}
