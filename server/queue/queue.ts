/**
 * Runs the work that scenes and jobs ask for, one ingest and one job, or part of a job, at a time in this process: delivery,
 * retries and dead workers are pg-boss's, states and progress stand in the rows of scenes and jobs.
 */
import type { Job } from 'pg-boss';
import { Problem } from '../../errors/problem.ts';
import type { JobProgress, JobState, Stage } from '../api/index.ts';
import { log, withLogFields } from '../log.ts';
import type { Database, Session } from '../store/database/database.ts';
import { isUnreachable } from '../store/files/unreachable.ts';
import { getJob, updateJob } from '../store/tables/jobs.ts';
import { deletePlan } from '../store/tables/shards.ts';
import {
  asBossDatabase,
  DEAD_LETTERS,
  endBoss,
  keyOf,
  type Message,
  type Part,
  priorityOf,
  QUEUES,
  type QueueName,
  RETRY_LIMIT,
  startBoss,
} from './pg-boss.ts';
import { reportProgress } from './progress.ts';
import { WORK_ITEMS } from './work-items.ts';

export interface WorkContext {
  /** Aborted when the work is no longer wanted here: stop soon and throw. */
  signal: AbortSignal;
  /** May be called as often as one likes. */
  progress(p: { stage: Stage; done: number; total: number; share: number }): void;
}

export interface PartContext extends WorkContext {
  /** Undefined: the job, to be done as a whole or planned in parts. */
  part: Part | undefined;
  /**
   * Keeps what was done and asks for the parts that `store` returns, all in one transaction. With that the work is over,
   * and the job goes on. A part that waits or is worked on is not asked for twice.
   */
  handOver(store: (session: Session) => Promise<Part[]>): Promise<void>;
}

export interface Handlers {
  /** Ends with the scene `ready`. */
  ingest(sceneId: string, context: WorkContext): Promise<void>;
  /** Ends with the job published, or with a part of it handed over. */
  segment(jobId: string, context: PartContext): Promise<void>;
  /** Removes what the parts of a job have left that has come to an end. */
  discard(jobId: string): Promise<void>;
}

export interface ChangeNotice {
  kind: 'scene' | 'job';
  id: string;
}

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
   * Runs a failed or cancelled job again, or one whose map misses chips. Throws Problem not_found, and else conflict.
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

/** Of one job; what pg-boss finds at a time. */
const MOST_PARTS = 100_000;

class Stopping extends Error {}
class Unwanted extends Error {}

interface Run {
  id: string;
  control: AbortController;
  ended: Promise<void>;
}

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
  const running = new Set<Run>();
  const listeners = new Map<string, Set<(event: ChangeNotice) => void>>();
  const workers = new Map<QueueName, string>();
  let stopping: Promise<void> | null = null;

  const announce = (name: QueueName, id: string) => {
    for (const listener of listeners.get(id) ?? []) listener({ kind: WORK_ITEMS[name].kind, id });
  };
  /** Does nothing where the message waits already or is worked on. */
  const send = async (
    name: QueueName,
    id: string,
    session: Session,
    parts: (Part | undefined)[] = [undefined],
    { errors = 0, afterSeconds = 0 } = {},
  ) => {
    const priority = name === 'segment' ? ((await getJob(session, id))?.priority ?? 0) : 0;
    const messages = parts.map((part) => {
      const data: Message = { id, ...(part !== undefined && { part }), ...(errors > 0 && { errors }) };
      return { data, singletonKey: keyOf(data), priority: priorityOf(part, priority), startAfter: afterSeconds };
    });
    if (messages.length > 0) await boss.insert(name, messages, { db: asBossDatabase(session) });
  };
  const enqueue = async (name: QueueName, id: string) => {
    await send(name, id, db);
    wake(name, id);
  };
  const wake = (name: QueueName, id: string) => {
    boss.notifyWorker(workers.get(name)!);
    announce(name, id);
  };

  /** Gives a message back, for another process, the next start or, after an error, another try in some seconds. */
  const putBack = (
    name: QueueName,
    message: Job<Message>,
    again: { errors?: number; afterSeconds?: number } = { errors: message.data.errors ?? 0 },
  ) =>
    db.transaction(async (session) => {
      const { id, part } = message.data;
      const { isWanted, wait } = WORK_ITEMS[name];
      await boss.deleteJob(name, message.id, { db: asBossDatabase(session) });
      // The other parts of a job go on.
      if (await (part === undefined ? wait : isWanted)(session, id)) await send(name, id, session, [part], again);
    });

  /** One attempt, from its first to its last state. Throws for pg-boss to try again. */
  const attempt = async (name: QueueName, message: Job<Message>): Promise<void> => {
    const { id, part } = message.data;
    if (stopping) return putBack(name, message);
    if (!(await WORK_ITEMS[name].begin(db, id, part))) {
      // Cancelled or deleted while it waited; or published by a process that died before it had cleared away its parts.
      if (part !== undefined) await handlers.discard(id);
      return;
    }
    const control = new AbortController();
    const ended = withLogFields({ [WORK_ITEMS[name].kind]: id, ...(part !== undefined && { part }) }, () =>
      work(name, message, control),
    );
    const run = { id, control, ended: ended.catch(() => {}) };
    running.add(run);
    try {
      await ended;
    } finally {
      running.delete(run);
      wake(name, id); // and look for the next message at once
    }
  };

  const work = async (name: QueueName, message: Job<Message>, control: AbortController): Promise<void> => {
    const { id, part } = message.data;
    const subject = WORK_ITEMS[name];
    announce(name, id);
    const started = performance.now();
    const tries = message.retryCount + (message.data.errors ?? 0) + 1;
    log.info(`${name} begins`, { attempt: tries });
    // pg-boss aborts its signal when the message is no longer this worker's.
    const signal = AbortSignal.any([control.signal, message.signal]);
    const progress = reportProgress(async (latest: JobProgress) => {
      if (await subject.progress(db, id, latest, part)) announce(name, id);
      else control.abort(new Unwanted(`${subject.kind} ${id} was cancelled or deleted`));
    });
    let handedOver = false;
    const handOver: PartContext['handOver'] = async (store) => {
      await progress.end();
      await db.transaction(async (session) => send(name, id, session, await store(session)));
      handedOver = true;
    };
    try {
      await handlers[name](id, { signal, progress: progress.report, part, handOver });
      await progress.end();
      if (!handedOver && (await subject.isRunning(db, id))) throw new Error(`${name} of ${id} ended without a result`);
      log.info(`${name} is done`, { seconds: Math.round((performance.now() - started) / 100) / 10 });
    } catch (error) {
      await progress.end();
      if (control.signal.reason instanceof Stopping) {
        log.info(`${name} is given back: this process is stopping`);
        return await putBack(name, message);
      }
      if (signal.aborted) return; // whoever no longer wants it has said so in the database
      if (!(await isOurs(name, message))) return; // this process was taken for dead, and another does the work
      if (error instanceof Problem) {
        log.warn(`${name} ends with a problem: ${error.message}`, { problem: error.code });
        return await fail(name, message, error);
      }
      log.error(`${name} failed, attempt ${tries}`, { error });
      if (isUnreachable(error)) throw error; // the engine tries again, as after a death
      const errors = (message.data.errors ?? 0) + 1;
      if (errors <= RETRY_LIMIT) return await putBack(name, message, { errors, afterSeconds: 2 ** (errors - 1) });
      await fail(name, message, new Problem('internal', INTERNAL));
    } finally {
      if (typeof part !== 'number') await subject.clean(db, id);
    }
  };

  const isOurs = async (name: QueueName, { id, retryCount }: Job<Message>): Promise<boolean> => {
    const [found] = await boss.findJobs<Message>(name, { id });
    return found?.state === 'active' && found.retryCount === retryCount;
  };

  const fail = async (
    name: QueueName,
    { id: messageId, data: { id } }: { id: string; data: Message },
    why: Problem,
  ) => {
    await WORK_ITEMS[name].fail(db, id, why);
    if (name === 'segment') await discard(id, messageId);
  };

  /** Nobody is to go on with any part of a job. */
  const discard = async (id: string, except?: string) => {
    // Also when another process works on it: its heartbeat finds the message gone, and it stops.
    const messages = await boss.findJobs<Message>('segment', { data: { id }, limit: MOST_PARTS });
    const others = messages.map((message) => message.id).filter((each) => each !== except);
    if (others.length > 0) await boss.deleteJob('segment', others);
    await handlers.discard(id);
  };

  /** The work of a process that died: on a server its silence has been noticed as often as it may be retried. */
  const giveUp = async (name: QueueName, message: Job<Message>): Promise<void> => {
    const { id } = message.data;
    await fail(name, message, new Problem('interrupted', INTERRUPTED));
    await WORK_ITEMS[name].clean(db, id);
    announce(name, id);
  };

  /** Sends what is unfinished and has no message: this process or another was killed over it. */
  const recover = async (name: QueueName) => {
    const subject = WORK_ITEMS[name];
    await db.transaction(async (session) => {
      for (const id of await subject.unfinished(session)) {
        if (db.kind === 'pglite') await subject.wait(session, id);
        await send(name, id, session);
      }
    });
  };

  try {
    for (const name of QUEUES) {
      // Nobody else works on an embedded database: all messages are of a process that is gone.
      if (db.kind === 'pglite') await boss.deleteAllJobs(name);
      await recover(name);
      const polling = {
        pollingIntervalSeconds: POLLING_SECONDS,
        notifyPollingIntervalSeconds: ANNOUNCED_POLLING_SECONDS,
      };
      const rarely = {
        pollingIntervalSeconds: DEAD_POLLING_SECONDS,
        notifyPollingIntervalSeconds: DEAD_POLLING_SECONDS,
      };
      workers.set(name, await boss.work<Message>(name, polling, async ([message]) => attempt(name, message!)));
      await boss.work<Message>(DEAD_LETTERS[name], rarely, async ([message]) => giveUp(name, message!));
    }
  } catch (error) {
    await endBoss(boss);
    throw error;
  }

  const runsOf = (id: string) => [...running].filter((run) => run.id === id);
  const settled = (run: Run) => Promise.race([run.ended, wait(STOP_MS)]);

  return {
    enqueueIngest: (sceneId) => enqueue('ingest', sceneId),
    enqueueSegment: (jobId) => enqueue('segment', jobId),

    async cancel(jobId, note) {
      const changes = { state: 'cancelled', finished_at: new Date().toISOString() } as const;
      await db.transaction(async (session) => {
        if (!(await updateJob(session, jobId, changes, ['queued', 'running']))) {
          throw await refusal(session, jobId, 'cancelled');
        }
        await note?.(session);
      });
      const runs = runsOf(jobId);
      for (const { control } of runs) control.abort(new Unwanted(`job ${jobId} was cancelled`));
      await Promise.all(runs.map(settled));
      await discard(jobId);
      announce('segment', jobId);
    },

    async retry(jobId, note) {
      await Promise.all(
        runsOf(jobId)
          .filter(({ control }) => control.signal.aborted)
          .map(settled),
      );
      await db.transaction(async (session) => {
        const fresh = {
          state: 'queued',
          progress: { stage: 'plan', done: 0, total: 0, share: 0 },
          problem: null,
          report: null,
          started_at: null,
          finished_at: null,
        } as const;
        const incomplete = ((await getJob(session, jobId))?.report?.ledger?.failed ?? 0) > 0;
        const from: JobState[] = ['failed', 'cancelled', ...(incomplete ? (['done'] as const) : [])];
        if (!(await updateJob(session, jobId, fresh, from))) {
          throw await refusal(session, jobId, 'started again');
        }
        await deletePlan(session, jobId);
        await send('segment', jobId, session);
        await note?.(session);
      });
      wake('segment', jobId);
    },

    subscribe(id, listener) {
      const set = listeners.get(id) ?? new Set();
      listeners.set(id, set.add(listener));
      return () => {
        set.delete(listener);
        if (set.size === 0 && listeners.get(id) === set) listeners.delete(id);
      };
    },

    stop() {
      stopping ??= (async () => {
        for (const name of QUEUES) await boss.offWork(name, { wait: false });
        const runs = [...running];
        for (const { control } of runs) control.abort(new Stopping('Planimeter is stopping'));
        await Promise.all(runs.map(settled));
        await boss.stop({ timeout: 1000 });
      })();
      return stopping;
    },
  };
}

const INTERNAL = 'The work failed for a reason that is not in the input; the log of the service has the details.';
const INTERRUPTED = 'The process that did the work ended without a word, several times. Try again, or see its log.';

async function refusal(q: Session, jobId: string, action: string): Promise<Problem> {
  const job = await getJob(q, jobId);
  return job
    ? new Problem('conflict', `A job that is ${job.state} cannot be ${action}.`)
    : new Problem('not_found', `There is no job ${jobId}.`);
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
