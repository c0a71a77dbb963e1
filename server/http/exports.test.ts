import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../store/database.ts';
import { insertJob } from '../store/jobs.ts';
import { addDoneJob, addScene, fetchJson, startService, type TestService } from './test-service.ts';

let service: TestService;
let scene: string;
let job: string;
const rings: [number, number][][] = [
  [
    [0, 0],
    [0, 9],
    [9, 9],
  ],
];

beforeAll(async () => {
  service = await startService(await openDatabase({}));
  scene = await addScene(service.db);
  const features = ['landuse', 'buildings', 'buildings'].map((collection) => ({
    collection,
    class: 'building',
    rings,
  }));
  ({ job } = await addDoneJob(service.db, scene, features));
});

afterAll(async () => {
  await service.close();
  await service.db.close();
});

const address = (rest: string, id = job) => `${service.address}/jobs/${id}/export.${rest}`;

test('a finished job is downloaded, also by many at once, in parts, and one collection alone', async () => {
  const answers = await Promise.all([1, 2, 3].map(() => fetchJson(address('geojson'))));
  for (const { status, headers, body } of answers) {
    expect([status, headers.get('content-type')]).toEqual([200, 'application/geo+json']);
    expect(headers.get('content-disposition')).toContain(`${job}.geojson`);
    expect(body.features.length).toBe(3);
  }
  expect((await fetchJson(address('geojson?collection=buildings'))).body.features.length).toBe(2);
  const zip = await fetch(address('shp.zip'));
  expect([zip.status, (await zip.text()).slice(0, 2)]).toEqual([200, 'PK']);
  const part = await fetch(address('pmtiles'), { headers: { Range: 'bytes=0-6' } });
  expect([part.status, await part.text()]).toEqual([206, 'PMTiles']);
});

test('what cannot be had is refused with a reason', async () => {
  const waiting = randomUUID();
  await insertJob(service.db, { id: waiting, scene, model: 'm', parameters: {} });
  const codes = async (...addresses: string[]) =>
    Promise.all(addresses.map(async (each) => (await fetchJson(each)).body.code));
  expect(
    await codes(
      address('gpkg', waiting),
      address('gpkg', randomUUID()),
      address('docx'),
      address('gpkg?collection=trees'),
      address('gpkg?collection=../../x'),
      address('gpkg?colection=buildings'),
    ),
  ).toEqual(['conflict', 'not_found', 'not_found', 'not_found', 'not_found', 'bad_request']);
});

test('exports go with their job', async () => {
  expect(await service.files.list(`jobs/${job}/exports`)).not.toEqual([]);
  expect((await fetch(`${service.address}/jobs/${job}`, { method: 'DELETE' })).status).toBe(204);
  expect(await service.files.list(`jobs/${job}`)).toEqual([]);
});
