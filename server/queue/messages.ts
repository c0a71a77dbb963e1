/** Messages about the work of one process: sent, given back, taken away; and who is told of it. */
import type { Job, PgBoss } from 'pg-boss';
import type { Problem } from '../../errors/problem.ts';
import type { Database, Session } from '../store/database/database.ts';
import { getJob } from '../store/tables/jobs.ts';
import { asBossDatabase, keyOf, type Message, type Part, priorityOf, type QueueName, queueOf } from './pg-boss.ts';
import type { ChangeNotice, Handlers } from './work-context.ts';
import { WORK_ITEMS } from './work-items.ts';

/** The queue of this process. */
export interface QueueState {
  readonly db: Database;
  readonly boss: PgBoss;
  readonly handlers: Handlers;
  readonly running: Set<Run>;
  /** By the id of a scene or job. */
  readonly listeners: Map<string, Set<(event: ChangeNotice) => void>>;
  /** pg-boss's own names of who looks for messages here. */
  readonly workers: Map<QueueName, string[]>;
  /** Set once this process is to stop. */
  stopping: Promise<void> | null;
}

/** Work under way. */
export interface Run {
  id: string;
  control: AbortController;
  ended: Promise<void>;
}

/** Of one job; what pg-boss finds at a time. */
const MOST_PARTS = 100_000;

export function announce({ listeners }: QueueState, name: QueueName, id: string): void {
  for (const listener of listeners.get(id) ?? []) listener({ kind: WORK_ITEMS[name].kind, id });
}

/** Tells of a change, and has this process look for messages at once. */
export function wake(state: QueueState, name: QueueName, id: string): void {
  for (const worker of state.workers.get(name)!) state.boss.notifyWorker(worker);
  announce(state, name, id);
}

/** Does nothing where the message waits already or is worked on. */
export async function send(
  { boss }: QueueState,
  name: QueueName,
  id: string,
  session: Session,
  parts: readonly (Part | undefined)[] = [undefined],
  { errors = 0, afterSeconds = 0 } = {},
): Promise<void> {
  const priority = WORK_ITEMS[name].kind === 'job' ? ((await getJob(session, id))?.priority ?? 0) : 0;
  const messages = parts.map((part) => {
    const data: Message = { id, ...(part !== undefined && { part }), ...(errors > 0 && { errors }) };
    return { data, singletonKey: keyOf(data), priority: priorityOf(part, priority), startAfter: afterSeconds };
  });
  if (messages.length > 0) await boss.insert(name, messages, { db: asBossDatabase(session) });
}

/** Asks for parts of a job. */
export async function sendParts(state: QueueState, job: string, session: Session, parts: Part[]): Promise<void> {
  const byQueue = Map.groupBy(parts, queueOf);
  for (const [name, its] of byQueue) await send(state, name, job, session, its);
}

/** Gives a message back, for another process, the next start or, after an error, another try in some seconds. */
export function putBack(
  state: QueueState,
  name: QueueName,
  message: Job<Message>,
  again: { errors?: number; afterSeconds?: number; why?: Problem } = { errors: message.data.errors ?? 0 },
): Promise<void> {
  return state.db.transaction(async (session) => {
    const { id, part } = message.data;
    const { isWanted, wait, waitInPart } = WORK_ITEMS[name];
    await state.boss.deleteJob(name, message.id, { db: asBossDatabase(session) });
    // The other parts of a job go on.
    if (part !== undefined && again.why) await waitInPart(session, id, again.why);
    const goesOn = part === undefined ? wait(session, id, again.why) : isWanted(session, id);
    if (await goesOn) await send(state, name, id, session, [part], again);
  });
}

/** Nobody is to go on with any part of a job. */
export async function discard({ boss, handlers }: QueueState, id: string, except?: string): Promise<void> {
  // Also when another process works on it: its heartbeat finds the message gone, and it stops.
  for (const name of ['segment', 'draw'] as const) {
    const messages = await boss.findJobs<Message>(name, { data: { id }, limit: MOST_PARTS });
    const others = messages.map((message) => message.id).filter((each) => each !== except);
    if (others.length > 0) await boss.deleteJob(name, others);
  }
  await handlers.discard(id);
}

/** Sends what is unfinished and has no message: this process or another was killed over it. */
export async function recover(state: QueueState, name: QueueName): Promise<void> {
  const { db } = state;
  const subject = WORK_ITEMS[name];
  await db.transaction(async (session) => {
    for (const id of await subject.unfinished(session)) {
      if (db.kind === 'pglite') await subject.wait(session, id);
      await send(state, name, id, session);
    }
  });
}
