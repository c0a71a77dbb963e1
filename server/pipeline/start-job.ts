/** A scene, a network and parameters → a job in the queue. The same three are the same job. */

import { Problem } from '../../errors/problem.ts';
import type { Network } from '../../models/registry.ts';
import type { ModelJson } from '../api/index.ts';
import type { JobRequest } from '../api/jobs.ts';
import { shorten } from '../api/schema.ts';
import { jobId } from '../content-ids.ts';
import { chooseModel } from '../networks/choose-network.ts';
import { type Caller, recordDone } from '../operations/caller.ts';
import { checkJob, type Limits } from '../operations/quotas.ts';
import type { Queue } from '../queue/queue.ts';
import { type ReadyScene, requireReady } from '../scenes/ready-scene.ts';
import type { Queryable, Transactional } from '../store/database/database.ts';
import type { Room } from '../store/files/free-room.ts';
import { getJob, hasFailedChips, insertJob, type Job } from '../store/tables/jobs.ts';
import { getScene, type Scene } from '../store/tables/scenes.ts';
import { hasDamage } from '../store/tables/stored-files.ts';
import { checkAoi } from './area-of-interest.ts';
import { extraBytesPerPixel } from './extra-maps.ts';
import { type JobParameters, parseParameters } from './job-parameters.ts';
import { networkView } from './network-view.ts';
import { DISK_BYTES_PER_PIXEL } from './preflight.ts';

export interface StartTools {
  queue: Pick<Queue, 'enqueueSegment' | 'retry'>;
  models: readonly ModelJson[];
  limits: Limits;
  room: Pick<Room, 'check'>;
  /** Completes a job's parameters with what is chosen for this machine. Throws `bad_request`. */
  settle(parameters: JobParameters, modelId: string): Promise<JobParameters>;
}

/**
 * The job that was asked for, of the workspace that `db` shows: a new one, one that is there already, or one that failed
 * or was cancelled and is taken up again. Throws `bad_request`, `not_found`, `conflict`, `quota_jobs`, `quota_pixels`,
 * `no_room`.
 */
export async function startJob(
  { queue, models, settle, limits, room }: StartTools,
  db: Transactional,
  caller: Caller,
  { scene: sceneId, model: named, parameters: given, priority }: JobRequest,
): Promise<Job> {
  const wanted = parseParameters(given);
  const scene = await readyScene(db, sceneId);
  const model = requestedModel(models, named, scene);
  networkView(wanted, scene.report, model); // says which bands there are, before the job is queued
  if (wanted.aoi) await checkAoi(db, scene.footprint!, wanted.aoi);
  const parameters = await settle(wanted, model.id);
  const id = jobId(scene, model.identity, parameters);
  const existing = await getJob(db, id);
  const ended = existing?.state === 'failed' || existing?.state === 'cancelled';
  if (!existing || ended) {
    await checkJob(db, caller, limits, pixelsOf(scene));
    await room.check(diskBytes(scene, model, parameters));
  }
  const note = (q: Queryable) => recordStart(q, caller, id, scene, model.id);
  if (!existing) {
    const job = { id, scene: scene.id, model: model.id, parameters: { ...parameters }, priority };
    if (await insertOnce(db, job, note)) await queue.enqueueSegment(id);
  } else if (ended) await queue.retry(id, note);
  return (await getJob(db, id))!;
}

/** Takes up a job again that failed, was cancelled, has failed chips or damaged files. Throws `conflict`, `quota_jobs`, `quota_pixels`. */
export async function retryJob(
  { queue, limits, allWorkspaces }: Pick<StartTools, 'queue' | 'limits'> & { allWorkspaces: Queryable },
  db: Transactional,
  caller: Caller,
  job: Job,
): Promise<void> {
  const ended = job.state === 'failed' || job.state === 'cancelled';
  if (!ended && !hasFailedChips(job.report) && !(await hasDamage(allWorkspaces, `jobs/${job.id}`))) {
    const detail = `The job is ${job.state}; only failed, cancelled, incomplete and damaged jobs can be retried.`;
    throw new Problem('conflict', detail);
  }
  const scene = await getScene(db, job.scene);
  if (scene) await checkJob(db, caller, limits, pixelsOf(scene));
  await queue.retry(job.id, async (q) => {
    if (scene) await recordStart(q, caller, job.id, scene, job.model);
  });
}

/** Of the image, by which a workspace's day is reckoned. */
const pixelsOf = ({ width, height }: Scene): number => (width ?? 0) * (height ?? 0);

/** What the maps of a job will take, about. */
function diskBytes(scene: ReadyScene, model: ModelJson, parameters: JobParameters): number {
  const { gsd_m } = model;
  const scale = gsd_m === null ? 1 : Math.min(1, scene.gsd_m / gsd_m);
  const bytes = DISK_BYTES_PER_PIXEL + extraBytesPerPixel(model, parameters);
  return Math.round(pixelsOf(scene) * scale ** 2 * bytes);
}

const recordStart = (q: Queryable, caller: Caller, id: string, scene: Scene, model: Network['id']): Promise<void> =>
  recordDone(q, caller, 'job_started', id, { scene: scene.id, model, pixels: pixelsOf(scene) });

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/** False where a request at the same moment has inserted the job. */
async function insertOnce(
  db: Transactional,
  job: Parameters<typeof insertJob>[1],
  note: (q: Queryable) => Promise<void>,
): Promise<boolean> {
  try {
    await db.transaction(async (q) => {
      await insertJob(q, job);
      await note(q);
    });
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === UNIQUE_VIOLATION) return false;
    if (code === FOREIGN_KEY_VIOLATION) throw new Problem('not_found', 'The scene was deleted meanwhile.');
    throw error;
  }
}

async function readyScene(db: Queryable, id: string): Promise<ReadyScene> {
  const scene = await getScene(db, id);
  if (!scene) throw new Problem('not_found', `There is no scene with the id "${id}".`);
  return requireReady(scene);
}

function requestedModel(models: readonly ModelJson[], named: string | undefined, scene: ReadyScene): ModelJson {
  const id = named ?? chooseModel(scene.gsd_m, models)?.id;
  const model = models.find((candidate) => candidate.id === id);
  if (model) return model;
  const known = models.map((candidate) => candidate.id).join(', ') || 'none is installed';
  throw new Problem('bad_request', `There is no model "${shorten(id ?? '')}". Known are: ${known}.`);
}
