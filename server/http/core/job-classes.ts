/** The classes of a job's map. */
import { Problem } from '../../../errors/problem.ts';
import type { ModelClass, ModelJson } from '../../api/index.ts';
import type { Job } from '../../store/tables/jobs.ts';

/** Of a map that grows, and of one that was made before reports held them, the network knows. Throws Problem not_found. */
export function classesOfJob(models: readonly ModelJson[], job: Job): readonly ModelClass[] {
  const classes = job.report?.classes ?? models.find(({ id }) => id === job.model)?.classes;
  if (!classes) throw new Problem('not_found', `The network "${job.model}" is not installed any more.`);
  return classes;
}
