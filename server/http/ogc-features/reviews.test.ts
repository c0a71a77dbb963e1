/** What people say of features: kept, filtered by, exported, written down. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addDoneJob, addScene, fetchJson, startService, type TestService } from '../../../test/support/http-service.ts';
import type { FeatureJson, ItemsJson } from '../../api/index.ts';
import type { Database } from '../../store/database/database.ts';

describe.each(testEngines())('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  let service: TestService;
  let job: string;
  let ids: string[];

  beforeAll(async () => {
    ({ db, drop } = await open());
    service = await startService(db);
    const rings = [[[0, 0], [0, 9], [9, 9], [9, 0]]] as [number, number][][]; // biome-ignore format: a ring
    const building = { collection: 'buildings', class: 'building', rings };
    ({ job } = await addDoneJob(db, await addScene(db), [building, building, building]));
    ids = await idsOf();
  });
  afterAll(async () => {
    await service.close();
    await drop();
  });

  const get = async <T>(path: string) => (await fetchJson(service.address + path)).body as T;
  const idsOf = async (filter = '1 = 1') =>
    (await get<ItemsJson>(`/collections/buildings/items?filter=${encodeURIComponent(filter)}`)).features.map(
      ({ id }) => id,
    );
  const say = (id: string, body: unknown, type = 'application/merge-patch+json') =>
    fetchJson(`${service.address}/collections/buildings/items/${id}`, {
      method: 'PATCH',
      headers: { 'Content-Type': type },
      body: JSON.stringify(body),
    });
  const exported = async (review: string) =>
    (await get<ItemsJson>(`/jobs/${job}/export.geojson${review}`)).features.map(({ id }) => id).sort();

  test('is kept, filtered by and exported; and taken back', async () => {
    expect(ids).toHaveLength(3);
    expect(await exported('')).toEqual(ids);
    const [first, second] = ids;
    const { status, body } = await say(first, { review: 'accepted' });
    expect([status, (body as FeatureJson).properties.review]).toEqual([200, 'accepted']);
    expect((await say(second, { review: 'rejected' }, 'application/json')).status).toBe(200);
    expect(await get(`/collections/buildings/items/${second}`)).toMatchObject({ properties: { review: 'rejected' } });
    expect(await idsOf(`review = 'accepted'`)).toEqual([first]);
    expect(await idsOf('review IS NULL')).toEqual([ids[2]]);
    expect(await exported('?review=accepted')).toEqual([first]);
    expect(await exported('?review=not-rejected')).toEqual([first, ids[2]]);
    expect(await exported('')).toEqual(ids);
    const table = await (await fetch(`${service.address}/jobs/${job}/export.csv?review=rejected`)).text();
    expect(table.trim().split('\n')).toHaveLength(2);
    expect(table).toMatch(/,review\r?\n.*,rejected\r?\n/);

    expect((await say(second, { review: 'accepted' })).status).toBe(200);
    expect(await exported('?review=accepted'), 'not the file that was written before').toEqual([first, second]);
    await say(first, { review: null });
    expect((await get<FeatureJson>(`/collections/buildings/items/${first}`)).properties).not.toHaveProperty('review');
    expect(await exported('?review=accepted')).toEqual([second]);
    const { entries } = await get<{ entries: object[] }>('/audit');
    expect(entries[0]).toMatchObject({
      action: 'feature_reviewed',
      subject: first,
      details: { collection: 'buildings', review: null },
    });
  });

  test('anything else is refused', async () => {
    for (const body of [{}, [], { review: 'maybe' }, { review: 'accepted', class: 'road' }, 1]) {
      expect(await say(ids[0], body), JSON.stringify(body)).toMatchObject({
        status: 400,
        body: { code: 'bad_request' },
      });
    }
    expect(await say('00000000-0000-4000-8000-000000000000', { review: null })).toMatchObject({ status: 404 });
    const wrong = [`/jobs/${job}/export.csv?review=maybe`, `/jobs/${job}/export.pmtiles?review=accepted`];
    for (const path of wrong) expect((await fetch(service.address + path)).status, path).toBe(400);
  });
});
