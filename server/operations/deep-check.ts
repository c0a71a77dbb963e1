/** Everything that is stored, looked through at once: what is damaged, and what can be done about it. */
import { Problem } from '../../errors/problem.ts';
import type { Database } from '../store/database/database.ts';
import type { CheckedFileStore } from '../store/files/checked-files.ts';
import { adviceOn, type Remedy, remedyOf } from '../store/files/remedy.ts';
import { lostOwners } from '../store/tables/contents.ts';
import { unreadable } from '../store/tables/read-all.ts';
import { compareJobs, walkFiles } from './find-damage.ts';

export interface Damage {
  kind: 'database' | Remedy;
  /** Of a table or an index, a job, or the key of a file. */
  name: string;
  damage: string;
  remedy: string;
}

export interface DeepCheck {
  damages: Damage[];
  jobs: number;
  files: number;
  /** Keys of files of which nothing was noted before: recorded now, and not verified. */
  recorded: string[];
}

const REPAIRABLE = 'What can be made again is made again by planimeter doctor --deep --repair.';
const FROM_BACKUP = 'Stop the service and restore the database from a backup: nothing here can make it again.';

/** `db` and `files` are to be worked on by nobody else, or by a service whose work it may slow down. */
export async function checkDeeply(db: Database, files: CheckedFileStore): Promise<DeepCheck> {
  const damages: Damage[] = [];
  for (const { name, features, damage } of await unreadable(db)) {
    damages.push({ kind: 'database', name, damage, remedy: features ? REPAIRABLE : FROM_BACKUP });
  }
  for (const name of await lostOwners(db).catch(unlessDamaged)) {
    const damage = 'it was not deleted, and is not in the database any more';
    damages.push({ kind: 'database', name, damage, remedy: FROM_BACKUP });
  }
  const jobs = await compareJobs(db).catch((error) => unlessDamaged(error).length);
  const withdrawn = await db
    .query<{ id: string; detail: string }>(
      `SELECT id, problem->>'detail' AS detail FROM planimeter.jobs
        WHERE state = 'failed' AND problem->>'code' = 'damaged' ORDER BY id`,
    )
    .catch(unlessDamaged);
  for (const { id, detail } of withdrawn) {
    const [, damage = detail] = /^The job is damaged: (.*)\. Run the job again/.exec(detail) ?? [];
    damages.push({ kind: 'job', name: `jobs/${id}`, damage, remedy: adviceOn(`jobs/${id}`) });
  }
  const walked = await walkFiles(db, files).catch((error) => {
    unlessDamaged(error);
    return { compared: 0, recorded: [], damaged: [] };
  });
  for (const { key, damage } of walked.damaged) {
    damages.push({ kind: remedyOf(key), name: key, damage: damage!, remedy: adviceOn(key) });
  }
  return { damages, jobs, files: walked.compared, recorded: walked.recorded };
}

/** What cannot be read is among the findings already. */
function unlessDamaged(error: unknown): never[] {
  if (error instanceof Problem && error.code === 'damaged') return [];
  throw error;
}
