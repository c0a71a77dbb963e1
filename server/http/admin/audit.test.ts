/** What is done stands in the audit log, which nobody changes; what is deleted is gone; links show one job and no more. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addDoneJob, addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import type { AuditJson } from '../../api/index.ts';
import { configureLog } from '../../log.ts';
import { createToken } from '../../store/tables/tokens.ts';

const RINGS: [number, number][][] = [
  [
    [0, 0],
    [0, 900],
    [900, 900],
  ],
];
const BUILDING = { collection: 'buildings', class: 'building', rings: RINGS };

describe.each(testEngines())('on $name', ({ open }) => {
  let opened: Awaited<ReturnType<typeof open>>;
  let service: TestService;
  const tokens: Record<string, string> = {};
  beforeAll(async () => {
    opened = await open();
    service = await startService(opened.db);
    tokens.admin = (await createToken(opened.db, { name: 'the admin', role: 'admin' })).token;
    for (const workspace of ['north', 'south']) {
      tokens[workspace] = (await createToken(opened.db, { name: `${workspace}ern`, role: 'admin', workspace })).token;
    }
    tokens.viewer = (await createToken(opened.db, { name: 'v', role: 'viewer', workspace: 'north' })).token;
  });
  afterAll(async () => {
    await service.close();
    await opened.drop();
  });

  const ask = async (who: string | null, path: string, init: RequestInit = {}) => {
    const headers = { ...(who && { Authorization: `Bearer ${tokens[who]}` }), 'Content-Type': 'application/json' };
    const response = await fetch(path.startsWith('http') ? path : service.address + path, { ...init, headers });
    const text = await response.text();
    return {
      status: response.status,
      text,
      body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : null,
    };
  };
  const post = (who: string, path: string, body: unknown = {}) =>
    ask(who, path, { method: 'POST', body: JSON.stringify(body) });
  const audit = async (who: string, query = ''): Promise<AuditJson[]> =>
    (await ask(who, `/audit${query}`)).body.entries;
  const doneJob = async (workspace: string) => {
    const scene = await addScene(opened.db.within({ workspace }));
    const { job } = await addDoneJob(opened.db, scene, [BUILDING, BUILDING], workspace);
    return { scene, job };
  };

  test('deleting a scene deletes all of it, and the log says what', async () => {
    const { db } = opened;
    const { scene, job } = await doneJob('north');
    const keys = [
      ...['original.tif', 'working.tif'].map((file) => `scenes/${scene}/${file}`),
      ...['classes.tif', 'scores.tif', 'exports/all.pmtiles', 'spool/0-1', 'spool/0-2'].map((f) => `jobs/${job}/${f}`),
    ];
    for (const key of keys) {
      await mkdir(dirname(service.files.path(key)), { recursive: true });
      await writeFile(service.files.path(key), 'x');
      await service.files.put(key);
    }
    const other = await doneJob('north');
    expect((await ask('north', `/scenes/${scene}`, { method: 'DELETE' })).status).toBe(204);
    for (const prefix of [`scenes/${scene}`, `jobs/${job}`]) expect(await service.files.list(prefix)).toEqual([]);
    expect(await db.query('SELECT id FROM planimeter.scenes')).toEqual([{ id: other.scene }]);
    expect(await db.query('SELECT id FROM planimeter.jobs')).toEqual([{ id: other.job }]);
    expect(await db.query('SELECT count(*) AS n FROM planimeter.features')).toEqual([{ n: 2 }]);
    const [deletedScene, deletedJob] = await audit('north');
    expect(deletedScene).toMatchObject({
      ...{ workspace: 'north', actor: 'northern', action: 'scene_deleted', subject: scene },
      details: { name: 'dubai.tif', files: { 'original.tif': 1, 'working.tif': 1 } },
    });
    expect(deletedJob).toMatchObject({
      ...{ action: 'job_deleted', subject: job },
      details: { scene, features: 2, files: { 'classes.tif': 1, 'scores.tif': 1, exports: 1, spool: 2 } },
    });
  });

  test('jobs and tokens are in it; secrets are not; it is for admins, of their own workspace', async () => {
    const scene = await addScene(opened.db.within({ workspace: 'north' }));
    const { body: job } = await post('north', '/jobs', { scene });
    await post('north', `/jobs/${job.id}/cancel`);
    await post('north', `/jobs/${job.id}/retry`);
    const { body: made } = await post('north', '/tokens', { name: 'short', role: 'viewer' });
    await ask('north', `/tokens/${made.id}`, { method: 'DELETE' });
    const entries = await audit('north', '?limit=5');
    expect(entries.map(({ action, subject }) => [action, subject])).toEqual([
      ['token_revoked', made.id],
      ['token_made', made.id],
      ['job_started', job.id],
      ['job_cancelled', job.id],
      ['job_started', job.id],
    ]);
    expect(entries[2]!.details).toMatchObject({ scene, pixels: 4_000_000 });
    const rows = JSON.stringify(await opened.db.query('SELECT * FROM planimeter.audit'));
    for (const token of [...Object.values(tokens), made.token]) expect(rows).not.toContain(token);
    expect(await audit('south')).toEqual([]);
    expect((await audit('admin')).length).toBeGreaterThan(5);
    expect(await audit('admin', '?workspace=south')).toEqual([]);
    const older = await audit('north', `?before=${entries[3]!.id}`);
    expect(older[0]!.id).toBe(entries[4]!.id);
    expect((await ask('viewer', '/audit')).status).toBe(403);
  });

  test('nobody changes what stands in it', async () => {
    for (const statement of [
      'UPDATE planimeter.audit SET actor = $1',
      'DELETE FROM planimeter.audit WHERE actor <> $1',
    ]) {
      await expect(opened.db.query(statement, ['x'])).rejects.toMatchObject({ code: '23001' });
    }
    await expect(opened.db.execute('TRUNCATE planimeter.audit')).rejects.toMatchObject({ code: '23001' });
    const confined = opened.db.within({ workspace: 'north' });
    await expect(confined.query('DELETE FROM planimeter.audit')).rejects.toMatchObject({ code: '42501' });
  });

  test('a link shows its job to anybody, and nothing else, until it is revoked or expires', async () => {
    const mine = await doneJob('north');
    const secretOnes = [await doneJob('north'), await doneJob('south')];
    const { status, body: share } = await post('north', `/jobs/${mine.job}/shares`, { days: 1 });
    expect(status).toBe(201);
    const link: string = share.url;
    const secret = link.split('/').at(-2)!;
    expect(JSON.stringify(await opened.db.query('SELECT * FROM planimeter.shares'))).not.toContain(secret);

    const { body: caller } = await ask(null, `${link}service`);
    expect(caller.caller).toMatchObject({ role: 'viewer', job: mine.job, signed_in: false });
    expect((await ask(null, `${link}jobs`)).body.map(({ id }: { id: string }) => id)).toEqual([mine.job]);
    expect((await ask(null, `${link}scenes`)).body.map(({ id }: { id: string }) => id)).toEqual([mine.scene]);
    const { body: items } = await ask(null, `${link}collections/buildings/items?limit=1`);
    expect(items.numberMatched).toBe(2);
    // Links of the answers lead below the link itself.
    const next = items.links.find(({ rel }: { rel: string }) => rel === 'next').href;
    expect(next.startsWith(link)).toBe(true);
    expect((await ask(null, next)).status).toBe(200);
    const { body: tiles } = await ask(null, `${link}tiles/${mine.job}.json`);
    expect(tiles.tiles[0].startsWith(link)).toBe(true);
    for (const { scene, job } of secretOnes) {
      for (const path of [`scenes/${scene}`, `jobs/${job}`, `tiles/${job}.json`, `imagery/${scene}.json`]) {
        expect((await ask(null, link + path)).status, path).toBe(404);
      }
    }
    for (const path of ['tokens', 'audit', `jobs/${mine.job}/shares`, 'metrics']) {
      expect((await ask(null, link + path)).status, path).toBe(403);
    }
    const refused = [
      ...[
        ['POST', 'jobs'],
        ['DELETE', `jobs/${mine.job}`],
        ['POST', `jobs/${mine.job}/cancel`],
        ['POST', 'uploads'],
      ],
      ...[
        ['DELETE', `scenes/${mine.scene}`],
        ['POST', `jobs/${mine.job}/shares`],
        ['DELETE', `shares/${share.id}`],
      ],
    ];
    for (const [method, path] of refused) {
      expect((await ask(null, link + path, { method: method! })).status, `${method} ${path}`).toBe(403);
    }
    expect((await ask(null, `${service.address}/shared/${'x'.repeat(43)}/jobs`)).status).toBe(404);
    const withoutSlash = await fetch(link.slice(0, -1), { redirect: 'manual' });
    expect([withoutSlash.status, withoutSlash.headers.get('location')]).toEqual([308, `/shared/${secret}/`]);

    expect((await ask('north', `/jobs/${mine.job}/shares`)).body).toMatchObject([
      { id: share.id, created_by: 'northern' },
    ]);
    expect((await ask('south', `/shares/${share.id}`, { method: 'DELETE' })).status).toBe(404);
    expect((await ask('viewer', `/jobs/${mine.job}/shares`)).status).toBe(403);
    expect((await ask('north', `/shares/${share.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await ask(null, `${link}jobs`)).status).toBe(404);
    const page = await fetch(link, { headers: { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    const text = await page.text();
    expect(text).toContain('Ask whoever sent it for another.');
    expect(text).not.toContain(secret);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-/);
    const short = (await post('north', `/jobs/${mine.job}/shares`, { days: 1e-9 })).body.url;
    expect((await ask(null, `${short}jobs`)).status).toBe(404);
    expect((await post('north', `/jobs/${mine.job}/shares`, { days: -1 })).status).toBe(400);
    const actions = (await audit('north', '?limit=3')).map(({ action }) => action);
    expect(actions).toEqual(['share_made', 'share_revoked', 'share_made']);
  });

  test('what is done and its entry are written together, or neither', async () => {
    const { db } = opened;
    const { scene, job } = await doneJob('north');
    const failed = (await doneJob('north')).job;
    const running = (await doneJob('north')).job;
    await db.query(`UPDATE planimeter.jobs SET state = 'failed' WHERE id = $1`, [failed]);
    await db.query(`UPDATE planimeter.jobs SET state = 'running' WHERE id = $1`, [running]);
    const token = (await createToken(db, { name: 'old', role: 'viewer', workspace: 'north' })).id;
    const share = (await post('north', `/jobs/${job}/shares`)).body.id;
    const deeds: [string, () => Promise<{ status: number }>, number][] = [
      ['token_made', () => post('north', '/tokens', { name: 'new', role: 'viewer' }), 201],
      ['token_revoked', () => ask('north', `/tokens/${token}`, { method: 'DELETE' }), 204],
      ['share_made', () => post('north', `/jobs/${job}/shares`), 201],
      ['share_revoked', () => ask('north', `/shares/${share}`, { method: 'DELETE' }), 204],
      ['scene_added', () => post('north', '/scenes/demo'), 202],
      ['job_started', () => post('north', '/jobs', { scene, parameters: { min_area_m2: 77 } }), 202],
      ['job_started', () => post('north', `/jobs/${failed}/retry`), 202],
      ['job_cancelled', () => post('north', `/jobs/${running}/cancel`), 200],
      ['job_deleted', () => ask('north', `/jobs/${failed}`, { method: 'DELETE' }), 204],
      ['scene_deleted', () => ask('north', `/scenes/${scene}`, { method: 'DELETE' }), 204],
    ];
    const tables = ['tokens', 'shares', 'scenes', 'jobs', 'features', 'audit'];
    const everything = async () =>
      Promise.all(tables.map((table) => db.query(`SELECT * FROM planimeter.${table} ORDER BY 1, 2, 3, 4`)));
    await db.execute(`CREATE FUNCTION planimeter.fail() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = 'disk_full'; END $$`);
    // One that fails as soon as the entry is written, and one that fails at the very end of what was done.
    const faults = {
      audit: 'CREATE TRIGGER fail BEFORE INSERT ON planimeter.audit FOR EACH ROW EXECUTE FUNCTION planimeter.fail()',
      ...Object.fromEntries(
        ['tokens', 'shares', 'scenes', 'jobs'].map((table) => [
          table,
          `CREATE CONSTRAINT TRIGGER fail AFTER INSERT OR UPDATE OR DELETE ON planimeter.${table} DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION planimeter.fail()`,
        ]),
      ),
    };
    const before = await everything();
    configureLog({ level: 'silent', format: 'text' });
    for (const sql of Object.values(faults)) await db.execute(sql);
    for (const [action, deed] of deeds) expect((await deed()).status, action).toBe(507);
    await db.execute('DROP TRIGGER fail ON planimeter.audit');
    for (const [action, deed] of deeds) expect((await deed()).status, action).toBe(507);
    expect(await everything()).toEqual(before);
    configureLog({ level: 'warn', format: 'text' });
    for (const table of ['tokens', 'shares', 'scenes', 'jobs'])
      await db.execute(`DROP TRIGGER fail ON planimeter.${table}`);
    const [{ last }] = (await db.query('SELECT max(id) AS last FROM planimeter.audit')) as [{ last: number }];
    for (const [action, deed, status] of deeds) {
      expect((await deed()).status, action).toBe(status);
      const [entry] = await db.query('SELECT action FROM planimeter.audit WHERE id > $1 ORDER BY id DESC', [last]);
      expect(entry).toEqual({ action });
    }
    // With the scene went two jobs.
    expect(await db.query('SELECT id FROM planimeter.audit WHERE id > $1', [last])).toHaveLength(deeds.length + 2);
  });
});
