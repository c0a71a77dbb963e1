/** The STAC API: what items say, how they are searched, and what pystac-client and stac-validator make of them. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import {
  addDoneJob,
  addScene,
  fetchJson,
  GEOTRANSFORM,
  MODEL,
  startService,
  type TestFeature,
  type TestService,
} from '../../../test/support/http-service.ts';
import { pythonWithClients } from '../../../test/support/python.ts';
import type { JobReport } from '../../api/index.ts';
import type { StacItem } from '../../api/stac.ts';
import type { Database } from '../../store/database/database.ts';
import { publishJob } from '../../store/tables/features.ts';
import { insertJob, updateJob } from '../../store/tables/jobs.ts';
import { getScene, updateScene } from '../../store/tables/scenes.ts';

const REPORT = {
  version: '9.8.7',
  model: MODEL.id,
  model_sha256: MODEL.sha256,
  parameters: { min_area_m2: 20 },
  assumptions: [{ code: 'model_choice', value: MODEL.id, reason: 'It suits the pixels.' }],
  counts: { landuse: 0 },
  ledger: { done: 9, nodata: 1, outside: 0, failed: 0, pending: 0 },
  seam: { certified: true, halo: 96, disagreement: 0 },
  device: { name: 'cpu', fallback_nodes: 0 },
  model_grid: { width: 1000, height: 1000, gsd_m: 1, geotransform: [326_000, 1, 0, 2_784_000, 0, -1] },
  chips: { count: 4, core: 512, halo: 96, stride: 16 },
} as unknown as JobReport;

async function mapped(db: Database, scene: string, report: Partial<JobReport> = {}): Promise<string> {
  const id = randomUUID();
  await insertJob(db, { id, scene, model: MODEL.id, parameters: { min_area_m2: 20 } });
  await publishJob(db, id, { ...REPORT, job: id, scene, ...report });
  return id;
}

describe.each(testEngines())('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  let service: TestService;
  /** Of which the second was taken on 2020-05-01 at noon, where nobody says in which zone. */
  const scenes: string[] = [];
  let job: string;

  beforeAll(async () => {
    ({ db, drop } = await open());
    service = await startService(db);
    for (let i = 0; i < 3; i++) scenes.push(await addScene(db));
    await addScene(db, { ready: false });
    const { report } = (await getScene(db, scenes[1]!))!;
    await updateScene(db, scenes[1]!, { report: { ...report!, capturedAt: '2020-05-01T12:00:00' } });
    const houses = [0, 40].map(
      (x): TestFeature => ({
        ...{ collection: 'landuse', class: 'building' },
        rings: [[[x, 0], [x, 9], [x + 9, 9], [x + 9, 0]]], // biome-ignore format: a ring
      }),
    );
    ({ job } = await addDoneJob(db, scenes[0]!, houses));
    await updateJob(db, job, { report: { ...REPORT, job, scene: scenes[0]! } });
    await insertJob(db, { id: randomUUID(), scene: scenes[0]!, model: MODEL.id, parameters: {} }); // not done
  });
  afterAll(async () => {
    await service.close();
    await drop();
  });

  const search = async (query: string | object) => {
    const init = { method: 'POST', body: JSON.stringify(query), headers: { 'Content-Type': 'application/json' } };
    const address = `${service.address}/stac/search`;
    const { status, body } = await (typeof query === 'string' ? fetchJson(address + query) : fetchJson(address, init));
    return { status, body, ids: (body.features ?? []).map(({ id }: StacItem) => id) as string[] };
  };

  test('an item of a class map tells where it lies, what it holds and how it came about', async () => {
    const { body } = await fetchJson(`${service.address}/stac/collections/class-maps/items/${job}`);
    const item = body as StacItem;
    expect(item.properties).toMatchObject({
      'proj:code': 'EPSG:32640',
      'proj:shape': [1000, 1000],
      'proj:transform': [1, 0, 326_000, 0, -1, 2_784_000],
      gsd: 1,
      'label:type': 'raster',
      'label:classes': [{ name: null, classes: ['building'] }],
      'label:methods': ['automated'],
      'label:overviews': [{ property_key: 'class', counts: [{ name: 'building', count: 2 }] }],
      'processing:version': '9.8.7',
      'processing:software': { planimeter: '9.8.7', [MODEL.id]: `sha256:${MODEL.sha256}` },
      'processing:level': 'L4',
      'processing:expression': {
        format: 'planimeter-job',
        expression: { scene: scenes[0], model: MODEL.id, parameters: {} },
      },
      'planimeter:model_sha256': MODEL.sha256,
      'planimeter:ledger': REPORT.ledger,
      'planimeter:assumptions': REPORT.assumptions,
    });
    expect(item.properties['processing:lineage']).toContain(MODEL.sha256);
    expect(item.assets.classes).toMatchObject({
      'classification:classes': [{ value: 1, name: 'building', color_hint: 'CC4444' }],
      bands: [{ data_type: 'uint8', nodata: 255 }],
    });
    expect(item.assets.classes!.href).toBe(`${service.address}/jobs/${job}/classes.tif`);
    const source = item.links.find(({ rel }) => rel === 'derived_from')!;
    const { body: scene } = await fetchJson(source.href);
    expect(scene.id).toBe(scenes[0]);
    expect(scene.geometry).toEqual(item.geometry);
    expect(scene.properties['proj:transform']).toEqual([0.5, 0, GEOTRANSFORM[0], 0, -0.5, GEOTRANSFORM[3]]);
  });

  test('classes are not told by a network that took the name of the one that ran', async () => {
    const other = await mapped(db, scenes[2]!, { model_sha256: 'cd'.repeat(32) });
    const { body } = await fetchJson(`${service.address}/stac/collections/class-maps/items/${other}`);
    expect(body.assets.classes).not.toHaveProperty('classification:classes');
    expect(body.links.filter(({ href }: { href: string }) => href.includes('/models/'))).toEqual([]);
    await fetch(`${service.address}/jobs/${other}`, { method: 'DELETE' });
  });

  test('a map keeps its classes and colours when its network is removed, or becomes another', async () => {
    const classes = [{ value: 1, name: 'shed', color: '#123456' }];
    const other = await mapped(db, scenes[2]!, { model_sha256: 'cd'.repeat(32), classes });
    const { body } = await fetchJson(`${service.address}/stac/collections/class-maps/items/${other}`);
    expect(body.assets.classes['classification:classes']).toMatchObject([{ name: 'shed', color_hint: '123456' }]);
    expect(body.properties['label:classes']).toEqual([{ name: null, classes: ['shed'] }]);
    await fetch(`${service.address}/jobs/${other}`, { method: 'DELETE' });
  });

  test('boxes with objects are vector labels, and have no map', async () => {
    const other = await mapped(db, scenes[2]!, { counts: { objects: 3 } });
    const { body } = await fetchJson(`${service.address}/stac/collections/class-maps/items/${other}`);
    expect(body.properties).toMatchObject({ 'label:type': 'vector', 'label:properties': ['class'] });
    expect(Object.keys(body.assets)).toEqual(['features', 'geopackage', 'tiles']);
    await fetch(`${service.address}/jobs/${other}`, { method: 'DELETE' });
  });

  test('the working copy of a scene can be had, that of an image elsewhere cannot', async () => {
    await mkdir(join(service.folder, 'scenes', scenes[0]!), { recursive: true });
    await writeFile(join(service.folder, 'scenes', scenes[0]!, 'working.tif'), 'II*');
    const image = await fetch(`${service.address}/scenes/${scenes[0]}/image.tif`);
    expect([image.headers.get('content-type'), await image.text()]).toEqual([
      expect.stringContaining('geotiff'),
      'II*',
    ]);
    const { report } = (await getScene(db, scenes[2]!))!;
    const inPlace = { url: 'https://example.org/a.tif', etag: null, modified: null, bytes: 9 };
    await updateScene(db, scenes[2]!, { report: { ...report!, inPlace } });
    expect((await fetch(`${service.address}/scenes/${scenes[2]}/image.tif`)).status).toBe(409);
    const { body } = await fetchJson(`${service.address}/stac/collections/scenes/items/${scenes[2]}`);
    expect(body.assets.image.href).toBe(inPlace.url);
  });

  test('pages hold everything that is ready once, newest first, by GET and by POST', async () => {
    const everything = [job, ...scenes.toReversed()];
    const paged: string[] = [];
    let address: string | undefined = `${service.address}/stac/search?limit=1`;
    while (address) {
      const { body } = await fetchJson(address);
      expect(body.numberMatched).toBe(4);
      paged.push(...body.features.map(({ id }: StacItem) => id));
      address = body.links.find(({ rel }: { rel: string }) => rel === 'next')?.href;
    }
    expect(paged).toEqual(everything);
    const first = await search({ limit: 3 });
    const next = first.body.links.find(({ rel }: { rel: string }) => rel === 'next');
    expect(next).toMatchObject({ method: 'POST', merge: true });
    const second = await search({ limit: 3, ...next.body });
    expect([...first.ids, ...second.ids]).toEqual(everything);
  });

  test('searches by id, collection, box and geometry', async () => {
    const { body: scene } = await fetchJson(`${service.address}/stac/collections/scenes/items/${scenes[0]}`);
    const [west, south] = scene.bbox;
    expect((await search(`?collections=class-maps`)).ids).toEqual([job]);
    expect((await search({ ids: [scenes[1], job, 'no uuid'] })).ids).toEqual([job, scenes[1]]);
    expect((await search(`?bbox=${scene.bbox}`)).ids).toHaveLength(4);
    expect((await search({ bbox: [west - 2, south - 2, west - 1, south - 1] })).ids).toEqual([]);
    expect((await search({ bbox: [170, -10, -170, 80] })).ids).toEqual([]);
    expect((await search({ bbox: [50, -10, 49, 80] })).ids).toHaveLength(4); // nearly all around the globe
    const point = { type: 'Point', coordinates: [west + 0.001, south + 0.001] };
    expect((await search({ intersects: point })).ids).toHaveLength(4);
    expect((await search(`?intersects=${encodeURIComponent(JSON.stringify(point))}`)).ids).toHaveLength(4);
    expect((await fetchJson(`${service.address}/stac/search?intersects=null`)).status).toBe(400);
  });

  test('an image without a time was taken before it came; one with a time of an unknown zone within its hours', async () => {
    const at = async (datetime: string) =>
      (await search({ collections: ['scenes'], datetime })).ids.includes(scenes[1]!);
    expect(await at('2020-05-01T12:00:00Z')).toBe(true);
    expect(await at('2020-05-02T00:00:00Z')).toBe(true); // noon at UTC-12
    expect(await at('2020-05-02T00:00:01Z')).toBe(false);
    expect(await at('2020-04-30T22:00:00Z')).toBe(true); // noon at UTC+14
    expect(await at('../2020-04-30T21:59:59Z')).toBe(false);
    const all = async (datetime: string) => (await search({ collections: ['scenes'], datetime })).ids.length;
    expect(await all('1990-01-01T00:00:00Z/..')).toBe(3);
    expect(await all('2999-01-01T00:00:00Z/..')).toBe(0);
    expect(await all('1850-01-01T00:00:00Z')).toBe(0);
    const { body } = await fetchJson(`${service.address}/stac/collections/scenes/items/${scenes[1]}`);
    expect(body.properties).toMatchObject({
      datetime: '2020-05-01T12:00:00.000Z',
      start_datetime: '2020-04-30T22:00:00.000Z',
      end_datetime: '2020-05-02T00:00:00.000Z',
    });
  });

  test.each([
    '?bbox=1,2,3',
    '?limit=0',
    '?limit=x',
    '?datetime=yesterday',
    '?datetime=2020-05-01T00:00:00Z/2019-05-01T00:00:00Z',
    '?datetime=2020-01-01T00:00:00Z/2021-01-01T00:00:00Z/2022-01-01T00:00:00Z',
    '?token=abc',
    '?unknown=1',
    '?intersects=7',
    { intersects: { type: 'Polygon', coordinates: [[[0, 0]]] } },
    { intersects: { type: 'Polygon', coordinates: [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]] } }, // biome-ignore format: a bow tie
    { intersects: { type: 'Point', coordinates: [1e308, 0] } },
    { intersects: { type: 'MultiPoint', coordinates: new Array(10_001).fill([1, 1]) } },
    { intersects: { type: 'constructor', coordinates: [0, 0] } },
    { bbox: [0, 0, 1, 1], intersects: { type: 'Point', coordinates: [0, 0] } },
    { bbox: 'x' },
    { ids: 'x' },
    { collections: [1] },
    { fields: ['id'] },
    { token: 7 },
    { limit: 1.5 },
    [],
  ])('refuses %j', async (query) => {
    const { status, body } = await search(query);
    expect([status, body.code]).toEqual([400, 'bad_request']);
  });

  test('there is nothing where there is nothing', async () => {
    for (const path of ['/collections/x', '/collections/x/items', `/collections/scenes/items/${job}`]) {
      expect((await fetchJson(`${service.address}/stac${path}`)).status, path).toBe(404);
    }
  });

  test('pystac-client finds everything, and pystac and stac-validator find it valid', {
    timeout: 120_000,
  }, async () => {
    const python = pythonWithClients();
    if (!python) return;
    const { stdout } = await promisify(execFile)(python, ['-c', SCRIPT, service.address]);
    expect(JSON.parse(stdout)).toEqual({
      collections: ['class-maps', 'scenes'],
      found: { all: 4, boxed: 4, pages: 4, maps: [job], dated: 1 },
      invalid: [],
      validated: 7,
      epsg: 32640,
      classes: ['building'],
      labels: 'raster',
      counts: [['building', 2]],
      software: ['landuse-unet', 'planimeter'],
      format: 'planimeter-job',
      source: scenes[0],
    });
  });
});

/**
 * The schemas of the core are those that pystac brings along; those of the extensions lie on a server, and there is
 * none here: what pystac's own classes for them read has to do.
 */
const SCRIPT = `
import importlib.resources, json, os, sys
import pystac, pystac_client
from pystac.extensions.classification import ClassificationExtension
from pystac.extensions.label import LabelExtension
from pystac.extensions.processing import ProcessingExtension
from pystac.extensions.projection import ProjectionExtension
from stac_validator.validate import StacValidate

client = pystac_client.Client.open(sys.argv[1] + '/stac')
everything = list(client.search().items())
box = everything[0].bbox
maps = list(client.search(collections=['class-maps']).items())
dated = list(client.search(collections=['scenes'], datetime='2020-05-01/2020-05-01').items())
collections = list(client.get_collections())
pages = list(client.search(limit=1, method='GET').pages())

schemas = importlib.resources.files('pystac.validation.jsonschemas')
core = str(schemas.joinpath('stac-spec/v1.1.0'))
local = {}
for name in os.listdir(core):
    for part in ('item', 'catalog', 'collection'):
        local[f'https://schemas.stacspec.org/v1.1.0/{part}-spec/json-schema/{name}'] = os.path.join(core, name)
for name in ('Feature', 'Geometry'):
    local[f'https://geojson.org/schema/{name}.json'] = str(schemas.joinpath(f'geojson/{name}.json'))
invalid, validated = [], 0
for thing in [client, *collections, *everything]:
    body = {**thing._stac_io.read_json(thing.get_self_href())} if thing is client else thing.to_dict(transform_hrefs=False)
    pystac.validation.validate_dict(body, extensions=[])
    validator = StacValidate(core=True, schema_map=dict(local))
    if not validator.validate_dict(body): invalid.append(validator.message)
    validated += 1
item = maps[0]
classes = ClassificationExtension.ext(item.assets['classes']).classes
print(json.dumps({
  'collections': sorted(c.id for c in collections),
  'found': {
    'all': len(everything), 'boxed': len(list(client.search(bbox=box).items())), 'pages': len(pages),
    'maps': [m.id for m in maps], 'dated': sum(i.datetime is not None for i in dated),
  },
  'invalid': invalid, 'validated': validated,
  'epsg': ProjectionExtension.ext(item).epsg, 'classes': [c.name for c in classes],
  'counts': [[c.name, c.count] for c in LabelExtension.ext(item).label_overviews[0].counts],
  'software': sorted(ProcessingExtension.ext(item).software), 'format': ProcessingExtension.ext(item).expression.format,
  'labels': str(LabelExtension.ext(item).label_type.value if hasattr(LabelExtension.ext(item).label_type, 'value') else LabelExtension.ext(item).label_type),
  'source': next(link for link in item.links if link.rel == 'derived_from').resolve_stac_object(root=client).target.id,
}))
`;
