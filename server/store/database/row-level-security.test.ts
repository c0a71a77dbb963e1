/** A query that forgets to say whose rows it wants gets those of its workspace, on both engines. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addDoneJob, addScene } from '../../../test/support/http-service.ts';
import { findSceneBySha256, insertScene } from '../tables/scenes.ts';
import { createToken } from '../tables/tokens.ts';
import { openDatabase } from './open-database.ts';
import { CONFINED_ROLE, prepareRowLevelSecurity } from './row-level-security.ts';

const TABLES = ['scenes', 'jobs', 'features', 'job_totals'];
const SQUARE: [number, number][] = [
  [0, 0],
  [0, 10],
  [10, 10],
  [10, 0],
];
const BUILDING = { collection: 'buildings', class: 'building', rings: [SQUARE] };

describe.each(testEngines())('workspaces on $name', ({ open, name }) => {
  let opened: Awaited<ReturnType<typeof open>>;
  const jobs: Record<string, string> = {};
  const scenes: Record<string, string> = {};
  beforeAll(async () => {
    opened = await open();
    for (const workspace of ['north', 'south', 'default']) {
      const own = opened.db.within({ workspace });
      scenes[workspace] = await addScene(own, { sha256: 'ab'.repeat(32) });
      jobs[workspace] = (await addDoneJob(opened.db, scenes[workspace], [BUILDING, BUILDING], workspace)).job;
    }
  });
  afterAll(() => opened.drop());

  test('each table shows the rows of the session’s workspace alone, without a word of it in the query', async () => {
    const { db } = opened;
    expect(db.confinement).toBe(true);
    for (const table of TABLES) {
      const all = await db.query(`SELECT * FROM planimeter.${table}`);
      const own = await db.within({ workspace: 'north' }).query(`SELECT * FROM planimeter.${table}`);
      expect(own.length, table).toBeGreaterThan(0);
      expect(all.length, table).toBe(3 * own.length);
      expect(await db.within({ workspace: 'nobody' }).query(`SELECT * FROM planimeter.${table}`)).toEqual([]);
    }
    const [{ id }] = (await db.within({ workspace: 'south' }).query('SELECT id FROM planimeter.jobs')) as [
      { id: string },
    ];
    expect(id).toBe(jobs.south);
  });

  test('a scope of one job shows that job, its scene and its features', async () => {
    const { db } = opened;
    const north = db.within({ workspace: 'north' });
    const other = (await addDoneJob(db, scenes.north!, [BUILDING], 'north')).job;
    const unrelated = await addScene(north);
    const shared = db.within({ workspace: 'north', job: other });
    expect(await shared.query('SELECT id FROM planimeter.jobs')).toEqual([{ id: other }]);
    expect(await shared.query('SELECT id FROM planimeter.scenes')).toEqual([{ id: scenes.north }]);
    expect(await shared.query('SELECT count(*) AS n FROM planimeter.features')).toEqual([{ n: 1 }]);
    expect(await db.within({ workspace: 'south', job: other }).query('SELECT id FROM planimeter.scenes')).toEqual([]);
    await north.query('DELETE FROM planimeter.jobs WHERE id = $1', [other]);
    await north.query('DELETE FROM planimeter.scenes WHERE id = $1', [unrelated]);
  });

  test('many at a time get their own, also in transactions and after failures', async () => {
    const { db } = opened;
    const asked = Array.from({ length: 60 }, async (_, i) => {
      const workspace = ['north', 'south', 'default'][i % 3]!;
      const q = db.within({ workspace });
      if (i % 4 === 0) await q.query('SELECT 1 / 0').catch(() => {});
      if (i % 5 === 0) {
        const rows = await q.transaction(async (t) => {
          await t.query('SELECT 1');
          return t.query<{ workspace: string }>('SELECT workspace FROM planimeter.scenes');
        });
        return [workspace, rows] as const;
      }
      return [workspace, await q.query<{ workspace: string }>('SELECT workspace FROM planimeter.scenes')] as const;
    });
    for (const [workspace, rows] of await Promise.all(asked)) expect(rows).toEqual([{ workspace }]);
    expect(await db.query('SELECT workspace FROM planimeter.scenes')).toHaveLength(3);
  });

  test('a plan that connections keep shows each workspace its own', async () => {
    const { db } = opened;
    const shown = 'SELECT workspace FROM planimeter.scenes WHERE bytes > $1 -- kept';
    for (let i = 0; i < 150; i++) {
      const workspace = ['north', 'south', 'default'][(i * 7) % 3]!;
      const scope = i % 10 === 9 ? { workspace, job: jobs[workspace]! } : { workspace };
      const asked = [scope, scope].map((each) => db.within(each).query(shown, [0], { prepared: true }));
      for (const rows of await Promise.all(asked)) expect(rows).toEqual([{ workspace }]);
      expect(await db.within({ workspace, job: 'none' }).query(shown, [0], { prepared: true })).toEqual([]);
    }
    expect(await db.query(shown, [0], { prepared: true })).toHaveLength(3);
  });

  test('nothing is written into, changed in or taken from another workspace; other tables are out of reach', async () => {
    const { db } = opened;
    const north = db.within({ workspace: 'north' });
    const refused = { code: '42501' };
    await expect(
      north.query(
        `INSERT INTO planimeter.scenes (id, name, sha256, bytes, workspace) VALUES ('x', 'x', 'x', 1, 'south')`,
      ),
    ).rejects.toMatchObject(refused);
    await expect(north.query(`UPDATE planimeter.scenes SET workspace = 'south'`)).rejects.toMatchObject(refused);
    expect(await north.query('DELETE FROM planimeter.jobs WHERE id = $1 RETURNING id', [jobs.south])).toEqual([]);
    // That there is such a scene elsewhere does not show: the same error as for one that is nowhere.
    for (const scene of [scenes.south, randomUUID()]) {
      const job = `INSERT INTO planimeter.jobs (id, scene, model) VALUES ($1, $2, 'm')`;
      await expect(north.query(job, [randomUUID(), scene])).rejects.toMatchObject({ code: '23503' });
    }
    for (const table of ['tokens', 'settings', 'shards']) {
      await expect(north.query(`SELECT * FROM planimeter.${table}`)).rejects.toMatchObject(refused);
    }
    for (const trick of ['RESET planimeter.workspace', `SET planimeter.workspace = ''`]) {
      await north
        .transaction(async (q) => {
          await q.execute(trick); // as far as a statement that slipped in could go
          expect(await q.query('SELECT * FROM planimeter.scenes')).toEqual([]);
          throw new Error('taken back');
        })
        .catch((error) => expect(String(error)).toContain('taken back'));
    }
  });

  test('the same bytes are a scene of each workspace, and deleting one leaves the others', async () => {
    const { db } = opened;
    const south = db.within({ workspace: 'south' });
    expect((await findSceneBySha256(south, 'ab'.repeat(32)))?.id).toBe(scenes.south);
    await insertScene(south, { id: 'again', name: 'x', upload: null, sha256: 'ab'.repeat(32), bytes: 1 });
    await south.query('DELETE FROM planimeter.scenes');
    expect(await south.query('SELECT * FROM planimeter.features')).toEqual([]);
    expect(await db.query('SELECT * FROM planimeter.features')).toHaveLength(4);
  });

  test('a search by place finds its index behind the policies', async () => {
    const plan = await opened.db.within({ workspace: 'north' }).transaction(async (q) => {
      await q.query('SET LOCAL enable_seqscan = off');
      await q.query('SET LOCAL enable_bitmapscan = off');
      return q.query(
        `EXPLAIN SELECT id FROM planimeter.features f WHERE ST_Intersects(f.geom, ST_MakeEnvelope(0, 0, 1, 1, 4326))`,
      );
    });
    expect(JSON.stringify(plan)).toMatch(/Index Cond[^"]*geom && /);
  });

  test.runIf(name === 'postgresql')(
    'a login without the rights has the default workspace alone, and says so',
    async () => {
      const login = `poor_${randomUUID().slice(0, 8)}`;
      const url = new URL(opened.url!);
      const { db } = opened;
      await db.execute(`CREATE ROLE ${login} LOGIN; GRANT CREATE ON DATABASE ${url.pathname.slice(1)} TO ${login};
      GRANT ALL ON SCHEMA planimeter TO ${login};
      GRANT ALL ON ALL TABLES IN SCHEMA planimeter TO ${login}`);
      await db.execute(`ALTER FUNCTION geometry_overlaps(geometry, geometry) NOT LEAKPROOF`);
      url.username = login;
      const poor = await openDatabase({ url: url.href });
      try {
        expect(poor.confinement).toBe(false);
        const wanted = { name: 'x', role: 'admin', workspace: 'north' };
        await expect(createToken(poor, wanted)).rejects.toMatchObject({
          code: 'workspaces_unavailable',
          message: expect.stringContaining('planimeter doctor --sql'),
        });
        // That requests by place are slow is no reason to do without.
        await db.execute(`GRANT ${CONFINED_ROLE} TO ${login}`);
        expect(await prepareRowLevelSecurity(poor)).toBe(true);
      } finally {
        await poor.close();
        await db.execute(`DROP OWNED BY ${login}; DROP ROLE ${login}`);
      }
      expect(await prepareRowLevelSecurity(db)).toBe(true);
    },
  );
});
