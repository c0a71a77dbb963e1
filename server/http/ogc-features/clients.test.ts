/** Clients that nobody here wrote read the interface: GDAL's drivers for OGC API – Features and for vector tiles, and OWSLib. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addDoneJob, addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import { pythonWithClients, pythonWithJudges } from '../../../test/support/python.ts';
import { openDatabase } from '../../store/database/open-database.ts';
import { createToken, revokeToken } from '../../store/tables/tokens.ts';
import { createAccess } from '../core/access.ts';

/** More than a page of the driver. */
const COUNT = 1500;

let service: TestService;
let job: string;
beforeAll(async () => {
  const db = await openDatabase({});
  service = await startService(db);
  const rings = (x: number, y: number): [number, number][][] => [
    [
      [x, y],
      [x, y + 6],
      [x + 8, y + 6],
      [x + 8, y],
    ],
  ];
  const squares = Array.from({ length: COUNT }, (_, i) => ({
    ...{ collection: 'buildings', class: 'building' },
    rings: rings((i % 50) * 10, Math.floor(i / 50) * 10),
  }));
  ({ job } = await addDoneJob(db, await addScene(db), squares));
});
afterAll(async () => {
  await service.close();
  await service.db.close();
});

const SCRIPT = `
import json, sys
import pyogrio, shapely
address = 'OAPIF:' + sys.argv[1]
layers = [name for name, _ in pyogrio.list_layers(address)]
info = pyogrio.read_info(address, layer='buildings')
meta, _, geometry, fields = pyogrio.raw.read(address, layer='buildings', INITIAL_REQUEST_PAGE_SIZE='20', PAGE_SIZE='500')
shapes = shapely.from_wkb(geometry)
utm = pyogrio.raw.read(address, layer='buildings', CRS='http://www.opengis.net/def/crs/EPSG/0/32640')
areas = shapely.area(shapely.from_wkb(utm[2]))
print(json.dumps({
  'layers': layers, 'features': len(shapes), 'valid': bool(shapely.is_valid(shapes).all()), 'crs': meta['crs'],
  'fields': sorted(map(str, meta['fields'])), 'utm': utm[0]['crs'], 'area': float(areas.mean()),
  'area_m2': float(fields[list(meta['fields']).index('area_m2')].mean()),
}))
`;

test('GDAL reads every feature of a collection, page by page and in another system', { timeout: 60_000 }, async () => {
  const python = pythonWithJudges();
  if (!python) return;
  // Beside this process, which has to answer.
  const { stdout } = await promisify(execFile)(python, ['-c', SCRIPT, service.address]);
  const read = JSON.parse(stdout);
  expect(read.layers).toEqual(['buildings', 'roads', 'landuse']);
  expect(read).toMatchObject({ features: COUNT, valid: true });
  expect(read.fields).toEqual(expect.arrayContaining(['class', 'score', 'area_m2', 'job', 'scene']));
  expect(read.utm).toContain('32640');
  // Squares of 8 by 6 half metres, on the map and, but for the scale of the zone's edge, on the ground.
  expect(read.area).toBeCloseTo(12, 2);
  expect(read.area_m2 / 12).toBeCloseTo(1, 2);
});

const OWSLIB = `
import json, sys
from owslib.ogcapi.features import Features
features = Features(sys.argv[1])
collections = features.feature_collections()
page = features.collection_items('buildings', limit=1000, properties=['class', 'area_m2'])
largest = features.collection_items('buildings', limit=1, filter='area_m2 > 1', sortby=('area_m2', 'desc'))
item = features.collection_item('buildings', page['features'][0]['id'])
print(json.dumps({
  'collections': collections, 'conforms': len(features.conformance()['conformsTo']) > 0,
  'title': features.links[0]['title'], 'api': 'openapi' in features.api(),
  'queryables': 'area_m2' in features.collection_queryables('buildings')['properties'],
  'features': len(page['features']), 'matched': page['numberMatched'],
  'attributes': sorted({key for each in page['features'] for key in each['properties']}),
  'largest': len(largest['features']), 'item': item['id'] == page['features'][0]['id'],
}))
`;

test('OWSLib finds its way through the collections', { timeout: 120_000 }, async () => {
  const python = pythonWithClients();
  if (!python) return;
  const { stdout } = await promisify(execFile)(python, ['-c', OWSLIB, service.address]);
  expect(JSON.parse(stdout)).toEqual({
    collections: ['buildings', 'roads', 'landuse'],
    ...{ conforms: true, title: 'This page', api: true, queryables: true },
    ...{ features: 1000, matched: COUNT, attributes: ['area_m2', 'class'], largest: 1, item: true },
  });
});

/** The tiles of the finest zoom as files, opened as one layer; a feature on two tiles is there twice, under one id. */
const TILES = `
import json, math, pathlib, sys, tempfile, urllib.error, urllib.request
import pyogrio, shapely
address, job = sys.argv[1:]
tilejson = json.load(urllib.request.urlopen(f'{address}/tiles/{job}.json'))
zoom = tilejson['maxzoom']
west, south, east, north = tilejson['bounds']
column = lambda lon: int((lon + 180) / 360 * 2 ** zoom)
row = lambda lat: int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * 2 ** zoom)
with tempfile.TemporaryDirectory() as folder:
    tiles = 0
    for x in range(column(west), column(east) + 1):
        for y in range(row(north), row(south) + 1):
            path = tilejson['tiles'][0].replace('{z}', str(zoom)).replace('{x}', str(x)).replace('{y}', str(y))
            body = urllib.request.urlopen(path).read()
            if not body: continue
            tiles += 1
            at = pathlib.Path(folder, str(zoom), str(x), f'{y}.mvt')
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(body)
    source = f'MVT:{folder}/{zoom}'
    meta, _, geometry, fields = pyogrio.raw.read(source, layer='buildings', TILE_EXTENSION='mvt', CLIP='NO')
names = list(meta['fields'])
ids = set(fields[names.index('id')])
shapes = shapely.from_wkb(geometry)
print(json.dumps({
  'tiles': tiles, 'ids': len(ids), 'read': len(shapes), 'classes': sorted(set(fields[names.index('class')])), 'crs': meta['crs'],
}))
`;

test("GDAL's driver for vector tiles finds every feature on the tiles of the finest zoom", {
  timeout: 120_000,
}, async () => {
  const python = pythonWithJudges();
  if (!python) return;
  const { stdout } = await promisify(execFile)(python, ['-c', TILES, service.address, job]);
  const read = JSON.parse(stdout);
  expect(read).toMatchObject({ ids: COUNT, classes: ['building'], crs: 'EPSG:3857' });
  expect(read.read).toBeGreaterThanOrEqual(COUNT);
});

const COUNTED = `
import pyogrio, sys
print(pyogrio.read_info('OAPIF:' + sys.argv[1], layer='buildings', force_feature_count=True)['features'])
`;

test('GDAL shows a token in the ways that the developer guide says', { timeout: 120_000 }, async () => {
  const python = pythonWithJudges();
  if (!python) return;
  const { db } = service;
  const { token, id } = await createToken(db, { name: 'GDAL', role: 'admin' });
  const guarded = await startService(db, { access: createAccess(db, true) });
  const count = async (env: Record<string, string>) => {
    const { stdout } = await promisify(execFile)(python, ['-c', COUNTED, guarded.address], {
      env: { ...process.env, ...env },
    });
    return Number(stdout);
  };
  try {
    await expect(count({})).rejects.toThrow('401');
    expect(await count({ GDAL_HTTP_AUTH: 'BEARER', GDAL_HTTP_BEARER: token })).toBe(COUNT);
    const header = join(service.folder, 'header.txt');
    await writeFile(header, `Authorization: Bearer ${token}`);
    expect(await count({ GDAL_HTTP_HEADER_FILE: header })).toBe(COUNT);
  } finally {
    await guarded.close();
    await revokeToken(db, id, null);
  }
});
