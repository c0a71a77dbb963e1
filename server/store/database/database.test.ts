import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { seeded } from '../../../test/support/geometry.ts';
import type { IngestReport } from '../../../tiler/ingest/ingest.ts';
import { getJob, insertJob, listJobs, updateJob } from '../tables/jobs.ts';
import {
  deleteScene,
  findSceneBySha256,
  findSceneByUpload,
  getScene,
  insertScene,
  pageOfScenes,
  sceneJson,
  updateScene,
} from '../tables/scenes.ts';
import type { Database } from './database.ts';
import { migrate } from './migrate.ts';

describe.each(testEngines())('the database on $name', ({ name, open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
    await db.execute('CREATE TABLE notes (id integer PRIMARY KEY, note text)');
  });
  afterAll(() => drop());

  const notes = async () => (await db.query<{ id: number }>('SELECT id FROM notes ORDER BY id')).map(({ id }) => id);

  test('both engines give the same JavaScript types', async () => {
    const [row] = await db.query(
      `SELECT 1::integer AS i, 9007199254740991::bigint AS b, 0.1::float8 AS d, 0.87::real AS r, true AS t, NULL AS n,
              '{"a": [1, "x"]}'::jsonb AS j, '\\x00ff10'::bytea AS y, ARRAY[1.5, 'NaN']::float8[] AS a,
              '2026-01-02 03:04:05.678+02'::timestamptz AS z, ARRAY['ü', 'b"c'] AS s,
              '0b0c0d0e-0000-4000-8000-000000000001'::uuid AS u, count(*) AS c FROM notes`,
    );
    const { y, ...rest } = row as { y: Uint8Array };
    expect(rest).toEqual({
      i: 1,
      b: 9007199254740991,
      d: 0.1,
      r: 0.87,
      t: true,
      n: null,
      j: { a: [1, 'x'] },
      a: [1.5, Number.NaN],
      z: '2026-01-02T01:04:05.678Z',
      s: ['ü', 'b"c'],
      u: '0b0c0d0e-0000-4000-8000-000000000001',
      c: 0,
    });
    expect(y).toBeInstanceOf(Uint8Array);
    expect([...y]).toEqual([0, 255, 16]);
  });

  test('parameters arrive as they were sent', async () => {
    const random = seeded(3);
    const bytes = Uint8Array.from({ length: 100_003 }, () => random() * 256);
    const view = bytes.subarray(1, 100_000);
    const text = `'"\\ $1 {a,b} \n ☃ ${'x'.repeat(1000)}`;
    const [row] = await db.query<Record<string, unknown>>(
      'SELECT $1::text AS t, $2::bytea AS y, $3::text[] AS a, $4::float8[] AS d, $5::jsonb AS j, $6::bigint AS b, $7::text AS n',
      [text, view, [text, '', 'NULL'], [-0.1, 1e300, Number.NaN], JSON.stringify({ text }), 2 ** 53 - 1, null],
    );
    expect(Buffer.from(row!.y as Uint8Array).equals(Buffer.from(view))).toBe(true);
    expect({ ...row, y: 0 }).toEqual({
      t: text,
      y: 0,
      a: [text, '', 'NULL'],
      d: [-0.1, 1e300, Number.NaN],
      j: { text },
      b: 2 ** 53 - 1,
      n: null,
    });
  });

  test('errors carry their SQLSTATE, and the next statement works', async () => {
    await expect(db.query('SELECT 1 / $1::integer', [0])).rejects.toMatchObject({ code: '22012' });
    await expect(db.query('SELEC')).rejects.toMatchObject({ code: '42601' });
    await expect(db.execute('BEGIN; SELECT 1 / 0; COMMIT')).rejects.toMatchObject({ code: '22012' });
    await expect(db.query('SELECT $1::text', ['a\0b'])).rejects.toMatchObject({ code: 'bad_request' });
    await expect(db.query('SELECT $1::jsonb', ['{"a": "\\u0000"}'])).rejects.toMatchObject({ code: 'bad_request' });
    expect(await db.execute('SELECT 1 AS n; SELECT 2 AS n')).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('a transaction is there altogether or not at all', async () => {
    const failed = db.transaction(async (q) => {
      await q.query('INSERT INTO notes VALUES (1)');
      expect(await q.query('SELECT id FROM notes')).toEqual([{ id: 1 }]);
      throw new Error('changed our mind');
    });
    await expect(failed).rejects.toThrow('changed our mind');
    expect(await notes()).toEqual([]);
    const broken = db.transaction(async (q) => {
      await q.query('INSERT INTO notes VALUES (1)');
      await q.query('INSERT INTO notes VALUES (1)').catch(() => {});
    });
    await expect(broken).rejects.toMatchObject({ code: '23505' }); // also when the error was caught within
    const script = db.transaction(async (q) => {
      await q.execute('INSERT INTO notes VALUES (1); SELECT 1 / 0').catch(() => {});
      await q.query('INSERT INTO notes VALUES (2)').catch(() => {});
    });
    await expect(script).rejects.toMatchObject({ code: '22012' });
    expect(await notes()).toEqual([]);
    expect(await db.transaction(async (q) => (await q.query('INSERT INTO notes VALUES (1) RETURNING id')).length)).toBe(
      1,
    );
    expect(await notes()).toEqual([1]);
    await db.query('DELETE FROM notes');
  });

  test('nothing comes between the statements of a transaction', async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        db.transaction(async (q) => {
          await q.query('LOCK TABLE notes IN EXCLUSIVE MODE');
          const [row] = await q.query<{ n: number }>('SELECT count(*) AS n FROM notes');
          await new Promise((resolve) => setTimeout(resolve, i % 3));
          await q.query('INSERT INTO notes VALUES ($1)', [row!.n]); // fails when another came between
          return row!.n;
        }),
      ),
    );
    expect(results.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    await db.query('DELETE FROM notes');
  });

  test.runIf(name === 'pglite')('a query past an open transaction is an error, not a standstill', async () => {
    await db.transaction(async (q) => {
      await expect(db.query('SELECT 1')).rejects.toThrow('inside a transaction');
      await q.query('SELECT 1');
    });
    expect(await db.query('SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  test.runIf(name === 'postgresql')('a connection that the server ends costs its query, not the process', async () => {
    const lost = db.transaction(async (q) => {
      const [{ pid }] = (await q.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
      await db.query('SELECT pg_terminate_backend($1)', [pid]);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await q.query('SELECT 1');
    });
    await expect(lost).rejects.toThrow();
    for (let i = 0; i < 12; i++) expect(await db.query('SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  test('the event loop is free while the database works', async () => {
    let worst = 0;
    const started = performance.now();
    let last = started;
    const timer = setInterval(() => {
      worst = Math.max(worst, performance.now() - last);
      last = performance.now();
    }, 5);
    await db.query('SELECT sum(sqrt(i)) FROM generate_series(1, 1000000) AS i');
    clearInterval(timer);
    const took = performance.now() - started;
    expect(took).toBeGreaterThan(50);
    expect(worst).toBeLessThan(took / 3);
  });

  test('migrates once, and refuses a database that is newer or was made otherwise', async () => {
    const before = await db.query('SELECT * FROM planimeter.migrations');
    await migrate(db);
    expect(await db.query('SELECT * FROM planimeter.migrations')).toEqual(before);
    await db.query(`INSERT INTO planimeter.migrations (name, sha256) VALUES ('9999-later.sql', '')`);
    await expect(migrate(db)).rejects.toThrow('newer Planimeter (9999-later.sql)');
    await db.query(`DELETE FROM planimeter.migrations WHERE name = '9999-later.sql'`);
    await db.query(`UPDATE planimeter.migrations SET sha256 = 'x' || sha256 WHERE name LIKE '0001%'`);
    await expect(migrate(db)).rejects.toThrow('0001-');
    await db.query(`UPDATE planimeter.migrations SET sha256 = substr(sha256, 2) WHERE name LIKE '0001%'`);
    await migrate(db);
  });

  test('scenes: what is stored is what comes back', async () => {
    await insertScene(db, { id: 's1', name: `x'); --`, upload: 'u1', sha256: 'aa', bytes: 5_000_000_000 });
    const fresh = (await getScene(db, 's1'))!;
    expect(fresh).toMatchObject({
      name: `x'); --`,
      state: 'uploaded',
      bytes: 5_000_000_000,
      progress: 0,
      footprint: null,
    });
    expect(fresh.created_at).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(sceneJson(fresh)).toMatchObject({ valid_share: null, findings: [], bbox: null });

    const footprint = {
      type: 'Polygon' as const,
      coordinates: [
        [
          [0, 0],
          [1, 0],
          [1, 1.5],
          [0, 0],
        ],
      ],
    };
    const report = {
      width: 10,
      height: 10,
      validPixels: 25,
      findings: [{ code: 'c', severity: 'info', message: 'm' }],
    };
    const changes = {
      state: 'ready',
      footprint,
      bbox: [0, 0, 1, 1.5],
      gsd_m: 0.5,
      epsg: 32640,
      srs: 'EPSG:32640',
      width: 10,
      height: 10,
      report: report as unknown as IngestReport,
    } as const;
    expect(await updateScene(db, 's1', { ...changes, bbox: [0, 0, 1, 1.5] }, ['uploaded'])).toBe(true);
    expect(await getScene(db, 's1')).toEqual({ ...fresh, ...changes });
    expect(sceneJson((await getScene(db, 's1'))!)).toMatchObject({ valid_share: 0.25, findings: report.findings });
    expect(await updateScene(db, 's1', { state: 'refused' }, ['uploaded', 'ingesting'])).toBe(false);
    expect(await updateScene(db, 'none', { state: 'refused' })).toBe(false);
    await expect(updateScene(db, 's1', { 'id = 2; --': 1 } as never)).rejects.toThrow('no such column');

    await insertScene(db, { id: 's2', name: 'b', upload: 'u2', sha256: 'aa', bytes: 1 });
    await updateScene(db, 's2', { state: 'refused' });
    expect((await findSceneByUpload(db, 'u2'))!.id).toBe('s2');
    expect((await findSceneBySha256(db, 'aa'))!.id).toBe('s1'); // the one that can be used
    expect(await findSceneBySha256(db, 'bb')).toBeNull();
    expect((await pageOfScenes(db)).rows.map(({ id }) => id)).toEqual(['s2', 's1']);
    await expect(insertScene(db, { id: 's3', name: 'c', upload: 'u2', sha256: 'cc', bytes: 1 })).rejects.toMatchObject({
      code: '23505',
    });
    expect([await deleteScene(db, 's1'), await deleteScene(db, 's1')]).toEqual([true, false]);
  });

  test('jobs: what is stored is what comes back', async () => {
    await insertScene(db, { id: 'sj', name: 'b', upload: null, sha256: 'dd', bytes: 1 });
    await insertJob(db, { id: 'j1', scene: 'sj', model: 'm', parameters: { bands: [1, 'nir'] } });
    await insertJob(db, { id: 'j2', scene: 'sj', model: 'm', parameters: {} });
    await expect(insertJob(db, { id: 'j3', scene: 'none', model: 'm', parameters: {} })).rejects.toMatchObject({
      code: '23503',
    });
    expect(await getJob(db, 'j1')).toMatchObject({
      state: 'queued',
      parameters: { bands: [1, 'nir'] },
      progress: { stage: 'plan', done: 0, total: 0, share: 0 },
      report: null,
      started_at: null,
    });
    const progress = { stage: 'infer', done: 3, total: 9, share: 0.3 } as const;
    const started_at = '2026-01-02T03:04:05.678Z';
    expect(await updateJob(db, 'j1', { state: 'running', progress, started_at }, ['queued'])).toBe(true);
    expect(await getJob(db, 'j1')).toMatchObject({ state: 'running', progress, started_at });
    expect(await updateJob(db, 'j1', { state: 'running' }, ['queued'])).toBe(false);
    expect((await listJobs(db, { scene: 'sj' })).map(({ id }) => id)).toEqual(['j2', 'j1']);
    expect(await listJobs(db, { scene: 'none' })).toEqual([]);
    expect((await listJobs(db)).length).toBe(2);
    await deleteScene(db, 'sj');
    expect(await getJob(db, 'j1')).toBeNull();
  });
});
