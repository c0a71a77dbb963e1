/** Labels over HTTP: drawn by several people at once, taken back, counted, seen by those whose they are; and taught by. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addScene, fetchJson, startService, type TestService } from '../../../test/support/http-service.ts';
import { DEFAULT_LIMITS } from '../../operations/quotas.ts';
import type { Database } from '../../store/database/database.ts';
import { createToken } from '../../store/tables/tokens.ts';

const stroke = (name: string, more: object = {}) => ({
  type: 'Feature',
  geometry: {
    type: 'LineString',
    coordinates: [
      [55.27, 25.16],
      [55.2701, 25.1601],
    ],
  },
  properties: { class: name, width_m: 3 },
  ...more,
});
const MOST = 40;

describe.each(testEngines())('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  let service: TestService;
  let scene = '';
  const tokens: Record<string, string> = {};

  beforeAll(async () => {
    ({ db, drop } = await open());
    service = await startService(db, { limits: { ...DEFAULT_LIMITS, labels: MOST } });
    for (const [name, role, workspace] of [
      ['root', 'admin', 'default'],
      ['ada', 'editor', 'default'],
      ['bob', 'editor', 'default'],
      ['eve', 'viewer', 'default'],
      ['north', 'admin', 'north'],
    ] as const) {
      tokens[name] = (await createToken(db, { name, role, workspace })).token;
    }
    scene = await addScene(db);
  });
  afterAll(async () => {
    await service.close();
    await drop();
  });

  const ask = (who: string, method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetchJson(service.address + path, {
      method,
      headers: { Authorization: `Bearer ${tokens[who]}`, 'Content-Type': 'application/geo+json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const labelsSeenBy = async (who: string, of = scene) => (await ask(who, 'GET', `/scenes/${of}/labels`)).body.features;

  test('one and several are added, in the order of their drawing, and taken back', async () => {
    const one = await ask('ada', 'POST', `/scenes/${scene}/labels`, stroke('road'));
    expect(one.status).toBe(201);
    const polygon = { type: 'Polygon', coordinates: [[[55.27, 25.16], [55.28, 25.16], [55.28, 25.17], [55.27, 25.16]]] }; // biome-ignore format: a triangle
    const more = await ask('bob', 'POST', `/scenes/${scene}/labels`, {
      type: 'FeatureCollection',
      features: [stroke('not water', { geometry: polygon, properties: { class: 'not water' } })],
    });
    const [first, second] = await labelsSeenBy('eve');
    expect(first).toMatchObject({
      ...stroke('road', { id: one.body.ids[0] }),
      properties: { class: 'road', width_m: 3, author: 'ada' },
    });
    expect(second).toMatchObject({ id: more.body.ids[0], geometry: polygon });
    expect(second.properties).toMatchObject({ class: 'not water', width_m: null, author: 'bob' });

    expect((await ask('eve', 'DELETE', `/labels/${first.id}`)).body.code).toBe('not_allowed');
    expect((await ask('bob', 'DELETE', `/labels/${first.id}`)).status).toBe(204);
    expect((await ask('bob', 'DELETE', `/labels/${first.id}`)).body.code).toBe('not_found');
    expect((await labelsSeenBy('ada')).map(({ id }: { id: string }) => id)).toEqual(more.body.ids);
    const [row] = await db.query('SELECT geom, deleted_at FROM planimeter.labels WHERE id = $1', [first.id]);
    expect(row).toMatchObject({ geom: null, deleted_at: expect.any(String) });
    expect((await ask('ada', 'DELETE', `/labels/${second.id}`)).status).toBe(204);
    const { entries } = (await ask('root', 'GET', '/audit?limit=4')).body;
    expect(entries.map(({ actor, action, subject }: Record<string, string>) => [actor, action, subject])).toEqual([
      ['ada', 'label_removed', second.id],
      ['bob', 'label_removed', first.id],
      ['bob', 'labels_added', scene],
      ['ada', 'labels_added', scene],
    ]);
  });

  test('of strokes of many people at once none is lost, and one that is sent twice is there once', async () => {
    const sent = Array.from({ length: 24 }, (_, i) => ({ who: i % 2 ? 'ada' : 'bob', id: randomUUID() }));
    const answers = await Promise.all(
      [...sent, ...sent.slice(0, 6)].map(({ who, id }) =>
        ask(who, 'POST', `/scenes/${scene}/labels`, stroke('road', { id })),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    const seen = await labelsSeenBy('ada');
    expect(seen.map(({ id }: { id: string }) => id).sort()).toEqual(sent.map(({ id }) => id).sort());
    const other = await addScene(db);
    const taken = await ask('ada', 'POST', `/scenes/${other}/labels`, stroke('road', { id: sent[0]!.id }));
    expect(taken.body.code).toBe('conflict');
  });

  test('whoever asks again is told whether anything has changed', async () => {
    const { headers } = await ask('ada', 'GET', `/scenes/${scene}/labels`);
    const known = { 'If-None-Match': headers.get('etag')! };
    const path = `${service.address}/scenes/${scene}/labels`;
    const again = () => fetch(path, { headers: { Authorization: `Bearer ${tokens.ada}`, ...known } });
    expect((await again()).status).toBe(304);
    const { body } = await ask('bob', 'POST', `/scenes/${scene}/labels`, stroke('road'));
    expect((await again()).status).toBe(200);
    await ask('bob', 'DELETE', `/labels/${body.ids[0]}`);
    expect((await again()).status).toBe(200); // as many as before, but others may have come and gone
  });

  test('what cannot be used is refused, and nothing of it is kept', async () => {
    const before = await labelsSeenBy('ada');
    for (const [body, sentence] of [
      [{ type: 'FeatureCollection', features: [stroke('road'), stroke('')] }, 'of number 2, the class is a name'],
      [stroke('road', { properties: {} }), 'the attribute "class" is missing'],
      [stroke('x'.repeat(65)), 'of up to 64 visible signs'],
      [stroke('road', { geometry: { type: 'Point', coordinates: [200, 0] } }), 'no longitude and latitude'],
      [{ type: 'FeatureCollection', features: [] }, 'there are none'],
    ] as const) {
      const { status, body: problem } = await ask('ada', 'POST', `/scenes/${scene}/labels`, body);
      expect(problem).toMatchObject({ code: 'labels_unusable', detail: expect.stringContaining(sentence) });
      expect(status).toBe(422);
    }
    expect(await labelsSeenBy('ada')).toEqual(before);
    expect((await ask('ada', 'POST', `/scenes/${randomUUID()}/labels`, stroke('road'))).status).toBe(404);
  });

  test('viewers look; another workspace sees nothing; a quota holds', async () => {
    expect((await ask('eve', 'POST', `/scenes/${scene}/labels`, stroke('road'))).body.code).toBe('not_allowed');
    const [{ id }] = await labelsSeenBy('eve');
    for (const [method, path, body] of [
      ['GET', `/scenes/${scene}/labels`, undefined],
      ['POST', `/scenes/${scene}/labels`, stroke('road')],
      ['DELETE', `/labels/${id}`, undefined],
    ] as const) {
      expect((await ask('north', method, path, body)).status, method).toBe(404);
    }
    const many = { type: 'FeatureCollection', features: Array.from({ length: MOST }, () => stroke('road')) };
    expect((await ask('ada', 'POST', `/scenes/${scene}/labels`, many)).body).toMatchObject({
      code: 'quota_labels',
      detail: expect.stringContaining('may have 40 labels; it has 24'),
    });
    expect((await labelsSeenBy('ada')).length).toBe(24);
    const north = await addScene(db.within({ workspace: 'north' }));
    expect((await ask('north', 'POST', `/scenes/${north}/labels`, stroke('road', { id }))).body.code).toBe('conflict');
    expect((await ask('north', 'POST', `/scenes/${north}/labels`, many)).status).toBe(201);
  });

  test('a network is taught by editors of the default workspace; it is told how far it is', async () => {
    const request = { id: 'mine', name: 'My town', scenes: [scene] };
    const teach = (who: string, body: object, headers = {}) =>
      ask(who, 'POST', '/models/landuse-unet/teach', body, { 'Content-Type': 'application/json', ...headers });
    const { status, body, headers } = await teach('ada', request);
    expect(status, JSON.stringify(body)).toBe(201);
    expect(headers.get('location')).toBe('/models/mine');
    expect(body).toMatchObject({ model: 'mine', derived_from: 'landuse-unet', labels: 24 });
    const [entry] = (await ask('root', 'GET', '/audit?limit=1')).body.entries;
    expect(entry).toMatchObject({ actor: 'ada', action: 'model_taught', subject: 'mine' });
    expect(entry.details).toEqual({ model: 'landuse-unet', scenes: [scene], labels: 24 });

    const events = await fetch(`${service.address}/models/landuse-unet/teach`, {
      method: 'POST',
      headers: {
        ...{ Authorization: `Bearer ${tokens.ada}`, 'Content-Type': 'application/json', Accept: 'text/event-stream' },
      },
      body: JSON.stringify(request),
    });
    expect(await events.text()).toMatch(
      /^event: progress\ndata: {"share":0.5}\n\nevent: taught\ndata: {.*"mine".*}\n\n$/,
    );

    for (const who of ['eve', 'north']) expect((await teach(who, request)).body.code).toBe('not_allowed');
    const empty = await addScene(db);
    expect((await teach('ada', { id: 'mine', scenes: [empty] })).body.code).toBe('labels_unusable');
    for (const [wrong, detail] of [
      [{ scenes: [scene] }, '"id" is missing'],
      [{ id: 'My town', scenes: [scene] }, 'small letters'],
      [{ id: 'mine', scenes: [] }, '"scenes" is a list'],
      [{ id: 'mine', scenes: ['x'] }, 'named by its id'],
      [{ id: 'mine', scenes: [scene], class: [] }, '"class" is not known'],
    ] as const) {
      expect((await teach('ada', wrong)).body).toMatchObject({
        code: 'bad_request',
        detail: expect.stringContaining(detail),
      });
    }
    expect((await teach('ada', { id: 'mine', scenes: [randomUUID()] })).status).toBe(404);
  });
});
