import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { testEngines } from '../../test/support/databases.ts';
import { polygonWkb, rectangle } from '../../test/support/geometry.ts';
import { eventually, newJob, newScene } from '../../test/support/queue-work.ts';
import type { JobReport } from '../api/index.ts';
import { configureLog } from '../log.ts';
import type { Database } from '../store/database/database.ts';
import { beginStoring, insertFeatures, publishJob } from '../store/tables/features.ts';
import { deleteJob, getJob } from '../store/tables/jobs.ts';
import { getScene, updateScene } from '../store/tables/scenes.ts';
import { type Queue, startQueue } from './queue.ts';
import type { ChangeNotice, Handlers, WorkContext } from './work-context.ts';

const REPORT = {} as JobReport;

/** Work that goes on until it is told to stop. */
async function endless({ signal, progress }: WorkContext): Promise<never> {
  for (let done = 0; ; done++) {
    signal.throwIfAborted();
    progress({ stage: 'infer', done, total: 1000, share: done / 1000 });
    await sleep(10);
  }
}

const FULL = process.env.PLANIMETER_FULL === '1';

describe.each(testEngines())('the queue on $name', ({ name, open }) => {
  let db: Database;
  let url: string | undefined;
  let drop: () => Promise<void>;
  let queue: Queue;
  let scene: string;
  let handlers: Handlers;
  const logged: string[] = [];
  const running: Handlers = {
    ingest: (id, context) => handlers.ingest(id, context),
    segment: (id, context) => handlers.segment(id, context),
    discard: (id) => handlers.discard(id),
  };
  const publish = async (id: string) => {
    await publishJob(db, id, REPORT);
  };
  const state = async (id: string) => (await getJob(db, id))?.state;

  beforeAll(async () => {
    ({ db, url, drop } = await open());
    queue = await startQueue(db, { url }, running);
    scene = await newScene(db);
  });
  afterAll(async () => {
    await queue.stop();
    await drop();
  });
  beforeEach(() => {
    logged.length = 0;
    configureLog({ level: 'error', format: 'json', write: (line) => logged.push(line) });
    handlers = {
      ingest: async (id) => {
        await updateScene(db, id, { state: 'ready', progress: 1 });
      },
      segment: publish,
      discard: async () => {},
    };
  });
  afterEach(() => {
    configureLog({ level: 'warn', format: 'text' });
  });

  test('jobs are taken up at once, one at a time, in order', async () => {
    const order: string[] = [];
    const delays: number[] = [];
    let sent = 0;
    let now = 0;
    handlers.segment = async (id) => {
      delays.push(performance.now() - sent);
      expect(++now).toBe(1);
      order.push(id);
      await sleep(5);
      now--;
      await publish(id);
    };
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push(await newJob(db, scene));
    for (let i = 0; i < 3; i++) {
      sent = performance.now();
      await queue.enqueueSegment(ids[i]!);
      await eventually('done', async () => (await state(ids[i]!)) === 'done');
    }
    const before = performance.now();
    for (let i = 0; i < 20; i++) await state(ids[0]!);
    const busy = performance.now() - before; // what the machine's other work costs
    expect(Math.min(...delays)).toBeLessThan(250 + busy);
    await Promise.all([queue.enqueueSegment(ids[3]!), queue.enqueueSegment(ids[3]!)]); // twice is once
    await queue.enqueueSegment(ids[4]!);
    await eventually('all done', async () => (await state(ids[4]!)) === 'done');
    expect(order).toEqual(ids);
  });

  test('an ingest runs beside a segmentation, and both give notice of their changes', async () => {
    const [one, job] = [await newScene(db), await newJob(db, scene)];
    const notices: ChangeNotice[] = [];
    const unsubscribe = [queue.subscribe(one, (n) => notices.push(n)), queue.subscribe(job, (n) => notices.push(n))];
    handlers.segment = async (id) => {
      await eventually('the scene is ready', async () => (await getScene(db, one))!.state === 'ready');
      await publish(id);
    };
    await queue.enqueueSegment(job);
    await queue.enqueueIngest(one);
    await eventually('done', async () => (await state(job)) === 'done');
    await eventually('told', () => notices.filter(({ id }) => id === job).length >= 3);
    expect(notices).toContainEqual({ kind: 'scene', id: one });
    expect(notices).toContainEqual({ kind: 'job', id: job });
    for (const end of unsubscribe) end();
    const told = notices.length;
    const other = await newScene(db);
    await queue.enqueueIngest(other);
    await eventually('ready', async () => (await getScene(db, other))!.state === 'ready');
    expect(notices.length).toBe(told);
  });

  test('progress is stored while the work goes on', async () => {
    const job = await newJob(db, scene);
    let notices = 0;
    queue.subscribe(job, () => notices++);
    handlers.segment = async (id, context) => {
      await endless({ ...context, signal: AbortSignal.any([context.signal, AbortSignal.timeout(1200)]) }).catch(
        () => {},
      );
      await publish(id);
    };
    await queue.enqueueSegment(job);
    await eventually('some progress', async () => (await getJob(db, job))!.progress.done > 5);
    expect(await getJob(db, job)).toMatchObject({ state: 'running', progress: { stage: 'infer', total: 1000 } });
    await eventually('done', async () => (await state(job)) === 'done');
    expect((await getJob(db, job))!.progress.share).toBe(1);
    expect(notices).toBeLessThan(12); // at most four a second, and those of the states
  });

  test('a problem ends the work at once, with what it says', async () => {
    let attempts = 0;
    handlers.segment = async () => {
      attempts++;
      throw new Problem('too_small', 'It is too small.');
    };
    handlers.ingest = async () => {
      throw new Problem('not_a_tiff', 'It is a poem.');
    };
    const [job, one] = [await newJob(db, scene), await newScene(db)];
    await queue.enqueueSegment(job);
    await queue.enqueueIngest(one);
    await eventually('failed', async () => (await state(job)) === 'failed');
    await eventually('refused', async () => (await getScene(db, one))!.state === 'refused');
    expect((await getJob(db, job))!.problem).toMatchObject({
      code: 'too_small',
      detail: 'It is too small.',
      status: 422,
    });
    expect((await getScene(db, one))!.problem).toMatchObject({ code: 'not_a_tiff' });
    await sleep(1500);
    expect(attempts).toBe(1);

    handlers.segment = publish;
    await queue.retry(job);
    await eventually('done', async () => (await state(job)) === 'done');
    expect((await getJob(db, job))!.problem).toBeNull();
  });

  test('want of room is waited out, is no attempt and is said meanwhile', { timeout: 120_000 }, async () => {
    configureLog({ level: 'silent', format: 'json' });
    let left = FULL ? 4 : 1; // more often than errors are tried again
    const noRoom = async () => {
      if (left-- > 0) throw Object.assign(new Error('no space left on device, write'), { code: 'ENOSPC' });
    };
    handlers.segment = async (id) => {
      await noRoom();
      await publish(id);
    };
    const job = await newJob(db, scene);
    const seen = new Set<string>();
    await queue.enqueueSegment(job);
    const done = async () => {
      const { state, problem } = (await getJob(db, job))!;
      seen.add(`${state} ${problem?.code ?? 'well'}`);
      return state === 'done' || state === 'failed';
    };
    await eventually('the job has ended', done, 100_000);
    expect(await state(job)).toBe('done');
    expect((await getJob(db, job))!.problem).toBeNull();
    expect([...seen]).toContain('queued no_room');

    left = 1;
    handlers.ingest = async (id) => {
      await noRoom();
      await updateScene(db, id, { state: 'ready', progress: 1 });
    };
    const image = await newScene(db);
    await queue.enqueueIngest(image);
    const waits = async () => (await getScene(db, image))!.problem?.code === 'no_room';
    await eventually('the scene waits', waits);
    expect((await getScene(db, image))!.state).toBe('uploaded');
    await eventually('the scene is ready', async () => (await getScene(db, image))!.state === 'ready');
  });

  test('another error is tried again, and what was stored before does not stay', async () => {
    const row = { id: randomUUID(), collection: 'c', class: 'k', score: 1, wkb: polygonWkb(rectangle(0, 0, 1, 1)) };
    let attempts = 0;
    handlers.segment = async (id) => {
      const turn = await beginStoring(db, id);
      await insertFeatures(db, { id, epsg: 4326, turn }, [row]); // fails on a row that an earlier attempt left
      attempts++;
      if (attempts === 1) throw new Error('a secret of the machine room');
      if (attempts === 2) return; // without a result: an error too
      await publish(id);
    };
    const job = await newJob(db, scene);
    await queue.enqueueSegment(job);
    await eventually('done', async () => (await state(job)) === 'done');
    expect(attempts).toBe(3);

    handlers.segment = async (id) => {
      attempts++;
      const turn = await beginStoring(db, id);
      await insertFeatures(db, { id, epsg: 4326, turn }, [row]);
      throw new Error('a secret of the machine room');
    };
    const bad = await newJob(db, scene);
    await queue.enqueueSegment(bad);
    await eventually('failed', async () => (await state(bad)) === 'failed');
    expect(attempts).toBe(6);
    const failed = (await getJob(db, bad))!;
    expect(failed.problem).toMatchObject({ code: 'internal', status: 500 });
    expect(JSON.stringify(failed)).not.toContain('secret');
    const complaint = { job: bad, error: { message: 'a secret of the machine room' } };
    expect(logged.map((line) => JSON.parse(line)).find(({ job }) => job === bad)).toMatchObject(complaint);
    await eventually('cleaned', async () => {
      const [left] = await db.query<{ n: number }>(
        'SELECT count(*) AS n FROM planimeter.features f JOIN planimeter.jobs j ON j.key = f.job WHERE j.id = $1',
        [bad],
      );
      return left!.n === 0;
    });
  });

  test('cancelling stops running work, and takes waiting work out', async () => {
    let stopped = 0;
    const started: string[] = [];
    handlers.segment = async (id, context) => {
      started.push(id);
      await endless(context).finally(() => stopped++);
    };
    const [first, second] = [await newJob(db, scene), await newJob(db, scene)];
    await queue.enqueueSegment(first);
    await queue.enqueueSegment(second);
    await eventually('running', async () => (await state(first)) === 'running');
    await queue.cancel(second);
    await queue.cancel(first);
    expect(stopped).toBe(1);
    expect(await getJob(db, first)).toMatchObject({ state: 'cancelled', problem: null });
    expect((await getJob(db, first))!.finished_at).not.toBeNull();
    await expect(queue.cancel(first)).rejects.toMatchObject({ code: 'conflict' });
    await expect(queue.cancel('none')).rejects.toMatchObject({ code: 'not_found' });
    await expect(queue.retry('none')).rejects.toMatchObject({ code: 'not_found' });

    handlers.segment = publish;
    await queue.retry(first);
    await eventually('done', async () => (await state(first)) === 'done');
    await expect(queue.retry(first)).rejects.toMatchObject({ code: 'conflict' });
    await sleep(300);
    expect([started, await state(second)]).toEqual([[first], 'cancelled']);
  });

  test.runIf(name === 'postgresql')(
    'what was cut off from the database is tried more often than what fails',
    async () => {
      let attempts = 0;
      handlers.segment = async (id) => {
        if (++attempts <= 3)
          throw Object.assign(new Error('the database system is in recovery mode'), { code: '57P03' });
        await publish(id);
      };
      const job = await newJob(db, scene);
      await queue.enqueueSegment(job);
      await eventually('done', async () => (await state(job)) === 'done', 60_000);
      expect(attempts).toBe(4);
    },
    90_000,
  );

  test('deaths of processes do not count as errors', async () => {
    let attempts = 0;
    const held = Promise.withResolvers<void>();
    const [first, job] = [await newJob(db, scene), await newJob(db, scene)];
    handlers.segment = async (id) => {
      if (id === first) await held.promise;
      else if (++attempts <= 2) throw new Error('the accelerator coughed');
      await publish(id);
    };
    await queue.enqueueSegment(first);
    await eventually('running', async () => (await state(first)) === 'running');
    await queue.enqueueSegment(job);
    await db.query('UPDATE planimeter_queue.job SET retry_count = 5 WHERE singleton_key = $1', [job]);
    held.resolve();
    await eventually('done', async () => (await state(job)) === 'done');
    expect(attempts).toBe(3);
  });

  test('a process that was taken for dead changes nothing any more', async () => {
    let ended = 0;
    handlers.segment = async () => {
      // As if its silence had been noticed, and another had taken the message.
      await db.query(`UPDATE planimeter_queue.job SET retry_count = retry_count + 1 WHERE state = 'active'`);
      ended++;
      throw ended === 1 ? new Problem('conflict', 'Somebody else stores it.') : new Error('its connection broke');
    };
    for (const count of [1, 2]) {
      const job = await newJob(db, scene);
      await queue.enqueueSegment(job);
      await eventually('ended', () => ended === count);
      await sleep(200);
      expect(await getJob(db, job)).toMatchObject({ state: 'running', problem: null });
      await queue.cancel(job);
    }
  });

  test('work whose job is deleted stops by itself', async () => {
    let stopped = false;
    handlers.segment = async (_, context) => {
      await endless(context).finally(() => {
        stopped = true;
      });
    };
    const job = await newJob(db, scene);
    await queue.enqueueSegment(job);
    await eventually('running', async () => (await state(job)) === 'running');
    await deleteJob(db, job);
    await eventually('stopped', () => stopped);
  });

  test('stopping gives running and waiting work back; the next start goes on with it', async () => {
    handlers.segment = async (_, context) => endless(context);
    const jobs = [await newJob(db, scene), await newJob(db, scene)];
    for (const job of jobs) await queue.enqueueSegment(job);
    await eventually('running', async () => (await state(jobs[0]!)) === 'running');
    await queue.stop();
    expect(await Promise.all(jobs.map(state))).toEqual(['queued', 'queued']);
    // Rows without a message: the process died between one and the other.
    const [orphan, lonely] = [await newJob(db, scene), await newScene(db)];
    handlers.segment = publish;
    queue = await startQueue(db, { url }, running);
    for (const job of [...jobs, orphan]) await eventually('done', async () => (await state(job)) === 'done');
    await eventually('ready', async () => (await getScene(db, lonely))!.state === 'ready');
  });
});
