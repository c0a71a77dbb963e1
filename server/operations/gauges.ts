/** What is looked up when the figures are asked for: in the database, of child processes and of images elsewhere. */
import { setTimeout } from 'node:timers/promises';
import { Counter, Gauge, type Registry } from 'prom-client';
import { childMemory } from '../processes/child-process.ts';
import { type QueueDepth, queueDepths } from '../queue/queue-depth.ts';
import type { RemoteReader } from '../remote/reader.ts';
import type { Queryable } from '../store/database/database.ts';
import type { Room } from '../store/files/free-room.ts';

/** What was read of images elsewhere. */
export type Traffic = Pick<RemoteReader, 'traffic'>;

export function addGauges(registers: Registry[], asked: Queryable, remote: Traffic): void {
  const db = answeringSoon(asked);
  addReach(registers, db);
  addQueue(registers, db);
  addChildren(registers);
  addStates(registers, db);
  addTraffic(registers, remote);
  addDamage(registers, db);
}

export function addFreeRoom(registers: Registry[], room: Pick<Room, 'free'>): void {
  new Gauge({
    name: 'planimeter_free_bytes',
    help: 'Bytes that may be written on the fullest disk of the service before work waits for room',
    registers,
    async collect() {
      this.set(await room.free());
    },
  });
}

/** Of a database that does not answer, figures are not waited for. */
const DATABASE_SECONDS = 2;

/** The other figures are there all the same. */
function answeringSoon(db: Queryable): Queryable {
  const soon = async <T>(asked: Promise<T>): Promise<T> => {
    const late = new AbortController();
    const tooLate = setTimeout(DATABASE_SECONDS * 1000, undefined, late).then(() => {
      throw new Error('the database did not answer');
    });
    try {
      return await Promise.race([asked, tooLate]);
    } finally {
      late.abort();
      tooLate.catch(() => {});
    }
  };
  return { ...db, query: (...asked) => soon(db.query(...asked)) };
}

function addReach(registers: Registry[], db: Queryable): void {
  new Gauge({
    name: 'planimeter_database_up',
    help: 'Whether the database answers; the figures that are counted there are missing where it does not',
    registers,
    async collect() {
      const answered = await db.query('SELECT 1').then(
        () => 1,
        () => 0,
      );
      this.set(answered);
    },
  });
}

/** What waits and what is worked on, in the database when it is asked for. */
function addQueue(registers: Registry[], db: Queryable): void {
  let looking: Promise<QueueDepth[]> | null = null;
  const look = () => {
    looking ??= queueDepths(db).finally(() => {
      looking = null;
    });
    return looking;
  };
  new Gauge({
    name: 'planimeter_queue_messages',
    help: 'Messages of the queue by kind of work and state: waiting, active, given up after all attempts',
    labelNames: ['kind', 'state'],
    registers,
    async collect() {
      this.reset();
      const depths = await look().catch(() => []);
      for (const { kind, waiting, active, given_up } of depths) {
        for (const [state, count] of Object.entries({ waiting, active, given_up })) this.set({ kind, state }, count);
      }
    },
  });
  new Gauge({
    name: 'planimeter_queue_oldest_seconds',
    help: 'How long the oldest message waits that could be worked on',
    labelNames: ['kind'],
    registers,
    async collect() {
      this.reset();
      const depths = await look().catch(() => []);
      for (const { kind, oldest_seconds } of depths) this.set({ kind }, oldest_seconds);
    },
  });
}

function addChildren(registers: Registry[]): void {
  new Gauge({
    name: 'planimeter_child_resident_bytes',
    help: 'Resident memory of child processes by what they do',
    labelNames: ['child'],
    registers,
    collect() {
      this.reset();
      for (const [child, bytes] of childMemory()) this.set({ child }, bytes);
    },
  });
}

function addStates(registers: Registry[], db: Queryable): void {
  for (const table of ['jobs', 'scenes'] as const) {
    new Gauge({
      name: `planimeter_${table}`,
      help: `Number of ${table} by state`,
      labelNames: ['state'],
      registers,
      async collect() {
        this.reset();
        const asked = db.query<{ state: string; count: number }>(
          `SELECT state, count(*)::integer AS count FROM planimeter.${table} GROUP BY state`,
        );
        const counts = await asked.catch(() => []);
        for (const { state, count } of counts) this.set({ state }, count);
      },
    });
  }
}

function addDamage(registers: Registry[], db: Queryable): void {
  new Gauge({
    name: 'planimeter_damaged_objects',
    help: 'What was found not to be as it was stored: files, and jobs that have lost features',
    labelNames: ['kind'],
    registers,
    async collect() {
      this.reset();
      const asked = db.query<{ files: number; jobs: number }>(
        `SELECT (SELECT count(*) FROM planimeter.stored_files WHERE damage IS NOT NULL)::integer AS files,
                (SELECT count(*) FROM planimeter.jobs WHERE state = 'failed' AND problem->>'code' = 'damaged')::integer AS jobs`,
      );
      const [counts] = await asked.catch(() => []);
      if (!counts) return;
      this.set({ kind: 'file' }, counts.files);
      this.set({ kind: 'job' }, counts.jobs);
    },
  });
}

function addTraffic(registers: Registry[], remote: Traffic): void {
  for (const [name, help] of [
    ['requests', 'Requests for parts of images elsewhere'],
    ['bytes', 'Bytes received of images elsewhere'],
  ] as const) {
    new Counter({
      name: `planimeter_remote_${name}_total`,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(remote.traffic[name]);
      },
    });
  }
}
