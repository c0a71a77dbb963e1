/** One attempt at the work of a message, from its first to its last state. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'pg-boss';
import { noRoomOf } from '../../errors/no-room.ts';
import { Problem } from '../../errors/problem.ts';
import type { JobProgress } from '../api/index.ts';
import { log, withLogFields } from '../log.ts';
import { logFault } from '../store/files/outage-log.ts';
import { isUnreachable } from '../store/files/unreachable.ts';
import { announce, discard, putBack, type QueueState, sendParts, wake } from './messages.ts';
import { type Message, QUEUES, type QueueName, RETRY_LIMIT } from './pg-boss.ts';
import { reportProgress } from './progress.ts';
import type { PartContext } from './work-context.ts';
import { WORK_ITEMS } from './work-items.ts';

/** Why work is told to stop: this process does, and another takes the work up again; … */
export class Stopping extends Error {}
/** … or nobody wants it any more. */
export class Unwanted extends Error {}

const INTERNAL = 'The work failed for a reason that is not in the input; the log of the service has the details.';
const INTERRUPTED = 'The process that did the work ended without a word, several times. Try again, or see its log.';

/** How long work waits before it looks again whether there is room. */
const ROOM_SECONDS = 5;

/** Throws for pg-boss to try again. Want of room is no attempt: the message waits until there is some. */
export async function attempt(state: QueueState, name: QueueName, message: Job<Message>): Promise<void> {
  try {
    await attemptOnce(state, name, message);
  } catch (error) {
    // Nobody else could tell the embedded database, when it is opened again, that its work is given back.
    const why = noRoomOf(error) ?? undefined;
    if (!why && !(state.db.kind === 'pglite' && isUnreachable(error))) throw error;
    await waitForRoom(state, name, message, why);
  }
}

/** Work that was told to wait for room, since it last began. */
const told = new Set<string>();

async function waitForRoom(state: QueueState, name: QueueName, message: Job<Message>, why?: Problem): Promise<void> {
  const { id, errors = 0 } = message.data;
  const waits = `${name} ${id}`;
  const say = told.has(waits) ? log.debug : log.warn; // a full disk may be the one that the log is on
  say(why?.message ?? 'the database does not answer; what was under way waits for it', { waits });
  told.add(waits);
  for (;;) {
    try {
      await putBack(state, name, message, { errors, afterSeconds: ROOM_SECONDS, ...(why && { why }) });
      return announce(state, name, id);
    } catch (error) {
      // The database has no room for this either. The next start finds what is unfinished.
      if (state.stopping || !(noRoomOf(error) || isUnreachable(error))) throw error;
      await sleep(ROOM_SECONDS * 1000, undefined, { ref: false });
    }
  }
}

async function attemptOnce(state: QueueState, name: QueueName, message: Job<Message>): Promise<void> {
  const { id, part } = message.data;
  if (state.stopping) return putBack(state, name, message);
  await state.handlers.room?.();
  told.delete(`${name} ${id}`);
  if (!(await WORK_ITEMS[name].begin(state.db, id, part))) {
    // Cancelled or deleted while it waited; or published by a process that died before it had cleared away its parts.
    if (part !== undefined) await state.handlers.discard(id);
    return;
  }
  if (state.stopping) return putBack(state, name, message); // told to stop while it began
  const control = new AbortController();
  const ended = withLogFields({ [WORK_ITEMS[name].kind]: id, ...(part !== undefined && { part }) }, () =>
    work(state, name, message, control),
  );
  const run = { id, control, ended: ended.catch(() => {}) };
  state.running.add(run);
  try {
    await ended;
  } finally {
    state.running.delete(run);
    // Look for the next at once.
    for (const each of QUEUES) if (WORK_ITEMS[each].kind === WORK_ITEMS[name].kind) wake(state, each, id);
  }
}

async function work(state: QueueState, name: QueueName, message: Job<Message>, control: AbortController) {
  const { db, handlers } = state;
  const { id, part } = message.data;
  const subject = WORK_ITEMS[name];
  announce(state, name, id);
  const started = performance.now();
  log.info(`${name} begins`, { attempt: triesOf(message) });
  // pg-boss aborts its signal when the message is no longer this worker's.
  const signal = AbortSignal.any([control.signal, message.signal]);
  const progress = reportProgress(async (latest: JobProgress) => {
    if (await subject.progress(db, id, latest, part)) announce(state, name, id);
    else control.abort(new Unwanted(`${subject.kind} ${id} was cancelled or deleted`));
  });
  let handedOver = false;
  const handOver: PartContext['handOver'] = async (store) => {
    await progress.end();
    await db.transaction(async (session) => sendParts(state, id, session, await store(session)));
    handedOver = true;
  };
  try {
    await handlers[subject.handler](id, { signal, progress: progress.report, part, handOver });
    await progress.end();
    if (!handedOver && (await subject.isRunning(db, id))) throw new Error(`${name} of ${id} ended without a result`);
    log.info(`${name} is done`, { seconds: Math.round((performance.now() - started) / 100) / 10 });
  } catch (error) {
    await progress.end();
    if (control.signal.reason instanceof Stopping) {
      log.info(`${name} is given back: this process is stopping`);
      return await putBack(state, name, message);
    }
    if (signal.aborted) return; // whoever no longer wants it has said so in the database
    await endBadly(state, name, message, error);
  } finally {
    if (part === undefined || part === 'merge') await subject.clean(db, id);
  }
}

const triesOf = ({ retryCount, data }: Job<Message>): number => retryCount + (data.errors ?? 0) + 1;

async function endBadly(state: QueueState, name: QueueName, message: Job<Message>, error: unknown): Promise<void> {
  if (!(await isOurs(state, name, message))) return; // this process was taken for dead, and another does the work
  if (noRoomOf(error)) throw error;
  if (error instanceof Problem) {
    log.warn(`${name} ends with a problem: ${error.message}`, {
      problem: error.code,
      ...(error.cause instanceof Error && { error: error.cause }),
    });
    return fail(state, name, message, error);
  }
  logFault(`${name} failed, attempt ${triesOf(message)}`, error);
  if (isUnreachable(error)) throw error; // the engine tries again, as after a death
  const errors = (message.data.errors ?? 0) + 1;
  if (errors <= RETRY_LIMIT) return putBack(state, name, message, { errors, afterSeconds: 2 ** (errors - 1) });
  await fail(state, name, message, new Problem('internal', INTERNAL));
}

async function isOurs({ boss }: QueueState, name: QueueName, { id, retryCount }: Job<Message>): Promise<boolean> {
  const [found] = await boss.findJobs<Message>(name, { id });
  return found?.state === 'active' && found.retryCount === retryCount;
}

async function fail(state: QueueState, name: QueueName, { id: messageId, data: { id } }: Job<Message>, why: Problem) {
  await WORK_ITEMS[name].fail(state.db, id, why);
  if (WORK_ITEMS[name].kind === 'job') await discard(state, id, messageId);
}

/** The work of a process that died: on a server its silence has been noticed as often as it may be retried. */
export async function giveUp(state: QueueState, name: QueueName, message: Job<Message>): Promise<void> {
  const { id } = message.data;
  await fail(state, name, message, new Problem('interrupted', INTERRUPTED));
  await WORK_ITEMS[name].clean(state.db, id);
  announce(state, name, id);
}
