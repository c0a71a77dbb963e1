/**
 * A statement of the database that does not end: light requests, the probes, what others write, and the end of the
 * process, on both engines.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS } from '../../server/operations/quotas.ts';
import { openDatabase } from '../../server/store/database/open-database.ts';
import {
  type Cluster,
  lastingEngines,
  openOnServer,
  RUNAWAY,
  startCluster,
  type TestEngine,
} from '../support/databases.ts';
import { addDoneJob, addScene, fetchJson, startService, type TestService } from '../support/http-service.ts';
import { square } from '../support/http-suite.ts';

const FULL = process.env.PLANIMETER_FULL === '1';
const SCOPE = { workspace: 'default' };
/** More than /ready takes to say no. */
const STATEMENT_SECONDS = 6;

type Opened = Awaited<ReturnType<TestEngine['open']>>;

/** A service whose proofs are `statement`, asked as heavy requests ask. */
async function serveRunaway({ db }: Pick<Opened, 'db'>, statement: string, params: unknown[] = []) {
  const limits = { ...DEFAULT_LIMITS, statementSeconds: STATEMENT_SECONDS };
  let begun = 0;
  const service = await startService(db, {
    limits,
    prove: async () => {
      begun++;
      await db.within(SCOPE, { ...limits, heavy: true }).query(statement, params);
      throw new Error('a runaway has ended by itself');
    },
  });
  const scene = await addScene(db);
  const { job } = await addDoneJob(db, scene, [square(0, 0), square(20, 0)]);
  const get = (path: string, init?: RequestInit) => fetchJson(service.address + path, init);
  /** The answer to a request that runs away, which has begun on return. */
  async function runAway() {
    const before = begun;
    const answer = get(`/jobs/${job}/prove`, { method: 'POST' });
    await expect.poll(() => begun).toBe(before + 1);
    return { answer };
  }
  return { service, scene, get, runAway };
}

describe.each(lastingEngines())('on $name', { timeout: 180_000 }, ({ name, open }) => {
  let opened: Opened;
  let service: TestService;
  let its: Awaited<ReturnType<typeof serveRunaway>>;
  beforeAll(async () => {
    opened = await open();
    its = await serveRunaway(opened, RUNAWAY);
    service = its.service;
  });
  afterAll(async () => {
    await service.close();
    await opened.drop();
  });

  test('it is ended; the probes say what is; nothing that others wrote is lost', async () => {
    const { get, scene, runAway } = its;
    expect((await get('/ready')).status).toBe(200);
    const { answer } = await runAway();
    const others = { health: get('/health'), ready: get('/ready'), scenes: get('/scenes') };
    const written = addScene(opened.db);
    const body = JSON.stringify({ license: 'CC-BY-4.0' });
    const changed = get(`/scenes/${scene}`, { method: 'PATCH', body, headers: { 'Content-Type': 'application/json' } });
    expect((await others.health).status).toBe(200);
    // The embedded database has one connection; of PostgreSQL's, heavy requests take none from others.
    const { status, body: said } = await others.ready;
    expect([status, said.code]).toEqual(name === 'pglite' ? [503, 'not_ready'] : [200, undefined]);
    expect((await others.scenes).status).toBe(200);
    const ended = await answer;
    expect([ended.status, ended.body.code]).toEqual([504, 'query_too_slow']);

    expect((await changed).status).toBe(200);
    const scenes = (await get('/scenes')).body as { id: string; license?: string }[];
    expect(scenes.map(({ id }) => id).sort()).toEqual([scene, await written].sort());
    expect(scenes.find(({ id }) => id === scene)!.license).toBe('CC-BY-4.0');
    expect((await get('/collections/landuse/items')).body.numberMatched).toBe(2);
    expect((await get('/collections/landuse/aggregate')).status).toBe(200);
    expect((await get('/ready')).status).toBe(200);
  });

  test.runIf(FULL)(
    'when all connections are taken, requests are told to come again',
    { timeout: 180_000 },
    async () => {
      const { get } = its;
      const [statement, times] = name === 'pglite' ? [RUNAWAY, 1] : ['SELECT pg_sleep(1000)', 10];
      const limited = opened.db.within(SCOPE, { statementSeconds: 40 });
      const taken = Array.from({ length: times }, () => limited.query(statement).catch((error) => error));
      const [refused, ready, health] = await Promise.all([get('/scenes'), get('/ready'), get('/health')]);
      expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([503, 'busy', '5']);
      expect([ready.status, ready.body.code, health.status]).toEqual([503, 'not_ready', 200]);
      for (const each of await Promise.all(taken)) expect(each).toMatchObject({ code: 'query_too_slow' });
      expect((await get('/scenes')).status).toBe(200);
      expect((await get('/ready')).status).toBe(200);
    },
  );
});

test.runIf(FULL)(
  'ended again and again, the embedded database keeps what it has said it has',
  { timeout: 600_000 },
  async () => {
    const opened = await lastingEngines()[0]!.open();
    await opened.db.query('CREATE TABLE planimeter.notes (note integer)');
    const limited = opened.db.within(SCOPE, { statementSeconds: 0.5 });
    const openFiles: number[] = [];
    let written = 0;
    try {
      for (let round = 0; round < 10; round++) {
        const runaway = limited.query(RUNAWAY).catch((error) => error);
        const writes = Array.from({ length: 20 }, async () => {
          await opened.db.transaction((q) => q.query('INSERT INTO planimeter.notes SELECT generate_series(1, 500)'));
          written += 500;
        });
        await Promise.all(writes.slice(0, 5));
        expect(await runaway).toMatchObject({ code: 'query_too_slow' });
        const next = limited.query(RUNAWAY).catch((error) => error);
        await Promise.all(writes);
        expect(await next).toMatchObject({ code: 'query_too_slow' });
        expect(await opened.db.query('SELECT count(*)::integer AS count FROM planimeter.notes')).toEqual([
          { count: written },
        ]);
        openFiles.push(readdirSync('/proc/self/fd').length);
      }
      expect(openFiles.at(-1)).toBeLessThan(openFiles[0]! + 20);
    } finally {
      await opened.drop();
    }
  },
);

test('a database that is gone: /health answers, the rest says to come again', async () => {
  const engine = lastingEngines().find((each) => each.name === 'postgresql');
  const cluster = engine ? await startCluster() : null;
  if (!cluster) return expect(engine).toBe(undefined);
  const opened = await openOnServer(cluster.url);
  const service = await startService(opened.db);
  try {
    await cluster.stop();
    expect((await fetchJson(`${service.address}/health`)).status).toBe(200);
    for (const path of ['/ready', '/scenes', '/collections/landuse/aggregate', '/metrics']) {
      const { status, body } = await fetchJson(service.address + path);
      expect([path, status, body.code]).toEqual([path, 503, 'not_ready']);
    }
  } finally {
    await service.close();
    await opened.db.close();
  }
});

/** A ring that crosses itself tens of thousands of times, over which GEOS 3.11 asks nobody whether it should go on. */
const KNOT = Array.from(
  { length: 401 },
  (_, i) => `${((i % 400) * 7919) % 1009} ${((i % 400) * 104729) % 1013}`,
).join();

test.runIf(FULL)('light requests answer while the geometry library hangs', { timeout: 300_000 }, async () => {
  const cluster: Cluster | null = await startCluster();
  if (!cluster) return;
  const opened = await openOnServer(cluster.url);
  const { service, get, runAway } = await serveRunaway(opened, 'SELECT ST_NPoints(ST_MakeValid(ST_GeomFromText($1)))', [
    `POLYGON((${KNOT}))`,
  ]);
  /** 95th percentile of light requests, one each 100 ms, in milliseconds. */
  const lightMs = async (until: Promise<unknown>) => {
    const taken: number[] = [];
    let going = true;
    until.finally(() => {
      going = false;
    });
    while (going) {
      const started = performance.now();
      expect((await get('/scenes')).status).toBe(200);
      taken.push(performance.now() - started);
      await sleep(100);
    }
    return taken.sort((a, b) => a - b)[Math.floor(taken.length * 0.95)]!;
  };
  try {
    const alone = await lightMs(sleep(5000));
    const { answer } = await runAway();
    const meanwhile = await lightMs(answer);
    expect((await answer).body.code).toBe('query_too_slow');
    // A machine that is busy with other things answers slowly before already.
    expect(meanwhile).toBeLessThan(Math.max(1000, 5 * alone));
    expect((await get('/ready')).status).toBe(200);
  } finally {
    await service.close();
    await opened.db.close();
    await cluster.stop(); // nothing less ends what GEOS does
  }
});

describe('a process whose database hangs', () => {
  let folder: string;
  const children: ChildProcess[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'planimeter-runaway-'));
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const at = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);

  /** On return its database hangs, and stopping waits for that. */
  async function hang(): Promise<ChildProcess> {
    const script = `import { openDatabase } from ${at('../../server/store/database/open-database.ts')};
      import { stopOnSignal } from ${at('../../cli/serve.ts')};
      const db = await openDatabase({ folder: ${JSON.stringify(folder)} });
      stopOnSignal(() => db.close());
      await db.query('CREATE TABLE IF NOT EXISTS planimeter.notes (note text)');
      await db.query("INSERT INTO planimeter.notes VALUES ('before')");
      db.query(${JSON.stringify(RUNAWAY)});
      console.log('hangs');`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    await once(createInterface({ input: child.stdout! }), 'line');
    return child;
  }

  test('ends at the second signal, and has lost nothing', async () => {
    const child = await hang();
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const again = setInterval(() => child.kill('SIGINT'), 200);
    expect(await gone).toEqual([1, null]);
    clearInterval(again);
    const db = await openDatabase({ folder });
    expect(await db.query('SELECT * FROM planimeter.notes')).toEqual([{ note: 'before' }]);
    await db.close();
  });

  test.runIf(FULL)('ends by itself some time after the first', { timeout: 120_000 }, async () => {
    const child = await hang();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});
