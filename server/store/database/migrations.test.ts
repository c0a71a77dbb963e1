/** Databases of every schema that was released, with rows in every table, are brought forward without losing any. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { sumByClass } from '../tables/aggregate.ts';
import { queryItems } from '../tables/items.ts';
import { getJob, totalsOf } from '../tables/jobs.ts';
import { deleteScene, getScene } from '../tables/scenes.ts';
import { anyToken } from '../tables/tokens.ts';
import type { Database } from './database.ts';
import { migrate, readMigrations } from './migrate.ts';

const SCENE = '6f9619ff-8b86-4d01-b42d-00c04fc964ff';
const JOB = '11111111-1111-4111-8111-111111111111';
const FEATURE = '22222222-2222-5222-8222-222222222222';
const SAMPLE = '44444444-4444-4444-8444-444444444444';
const TOKEN = '33333333-3333-4333-8333-333333333333';

/** A row for each table, in the columns that it had when it was made, in the order of their references. */
const ROWS: Record<string, string> = {
  stored_files: `INSERT INTO planimeter.stored_files (key, bytes, sha256) VALUES ('scenes/${SCENE}/working.tif', 5000000000, repeat('ab', 32))`,
  scenes: `INSERT INTO planimeter.scenes (id, name, state, upload, sha256, bytes, progress, srs, epsg, footprint, bbox,
      gsd_m, gsd_x_m, gsd_y_m, width, height, bands, report)
    VALUES ('${SCENE}', 'Düsseldorf "Süd".tif', 'ready', 'upload-1', repeat('ab', 32), 5000000000, 1, 'EPSG:32632', 32632,
      ST_SetSRID(ST_MakeEnvelope(6.7, 51.2, 6.8, 51.3), 4326), '{6.7,51.2,6.8,51.3}', 0.3, 0.3, 0.31, 40000, 30000, 4,
      '{"findings": [{"code": "x"}], "nodata": null}')`,
  jobs: `INSERT INTO planimeter.jobs (id, scene, model, parameters, state, progress, report, started_at, finished_at)
    VALUES ('${JOB}', '${SCENE}', 'landuse-unet', '{"min_area_m2": 12.5}', 'done', '{"share": 1}',
      '{"ledger": {"done": 1200000000, "failed": 0}}', '2026-01-02T03:04:05.678Z', '2026-01-02T04:05:06.789Z')`,
  features: `INSERT INTO planimeter.features (job, level, collection, id, class, score, area_m2, perimeter_m, length_m, geom,
      properties)
    SELECT key, level, 'buildings', '${FEATURE}', 'building', 0.75, 123.456, 45.6, NULL,
      ST_SetSRID(ST_MakeEnvelope(6.71, 51.21, 6.7101, 51.2101), 4326), '{"floors": 3}'
    FROM planimeter.jobs, unnest(ARRAY[0, 1]) AS level`,
  job_totals: `INSERT INTO planimeter.job_totals (job, collection, class, count, area_m2, bbox)
    SELECT key, 'buildings', 'building', 1, 123.456, '{6.71,51.21,6.7101,51.2101}' FROM planimeter.jobs`,
  labels: `INSERT INTO planimeter.labels (id, scene, class, width_m, geom, author)
    VALUES ('${TOKEN}', '${SCENE}', 'not water', 2.5, ST_SetSRID(ST_MakePoint(6.75, 51.25), 4326), 'Ada')`,
  settings: `INSERT INTO planimeter.settings (name, value) VALUES ('store', 'a mark')`,
  tokens: `INSERT INTO planimeter.tokens (id, name, role, sha256, expires_at)
    VALUES ('${TOKEN}', 'Ada', 'admin', repeat('cd', 32), '2099-01-01T00:00:00Z')`,
  shares: `INSERT INTO planimeter.shares (id, workspace, job, sha256, created_by, expires_at)
    VALUES ('${TOKEN}', 'default', '${JOB}', repeat('ef', 32), 'Ada', '2099-01-01T00:00:00Z')`,
  audit: `INSERT INTO planimeter.audit (workspace, actor, action, subject) VALUES ('default', 'Ada', 'scene.delete', 'x')`,
  shards: `INSERT INTO planimeter.shards (job, shard, chips, chips_done, result)
    VALUES ('${JOB}', 0, 12, 12, '{"ledger": {"done": 12}}')`,
  coordinate_systems: `INSERT INTO planimeter.coordinate_systems (srid, srtext) VALUES (910000, 'LOCAL_CS["x"]')`,
  strips: `INSERT INTO planimeter.strips (job, strip, first_shard, last_shard, result)
    VALUES ('${JOB}', 0, 0, 0, '{"drawMs": 12}')`,
  samples: `INSERT INTO planimeter.samples (id, job, design, created_by) VALUES ('${SAMPLE}', '${JOB}', '{"seed": 7}', 'Ada')`,
  sample_points: `INSERT INTO planimeter.sample_points (sample, number, stratum, second, x, y, lon, lat)
    VALUES ('${SAMPLE}', 1, 0, true, 12, 34, 6.75, 51.25)`,
  sample_answers: `INSERT INTO planimeter.sample_answers (sample, point, reviewer, class, seconds)
    VALUES ('${SAMPLE}', 1, 'Ada', 'water', 2.5)`,
};

/** Filled by migrations and by PostGIS themselves. */
const OWN_TABLES = ['migrations', 'spatial_ref_sys'];

describe.each(testEngines())('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  const migrations = readMigrations();
  test.each(migrations.map(({ name }, index) => [name, index + 1] as const))('from %s', async (_name, count) => {
    await db.execute('DROP SCHEMA planimeter CASCADE');
    await migrate(db, migrations.slice(0, count));
    const tables = await tablesOf(db);
    for (const table of Object.keys(ROWS).filter((each) => tables.includes(each))) await db.query(ROWS[table]!);
    const before = await contents(db, tables);
    for (const [table, rows] of before) expect(rows.length, `ROWS has a row for ${table}`).toBeGreaterThan(0);

    await migrate(db);
    const after = await contents(db, tables);
    for (const [table, rows] of before) {
      const now = after.get(table)!;
      expect(now).toHaveLength(rows.length);
      // What is new in a row may have been added, what was there is as it was.
      for (const [i, row] of rows.entries()) expect(now[i], table).toMatchObject(row);
    }

    expect(await getScene(db, SCENE)).toMatchObject({ name: 'Düsseldorf "Süd".tif', bytes: 5e9, gsd_y_m: 0.31 });
    expect(await getJob(db, JOB)).toMatchObject({
      state: 'done',
      parameters: { min_area_m2: 12.5 },
      report: { ledger: { done: 1.2e9 } },
      finished_at: '2026-01-02T04:05:06.789Z',
    });
    expect((await totalsOf(db, JOB)).collections).toEqual([expect.objectContaining({ id: 'buildings', count: 1 })]);
    const items = await queryItems(db, 'buildings', { limit: 10 });
    expect(JSON.stringify(items)).toContain(FEATURE);
    expect(await sumByClass(db, { collection: 'buildings' })).toEqual([
      expect.objectContaining({ class: 'building', count: 1 }),
    ]);
    expect(await anyToken(db)).toBe(tables.includes('tokens'));
    expect(await deleteScene(db, SCENE)).toBe(true);
    for (const table of [
      'jobs',
      'features',
      'job_totals',
      'shards',
      'shares',
      'labels',
      'samples',
      'sample_points',
      'sample_answers',
    ]) {
      const [left] = await db.query<{ n: number }>(`SELECT count(*)::int AS n FROM planimeter.${table}`);
      expect(left!.n, `${table} of a deleted scene`).toBe(0);
    }
  });
});

async function tablesOf(db: Database): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables 
      WHERE table_schema = 'planimeter' AND table_type = 'BASE TABLE' ORDER BY 1`,
  );
  return rows.map(({ name }) => name).filter((name) => !OWN_TABLES.includes(name));
}

/** The rows of tables as JSON, geometries as text. */
async function contents(db: Database, tables: readonly string[]): Promise<Map<string, Record<string, unknown>[]>> {
  const found = new Map<string, Record<string, unknown>[]>();
  for (const table of tables) {
    const sql = `SELECT to_jsonb(t) AS row FROM planimeter.${table} t ORDER BY to_jsonb(t)::text`;
    found.set(
      table,
      (await db.query<{ row: Record<string, unknown> }>(sql)).map(({ row }) => row),
    );
  }
  return found;
}
