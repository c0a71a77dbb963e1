/**
 * Runs the work that scenes and jobs ask for, in this process one ingest, one job or part of it, and some strips at a time: delivery,
 * retries and dead workers are pg-boss's, states and progress stand in the rows of scenes and jobs.
 */
import { Problem } from '../../errors/problem.ts';
import type { JobState } from '../api/index.ts';
import type { Database, Session } from '../store/database/database.ts';
import { getJob, hasFailedChips, updateJob } from '../store/tables/jobs.ts';
import { deletePlan } from '../store/tables/shards.ts';
import { hasDamage } from '../store/tables/stored-files.ts';
import { attempt, giveUp, Stopping, Unwanted } from './attempt.ts';
import { announce, discard, type QueueState, type Run, recover, send, wake } from './messages.ts';
import { DEAD_LETTERS, endBoss, type Message, QUEUES, type QueueName, startBoss } from './pg-boss.ts';
import type { ChangeNotice, Handlers } from './work-context.ts';

export interface Queue {
  enqueueIngest(sceneId: string): Promise<void>;
  enqueueSegment(jobId: string): Promise<void>;
  /**
   * Ends a job that waits or runs as `cancelled`; running work has stopped on return, or was given up on. Throws
   * Problem not_found, and conflict when the job has come to an end already.
   * @param note writes what stands or falls with the change
   */
  cancel(jobId: string, note?: (q: Session) => Promise<void>): Promise<void>;
  /**
   * Runs a failed or cancelled job again, or one whose map misses chips or whose files are damaged. Throws Problem not_found, and else conflict.
   * @param note as of `cancel`
   */
  retry(jobId: string, note?: (q: Session) => Promise<void>): Promise<void>;
  /** Tells of changes that work in this process makes; returns what ends it. */
  subscribe(id: string, listener: (event: ChangeNotice) => void): () => void;
  /** Stops running work so that it is taken up again, by another process or at the next start. */
  stop(): Promise<void>;
}

/** How long to wait for work that was told to stop. */
const STOP_MS = 10_000;

/** Seconds between looks at a queue: what is enqueued is taken up at once, so these are for retries … */
const POLLING_SECONDS = 1;
/** … where messages are announced by the database, and paid by each worker of a fleet … */
const ANNOUNCED_POLLING_SECONDS = 2;
/** … and of work that has been given up. */
const DEAD_POLLING_SECONDS = 10;

/**
 * Starts to work, beginning with what was left unfinished. Handlers throw Problem for what cannot succeed (no retry);
 * anything else is tried twice more, and then fails as `internal`, its details logged; what was cut off from the database or
 * the store is tried for as long as work whose process died.
 */
export async function startQueue(
  db: Database,
  connection: { url?: string | undefined },
  handlers: Handlers,
): Promise<Queue> {
  const boss = await startBoss(db, connection.url);
  const state: QueueState = {
    ...{ db, boss, handlers },
    ...{ running: new Set(), listeners: new Map(), workers: new Map(), stopping: null },
  };
  try {
    // All of them first: what work asks for must not be taken for what an earlier process has left.
    for (const name of QUEUES) await tidyUp(state, name);
    for (const name of QUEUES) await beginWork(state, name);
  } catch (error) {
    await endBoss(boss);
    throw error;
  }
  return {
    enqueueIngest: (sceneId) => enqueue(state, 'ingest', sceneId),
    enqueueSegment: (jobId) => enqueue(state, 'segment', jobId),
    cancel: (jobId, note) => cancel(state, jobId, note),
    retry: (jobId, note) => retry(state, jobId, note),
    subscribe: (id, listener) => subscribe(state, id, listener),
    stop() {
      state.stopping ??= stop(state);
      return state.stopping;
    },
  };
}

async function tidyUp(state: QueueState, name: QueueName): Promise<void> {
  // Nobody else works on an embedded database: all messages are of a process that is gone.
  if (state.db.kind === 'pglite') await state.boss.deleteAllJobs(name);
  await recover(state, name);
}

async function beginWork(state: QueueState, name: QueueName): Promise<void> {
  const { boss, workers } = state;
  const hands = name === 'draw' ? (state.handlers.drawing ?? 1) : 1;
  const often = {
    pollingIntervalSeconds: POLLING_SECONDS * hands,
    notifyPollingIntervalSeconds: ANNOUNCED_POLLING_SECONDS * hands,
  };
  const rarely = {
    pollingIntervalSeconds: DEAD_POLLING_SECONDS,
    notifyPollingIntervalSeconds: DEAD_POLLING_SECONDS,
  };
  workers.set(name, []);
  for (let hand = 0; hand < hands; hand++) {
    const worker = await boss.work<Message>(name, often, async ([message]) => attempt(state, name, message!));
    workers.get(name)!.push(worker);
  }
  await boss.work<Message>(DEAD_LETTERS[name], rarely, async ([message]) => giveUp(state, name, message!));
}

async function enqueue(state: QueueState, name: QueueName, id: string): Promise<void> {
  await send(state, name, id, state.db);
  wake(state, name, id);
}

const runsOf = ({ running }: QueueState, id: string): Run[] => [...running].filter((run) => run.id === id);
const settled = (run: Run): Promise<void> => Promise.race([run.ended, wait(STOP_MS)]);

async function cancel(state: QueueState, jobId: string, note?: (q: Session) => Promise<void>): Promise<void> {
  const changes = { state: 'cancelled', finished_at: new Date().toISOString() } as const;
  await state.db.transaction(async (session) => {
    if (!(await updateJob(session, jobId, changes, ['queued', 'running']))) {
      throw await refusal(session, jobId, 'cancelled');
    }
    await note?.(session);
  });
  const runs = runsOf(state, jobId);
  for (const { control } of runs) control.abort(new Unwanted(`job ${jobId} was cancelled`));
  await Promise.all(runs.map(settled));
  await discard(state, jobId);
  announce(state, 'segment', jobId);
}

async function retry(state: QueueState, jobId: string, note?: (q: Session) => Promise<void>): Promise<void> {
  const stopping = runsOf(state, jobId).filter(({ control }) => control.signal.aborted);
  await Promise.all(stopping.map(settled));
  await state.db.transaction(async (session) => {
    const fresh = {
      state: 'queued',
      progress: { stage: 'plan', done: 0, total: 0, share: 0 },
      problem: null,
      report: null,
      started_at: null,
      finished_at: null,
    } as const;
    const incomplete = hasFailedChips((await getJob(session, jobId))?.report ?? null);
    const again = incomplete || (await hasDamage(session, `jobs/${jobId}`));
    const from: JobState[] = ['failed', 'cancelled', ...(again ? (['done'] as const) : [])];
    if (!(await updateJob(session, jobId, fresh, from))) {
      throw await refusal(session, jobId, 'started again');
    }
    await deletePlan(session, jobId);
    await send(state, 'segment', jobId, session);
    await note?.(session);
  });
  wake(state, 'segment', jobId);
}

function subscribe({ listeners }: QueueState, id: string, listener: (event: ChangeNotice) => void): () => void {
  const set = listeners.get(id) ?? new Set();
  listeners.set(id, set.add(listener));
  return () => {
    set.delete(listener);
    if (set.size === 0 && listeners.get(id) === set) listeners.delete(id);
  };
}

async function stop({ boss, running }: QueueState): Promise<void> {
  for (const name of QUEUES) await boss.offWork(name, { wait: false });
  const runs = [...running];
  for (const { control } of runs) control.abort(new Stopping('Planimeter is stopping'));
  await Promise.all(runs.map(settled));
  await boss.stop({ timeout: 1000 });
}

async function refusal(q: Session, jobId: string, action: string): Promise<Problem> {
  const job = await getJob(q, jobId);
  return job
    ? new Problem('conflict', `A job that is ${job.state} cannot be ${action}.`)
    : new Problem('not_found', `There is no job ${jobId}.`);
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
