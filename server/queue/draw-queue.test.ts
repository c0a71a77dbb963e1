/** Strips are messages of a queue of their own, and parts of a job: what ends the job ends them, and what stops them goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { testEngines } from '../../test/support/databases.ts';
import { eventually, newJob, newScene } from '../../test/support/queue-work.ts';
import type { JobReport } from '../api/index.ts';
import { configureLog } from '../log.ts';
import type { Database } from '../store/database/database.ts';
import { publishJob } from '../store/tables/features.ts';
import { getJob } from '../store/tables/jobs.ts';
import type { Part } from './pg-boss.ts';
import { type Queue, startQueue } from './queue.ts';
import type { Handlers, PartContext } from './work-context.ts';

/** Until it is told to stop. */
const aborted = ({ signal }: PartContext): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

describe.each(testEngines())('strips on $name', ({ name, open }) => {
  let db: Database;
  let url: string | undefined;
  let drop: () => Promise<void>;
  let queue: Queue;
  let scene: string;
  /** What to do with a strip of a job that was planned into three. */
  let draw: (id: string, context: PartContext) => Promise<void>;
  let began: (Part | undefined)[];
  let drawn: Set<Part>;
  let discarded: string[];
  /** How often strips were asked for. */
  let planned: number;
  const handlers: Handlers = {
    ingest: async () => {},
    async segment(id, context) {
      const { part, handOver } = context;
      began.push(part);
      const open = (['strip-0', 'strip-1', 'strip-2'] as const).filter((strip) => !drawn.has(strip));
      if (part === undefined) {
        await handOver(async () => (open.length > 0 ? open : ['merge']));
        planned++;
        return;
      }
      if (part === 'merge') return void (await publishJob(db, id, {} as JobReport));
      await draw(id, context);
      drawn.add(part);
      await handOver(async () => (drawn.size === 3 ? ['merge'] : []));
    },
    discard: async (id) => {
      discarded.push(id);
    },
  };
  const state = async (id: string) => (await getJob(db, id))?.state;
  const waiting = () => db.query(`SELECT 1 FROM planimeter_queue.job WHERE name = 'draw' AND state < 'completed'`);
  const started = async () => {
    const job = await newJob(db, scene);
    await queue.enqueueSegment(job);
    return job;
  };

  beforeAll(async () => {
    ({ db, url, drop } = await open());
    queue = await startQueue(db, { url }, handlers);
    scene = await newScene(db);
    await db.query(`UPDATE planimeter.scenes SET state = 'ready'`);
  });
  afterAll(async () => {
    await queue.stop();
    await drop();
  });
  beforeEach(() => {
    [began, drawn, discarded, planned] = [[], new Set(), [], 0];
    draw = async () => {};
    configureLog({ level: 'silent', format: 'json' });
  });
  afterEach(() => configureLog({ level: 'warn', format: 'text' }));

  test('cancelled while one is drawn: it stops, and no other begins', async () => {
    let stopped = 0;
    draw = (_, context) => aborted(context).finally(() => stopped++);
    const job = await started();
    await eventually('drawing', () => began.includes('strip-0'));
    await queue.cancel(job);
    expect([stopped, await state(job), discarded.includes(job), await waiting()]).toEqual([1, 'cancelled', true, []]);
    expect(began).toEqual([undefined, 'strip-0']);

    draw = async () => {};
    await queue.retry(job);
    await eventually('done', async () => (await state(job)) === 'done');
    expect(began.slice(2)).toEqual([undefined, 'strip-0', 'strip-1', 'strip-2', 'merge']);
  });

  test('a process with several hands draws as many at a time; cancelled, all of them stop', async () => {
    await queue.stop();
    queue = await startQueue(db, { url }, { ...handlers, drawing: 2 });
    let [together, most, stopped] = [0, 0, 0];
    draw = async () => {
      most = Math.max(most, ++together);
      await eventually('two of them', () => most === 2, 5000).finally(() => together--);
    };
    const job = await started();
    await eventually('done', async () => (await state(job)) === 'done');
    expect([most, began.filter((part) => part === 'merge').length, began.length]).toEqual([2, 1, 5]);

    [began, drawn] = [[], new Set()];
    draw = (_, context) => aborted(context).finally(() => stopped++);
    const other = await started();
    await eventually('drawing', () => began.includes('strip-0') && began.includes('strip-1'));
    await queue.cancel(other);
    expect([stopped, await state(other), await waiting()]).toEqual([2, 'cancelled', []]);
    expect(began).not.toContain('strip-2');
    await queue.stop();
    queue = await startQueue(db, { url }, handlers);
  });

  test('one that fails again and again ends the job, and the others with it', async () => {
    let attempts = 0;
    draw = async (_, { part }) => {
      if (part === 'strip-1') throw new Error(`attempt ${++attempts}`);
    };
    const job = await started();
    await eventually('failed', async () => (await state(job)) === 'failed');
    expect((await getJob(db, job))!.problem).toMatchObject({ code: 'internal' });
    expect(attempts).toBe(3);
    await eventually('nothing waits', async () => (await waiting()).length === 0);
    await eventually('discarded', () => discarded.includes(job));
    expect(began).not.toContain('merge');
  });

  test('what is wrong with the job is said by the strip that finds it', async () => {
    draw = async () => {
      throw new Problem('conflict', 'Somebody else stores it.');
    };
    const job = await started();
    await eventually('failed', async () => (await state(job)) === 'failed');
    expect((await getJob(db, job))!.problem).toMatchObject({ code: 'conflict' });
    await eventually('nothing waits', async () => (await waiting()).length === 0);
    expect(began).toEqual([undefined, 'strip-0']);
  });

  test.runIf(name === 'postgresql')(
    'processes that die over one again and again end the job',
    async () => {
      draw = async (id, { part }) => {
        if (part !== 'strip-1') return;
        // As after the last death that is forgiven: whoever is cut off counts as one that has died.
        await db.query('UPDATE planimeter_queue.job SET retry_count = retry_limit WHERE singleton_key = $1', [
          `${id}/strip-1`,
        ]);
        throw Object.assign(new Error('the database system is in recovery mode'), { code: '57P03' });
      };
      const job = await started();
      await eventually('failed', async () => (await state(job)) === 'failed', 40_000);
      expect((await getJob(db, job))!.problem).toMatchObject({ code: 'interrupted' });
      await eventually('nothing waits', async () => (await waiting()).length === 0);
      await eventually('discarded', () => discarded.includes(job));
      expect(began).not.toContain('merge');
    },
    60_000,
  );

  test('a process that stops gives its strip back, and the next start goes on with it', async () => {
    draw = async (_, context) => {
      if (context.part === 'strip-1') await aborted(context);
    };
    const job = await started();
    await eventually('drawing', () => began.includes('strip-1'));
    await queue.stop();
    expect(await state(job)).toBe('running');
    expect([...drawn]).toEqual(['strip-0']);
    began = [];
    draw = async () => {};
    queue = await startQueue(db, { url }, handlers);
    await eventually('done', async () => (await state(job)) === 'done');
    expect(began).not.toContain('strip-0');
    expect(began).toContain('strip-1');
    expect(began.filter((part) => part === 'merge').length).toBe(1);
  });

  test.runIf(name === 'pglite')(
    'a start that is slow to tidy up does not take away what is asked for meanwhile',
    async () => {
      draw = (_, context) => aborted(context);
      const job = await started();
      await eventually('drawing', () => began.includes('strip-0'));
      await queue.stop();
      draw = async () => {};
      [began, planned] = [[], 0];
      const asked = () => eventually('asked for', () => planned > 0, 5000).catch(() => {});
      let slow = 0;
      const late = async (sql: string, values: readonly unknown[] = []) => {
        if (!/delete from|truncate/i.test(sql) || !`${sql} ${values}`.includes('draw')) return;
        slow++;
        await Promise.race([asked(), sleep(4000)]);
      };
      const slowly: Database = {
        ...db,
        query: (sql, values, options) => late(sql, values).then(() => db.query(sql, values, options)),
        execute: (sql) => late(sql).then(() => db.execute(sql)),
      };
      queue = await startQueue(slowly, { url }, handlers);
      await eventually('done', async () => (await state(job)) === 'done');
      expect(slow).toBeGreaterThan(0);
    },
  );
});
