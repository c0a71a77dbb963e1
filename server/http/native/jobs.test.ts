/** Jobs over HTTP: started once, cancelled, retried, deleted, and watched (server-sent events). */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { addDoneJob, addScene, MODEL } from '../../../test/support/http-service.ts';
import { NOWHERE, square, testInterface } from '../../../test/support/http-suite.ts';
import { getJob, listJobs, updateJob } from '../../store/tables/jobs.ts';
import { updateScene } from '../../store/tables/scenes.ts';

testInterface('jobs', (its) => {
  const { get, post, remove } = its;

  describe('jobs', () => {
    test.each(['utf8', 'utf16le'] as const)(
      'are asked for in JSON that begins with a byte order mark (%s)',
      async (encoding) => {
        const scene = await addScene(its.db);
        const charset = encoding === 'utf8' ? 'utf-8' : 'utf-16';
        const headers = { 'Content-Type': `application/json; charset=${charset}` };
        const body = Buffer.from(`\uFEFF${JSON.stringify({ scene })}`, encoding);
        expect(await get('/jobs', { method: 'POST', headers, body })).toMatchObject({ status: 202, body: { scene } });
      },
    );

    test('are found again by the same request, and taken up again when they had failed', async () => {
      const scene = await addScene(its.db);
      const first = await post('/jobs', { scene });
      expect(first.status).toBe(202);
      expect(first.headers.get('location')).toBe(`/jobs/${first.body.id}`);
      expect(first.body).toMatchObject({ scene, model: MODEL.id, state: 'queued', totals: [] });
      expect(first.body.parameters).toEqual({ min_area_m2: 20, tolerance_m: 1 });
      const { id } = first.body;
      const again = await post('/jobs', { scene, model: MODEL.id, parameters: { min_area_m2: 20 } });
      expect(again.body.id).toBe(id);
      const other = await post('/jobs', { scene, parameters: { min_area_m2: 21 } });
      expect(other.body.id).not.toBe(id);
      await updateJob(its.db, id, { state: 'failed' });
      expect((await post('/jobs', { scene })).body.state).toBe('queued');
      expect(its.service.queue.calls).toEqual([`segment ${id}`, `segment ${other.body.id}`, `retry ${id}`]);
    });

    test('may be urgent', async () => {
      const scene = await addScene(its.db);
      expect((await post('/jobs', { scene, priority: 5 })).body.priority).toBe(5);
      for (const priority of [10, -10, 0.5, '1', null]) {
        const { status, body } = await post('/jobs', { scene, parameters: { min_area_m2: 3 }, priority });
        expect([status, body.code], `${priority}`).toEqual([400, 'bad_request']);
      }
    });

    test('of the same bytes that were told to lie elsewhere are others', async () => {
      const sha256 = randomUUID().replaceAll('-', '').repeat(2);
      const [here, there] = [await addScene(its.db, { sha256 }), await addScene(its.db, { sha256 })];
      await updateScene(its.db, there, { srs: 'EPSG:32641', epsg: 32641 });
      const [first, second] = [await post('/jobs', { scene: here }), await post('/jobs', { scene: there })];
      expect([first.body.scene, second.body.scene]).toEqual([here, there]);
      expect(second.body.id).not.toBe(first.body.id);
    });

    test('asked for ten times at once are one job', async () => {
      const scene = await addScene(its.db);
      const answers = await Promise.all(Array.from({ length: 10 }, () => post('/jobs', { scene })));
      expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
      expect(its.service.queue.calls).toHaveLength(1);
    });

    test('are listed, also by scene', async () => {
      const [a, b] = [await addScene(its.db), await addScene(its.db)];
      const job = (await post('/jobs', { scene: a })).body.id;
      await post('/jobs', { scene: b });
      expect((await get('/jobs')).body).toHaveLength(2);
      expect((await get(`/jobs?scene=${a}`)).body.map((found: { id: string }) => found.id)).toEqual([job]);
    });

    test('are cancelled and retried in the states where that means something', async () => {
      const scene = await addScene(its.db);
      const { id } = (await post('/jobs', { scene })).body;
      expect((await post(`/jobs/${id}/retry`)).status).toBe(409);
      expect((await post(`/jobs/${id}/cancel`)).body.state).toBe('cancelled');
      expect((await post(`/jobs/${id}/cancel`)).status).toBe(200);
      expect((await post(`/jobs/${id}/retry`)).body.state).toBe('queued');
      const { job: done } = await addDoneJob(its.db, scene, []);
      expect((await post(`/jobs/${done}/cancel`)).body).toMatchObject({ status: 409, code: 'conflict' });
      expect(its.service.queue.calls).toEqual([`segment ${id}`, `cancel ${id}`, `retry ${id}`]);
    });

    test('are deleted with their features', async () => {
      const scene = await addScene(its.db);
      const { job } = await addDoneJob(its.db, scene, [square(0, 0)]);
      expect((await get(`/jobs/${job}`)).body.totals).toMatchObject([{ class: 'vegetation', count: 1, share: 1 }]);
      expect((await remove(`/jobs/${job}`)).status).toBe(204);
      expect((await get('/collections/landuse/items')).body.numberMatched).toBe(0);
      expect((await remove(`/jobs/${job}`)).status).toBe(404);
    });

    test('give the attributes of features that are asked for', async () => {
      const { ids } = await addDoneJob(its.db, await addScene(its.db), [square(0, 0)]);
      const items = '/collections/landuse/items';
      const few = await get(`${items}?properties=class,area_m2`);
      expect(Object.keys(few.body.features[0].properties).sort()).toEqual(['area_m2', 'class']);
      expect((await get(`${items}?properties=class&properties=score&limit=1`)).body.features[0].properties).toEqual({
        class: 'vegetation',
        score: 0.75,
      });
      expect((await get(`${items}/${ids[0]}?properties=class`)).body.properties).toEqual({ class: 'vegetation' });
      expect((await get(`${items}?properties=`)).body.features[0]).toMatchObject({ id: ids[0], properties: {} });
      expect((await get(`${items}?properties=class,colour`)).body).toMatchObject({ status: 400, code: 'bad_request' });
    });

    test('give their maps once they are done, whole or in ranges', async () => {
      const scene = await addScene(its.db);
      const waiting = (await post('/jobs', { scene })).body.id;
      expect((await get(`/jobs/${waiting}/classes.tif`)).body.code).toBe('conflict');
      const { job } = await addDoneJob(its.db, scene, []);
      expect((await get(`/jobs/${job}/scores.tif`)).body.code).toBe('not_found');
      const path = its.service.files.path(`jobs/${job}/scores.tif`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, 'II*_scores');
      const address = `${its.service.address}/jobs/${job}/scores.tif`;
      const whole = await fetch(address);
      expect(whole.headers.get('content-type')).toBe('image/tiff; application=geotiff');
      expect(whole.headers.get('content-disposition')).toContain('scores.tif');
      expect(await whole.text()).toBe('II*_scores');
      const range = await fetch(address, { headers: { Range: 'bytes=4-9' } });
      expect([range.status, await range.text()]).toEqual([206, 'scores']);
    });

    test.each([
      ['no body', undefined, 400],
      ['a list', [], 400],
      ['no scene', {}, 400],
      ['a scene that is no id', { scene: '../..' }, 400],
      ['a scene there is not', { scene: NOWHERE }, 404],
      ['an unknown member', { scene: NOWHERE, modell: 'x' }, 400],
      ['an unknown model', { scene: 'READY', model: 'x' }, 400],
      ['an unknown parameter', { scene: 'READY', parameters: { area: 3 } }, 400],
      ['a parameter of the wrong type', { scene: 'READY', parameters: { min_area_m2: 'x' } }, 400],
      ['a negative parameter', { scene: 'READY', parameters: { min_area_m2: -1 } }, 400],
      ['a scene that is not read yet', { scene: 'WAITING' }, 409],
      ['a scene that was refused', { scene: 'REFUSED' }, 409],
    ])('are refused for %s', async (_what, body, status) => {
      const ids = { READY: await addScene(its.db), WAITING: '', REFUSED: '' };
      ids.WAITING = await addScene(its.db, { ready: false });
      ids.REFUSED = await addScene(its.db, { ready: false });
      await updateScene(its.db, ids.REFUSED, { state: 'refused' });
      const named = (body as { scene?: keyof typeof ids } | undefined)?.scene;
      const answer = await post('/jobs', named && named in ids ? { ...body, scene: ids[named] } : body);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(await listJobs(its.db)).toEqual([]);
    });

    test.each([{ seed: 1.5 }, { seed: -1 }, { seed: 1e30 }, { windows: 0 }, { windows: 65 }, { windows: '8' }])(
      'are not proved with %j',
      async (body) => {
        const { job } = await addDoneJob(its.db, await addScene(its.db), [square(0, 0)]);
        expect(await post(`/jobs/${job}/prove`, body)).toMatchObject({ status: 400, body: { code: 'bad_request' } });
      },
    );

    test('are refused for a body that is no JSON, or too much of it', async () => {
      const headers = { 'Content-Type': 'application/json' };
      const broken = await get('/jobs', { method: 'POST', headers, body: '{' });
      expect(broken.body).toMatchObject({ status: 400, code: 'bad_request' });
      const large = await get('/jobs', { method: 'POST', headers, body: JSON.stringify('x'.repeat(5_000_000)) });
      expect(large.body).toMatchObject({ status: 413, code: 'too_large' });
    });
  });

  describe('events', () => {
    const listen = async (path: string, headers?: Record<string, string>) => {
      const response = await fetch(its.service.address + path, headers ? { headers } : {});
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      return { response, next: async () => (await reader!.read()).value, cancel: () => reader!.cancel() };
    };
    const parse = (text: string | undefined) => JSON.parse(/^data: (.*)$/m.exec(text ?? '')![1]);

    test('tell the state at once, then each change, and end with the last', async () => {
      const scene = await addScene(its.db);
      const { id } = (await post('/jobs', { scene })).body;
      const { response, next } = await listen(`/jobs/${id}/events`);
      expect(response.headers.get('content-type')).toContain('text/event-stream');
      const first = await next();
      expect(first).toMatch(/^event: job\ndata: /);
      expect(parse(first)).toEqual((await get(`/jobs/${id}`)).body);
      const progress = { stage: 'infer', done: 3, total: 9, share: 0.3 } as const;
      await updateJob(its.db, id, { state: 'running', progress });
      its.service.queue.notify('job', id);
      expect(parse(await next())).toMatchObject({ state: 'running', progress });
      await post(`/jobs/${id}/cancel`);
      const last = await next();
      expect(last).toContain('\nid: final\n');
      expect(parse(last).state).toBe('cancelled');
      expect(await next()).toBeUndefined();
      expect(its.service.queue.subscriptions).toBe(0);
      // A browser connects again by itself, with the last id that it got.
      expect((await listen(`/jobs/${id}/events`, { 'Last-Event-ID': 'final' })).response.status).toBe(204);
    });

    test('of a scene that is ready already are one', async () => {
      const scene = await addScene(its.db);
      const { next } = await listen(`/scenes/${scene}/events`);
      expect(await next()).toMatch(/^event: scene\nid: final\ndata: /);
      expect(await next()).toBeUndefined();
    });

    test('end their subscription with the connection', async () => {
      const scene = await addScene(its.db, { ready: false });
      const { next, cancel } = await listen(`/scenes/${scene}/events`);
      await next();
      expect(its.service.queue.subscriptions).toBe(1);
      await cancel();
      await expect.poll(() => its.service.queue.subscriptions).toBe(0);
    });
  });

  test('a job that is deleted while its request is under way is gone', async () => {
    const scene = await addScene(its.db);
    const { id } = (await post('/jobs', { scene })).body;
    await Promise.all([remove(`/jobs/${id}`), post(`/jobs/${id}/cancel`), get(`/jobs/${id}`)]);
    expect(await getJob(its.db, id)).toBeNull();
  });
});
