/** Processes that die over their work, or cannot start to work: another does it, and nothing of them goes on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { eventually, newJob, newScene } from '../../test/support/queue-work.ts';
import type { JobReport } from '../api/index.ts';
import type { Database } from '../store/database/database.ts';
import { openDatabase } from '../store/database/open-database.ts';
import { deleteFeatures, publishJob } from '../store/tables/features.ts';
import { getJob } from '../store/tables/jobs.ts';
import { updateScene } from '../store/tables/scenes.ts';
import { type Queue, startQueue } from './queue.ts';
import type { Handlers } from './work-context.ts';

const REPORT = {} as JobReport;

describe.each(testEngines().filter(({ name }) => name === 'postgresql'))('on $name', ({ open }) => {
  let db: Database;
  let url: string | undefined;
  let drop: () => Promise<void>;
  let segment: Handlers['segment'];
  const running: Handlers = {
    ingest: async () => {},
    segment: (id, context) => segment(id, context),
    discard: async () => {},
  };

  beforeAll(async () => {
    ({ db, url, drop } = await open());
  });
  afterAll(() => drop());

  test('where it cannot start, nothing of it goes on', async () => {
    const broken = { ...db, transaction: () => Promise.reject(new Error('Connection terminated unexpectedly')) };
    const connected = async () =>
      (
        await db.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'planimeter queue'`,
        )
      ).length;
    await expect(startQueue(broken, { url }, running)).rejects.toThrow('terminated');
    await eventually('disconnected', async () => (await connected()) === 0);

    await db.query('ALTER FUNCTION planimeter_queue.create_queue RENAME TO lost_queue');
    await expect(startQueue(db, { url }, running)).rejects.toThrow('create_queue');
    await eventually('disconnected', async () => (await connected()) === 0);
    await db.query('ALTER FUNCTION planimeter_queue.lost_queue RENAME TO create_queue');
  });

  test('after kill -9 another process takes the work over', async () => {
    const scene = await newScene(db);
    await updateScene(db, scene, { state: 'ready' });
    const job = await newJob(db, scene);
    const state = async () => (await getJob(db, job))?.state;
    let queue: Queue | null = null;
    const child = worker(JSON.stringify({ url }));
    try {
      expect(await child.next()).toBe('ready');
      segment = async () => {
        throw new Error('not this process');
      };
      await db.query(`UPDATE planimeter.jobs SET state = 'running' WHERE id = $1`, [job]); // as if it had been begun
      child.say(job);
      expect(await child.next()).toBe(`began ${job}`);
      segment = async (id) => {
        await deleteFeatures(db, id);
        await publishJob(db, id, REPORT);
      };
      queue = await startQueue(db, { url }, running);
      await sleep(500);
      expect(await state()).toBe('running'); // it has an owner, who is alive
      child.process.kill('SIGKILL');
      await eventually('done', async () => (await state()) === 'done', 40_000);
    } finally {
      child.process.kill('SIGKILL');
      await queue?.stop();
    }
  });
});

test('embedded: after kill -9 the next start goes on at once', async () => {
  const root = mkdtempSync(join(tmpdir(), 'planimeter-queue-'));
  const child = worker(JSON.stringify({ folder: root }), 'create');
  try {
    expect(await child.next()).toBe('ready');
    const job = (await child.next())!.replace('began ', '');
    child.process.kill('SIGKILL');
    await once(child.process, 'exit');
    const db = await openDatabase({ folder: root });
    expect((await getJob(db, job))!.state).toBe('running');
    const ran: string[] = [];
    const handlers: Handlers = {
      ingest: async () => {},
      segment: async (id) => {
        ran.push(id);
        await publishJob(db, id, REPORT);
      },
      discard: async () => {},
    };
    const queue = await startQueue(db, {}, handlers);
    await eventually('done', async () => (await getJob(db, job))!.state === 'done');
    expect(ran).toEqual([job]);
    await queue.stop();
    await db.close();
  } finally {
    child.process.kill('SIGKILL');
    rmSync(root, { recursive: true, force: true });
  }
}, 180_000);

/** A process with a queue whose segmentation never ends: of a job that it makes, or of those whose ids it is told. */
function worker(options: string, create = '') {
  const at = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const script = `
    import { createInterface } from 'node:readline';
    import { startQueue } from ${at('./queue.ts')};
    import { openDatabase } from ${at('../store/database/open-database.ts')};
    import { insertJob } from ${at('../store/tables/jobs.ts')};
    import { insertScene } from ${at('../store/tables/scenes.ts')};
    const db = await openDatabase(${options});
    const queue = await startQueue(db, ${options}, {
      ingest: async () => {},
      segment: (id) => { console.log('began ' + id); return new Promise(() => {}); },
      discard: async () => {},
    });
    console.log('ready');
    if (${JSON.stringify(create)}) {
      await insertScene(db, { id: 's', name: 's', upload: null, sha256: '0', bytes: 1 });
      await db.query("UPDATE planimeter.scenes SET state = 'ready'");
      await insertJob(db, { id: 'j', scene: 's', model: 'm', parameters: {} });
      await queue.enqueueSegment('j');
    }
    for await (const id of createInterface({ input: process.stdin })) await queue.enqueueSegment(id);`;
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return {
    process: child,
    next: async () => (await lines.next()).value as string | undefined,
    say: (line: string) => child.stdin!.write(`${line}\n`),
  };
}
