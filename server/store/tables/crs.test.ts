/**
 * Coordinate reference systems without an EPSG code: what GDAL writes of them into a GeoTIFF is read, placed by PostGIS
 * where GDAL places it, and written again so that GDAL reads the same.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { judge, pythonWithJudges } from '../../../test/support/python.ts';
import type { Geotransform } from '../../../tiler/crs/geotransform.ts';
import { createTiffWriter } from '../../../tiler/geotiff/write-tiff.ts';
import { type InspectReport, inspect } from '../../../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../../../tiler/ingest/validate-source.ts';
import { georeference } from './georeference.ts';

/** Definition, and a point near which the image lies (in degrees). */
const SYSTEMS: readonly (readonly [definition: string, lon: number, lat: number])[] = [
  ['+proj=tmerc +lat_0=48 +lon_0=11.3 +k=0.99987 +x_0=200000 +y_0=-30000 +ellps=GRS80 +towgs84=10,20,-30', 11.4, 48.1],
  ['+proj=tmerc +lat_0=31 +lon_0=-110.5 +k=0.9999 +x_0=213360 +datum=NAD83 +units=us-ft', -110.6, 31.5],
  ['+proj=lcc +lat_1=33 +lat_2=45 +lat_0=39 +lon_0=-96 +datum=NAD83', -96.3, 40.2],
  ['+proj=lcc +lat_1=33 +lat_2=45 +lat_0=39 +lon_0=-96 +datum=NAD83 +units=ft', -96.3, 40.2],
  [
    '+proj=lcc +lat_1=46.5 +lat_0=46.5 +lon_0=3 +k_0=0.9998 +x_0=700000 +y_0=6600000 +ellps=clrk80ign +towgs84=-168,-60,320',
    2.3,
    46.9,
  ],
  ['+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000 +ellps=GRS80', 13.4, 52.5],
  ['+proj=laea +lat_0=47.3 +lon_0=9.9 +x_0=100000 +y_0=200000 +ellps=bessel', 9.9, 47.3],
  ['+proj=aea +lat_1=29.5 +lat_2=45.5 +lat_0=23 +lon_0=-96 +datum=NAD83', -100.1, 38.2],
  ['+proj=aea +lat_1=-18 +lat_2=-36 +lat_0=0 +lon_0=132 +ellps=GRS80 +towgs84=0,0,0', 140.1, -30.2],
  ['+proj=stere +lat_0=90 +lat_ts=71 +lon_0=-40 +datum=WGS84', -45.1, 75.2],
  ['+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=10 +datum=WGS84', 45.1, -75.2],
  [
    '+proj=sterea +lat_0=52.2 +lon_0=5.4 +k=0.9999 +x_0=155000 +y_0=463000 +ellps=bessel +towgs84=565,50,465',
    5.1,
    52.1,
  ],
  ['+proj=merc +lon_0=20 +k=1 +datum=WGS84', 21, 40],
  ['+proj=merc +lat_ts=41 +lon_0=100 +ellps=krass', 100.5, 40.7],
  [
    '+proj=omerc +lat_0=4 +lonc=102.25 +alpha=323.0257 +gamma=323.1301 +k=0.99984 +x_0=804670 +ellps=evrstSS',
    102.2,
    4.1,
  ],
  [
    '+proj=omerc +no_uoff +lat_0=45.3 +lonc=-86 +alpha=337.25556 +k=0.9996 +x_0=2546731.496 +y_0=-4354009.816 +datum=NAD83',
    -85.5,
    44.2,
  ],
  ['+proj=eqc +lat_ts=30 +lon_0=10 +datum=WGS84', 11, 31],
  ['+proj=sinu +lon_0=0 +R=6371007.181', 10.3, 45.2],
  ['+proj=cea +lat_ts=30 +lon_0=0 +datum=WGS84', 7.2, 43.1],
  ['+proj=aeqd +lat_0=40 +lon_0=-100 +datum=WGS84', -99.3, 40.6],
  ['+proj=eqdc +lat_1=20 +lat_2=60 +lat_0=40 +lon_0=-96 +datum=NAD83', -95.2, 41.3],
  ['+proj=cass +lat_0=10.4416 +lon_0=-61.3333 +x_0=86501 +y_0=65379 +ellps=clrk80', -61.4, 10.5],
  ['+proj=poly +lat_0=0 +lon_0=-54 +x_0=5000000 +y_0=10000000 +ellps=aust_SA', -50.1, -15.3],
  ['+proj=mill +lon_0=10 +R=6371000', 11, 50],
  ['+proj=robin +lon_0=10 +datum=WGS84', 11, 50],
  ['+proj=gnom +lat_0=40 +lon_0=-100 +R=6371000', -99, 41],
  ['+proj=geos +lon_0=-75 +h=35786023 +ellps=GRS80 +sweep=x', -75.2, 35.3],
  ['+proj=utm +zone=52 +ellps=WGS84', 129.2, 37.9],
  ['+proj=utm +zone=11 +datum=NAD27', -117.3, 33.8],
  ['+proj=longlat +a=6378137 +rf=298.257223563', 12.1, 41.9],
  ['+proj=longlat +ellps=bessel +towgs84=582,105,414,1.04,0.35,-3.08,8.3', 12.1, 50.9],
  ['+proj=longlat +ellps=clrk80ign +pm=paris +towgs84=-168,-60,320', 3.1, 46.9],
  ['EPSG:2263', -73.97, 40.78],
  ['EPSG:25833', 15.1, 52.9],
  ['EPSG:27700', -1.6, 54.9],
  ['EPSG:3035', 15.1, 49.9],
  ['EPSG:9377', -74.1, 4.6],
  ['ESRI:102039', -100.1, 38.2],
  ['ESRI:54009', 15.1, 49.9],
];

const SIDE = 64;

/** Writes an image in each system; says where GDAL puts its corners (and those of what we wrote in turn). */
const WRITE = `
import json, sys, numpy, rasterio
from rasterio.warp import transform
folder, systems = json.load(sys.stdin)
out = []
for i, (definition, lon, lat) in enumerate(systems):
    crs = rasterio.crs.CRS.from_user_input(definition)
    (x,), (y,) = transform('EPSG:4326', crs, [lon], [lat])
    step = 1e-5 if crs.is_geographic else 1
    path = '%s/%d.tif' % (folder, i)
    with rasterio.open(path, 'w', driver='GTiff', width=64, height=64, count=1, dtype='uint8', crs=crs,
                       transform=rasterio.Affine(step, 0, x, 0, -step, y)) as d:
        d.write(numpy.full((1, 64, 64), 7, 'uint8'))
    out.append(path)
json.dump(out, sys.stdout)
`;
const CORNERS = `
import json, sys, rasterio
from rasterio.warp import transform
out = []
wkt = []
for path in json.load(sys.stdin):
    with rasterio.open(path) as d:
        at = [d.transform * p for p in [(0, 0), (64, 0), (64, 64), (0, 64)]]
        xs, ys = transform(d.crs, 'EPSG:4326', [p[0] for p in at], [p[1] for p in at])
        out.append(list(zip(xs, ys)))
        wkt.append(d.crs.to_wkt())
json.dump([out, wkt], sys.stdout)
`;

type Corners = [number, number][][];
const python = pythonWithJudges();
let folder = '';
let paths: string[] = [];
let expected: Corners = [];
let systems: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'crs-'));
  if (!python) return;
  paths = judge<string[]>(python, WRITE, [folder, SYSTEMS]);
  [expected, systems] = judge<[Corners, string[]]>(python, CORNERS, paths);
});
afterAll(() => rm(folder, { recursive: true }));

const cornersOf = (geotransform: Geotransform) =>
  [
    [0, 0],
    [SIDE, 0],
    [SIDE, SIDE],
    [0, SIDE],
  ].map(([x, y]) => [geotransform[0] + x! * geotransform[1], geotransform[3] + y! * geotransform[5]]);

describe.skipIf(!python).each(testEngines())('on $name', ({ name, open }) => {
  test('corners lie within a millimetre of where GDAL puts them', async () => {
    const { db, drop } = await open();
    try {
      for (const [i, path] of paths.entries()) {
        const [definition] = SYSTEMS[i]!;
        // Debian's PROJ is older than this code.
        if (name === 'postgresql' && definition === 'EPSG:9377') continue;
        const header = await inspect(path, DEFAULT_INGEST_LIMITS);
        const { srid } = await georeference(db, header).catch((error) => {
          throw new Error(`${definition}: ${error.message} ${header.userCrs?.wkt}`);
        });
        const corners = cornersOf(header.geotransform);
        const [row] = await db.query<{ out_x: number[]; out_y: number[] }>(
          'SELECT out_x, out_y FROM planimeter.transform_points($1::float8[], $2::float8[], $3::integer, 4326)',
          [corners.map(([x]) => x), corners.map(([, y]) => y), srid],
        );
        for (const [corner, [lon, lat]] of expected[i]!.entries()) {
          const east = (row!.out_x[corner]! - lon) * 111_320 * Math.cos((lat * Math.PI) / 180);
          const north = (row!.out_y[corner]! - lat) * 111_320;
          const metres = Math.hypot(east, north);
          expect(metres, `${definition}: ${header.userCrs?.wkt}`).toBeLessThan(0.001);
        }
      }
    } finally {
      await drop();
    }
  });
});

test.skipIf(!python)('what is written in a system of its own is in that system for GDAL', async () => {
  const written: string[] = [];
  for (const path of paths) {
    const { epsg, userCrs, geographic, geotransform }: InspectReport = await inspect(path, DEFAULT_INGEST_LIMITS);
    const out = `${path}.classes.tif`;
    const layout = { width: SIDE, height: SIDE, bands: 1, compression: 'deflate', overviews: 'none' } as const;
    const writer = await createTiffWriter(out, { ...layout, epsg, userCrs, geographic, geotransform });
    await writer.writeRows(SIDE, new Uint8Array(SIDE * SIDE));
    await writer.finish();
    written.push(out);
  }
  const [corners, writtenSystems] = judge<[Corners, string[]]>(python!, CORNERS, written);
  for (const [i, [definition]] of SYSTEMS.entries()) {
    if (!definition.startsWith('+proj=geos')) expect(writtenSystems[i], definition).toBe(systems[i]);
    for (const [corner, [lon, lat]] of expected[i]!.entries()) {
      expect(corners[i]![corner]![0], definition).toBeCloseTo(lon, 8);
      expect(corners[i]![corner]![1], definition).toBeCloseTo(lat, 8);
    }
  }
});
