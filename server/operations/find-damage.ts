/** Looks through what is stored for what is not as it was stored: features by their numbers and areas, files by their hashes. */
import { Problem } from '../../errors/problem.ts';
import { log } from '../log.ts';
import type { Database, Queryable } from '../store/database/database.ts';
import type { CheckedFileStore, ReadFile } from '../store/files/checked-files.ts';
import { findLosses, lostOwners, publishedJobs, withdrawJob } from '../store/tables/contents.ts';
import { renewIndexes } from '../store/tables/read-all.ts';
import { type FileRecord, forgetRecords, listRecords } from '../store/tables/stored-files.ts';

/**
 * Counts the features of a published job. One that has lost some is withdrawn: it ends as failed, with the problem that
 * says so, until it is run again. Returns what is amiss in words; null: nothing.
 */
export async function compareJob(db: Queryable, id: string): Promise<string | null> {
  const loss = await findLosses(db, id).catch((error) => {
    if (!(error instanceof Problem && error.code === 'damaged')) throw error;
    return `its features cannot be read: ${error.cause instanceof Error ? error.cause.message : error.message}`;
  });
  if (loss === null) return null;
  const remedy = `Run the job again, which makes the same features: POST /jobs/${id}/retry, or planimeter doctor --deep --repair.`;
  const problem = new Problem('damaged', `The job is damaged: ${loss}. ${remedy}`);
  if (await withdrawJob(db, id, problem.toJSON())) log.error(problem.message, { job: id });
  return loss;
}

/** Counts the features of all published jobs; where some are lost, makes the indexes anew that still point to their places. */
export async function compareJobs(db: Database, signal?: AbortSignal): Promise<number> {
  const ids = await publishedJobs(db);
  let losses = 0;
  for (const id of ids) {
    if (signal?.aborted) return ids.length;
    if ((await compareJob(db, id)) !== null) losses++;
  }
  if (losses === 0) return ids.length;
  await renewIndexes(db).catch((error) => {
    if (!(error instanceof Problem && error.code === 'damaged')) throw error;
    log.error(`the indexes of features cannot be made anew. ${error.message}`, { error: error.cause });
  });
  return ids.length;
}

export interface Walked {
  compared: number;
  /** Keys of files of which nothing was noted so far; what they hold now is. */
  recorded: string[];
  damaged: FileRecord[];
}

export interface WalkOptions {
  /** Leaves alone what was compared later. */
  before?: Date;
  readFile?: ReadFile;
  /** Asked before each file; the walk ends where it says no. */
  goOn?: () => Promise<boolean>;
}

/** Compares stored files with what they are to hold, those first that were not compared for longest. */
export async function walkFiles(db: Database, files: CheckedFileStore, options: WalkOptions = {}): Promise<Walked> {
  const { before = new Date(8.64e15), readFile, goOn = async () => true } = options;
  const walked: Walked = { compared: 0, recorded: [], damaged: [] };
  const owners = await knownOwners(db);
  const lost = new Set(await lostOwners(db));
  const records = await listRecords(db);
  const known = new Set(records.map(({ key }) => key));
  const due = records
    .filter(({ checked_at }) => new Date(checked_at) < before)
    .sort((a, b) => Date.parse(a.checked_at) - Date.parse(b.checked_at));
  for (const record of due) {
    if (!(await goOn())) return walked;
    const { key } = record;
    const owner = ownerOf(key);
    if (owner && !owners.has(owner)) {
      if (!lost.has(owner)) await forgetRecords(db, key); // deleted with what it belonged to
      continue;
    }
    const damage = await files.compare(key, readFile);
    walked.compared++;
    if (damage !== null) walked.damaged.push({ ...record, damage });
  }
  for (const folder of ['scenes', 'jobs']) {
    for (const key of await files.list(folder)) {
      if (known.has(key) || owners.get(ownerOf(key)!) !== 'idle' || !LASTING.test(key)) continue;
      if (!(await goOn())) return walked;
      if (await files.record(key, readFile)) walked.recorded.push(key);
    }
  }
  return walked;
}

/** What is not a file that is being written, or that goes with the end of a job. */
const LASTING =
  /^(scenes\/[^/]+\/(original\.\w+|working\.\w+)|jobs\/[^/]+\/((classes|scores|probabilities|features)\.tif|(exports|tiles)\/[\w.-]+(?<!\.partial)))$/;

const ownerOf = (key: string): string | null => /^(?:scenes|jobs)\/[^/]+/.exec(key)?.[0] ?? null;

/** `scenes/ID` and `jobs/ID`, and whether somebody works on them. */
async function knownOwners(db: Queryable): Promise<Map<string, 'idle' | 'busy'>> {
  const rows = await db.query<{ owner: string; busy: boolean }>(
    `SELECT 'scenes/' || id AS owner, state IN ('uploaded', 'ingesting') AS busy FROM planimeter.scenes
     UNION ALL SELECT 'jobs/' || id, state IN ('queued', 'running') FROM planimeter.jobs`,
  );
  return new Map(rows.map(({ owner, busy }) => [owner, busy ? 'busy' : 'idle']));
}
