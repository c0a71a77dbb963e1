/** Features by when the image of their scene was taken: `captured_at`, a clock without a zone that is read as UTC. */
import type { TimeInterval } from '../../api/datetime.ts';
import type { Queryable } from '../database/database.ts';

/** SQL of the time, or null, over `jobs j`. */
export const CAPTURED_AT = '(SELECT captured_at FROM planimeter.scenes WHERE id = j.scene)';

const iso = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());

/**
 * Scenes whose image was taken within the interval, and those of which nobody knows when: what has no time is part of
 * every interval (OGC API – Features 1.0, requirement 26). Found once for a statement, whatever the number of features.
 * @param parameters gets the ends
 * @returns a condition on `jobs j`
 */
export function capturedWithin({ from, to }: TimeInterval, parameters: unknown[]): string {
  const first = `$${parameters.push(iso(from))}::timestamptz`;
  const last = `$${parameters.push(iso(to))}::timestamptz`;
  return `j.scene IN (SELECT id FROM planimeter.scenes
                       WHERE captured_at IS NULL OR (captured_at >= coalesce(${first}, '-infinity') AND captured_at <= coalesce(${last}, 'infinity')))`;
}

/** Whether the features of a job are of the interval. */
export async function isJobWithin(q: Queryable, job: string, interval: TimeInterval): Promise<boolean> {
  const parameters: unknown[] = [job];
  const within = capturedWithin(interval, parameters);
  const rows = await q.query(`SELECT FROM planimeter.jobs j WHERE j.id = $1 AND ${within}`, parameters);
  return rows.length > 0;
}
