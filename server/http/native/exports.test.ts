import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDoneJob, addScene, fetchJson, startService, type TestService } from '../../../test/support/http-service.ts';
import { judge, pythonWithJudges } from '../../../test/support/python.ts';
import { openDatabase } from '../../store/database/open-database.ts';
import { insertJob } from '../../store/tables/jobs.ts';

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
    expect(headers.get('content-disposition')).toContain('filename="dubai-landuse.geojson"');
    expect(body.features.length).toBe(1);
  }
  expect((await fetchJson(address('geojson?collection=all'))).body.features.length).toBe(3);
  expect((await fetchJson(address('geojson?collection=buildings'))).body.features.length).toBe(2);
  const zip = await fetch(address('shp.zip'));
  expect([zip.status, (await zip.text()).slice(0, 2)]).toEqual([200, 'PK']);
  const part = await fetch(address('pmtiles'), { headers: { Range: 'bytes=0-6' } });
  expect([part.status, await part.text()]).toEqual([206, 'PMTiles']);
});

test('an export holds the features of the time that is asked for', async () => {
  await service.db.query(
    `UPDATE planimeter.scenes SET report = report || '{"capturedAt": "2020-05-01T12:00:00"}' WHERE id = $1`,
    [scene],
  );
  const found = async (query: string) => (await fetchJson(address(`geojson?${query}`))).body.features.length;
  expect(await found('datetime=2020-05-01')).toBe(1);
  expect(await found('datetime=1999-01-01')).toBe(0);
  expect(await found('collection=all&datetime=2020-05-01T12:00:01Z/..')).toBe(0);
  expect(await found('collection=all&datetime=2020-05-01T12:00:00Z/..')).toBe(3);
  expect((await fetchJson(address('geojson?datetime=today'))).status).toBe(400);
  const tiles = `${service.address}/tiles/${job}`;
  const { body: tileJson } = await fetchJson(`${tiles}.json?datetime=2020-05-01`);
  expect(tileJson.tiles).toEqual([`${tiles}/{z}/{x}/{y}.mvt?datetime=2020-05-01`]);
  const [x, y] = [(55.27 + 180) / 360, 0.4275]; // of the scene, in shares of the world
  const at = `${Math.floor(x * 2 ** 10)}/${Math.floor(y * 2 ** 10)}`;
  const status = async (query: string) => (await fetch(`${tiles}/10/${at}.mvt${query}`)).status;
  expect([await status(''), await status('?datetime=1999-01-01'), await status('?datetime=x')]).toEqual([
    await status('?datetime=2020-05-01'),
    204,
    400,
  ]);
});

test('what cannot be had is refused with a reason', async () => {
  const waiting = randomUUID();
  await insertJob(service.db, { id: waiting, scene, model: 'm', parameters: {} });
  // One after the other: exports run a few at a time.
  const codes = (...addresses: string[]) =>
    Array.fromAsync(addresses, async (each) => (await fetchJson(each)).body.code);
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

const ZIP = `
import io, json, sys, tempfile, zipfile
import pyogrio
body = open(sys.argv[1], 'rb').read()
zip = zipfile.ZipFile(io.BytesIO(body))
layers = [name for name, _ in pyogrio.list_layers(f'/vsizip/{sys.argv[1]}/features.gpkg')]
print(json.dumps({
  'damaged': zip.testzip(), 'names': zip.namelist(), 'readme': zip.read('README.txt').decode(), 'licence': zip.read('LICENCE.txt').decode(),
  'report': json.loads(zip.read('report.json')), 'classes': zip.read('classes.tif').decode(),
  'layers': {name: len(pyogrio.raw.read(f'/vsizip/{sys.argv[1]}/features.gpkg', layer=name)[2]) for name in layers},
}))
`;

test('a job is had whole as one zip, of the length that is announced, the same each time', async () => {
  const found = ['landuse', 'buildings', 'buildings'].map((collection) => ({ collection, class: 'building', rings }));
  const { job } = await addDoneJob(service.db, scene, found);
  const path = `${service.address}/jobs/${job}/package.zip`;
  const bare = new Uint8Array(await (await fetch(path)).arrayBuffer());
  await mkdir(join(service.folder, 'jobs', job), { recursive: true });
  await writeFile(service.files.path(`jobs/${job}/classes.tif`), 'II*_classes');
  const response = await fetch(path);
  expect(response.headers.get('content-type')).toBe('application/zip');
  expect(response.headers.get('content-disposition')).toContain('filename="dubai.zip"');
  const body = new Uint8Array(await response.arrayBuffer());
  expect(Number(response.headers.get('content-length'))).toBe(body.length);
  expect(body.length).toBeGreaterThan(bare.length);
  expect(Buffer.compare(new Uint8Array(await (await fetch(path)).arrayBuffer()), body)).toBe(0);
  expect((await fetch(path, { method: 'HEAD' })).headers.get('content-length')).toBe(String(body.length));

  const python = pythonWithJudges();
  if (!python) return;
  const file = join(service.folder, 'job.zip');
  await writeFile(file, body);
  const read = judge<{ readme: string; licence: string }>(
    python,
    ZIP.replaceAll('sys.argv[1]', JSON.stringify(file)),
    null,
  );
  expect(read).toMatchObject({
    damaged: null,
    names: ['README.txt', 'LICENCE.txt', 'replay.json', 'report.json', 'features.gpkg', 'classes.tif'],
    report: { job, scene },
    classes: 'II*_classes',
    layers: { landuse: 1, buildings: 2 },
  });
  expect(read.readme).toContain('dubai.tif, mapped by landuse-unet');
  expect(read.readme).toContain(job);
  expect(read.licence).toMatch(/Image: dubai\.tif[\s\S]*Its licence was not told/);
});

test('a job that is not done, and one that is not there, are not had whole', async () => {
  const id = randomUUID();
  await insertJob(service.db, { id, scene, model: 'landuse-unet', parameters: {} });
  expect((await fetchJson(`${service.address}/jobs/${id}/package.zip`)).body.code).toBe('conflict');
  expect((await fetchJson(`${service.address}/jobs/${randomUUID()}/package.zip`)).body.code).toBe('not_found');
});
