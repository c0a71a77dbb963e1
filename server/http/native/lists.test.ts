/** Lists of scenes, jobs and links come in pages, whose next one the header `Link` names. */
import { expect, test } from 'vitest';
import { addDoneJob, addScene } from '../../../test/support/http-service.ts';
import { square, testInterface } from '../../../test/support/http-suite.ts';
import { createShare } from '../../store/tables/shares.ts';

testInterface('lists', (its) => {
  const { get } = its;

  /** The ids of each page, as one who follows `Link` sees them. */
  async function pages(path: string, between: () => Promise<unknown> = async () => {}): Promise<string[][]> {
    const found: string[][] = [];
    for (let next: string | undefined = path; next !== undefined; await between()) {
      const { status, headers, body } = await get(next);
      expect(status).toBe(200);
      found.push(body.map(({ id }: { id: string }) => id));
      const [, address] = /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '') ?? [];
      next = address?.slice(its.service.address.length);
    }
    return found;
  }

  /** Some of them made in the same microsecond. */
  async function seven(): Promise<{ scenes: string[]; jobs: string[] }> {
    const scenes: string[] = [];
    for (let i = 0; i < 7; i++) scenes.push(await addScene(its.db));
    const jobs: string[] = [];
    for (let i = 0; i < 7; i++) jobs.push((await addDoneJob(its.db, scenes[0]!, [square(0, 0)])).job);
    for (const [table, ids] of Object.entries({ scenes, jobs })) {
      const sql = `UPDATE planimeter.${table} SET created_at = '2026-01-01T00:00:00.123456Z'::timestamptz + $2 * interval '1 microsecond' WHERE id = $1`;
      for (const [i, id] of ids.entries()) await its.db.query(sql, [id, Math.floor(i / 3)]);
    }
    return { scenes, jobs };
  }
  /** Of what was made in threes: the newest first, those of one moment by their ids. */
  const newestFirst = (ids: string[]) => [...ids.slice(6), ...ids.slice(3, 6).sort(), ...ids.slice(0, 3).sort()];

  test('every scene and job stands on one page, newest first', async () => {
    const { scenes, jobs } = await seven();
    for (const limit of [1, 2, 3, 7, 8]) {
      for (const [path, ids] of [
        [`/scenes?limit=${limit}`, scenes],
        [`/jobs?limit=${limit}`, jobs],
        [`/jobs?scene=${scenes[0]}&limit=${limit}`, jobs],
      ] as const) {
        const found = await pages(path);
        expect(found.length, path).toBe(Math.ceil(7 / limit));
        expect(found.flat(), path).toEqual(newestFirst([...ids]));
      }
    }
    expect((await pages('/jobs')).length).toBe(1);
    const [job] = (await get('/jobs?limit=1')).body;
    expect(job).toMatchObject({ state: 'done', totals: [expect.objectContaining({ count: 1 })] });
    expect(job).not.toHaveProperty('listed_at');
    const ogc: string[] = [];
    for (let next = '/ogc/jobs?limit=3&status=successful'; next; ) {
      const { body } = await get(next);
      ogc.push(...body.jobs.map(({ jobID }: { jobID: string }) => jobID));
      const link = body.links.find(({ rel }: { rel: string }) => rel === 'next');
      next = link?.href.slice(its.service.address.length);
    }
    expect(ogc).toEqual(newestFirst(jobs));
    expect((await get('/ogc/jobs?status=failed')).body.jobs).toEqual([]);
  });

  test('pages stay as they were while scenes come and go', async () => {
    const { scenes } = await seven();
    const ordered = newestFirst(scenes);
    let turn = 0;
    const found = await pages('/scenes?limit=2', async () => {
      await addScene(its.db);
      await its.remove(`/scenes/${ordered[turn]}`);
      turn += 2;
    });
    expect(found.flat()).toEqual(ordered);
  });

  test('links that show a job come in pages, oldest first', async () => {
    const { jobs } = await seven();
    const made: string[] = [];
    for (let i = 0; i < 5; i++) {
      const job = { job: jobs[0]!, by: 'Ada', days: 1 };
      made.push((await its.db.within({ workspace: 'default' }).transaction((q) => createShare(q, job))).id);
    }
    const found = await pages(`/jobs/${jobs[0]}/shares?limit=2`);
    expect(found.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(found.flat()).toEqual(made);
  });

  test.each(['/scenes', '/jobs', '/ogc/jobs'])('%s refuses a page that was made up', async (path) => {
    for (const after of ['x', '1', '~', '1~', '1~%00', `1~${"'"}`, '99999999999999999999~a', '1~a~b']) {
      const { status, body } = await get(`${path}?after=${after}`);
      expect([status, body.code], after).toEqual([400, 'bad_request']);
    }
    expect((await get(`${path}?after=${'9'.repeat(17)}~a`)).status).toBe(200);
    expect((await get(`${path}?limit=0`)).status).toBe(400);
  });
});
