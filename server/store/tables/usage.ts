/** What a workspace takes up. */
import type { Queryable } from '../database/database.ts';
import type { FileStore } from '../files/file-store.ts';

export interface Usage {
  /** Of what is stored of its images and jobs. */
  bytes: number;
  /** Those that were not refused. */
  scenes: number;
  /** Queued and running. */
  jobs: number;
  /** Of images whose mapping was begun within 24 hours, from the audit log: deleting jobs takes nothing back. */
  pixelsADay: number;
  /** Links that open something. */
  shares: number;
  /** That were not taken back. */
  labels: number;
}

/** `q`: confined to the workspace. */
export async function usageOf(q: Queryable): Promise<Usage> {
  const [row] = await q.query<Usage>(
    `SELECT (SELECT coalesce(sum(stored_bytes), 0)::double precision FROM planimeter.scenes
               WHERE state <> 'refused')
            + (SELECT coalesce(sum(stored_bytes), 0)::double precision FROM planimeter.jobs) AS bytes,
            (SELECT count(*)::integer FROM planimeter.scenes WHERE state <> 'refused') AS scenes,
            (SELECT count(*)::integer FROM planimeter.jobs WHERE state IN ('queued', 'running')) AS jobs,
            (SELECT coalesce(sum((details->>'pixels')::double precision), 0) FROM planimeter.audit
              WHERE action = 'job_started' AND workspace = planimeter.current_workspace()
                AND at > clock_timestamp() - interval '24 hours') AS "pixelsADay",
            (SELECT count(*)::integer FROM planimeter.shares
              WHERE revoked_at IS NULL AND expires_at > clock_timestamp()) AS shares,
            (SELECT count(*)::integer FROM planimeter.labels WHERE deleted_at IS NULL) AS labels`,
  );
  return row!;
}

/** Until the transaction ends nobody else may add to what this workspace takes up. */
export async function lockUsage(q: Queryable, workspace: string): Promise<void> {
  await q.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`usage of ${workspace}`]);
}

/** Removes what was exported of a job: it says what holds no more. */
export async function removeExports(q: Queryable, files: FileStore, job: string): Promise<void> {
  await files.remove(`jobs/${job}/exports`);
  await noteJobBytes(q, files, job);
}

/** Bytes of the files that are stored below a key. */
export async function storedBytes(files: FileStore, prefix: string): Promise<number> {
  return (await files.entries(prefix)).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Writes down what a job's maps and exports take up now. */
export async function noteJobBytes(q: Queryable, files: FileStore, id: string): Promise<void> {
  const bytes = await storedBytes(files, `jobs/${id}`);
  await q.query('UPDATE planimeter.jobs SET stored_bytes = $2 WHERE id = $1', [id, bytes]);
}
