/** Jobs that have lost features are withdrawn, whatever was lost; what nobody has touched is left as it is. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestEngine, testEngines } from '../../test/support/databases.ts';
import {
  addDoneJob,
  addScene,
  fetchJson,
  reportOf,
  startService,
  type TestService,
} from '../../test/support/http-service.ts';
import type { ItemsJson } from '../api/index.ts';
import { checkedFileStore } from '../store/files/checked-files.ts';
import { publishJob } from '../store/tables/features.ts';
import { recordDone } from './caller.ts';
import { checkDeeply } from './deep-check.ts';
import { compareJob, walkFiles } from './find-damage.ts';
import { createMetrics } from './metrics.ts';

const ROW = (i: number) => ({
  collection: i % 3 === 0 ? 'landuse' : 'buildings',
  class: i % 2 === 0 ? 'building' : 'shed',
  rings: [
    [
      [i, 0],
      [i + 1, 0],
      [i + 1, 2],
      [i, 2],
    ] as [number, number][],
  ],
});

describe.each(testEngines())('on $name', (engine) => {
  let opened: Awaited<ReturnType<TestEngine['open']>>;
  let service: TestService;
  let job: string;
  let ids: string[];
  beforeAll(async () => {
    opened = await engine.open();
    service = await startService(opened.db);
  });
  afterAll(async () => {
    await service.close();
    await opened.drop();
  });
  beforeEach(async () => {
    const scene = await addScene(opened.db);
    ({ job, ids } = await addDoneJob(
      opened.db,
      scene,
      Array.from({ length: 60 }, (_, i) => ROW(i)),
    ));
  });

  const items = async () =>
    (await fetchJson(`${service.address}/collections/buildings/items?limit=1000&job=${job}`)).body as ItemsJson;

  test('a job that has all of them stays as it is, also one of which nothing was noted', async () => {
    expect(await compareJob(opened.db, job)).toBeNull();
    await opened.db.query('UPDATE planimeter.jobs SET contents = NULL WHERE id = $1', [job]);
    expect(await compareJob(opened.db, job)).toBeNull();
    const [{ contents }] = (await opened.db.query('SELECT contents FROM planimeter.jobs WHERE id = $1', [job])) as [
      { contents: unknown },
    ];
    expect(contents).toMatchObject({ count: 60 });
    expect((await items()).numberMatched).toBe(40);
  });

  test.each([
    ['features', 'DELETE FROM planimeter.features WHERE id = $1::uuid', '1 of 60 features'],
    ['an area', 'UPDATE planimeter.features SET area_m2 = area_m2 + 1 WHERE id = $1::uuid', 'm² were stored'],
    [
      'sums',
      'DELETE FROM planimeter.job_totals WHERE job = (SELECT job FROM planimeter.features WHERE id = $1::uuid)',
      'sums by class',
    ],
  ])('a job that has lost %s is withdrawn, and no number tells of what is not there', async (_, sql, words) => {
    await opened.db.query(sql, [ids[7]]);
    expect(await compareJob(opened.db, job)).toContain(words);
    const { state, problem } = (await fetchJson(`${service.address}/jobs/${job}`)).body;
    expect([state, problem.code, problem.detail]).toEqual(['failed', 'damaged', expect.stringContaining('/retry')]);
    const { numberMatched, features } = await items();
    expect([numberMatched, features.length]).toEqual([0, 0]);
    for (const path of [`tiles/${job}.json`, `tiles/${job}/14/10000/7000.mvt`, `jobs/${job}/export.geojson`]) {
      const { status, body } = await fetchJson(`${service.address}/${path}`);
      expect([status, body.code], path).toEqual([500, 'damaged']);
    }
    const metrics = await createMetrics(opened.db).text();
    expect(metrics).toMatch(/planimeter_damaged_objects\{kind="job"\} [1-9]/);
    expect((await fetchJson(`${service.address}/jobs/${job}/retry`, { method: 'POST' })).status).toBe(202);
  });

  test('files of which nothing was noted are recorded, and compared from then on; of what is gone nothing is kept', async () => {
    const files = checkedFileStore(service.files, opened.db);
    const key = `jobs/${job}/classes.tif`;
    mkdirSync(dirname(files.path(key)), { recursive: true });
    writeFileSync(files.path(key), 'pixels');
    expect((await walkFiles(opened.db, files)).recorded).toEqual([key]);
    writeFileSync(files.path(key), 'pixelz');
    const { damages } = await checkDeeply(opened.db, files);
    expect(damages).toContainEqual(expect.objectContaining({ kind: 'job', name: key }));
    expect((await fetchJson(`${service.address}/jobs/${job}/retry`, { method: 'POST' })).status).toBe(202);
    await opened.db.query('DELETE FROM planimeter.jobs WHERE id = $1', [job]);
    expect((await walkFiles(opened.db, files)).damaged).toEqual([]);
  });

  test('a scene whose row is lost is named, one that was deleted is not', async () => {
    const [kept, lost, deleted] = [await addScene(opened.db), randomUUID(), randomUUID()];
    const actor = { workspace: 'default', name: 'local' };
    for (const id of [kept, lost, deleted]) await recordDone(opened.db, actor, 'scene_added', id);
    await recordDone(opened.db, actor, 'scene_deleted', deleted);
    const { damages } = await checkDeeply(opened.db, checkedFileStore(service.files, opened.db));
    expect(damages.filter(({ name }) => name.startsWith('scenes/')).map(({ name }) => name)).toEqual([
      `scenes/${lost}`,
    ]);
  });

  test('what people said of features is said of them when their job has run again', async () => {
    const [id] = ids.slice(1);
    const said = (review: string) =>
      fetchJson(`${service.address}/collections/buildings/items/${id}`, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ review }),
      });
    for (const review of ['accepted', 'rejected']) expect((await said(review)).status).toBe(200);
    await opened.db.query(`UPDATE planimeter.jobs SET state = 'running' WHERE id = $1`, [job]);
    await opened.db.query(`UPDATE planimeter.features SET properties = properties - 'review' WHERE id = $1::uuid`, [
      id,
    ]);
    await publishJob(opened.db, job, reportOf(job, 'scene'));
    const { features } = await items();
    expect(features.flatMap((each) => (each.properties.review ? [[each.id, each.properties.review]] : []))).toEqual([
      [id, 'rejected'],
    ]);
  });
});
