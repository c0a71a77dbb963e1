/** What the queue works on, scenes to be ingested and jobs to be run, as one: their states while work goes on. */
import type { Problem } from '../../errors/problem.ts';
import type { JobProgress } from '../api/index.ts';
import type { Queryable } from '../store/database/database.ts';
import { deleteFeatures } from '../store/tables/features.ts';
import { getJob, updateJob } from '../store/tables/jobs.ts';
import { getScene, updateScene } from '../store/tables/scenes.ts';
import { noteChips } from '../store/tables/shards.ts';
import type { Part, QueueName } from './pg-boss.ts';
import { stageProgress } from './progress.ts';

export interface WorkItem {
  kind: 'scene' | 'job';
  handler: 'ingest' | 'segment';
  /** Ids of those that are neither done nor given up, oldest first. */
  unfinished(q: Queryable): Promise<string[]>;
  /** Each of the next returns false, and changes nothing, where the subject is gone or has come to an end. */
  begin(q: Queryable, id: string, part?: Part): Promise<boolean>;
  progress(q: Queryable, id: string, progress: JobProgress, part?: Part): Promise<boolean>;
  /** `why`: what it waits for, if not for its turn. */
  wait(q: Queryable, id: string, why?: Problem): Promise<boolean>;
  /** Of a part of it: says what it waits for. */
  waitInPart(q: Queryable, id: string, why: Problem): Promise<boolean>;
  fail(q: Queryable, id: string, problem: Problem): Promise<boolean>;
  isRunning(q: Queryable, id: string): Promise<boolean>;
  /** Neither at an end nor gone. */
  isWanted(q: Queryable, id: string): Promise<boolean>;
  /** Removes what was stored of a subject that came to a bad end. */
  clean(q: Queryable, id: string): Promise<void>;
}

const now = () => new Date().toISOString();

const job: WorkItem = {
  kind: 'job',
  handler: 'segment',
  unfinished: (q) => ids(q, `SELECT id FROM planimeter.jobs WHERE state IN ('queued', 'running') ORDER BY created_at`),
  begin: (q, id, part) => {
    const started = part === undefined ? { started_at: now() } : {};
    return updateJob(q, id, { state: 'running', ...started, problem: null }, ['queued', 'running']);
  },
  progress: async (q, id, progress, part) => {
    if (typeof part !== 'number') return updateJob(q, id, { progress }, ['running']);
    const { done, total } = await noteChips(q, id, part, progress.done);
    return updateJob(q, id, { progress: stageProgress('infer', done, total) }, ['queued', 'running']);
  },
  wait: (q, id, why) => updateJob(q, id, { state: 'queued', problem: why?.toJSON() ?? null }, ['queued', 'running']),
  waitInPart: (q, id, why) => updateJob(q, id, { problem: why.toJSON() }, ['queued', 'running']),
  fail: (q, id, problem) =>
    updateJob(q, id, { state: 'failed', problem: problem.toJSON(), finished_at: now() }, ['queued', 'running']),
  isRunning: async (q, id) => (await getJob(q, id))?.state === 'running',
  isWanted: async (q, id) => ['queued', 'running'].includes((await getJob(q, id))?.state ?? ''),
  clean: async (q, id) => {
    const { state } = (await getJob(q, id)) ?? {};
    // Of one that goes on it is somebody's, perhaps another's than this process's: who stores begins with a clean slate.
    if (state === 'failed' || state === 'cancelled') await deleteFeatures(q, id);
  },
};

const scene: WorkItem = {
  kind: 'scene',
  handler: 'ingest',
  unfinished: (q) =>
    ids(q, `SELECT id FROM planimeter.scenes WHERE state IN ('uploaded', 'ingesting') ORDER BY created_at`),
  begin: (q, id) => updateScene(q, id, { state: 'ingesting', progress: 0, problem: null }, ['uploaded', 'ingesting']),
  progress: (q, id, { share }) => updateScene(q, id, { progress: share }, ['ingesting']),
  wait: (q, id, why) =>
    updateScene(q, id, { state: 'uploaded', problem: why?.toJSON() ?? null }, ['uploaded', 'ingesting']),
  waitInPart: async () => false, // a scene is read in one piece
  fail: (q, id, problem) =>
    updateScene(q, id, { state: 'refused', problem: problem.toJSON() }, ['uploaded', 'ingesting']),
  isRunning: async (q, id) => (await getScene(q, id))?.state === 'ingesting',
  isWanted: async (q, id) => ['uploaded', 'ingesting'].includes((await getScene(q, id))?.state ?? ''),
  clean: async () => {},
};

/** Strips are asked for by the job that they are of, which is the one to go on with. */
const strips: WorkItem = { ...job, unfinished: async () => [] };

export const WORK_ITEMS: Record<QueueName, WorkItem> = { ingest: scene, segment: job, draw: strips };

async function ids(q: Queryable, sql: string): Promise<string[]> {
  return (await q.query<{ id: string }>(sql)).map(({ id }) => id);
}
