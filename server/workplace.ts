/** A database, files and a compute process for one command, all gone when it ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceChoice } from '../models/device.ts';
import { startCompute } from './children/compute.ts';
import { createRunChooser } from './measurements.ts';
import type { PipelineTools } from './pipeline.ts';
import { openDatabase } from './store/database.ts';
import { localFileStore } from './store/files.ts';

/** Runs `work` with tools of its own, whose database is still opening when it begins. */
export async function inWorkplace<T>(
  work: (tools: Promise<PipelineTools>) => Promise<T>,
  device: DeviceChoice = 'cpu',
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-'));
  const compute = startCompute();
  const tools = openDatabase({}).then((db) => ({
    db,
    files: localFileStore(folder),
    compute,
    device,
    chooseRun: createRunChooser(),
  }));
  tools.catch(() => {});
  try {
    return await work(tools);
  } finally {
    await compute.stop();
    await tools.then(({ db }) => db.close()).catch(() => {});
    await rm(folder, { recursive: true, force: true });
  }
}
