/** Sets up pg-boss, the queue engine, on the database that is there anyway. */
import { type Db, PgBoss } from 'pg-boss';
import type { Database, Session } from '../store/database/database.ts';
import { logFault } from '../store/files/outage-log.ts';

/**
 * One of a job's shards, by number from the top; one of the strips that its features are drawn in; the joining of the maps
 * of its shards; or the end: features are joined and published.
 */
export type Part = number | StripPart | 'maps' | 'merge';
export type StripPart = `strip-${number}`;

/** The number of the strip that a part is to draw; null for other parts. */
export const stripOf = (part: Part | undefined): number | null =>
  typeof part === 'string' && part.startsWith('strip-') ? Number(part.slice('strip-'.length)) : null;

/** A message: which scene is to be ingested, or which job is to be run, or which part of it. */
export interface Message {
  id: string;
  part?: Part;
  /** How often it has failed; deaths of processes are the engine's to count. */
  errors?: number;
}

/** A message that waits or is worked on is not sent twice. */
export const keyOf = ({ id, part }: Message): string => (part === undefined ? id : `${id}/${part}`);

/** More than there are shards in a job. */
const PRIORITY_STEP = 1_000_000;

/**
 * Of a message of a job of some priority. The first shards of all jobs come before the second ones, and so on: a job of
 * one piece waits for shards that are under way, never for those of a large job that wait too. What one does for all of a
 * job is first: others draw beside the joining of maps, and nothing of the job is left beside its end.
 */
export function priorityOf(part: Part | undefined, priority: number): number {
  const ofAll = part === 'merge' || part === 'maps';
  return PRIORITY_STEP * priority + (ofAll ? 1 : -(stripOf(part) ?? Number(part ?? 0)));
}

/** The queues. A process takes messages of each at the same time, so strips are drawn while the network has the next shard. */
export const QUEUES = ['ingest', 'segment', 'draw'] as const;
export type QueueName = (typeof QUEUES)[number];
/** Where messages go whose worker died over them again and again. */
export const DEAD_LETTERS: Record<QueueName, string> = {
  ingest: 'ingest-dead',
  segment: 'segment-dead',
  draw: 'draw-dead',
};

/** Where the parts of a job are asked for. */
export const queueOf = (part: Part | undefined): QueueName =>
  part === 'maps' || stripOf(part) !== null ? 'draw' : 'segment';

/** Attempts after the first, for errors that are not the input's fault. */
export const RETRY_LIMIT = 2;

/** How often work may be taken up again whose worker died: machines are switched off for reasons of their own. */
const DEATH_LIMIT = 20;

/** A worker on a server that is silent for so long is taken for dead. 10 is the least that pg-boss allows. */
const HEARTBEAT_SECONDS = 10;

/**
 * pg-boss, started, with its queues. On PostgreSQL it has a few connections of its own and is woken by notifications;
 * on the embedded database, which belongs to this process alone, it shares the one connection.
 */
export async function startBoss(db: Database, url: string | undefined): Promise<PgBoss> {
  const embedded = db.kind === 'pglite';
  const boss = new PgBoss({
    ...(embedded
      ? { db: asBossDatabase(db), backend: 'pglite' as const }
      : { connectionString: url!, max: 4, application_name: 'planimeter queue', useListenNotify: true }),
    schema: 'planimeter_queue',
    schedule: false,
    superviseIntervalSeconds: embedded ? 60 : 2,
    monitorIntervalSeconds: embedded ? 60 : 2,
    maintenanceIntervalSeconds: 3600,
    registerInstance: false,
    reindex: !embedded,
    monitorVacuum: false,
  });
  boss.on('error', (error) => logFault('the queue reports an error', error));
  try {
    await boss.start();
    await makeQueues(boss, embedded);
  } catch (error) {
    await endBoss(boss);
    throw error;
  }
  return boss;
}

/** Of a start that failed: what of the engine has begun would keep the process alive, taking work that nobody does. */
export const endBoss = (boss: PgBoss): Promise<void> => boss.stop({ graceful: false }).catch(() => {});

async function makeQueues(boss: PgBoss, embedded: boolean): Promise<void> {
  for (const name of QUEUES) {
    await ensureQueue(boss, DEAD_LETTERS[name], { notify: !embedded, deleteAfterSeconds: 3600 });
    await ensureQueue(boss, name, {
      policy: 'exclusive', // with the id as singleton key: a message that waits or is worked on is not sent twice
      deadLetter: DEAD_LETTERS[name],
      retryLimit: DEATH_LIMIT,
      retryDelay: 1,
      retryBackoff: true,
      retryDelayMax: 60,
      expireInSeconds: 23 * 3600, // of one attempt; pg-boss allows less than a day
      retentionSeconds: 365 * 24 * 3600,
      deleteAfterSeconds: 3600,
      notify: !embedded,
      ...(embedded ? {} : { heartbeatSeconds: HEARTBEAT_SECONDS }),
    });
  }
}

async function ensureQueue(boss: PgBoss, name: string, options: Parameters<PgBoss['createQueue']>[1]): Promise<void> {
  await boss.createQueue(name, options);
  const { policy: _, ...changeable } = options ?? {};
  await boss.updateQueue(name, changeable); // an earlier version may have made it with other figures
}

/** A session of ours as pg-boss wants one, so that what it does can be part of our transaction. */
export function asBossDatabase(session: Session): Db {
  return {
    executeSql: async (text, values) => ({
      rows: values?.length ? await session.query(text, values) : await session.execute(text),
    }),
  };
}
