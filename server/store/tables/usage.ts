/** What a workspace takes up. */
import type { Queryable } from '../database/database.ts';

export interface Usage {
  /** Of the images as they were uploaded. */
  bytes: number;
  /** Queued and running. */
  jobs: number;
  /** Of images whose mapping was begun within 24 hours, from the audit log: deleting jobs takes nothing back. */
  pixelsADay: number;
}

/** `q`: confined to the workspace. */
export async function usageOf(q: Queryable): Promise<Usage> {
  const [row] = await q.query<{ bytes: number; jobs: number; pixels: number }>(
    `SELECT (SELECT coalesce(sum(bytes), 0)::double precision FROM planimeter.scenes WHERE state <> 'refused') AS bytes,
            (SELECT count(*)::integer FROM planimeter.jobs WHERE state IN ('queued', 'running')) AS jobs,
            (SELECT coalesce(sum((details->>'pixels')::double precision), 0) FROM planimeter.audit
              WHERE action = 'job_started' AND workspace = planimeter.current_workspace()
                AND at > clock_timestamp() - interval '24 hours') AS pixels`,
  );
  return { bytes: row!.bytes, jobs: row!.jobs, pixelsADay: row!.pixels };
}
