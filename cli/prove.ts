/** `planimeter prove JOB`: random windows of a job's map once more, each in one pass, and how many pixels differ. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { problemFromJson } from '../errors/problem.ts';
import type { Proof } from '../models/verify/verify-windows.ts';
import { verifyJob } from '../server/pipeline/verify-job.ts';
import { startCompute } from '../server/processes/compute.ts';
import { parseRemoteHosts, REMOTE_HOSTS } from '../server/remote/policy.ts';
import { createRemoteReader } from '../server/remote/reader.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { checkedFileStore } from '../server/store/files/checked-files.ts';
import { openFileStore } from '../server/store/files/open-file-store.ts';
import { DATA_OPTION, JSON_OPTION, readArguments, readNumber, usageOf, valued } from './arguments.ts';
import { dataFolder, installedNetwork } from './files.ts';

const WINDOWS = 8;

const OPTIONS = {
  url: valued('URL', 'asks the service there, with the token of PLANIMETER_TOKEN, instead of opening the data folder'),
  windows: valued('N', `how many windows (${WINDOWS})`),
  seed: valued('N', 'the same windows as another time'),
  data: DATA_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(['prove JOB [--data DIR | --url URL] [--windows N] [--seed N] [--json]'], OPTIONS);

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['JOB']);
  const seed = values.seed === undefined ? randomInt(2 ** 31) : readNumber('seed', values.seed);
  const windows = values.windows === undefined ? WINDOWS : readNumber('windows', values.windows);
  const proof = values.url
    ? await ask(values.url, positionals[0], seed, windows)
    : await look(values.data, positionals[0], seed, windows);
  const verdict = `${proof.differing} of ${proof.pixels} pixels differ, scores by at most ${proof.max_score_delta}/255`;
  const line = `${verdict} (${proof.windows} windows, seed ${proof.seed})\n`;
  process.stdout.write(values.json ? `${JSON.stringify(proof)}\n` : line);
}

/** Of a service that runs. */
async function ask(url: string, job: string, seed: number, windows: number): Promise<Proof> {
  const token = process.env.PLANIMETER_TOKEN;
  const response = await fetch(new URL(`/jobs/${encodeURIComponent(job)}/prove`, url), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ seed, windows }),
  });
  const body = await response.json();
  if (!response.ok) throw problemFromJson(body as Parameters<typeof problemFromJson>[0]);
  return body as Proof;
}

/** Of a data folder that no service has open. */
async function look(data: string | undefined, job: string, seed: number, windows: number): Promise<Proof> {
  const { DATABASE_URL: url } = process.env;
  const db = await openDatabase(url ? { url } : { folder: join(dataFolder(data), 'database') });
  const remote = createRemoteReader(parseRemoteHosts(process.env[REMOTE_HOSTS]));
  const compute = startCompute(remote.open);
  try {
    const tools = {
      db,
      files: checkedFileStore(openFileStore(dataFolder(data), process.env.PLANIMETER_STORE), db),
      compute,
    };
    return await verifyJob(tools, installedNetwork, job, { seed, windows });
  } finally {
    await compute.stop();
    remote.close();
    await db.close();
  }
}
