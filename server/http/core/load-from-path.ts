/** Scenes and jobs named in a path, or the problem that there is none. */
import type { Request } from 'express';
import { Problem, problemFromJson } from '../../../errors/problem.ts';
import type { JobJson } from '../../api/index.ts';
import type { Queryable } from '../../store/database/database.ts';
import { getJob, type Job, NO_TOTALS, totalsOfJobs } from '../../store/tables/jobs.ts';
import { getScene, type Scene } from '../../store/tables/scenes.ts';
import { pathId } from './request.ts';

export async function requestedScene(db: Queryable, request: Request, name = 'id'): Promise<Scene> {
  const id = pathId(request, name, 'scene');
  const scene = await getScene(db, id);
  if (!scene) throw new Problem('not_found', `There is no scene with the id "${id}".`);
  return scene;
}

export async function requestedJob(db: Queryable, request: Request, name = 'id'): Promise<Job> {
  const id = pathId(request, name, 'job');
  const job = await getJob(db, id);
  if (!job) throw new Problem('not_found', `There is no job with the id "${id}".`);
  return job;
}

/** Throws `damaged` for a job that has lost some of what it had made. */
export function refuseDamaged({ state, problem }: Job): void {
  if (state === 'failed' && problem?.code === 'damaged') throw problemFromJson(problem);
}

/** A job with its totals, which stand once its features are visible. */
export async function describeJob(db: Queryable, job: Job): Promise<JobJson> {
  return (await describeJobs(db, [job]))[0]!;
}

export async function describeJobs(db: Queryable, jobs: readonly Job[]): Promise<JobJson[]> {
  const totals = await totalsOfJobs(
    db,
    jobs.map(({ id }) => id),
  );
  return jobs.map((job) => ({ ...job, ...(totals.get(job.id) ?? NO_TOTALS) }));
}
