/** Every format of the same job, read back by GDAL, pyarrow and the PMTiles reader, against what the database holds. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VectorTile } from '@mapbox/vector-tile';
import { PbfReader } from 'pbf';
import { PMTiles, type Source, zxyToTileId } from 'pmtiles';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { lineWkb, polygonWkb, rectangle, seeded } from '../../test/support/geometry.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import type { FeatureJson, JobReport } from '../api/index.ts';
import { geoJsonOf, parseWkb, wktOf } from '../geometry/wkb.ts';
import type { Database } from '../store/database/database.ts';
import { columnsOf } from '../store/tables/feature-tables.ts';
import { type FeatureRow, insertFeatures, publishJob } from '../store/tables/features.ts';
import { insertJob } from '../store/tables/jobs.ts';
import { insertScene } from '../store/tables/scenes.ts';
import { tileId } from '../tiles/pmtiles-archive.ts';
import { EXPORT_FORMATS, exportFormat, exportJob } from './export.ts';
import { FIELD_NAMES } from './shapefile.ts';

const SEED = 12;
const BUILDINGS = 700;

/** Buildings with courtyards, roads, land use of which one area lies on both sides of the antimeridian. */
function features(): FeatureRow[] {
  const random = seeded(SEED);
  const row = (collection: string, name: string, wkb: Uint8Array, properties = {}): FeatureRow => {
    return { id: randomUUID(), collection, class: name, score: 0.5 + random() / 2, wkb, properties };
  };
  const buildings = Array.from({ length: BUILDINGS }, (_, i) => {
    const [x, y] = [179.9 + 0.05 * random(), 10 + 0.1 * random()];
    const size = 1e-4 + 3e-4 * random();
    const rings = [rectangle(x, y, x + size, y + size)];
    if (i % 3 === 0) rings.push(rectangle(x + size / 4, y + size / 4, x + size / 2, y + size / 2).reverse());
    return row('buildings', 'building', polygonWkb(...rings), { regularized: i % 2 === 0, orientation_deg: i % 90 });
  });
  const roads = Array.from({ length: 40 }, (_, i) => {
    const points = Array.from({ length: 5 }, (_, j): [number, number] => [179.9 + 0.01 * j, 10 + 0.002 * i * random()]);
    return row('roads', 'road', lineWkb(points), { width_m: 4 + random(), from_node: i, to_node: i + 1 });
  });
  return [
    ...buildings,
    ...roads,
    row('landuse', 'Wald, "dicht"', polygonWkb(rectangle(179.8, 10, 180.2, 10.1))),
    row('landuse', 'water', polygonWkb(rectangle(179.8, 10.1, 179.95, 10.2))),
  ];
}

const python = pythonWithJudges();

const LAYERS = `
import json, sys, pyogrio, shapely, numpy as np
result = {}
for path in json.load(sys.stdin):
    layers = {}
    for name, kind in pyogrio.list_layers(path):
        meta, table = pyogrio.read_arrow(path, layer=name)
        g = shapely.from_wkb(table[meta['geometry_name'] or 'wkb_geometry'].to_numpy(zero_copy_only=False))
        info = pyogrio.read_info(path, layer=name, force_total_bounds=True)
        column = lambda c: table[c].to_pylist() if c in table.column_names else None
        layers[name] = dict(count=len(g), crs=info['crs'], kind=kind, valid=bool(shapely.is_valid(g).all()),
            types=sorted(set(t.geom_type for t in g)), area=float(shapely.area(g).sum()), length=float(shapely.length(g).sum()),
            ids=sorted(column('id') or []), collections=column('collection'), classes=column('class'), score=column('score'),
            regularized=column('regularized'), from_node=column('from_node'), bounds=[float(v) for v in info['total_bounds']],
            few=len(pyogrio.read_bounds(path, layer=name, bbox=(179.91, 10.02, 179.93, 10.05))[0]))
    result[path] = layers
print(json.dumps(result))
`;

interface Layer {
  count: number;
  crs: string | null;
  kind: string;
  valid: boolean;
  types: string[];
  area: number;
  length: number;
  ids: string[];
  collections: string[] | null;
  classes: string[];
  score: number[];
  regularized: (boolean | null)[] | null;
  from_node: (number | null)[] | null;
  bounds: number[];
  few: number;
}

const PARQUET = `
import json, sys, pyarrow.parquet as pq, shapely
f = pq.ParquetFile(json.load(sys.stdin))
t = f.read()
g = shapely.from_wkb(t['geometry'].to_numpy(zero_copy_only=False))
print(json.dumps(dict(geo=json.loads(f.schema_arrow.metadata[b'geo']), groups=f.num_row_groups, ids=sorted(t['id'].to_pylist()),
  types=sorted(set(x.geom_type for x in g)), area=float(shapely.area(g).sum()), ccw=bool(shapely.is_ccw(shapely.get_exterior_ring(shapely.get_parts(g[shapely.get_dimensions(g) == 2]))).all()),
  columns={x.name: str(x.type) for x in f.schema_arrow}, trues=sum(v is True for v in t['regularized'].to_pylist()),
  boxed=[list(b.values()) for b in t['bbox'].to_pylist()] == shapely.bounds(g).tolist(),
  stats=[f.metadata.row_group(0).column(i).statistics.has_min_max for i in range(len(f.schema)) if f.schema.column(i).path.startswith('bbox.')],
  classes=sorted(set(t['class'].to_pylist())), bounds=[float(v) for v in shapely.total_bounds(g)])))
`;

describe.each(testEngines())('exports from $name', ({ open: openEngine }) => {
  let db: Database;
  let drop: () => Promise<void>;
  let folder: string;
  const job = randomUUID();
  const tiled = { id: job, gsdMetres: 8, levels: [0] };
  const path = (name: string) => join(folder, name);
  const write = (name: string, collection?: string) =>
    exportJob(db, tiled, exportFormat(name)!, path(name), { collection });
  let truth: { collection: string; count: number; area: number; length: number; ids: string[]; few: number }[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-export-'));
    ({ db, drop } = await openEngine());
    const scene = randomUUID();
    await insertScene(db, { id: scene, name: 'a scene', upload: null, sha256: '00', bytes: 1 });
    await insertJob(db, { id: job, scene, model: 'm', parameters: {} });
    await insertFeatures(db, { id: job, epsg: 4326 }, features());
    await publishJob(db, job, {} as JobReport);
    truth = await db.query(
      `SELECT collection, count(*)::integer AS count, sum(ST_Area(geom)) AS area, array_agg(id::text ORDER BY id::text) AS ids,
              sum(CASE WHEN ST_Dimension(geom) = 1 THEN ST_Length(geom) ELSE ST_Perimeter(geom) END) AS length,
              count(*) FILTER (WHERE ST_Intersects(geom, ST_MakeEnvelope(179.91, 10.02, 179.93, 10.05, 4326)))::integer AS few
         FROM planimeter.features GROUP BY collection`,
    );
    for (const { ending } of EXPORT_FORMATS) {
      await write(`all${ending}`, 'all');
      await write(`usual${ending}`);
    }
    await write('buildings.fgb', 'buildings');
    await write('roads.fgb', 'roads');
  }, 300_000);
  afterAll(async () => {
    await drop();
    await rm(folder, { recursive: true, force: true });
  });

  test('leave only what was asked for, and an unknown collection is refused with the known ones', async () => {
    const files = EXPORT_FORMATS.flatMap(({ ending }) => [`all${ending}`, `usual${ending}`]);
    expect((await readdir(folder)).sort()).toEqual([...files, 'buildings.fgb', 'roads.fgb'].sort());
    await expect(write('x.csv', 'trees')).rejects.toThrow('It has: landuse, roads, buildings; or take all.');
    await expect(exportJob(db, { ...tiled, id: randomUUID() }, EXPORT_FORMATS[0], path('x.geojson'))).rejects.toThrow(
      'no finished job',
    );
  });

  test.skipIf(!python)('are what GDAL reads: features, shapes, columns, CRS, spatial index', () => {
    const names = [
      'all.geojson',
      'all.geojsonl',
      'all.gpkg',
      'all.fgb',
      'all.csv',
      'all.shp.zip',
      'buildings.fgb',
      'roads.fgb',
    ];
    const read = judge<Record<string, Record<string, Layer>>>(python!, LAYERS, names.map(path));
    const sum = (pick: (each: (typeof truth)[number]) => number) =>
      truth.reduce((total, each) => total + pick(each), 0);
    const ids = truth.flatMap((each) => each.ids).sort();
    for (const name of names.filter((each) => /^all.*(json|jsonl|fgb|csv)$/.test(each))) {
      const [layer] = Object.values(read[path(name)]);
      expect([name, layer.count, layer.valid, layer.few]).toEqual([name, sum((t) => t.count), true, sum((t) => t.few)]);
      expect(layer.area, name).toBeCloseTo(
        sum((t) => t.area),
        7,
      );
      expect(layer.length, name).toBeCloseTo(
        sum((t) => t.length),
        3,
      );
      if (!name.endsWith('.csv')) expect(layer.crs, name).toBe('EPSG:4326');
      expect(layer.types).toEqual(['LineString', 'MultiPolygon', 'Polygon']);
      expect(layer.ids, name).toEqual(ids);
      expect(new Set(layer.collections)).toEqual(new Set(['buildings', 'roads', 'landuse']));
      expect(layer.classes).toContain('Wald, "dicht"');
    }
    const layers = read[path('all.gpkg')];
    expect(Object.keys(layers)).toEqual(['landuse', 'roads', 'buildings']);
    expect(Object.values(layers).map(({ kind }) => kind)).toEqual(['MultiPolygon', 'LineString', 'Polygon']);
    for (const { collection, ...expected } of truth) {
      const { count, few, ids, valid, crs, area } = layers[collection];
      expect({ count, few, ids }).toEqual({ count: expected.count, few: expected.few, ids: expected.ids });
      expect([valid, crs]).toEqual([true, 'EPSG:4326']);
      expect(area).toBeCloseTo(expected.area, 12);
    }
    const shapefiles = read[path('all.shp.zip')];
    expect(Object.keys(shapefiles).sort()).toEqual(['buildings', 'landuse', 'roads']);
    for (const { collection, count, few, ids, area } of truth) {
      const found = shapefiles[collection];
      expect([collection, found.count, found.few, found.valid]).toEqual([collection, count, few, true]);
      expect([found.ids, found.crs]).toEqual([ids, 'EPSG:4326']);
      expect(found.area).toBeCloseTo(area, 12);
    }
    expect(shapefiles.landuse.classes).toContain('Wald, "dicht"');
    expect(Math.max(...(shapefiles.roads.from_node as number[]))).toBe(39);
    for (const buildings of [layers.buildings, read[path('buildings.fgb')].buildings]) {
      expect([buildings.kind, buildings.count]).toEqual(['Polygon', BUILDINGS]);
      expect(buildings.regularized!.filter((each) => each === true).length).toBe(BUILDINGS / 2);
      expect(buildings.few).toBe(truth.find(({ collection }) => collection === 'buildings')!.few);
    }
    const roads = read[path('roads.fgb')].roads;
    expect([roads.kind, roads.count, Math.max(...(roads.from_node as number[]))]).toEqual(['LineString', 40, 39]);
  });

  test('text of shapes is what PostGIS makes of them', async () => {
    const rows = await db.query<{ wkb: Uint8Array; geojson: string; wkt: string }>(
      `SELECT ST_AsBinary(geom, 'NDR') AS wkb, ST_AsGeoJSON(geom, 8) AS geojson, ST_AsText(geom, 8) AS wkt
         FROM (SELECT geom FROM planimeter.features UNION ALL
               SELECT ST_GeomFromText('MULTILINESTRING((0 -0.00000002,10 1e-7),(1.5 -20.123456785,100 0.1))', 4326)) AS shapes`,
    );
    expect(rows.length).toBeGreaterThan(BUILDINGS);
    for (const { wkb, geojson, wkt } of rows) {
      const geometry = parseWkb(wkb);
      expect([geoJsonOf(geometry), wktOf(geometry)]).toEqual([geojson, wkt]);
    }
  });

  test('of one layer hold land use alone where nothing else is said, and tell what they leave out', async () => {
    const { features } = JSON.parse(await readFile(path('usual.geojson'), 'utf8'));
    expect(new Set(features.map((each: FeatureJson) => each.properties.collection))).toEqual(new Set(['landuse']));
    const lines = (await readFile(path('usual.csv'), 'utf8')).trim().split('\r\n');
    expect([features.length, lines.length]).toEqual([2, 3]);
    const counts = { written: { landuse: 2 }, leftOut: { roads: 40, buildings: BUILDINGS } };
    expect(await write('usual.fgb')).toEqual(counts);
    expect((await write('usual.gpkg')).leftOut).toEqual({});
    expect((await write('all.parquet', 'all')).leftOut).toEqual({});
    expect(await exportJob(db, tiled, exportFormat('.csv')!, path('usual.csv'), { none: true })).toEqual({
      written: {},
      leftOut: {},
    });
  });

  test('have the same columns whatever the features hold, in every format', async () => {
    const [bare, scene] = [randomUUID(), randomUUID()];
    await insertScene(db, { id: scene, name: 'bare', upload: null, sha256: '02', bytes: 1 });
    await insertJob(db, { id: bare, scene, model: 'm', parameters: {} });
    const row = (collection: string, wkb: Uint8Array): FeatureRow => ({
      id: randomUUID(),
      collection,
      class: 'x',
      score: 1,
      wkb,
    });
    const square = polygonWkb(rectangle(10, 10, 10.1, 10.1));
    const line = lineWkb([[10, 10], [10, 11]]); // biome-ignore format: a line
    await insertFeatures(db, { id: bare, epsg: 4326 }, [
      row('landuse', square),
      row('buildings', square),
      row('roads', line),
    ]);
    await publishJob(db, bare, {} as JobReport);
    const of = (id: string, name: string, collection?: string, none = false) =>
      exportJob(db, { ...tiled, id }, exportFormat(name)!, path(name), { collection, none });
    const names: Record<string, string[]> = {};
    for (const ending of ['.gpkg', '.fgb', '.parquet', '.shp.zip', '.csv', '.geojson']) {
      for (const collection of ['landuse', 'buildings', 'roads']) {
        const group = ['full', 'bare', 'none'].map((each) => `${each}-${collection}${ending}`);
        names[collection + ending] = group;
        await of(job, group[0]!, collection);
        await of(bare, group[1]!, collection);
        await of(bare, group[2]!, collection, true);
      }
    }
    const properties = async (name: string) => {
      const { features } = JSON.parse(await readFile(path(name), 'utf8'));
      return [...new Set(features.map((each: FeatureJson) => Object.keys(each.properties).join()))];
    };
    expect(await properties('full-buildings.geojson')).toEqual(await properties('bare-buildings.geojson'));
    const header = async (name: string) => (await readFile(path(name), 'utf8')).split('\r\n')[0];
    const headers = await Promise.all(names['roads.csv']!.map(header));
    expect(new Set(headers)).toEqual(new Set([`WKT,${columnsOf('roads', 'line').map(({ name }) => name)}`]));
    if (!python) return;
    const fields = `import json, sys, pyogrio, pyarrow.parquet as pq
def fields(path):
    if path.endswith('.parquet'):
        return [[f.name, str(f.type)] for f in pq.read_schema(path)]
    info = pyogrio.read_info(path)
    return [[str(n), str(t)] for n, t in zip(info['fields'], info['dtypes'])]
print(json.dumps({p: fields(p) for p in json.load(sys.stdin)}))`;
    const groups = Object.entries(names).filter(([name]) => !/geojson|csv/.test(name));
    const read = judge<Record<string, string[][]>>(
      python,
      fields,
      groups.flatMap(([, group]) => group.map(path)),
    );
    for (const [name, [full, ...others]] of groups) {
      expect(read[path(full!)]!.length, name).toBeGreaterThan(8);
      for (const other of others) expect(read[path(other)], other).toEqual(read[path(full!)]);
    }
  });

  test.each([
    ['landuse', 'area'],
    ['roads', 'line'],
    ['buildings', 'area'],
    ['objects', 'area'],
  ] as const)('Shapefiles: the fields of %s have names of ten letters at most, each another', (collection, kind) => {
    const fields = columnsOf(collection, kind).map(({ name }) => FIELD_NAMES[name] ?? name);
    expect(fields.filter((name) => name.length > 10)).toEqual([]);
    expect(new Set(fields).size).toBe(fields.length);
  });

  test.skipIf(!python)('GeoParquet: what pyarrow reads, with the metadata of the specification', () => {
    // biome-ignore lint/suspicious/noExplicitAny: JSON of another program
    const read = judge<any>(python!, PARQUET, path('all.parquet'));
    const { version, primary_column, columns } = read.geo;
    expect([version, primary_column, columns.geometry.encoding]).toEqual(['1.1.0', 'geometry', 'WKB']);
    const sides = ['xmin', 'ymin', 'xmax', 'ymax'].map((side) => [side, ['bbox', side]]);
    expect(columns.geometry.covering).toEqual({ bbox: Object.fromEntries(sides) });
    expect([read.boxed, read.stats]).toEqual([true, [true, true, true, true]]);
    expect(columns.geometry.crs.id).toEqual({ authority: 'EPSG', code: 4326 });
    expect(columns.geometry.geometry_types).toEqual(['LineString', 'MultiPolygon', 'Polygon']);
    expect([read.types, read.ccw]).toEqual([columns.geometry.geometry_types, true]);
    for (const [i, value] of read.bounds.entries()) expect(columns.geometry.bbox[i]).toBeCloseTo(value, 9);
    expect(read.ids).toEqual(truth.flatMap((each) => each.ids).sort());
    expect(read.area).toBeCloseTo(
      truth.reduce((total, each) => total + each.area, 0),
      9,
    );
    expect(read.trues).toBe(BUILDINGS / 2);
    expect(read.classes).toEqual(['Wald, "dicht"', 'building', 'road', 'water']);
    expect(read.columns).toMatchObject({ score: 'double', from_node: 'int32', regularized: 'bool', id: 'string' });
  });

  test('PMTiles: every feature is in the deepest zoom, and tiles are where readers look', async () => {
    const file = await open(path('all.pmtiles'));
    const source: Source = {
      getKey: () => 'all',
      async getBytes(offset, length) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
        return { data: buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + bytesRead) };
      },
    };
    const archive = new PMTiles(source);
    const header = await archive.getHeader();
    expect(header).toMatchObject({ specVersion: 3, tileType: 1, clustered: true });
    expect(header.tileDataOffset! + header.tileDataLength!).toBeLessThanOrEqual((await stat(path('all.pmtiles'))).size);
    const { vector_layers } = (await archive.getMetadata()) as { vector_layers: { id: string }[] };
    expect(vector_layers.map(({ id }) => id)).toEqual(['landuse', 'roads', 'buildings']);
    const found = new Map<string, Set<unknown>>();
    const z = header.maxZoom;
    const side = 2 ** z;
    for (let x = Math.floor((359.7 / 360) * side); x < side; x++) {
      for (let y = Math.floor(side * 0.471); y < side * 0.473; y++) {
        const tile = await archive.getZxy(z, x, y);
        if (!tile) continue;
        for (const [name, layer] of Object.entries(new VectorTile(new PbfReader(tile.data)).layers)) {
          const ids = found.get(name) ?? new Set();
          for (let i = 0; i < layer.length; i++) ids.add(layer.feature(i).properties.id);
          found.set(name, ids);
        }
      }
    }
    await file.close();
    for (const { collection, ids } of truth) expect([...found.get(collection)!].sort(), collection).toEqual(ids);
    for (const [z, x, y] of [
      [0, 0, 0],
      [1, 1, 0],
      [5, 17, 30],
      [18, 200_001, 131_000],
    ] as const) {
      expect(tileId({ z, x, y })).toBe(zxyToTileId(z, x, y));
    }
  }, 30_000);

  test('of a job that found nothing are empty files that open', async () => {
    const [empty, scene] = [randomUUID(), randomUUID()];
    await insertScene(db, { id: scene, name: 'desert', upload: null, sha256: '01', bytes: 1 });
    await insertJob(db, { id: empty, scene, model: 'm', parameters: {} });
    await publishJob(db, empty, {} as JobReport);
    const names = EXPORT_FORMATS.map(({ ending }) => `empty${ending}`);
    for (const name of names) await exportJob(db, { ...tiled, id: empty }, exportFormat(name)!, path(name));
    expect(JSON.parse(await readFile(path('empty.geojson'), 'utf8')).features).toEqual([]);
    if (!python) return;
    const readable = ['empty.gpkg', 'empty.fgb', 'empty.geojson'].map(path);
    const count = `import json, sys, pyogrio, pyarrow.parquet as pq
paths = json.load(sys.stdin)
print(json.dumps([len(pyogrio.list_layers(p)) + pyogrio.read_info(p, force_feature_count=True)['features'] for p in paths[:-1]] + [pq.read_table(paths[-1]).num_rows]))`;
    expect(judge<number[]>(python, count, [...readable, path('empty.parquet')])).toEqual([3, 1, 1, 0]);
  });
});
