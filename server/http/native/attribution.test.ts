/** What an image may be used for and who is to be named with it: said, changed, and carried to all that is made of it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PMTiles } from 'pmtiles';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addDoneJob, addScene, fetchJson, startService, type TestService } from '../../../test/support/http-service.ts';
import type { CollectionJson, SceneJson } from '../../api/index.ts';
import type { Database } from '../../store/database/database.ts';

const CREDIT = 'Map & Sky "Süd" 2026';

describe.each(testEngines())('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  let service: TestService;
  let scene: string;
  let job: string;

  beforeAll(async () => {
    ({ db, drop } = await open());
    service = await startService(db);
    scene = await addScene(db);
    const rings = [[[0, 0], [0, 9], [9, 9], [9, 0]]] as [number, number][][]; // biome-ignore format: a ring
    ({ job } = await addDoneJob(db, scene, [{ collection: 'buildings', class: 'building', rings }]));
  });
  afterAll(async () => {
    await service.close();
    await drop();
  });

  const change = (body: unknown, id = scene) =>
    fetchJson(`${service.address}/scenes/${id}`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  const get = async (path: string) => (await fetchJson(service.address + path)).body;
  const bytes = async (ending: string) => {
    const response = await fetch(`${service.address}/jobs/${job}/export.${ending}`);
    expect(response.status, ending).toBe(200);
    return Buffer.from(await response.arrayBuffer());
  };

  test('an image of which nobody said anything says nothing', async () => {
    expect(await get(`/scenes/${scene}`)).toMatchObject({ license: null, attribution: null });
    expect((await get(`/jobs/${job}`)).report).not.toHaveProperty('scene_license');
    const { properties } = await get(`/stac/collections/scenes/items/${scene}`);
    expect(properties.license).toBe('other');
    expect(properties).not.toHaveProperty('providers');
    expect((await get(`/imagery/${scene}.json`)).attribution).toBe('');
    expect(JSON.parse(`${await bytes('geojson')}`)).not.toHaveProperty('attribution');
  });

  test('an image is called as somebody says; exports and catalogue follow', async () => {
    const { name: before } = await get(`/scenes/${scene}`);
    expect((await change({ name: ' Stadt 2026.tif ' })).body).toMatchObject({ name: 'Stadt 2026.tif', license: null });
    expect((await get(`/stac/collections/scenes/items/${scene}`)).properties.title).toContain('Stadt 2026.tif');
    for (const name of ['', '  ', 'a/b.tif', 'a\\b', 'a\nb', '\u202Egnp.tif', '.hidden', 'x'.repeat(201), 7, null]) {
      expect([name, (await change({ name })).body.code]).toEqual([name, 'bad_request']);
    }
    expect((await get(`/scenes/${scene}`)).name).toBe('Stadt 2026.tif');
    await change({ name: before });
  });

  test('what is said stands in scene, report, catalogue, tiles and log', async () => {
    const { status, body } = await change({ license: ' CC-BY-4.0 ', attribution: CREDIT });
    expect([status, (body as SceneJson).license, body.attribution]).toEqual([200, 'CC-BY-4.0', CREDIT]);
    expect((await get('/scenes'))[0]).toMatchObject({ license: 'CC-BY-4.0', attribution: CREDIT });
    expect((await get(`/jobs/${job}`)).report).toMatchObject({
      scene_license: 'CC-BY-4.0',
      scene_attribution: CREDIT,
    });
    const item = await get(`/stac/collections/scenes/items/${scene}`);
    expect(item.stac_extensions.join()).toContain('attribution');
    expect(item.properties).toMatchObject({
      license: 'CC-BY-4.0',
      attribution: CREDIT,
      providers: [{ name: CREDIT, roles: ['licensor'] }],
    });
    expect((await get(`/stac/collections/class-maps/items/${job}`)).properties).toMatchObject({
      attribution: CREDIT,
      'planimeter:scene_license': 'CC-BY-4.0',
    });
    for (const path of [`/imagery/${scene}.json`, `/tiles/${job}.json`, `/jobs/${job}/classes.json`]) {
      // Maps show it as markup.
      expect((await get(path)).attribution, path).toBe('Map &amp; Sky &quot;Süd&quot; 2026');
    }
    const { collections } = await get('/collections');
    const credits = Object.fromEntries(collections.map((each: CollectionJson) => [each.id, each.attribution]));
    expect(credits).toEqual({ buildings: 'Map &amp; Sky &quot;Süd&quot; 2026', roads: undefined, landuse: undefined });
    expect(await get('/collections/buildings')).toEqual(collections[0]);
    const { entries } = await get('/audit');
    expect(entries[0]).toMatchObject({ action: 'scene_changed', subject: scene, details: { attribution: CREDIT } });
  });

  test('every export that has a place for it names the source, as it was said last', async () => {
    await bytes('geojson');
    await change({ attribution: '© Ada' });
    expect(JSON.parse(`${await bytes('geojson')}`)).toMatchObject({ license: 'CC-BY-4.0', attribution: '© Ada' });
    const path = join(service.folder, 'read.gpkg');
    await writeFile(path, await bytes('gpkg'));
    const sqlite = new DatabaseSync(path, { readOnly: true });
    const described = sqlite.prepare('SELECT DISTINCT description FROM gpkg_contents').all();
    sqlite.close();
    expect(described.map((row) => row.description)).toEqual(['Image: © Ada. Its licence: CC-BY-4.0.']);
    expect((await bytes('fgb')).includes('Image: © Ada. Its licence: CC-BY-4.0.')).toBe(true);
    const parquet = await bytes('parquet');
    expect(['CC-BY-4.0', '© Ada'].map((text) => parquet.includes(text))).toEqual([true, true]);
    const tiles = await bytes('pmtiles');
    const source = {
      getKey: () => 'tiles',
      getBytes: async (offset: number, length: number) => ({
        data: new Uint8Array(tiles.subarray(offset, offset + length)).buffer,
      }),
    };
    expect(await new PMTiles(source).getMetadata()).toMatchObject({ attribution: '© Ada', license: 'CC-BY-4.0' });
    const zip = await fetch(`${service.address}/jobs/${job}/package.zip`);
    const packed = Buffer.from(await zip.arrayBuffer());
    const parts = ['To be named: © Ada', 'Licence: CC-BY-4.0', 'Planimeter was not told', '"scene_license"'];
    expect(parts.map((text) => packed.includes(text))).toEqual([true, true, false, true]);
    const kept = await service.files.list(`jobs/${job}/exports`);
    expect(kept.filter((key) => key.endsWith('.geojson'))).toHaveLength(1);
    expect(await readFile(service.files.path(kept.find((key) => key.endsWith('.geojson'))!), 'utf8')).toContain('Ada');
  });

  test('a licence may be an address, and all may be taken back', async () => {
    const address = 'https://example.org/licence?a=1&b=2';
    await change({ license: address });
    const item = await get(`/stac/collections/scenes/items/${scene}`);
    expect(item.properties.license).toBe('other');
    expect(item.links).toContainEqual({ rel: 'license', href: address });
    const { body } = await change({ license: null, attribution: '' });
    expect(body).toMatchObject({ license: null, attribution: null });
    expect((await get(`/jobs/${job}`)).report).not.toHaveProperty('scene_attribution');
  });

  test.each([
    {},
    [],
    null,
    { id: 'x' },
    { license: 7 },
    { attribution: 'x'.repeat(301) },
    { attribution: '<img src=x onerror=alert(1)>' },
    { attribution: 'a\nb' },
    { license: 'a\u202eb' },
    { license: 'a\ud800b' },
    { license: 'a\0b' },
  ])('refuses %j', async (body) => {
    expect(await change(body)).toMatchObject({ status: 400, body: { code: 'bad_request' } });
  });

  test('only scenes that are there, and of one’s own workspace, can be changed', async () => {
    expect((await change({ license: 'MIT' }, '00000000-0000-4000-8000-000000000000')).status).toBe(404);
    const other = await addScene(db.within({ workspace: 'other' }));
    expect((await change({ license: 'MIT' }, other)).status).toBe(404);
  });

  test('what comes with an image elsewhere, or with a file, is kept', async () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const begin = (attribution: string) =>
      fetch(`${service.address}/uploads`, {
        method: 'POST',
        headers: {
          'Tus-Resumable': '1.0.0',
          'Upload-Length': '3',
          'Upload-Metadata': `filename ${base64('a.tif')},license ${base64('MIT')},attribution ${base64(attribution)}`,
        },
      });
    const send = async (attribution: string) => {
      const response = await fetch(new URL((await begin(attribution)).headers.get('location')!, service.address), {
        method: 'PATCH',
        headers: {
          'Tus-Resumable': '1.0.0',
          'Upload-Offset': '0',
          'Content-Type': 'application/offset+octet-stream',
        },
        body: 'II*',
      });
      return response.headers.get('planimeter-scene')!;
    };
    const uploaded = await send('© Grace');
    expect(await get(`/scenes/${uploaded}`)).toMatchObject({ license: 'MIT', attribution: '© Grace' });
    // The same bytes are the same scene, of which more may be known now.
    expect(await send('© Grace Hopper')).toBe(uploaded);
    expect((await get(`/scenes/${uploaded}`)).attribution).toBe('© Grace Hopper');
    expect((await begin('<b>')).status).toBe(400);
  });
});
