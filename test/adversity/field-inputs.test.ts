/**
 * Inputs from the field through the command line: archives with names beyond ASCII, long shores, longitudes past 180°.
 * Only with PLANIMETER_FULL=1; their parts are tested where they are.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Feature, Polygon } from 'geojson';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { encode, UTF8_FLAG, zipOf } from '../support/generated/zip.ts';
import { judge, pythonWithJudges } from '../support/python.ts';

const PROGRAM = fileURLToPath(new URL('../../cli/planimeter.js', import.meta.url));
const UTM49 =
  'PROJCS["WGS_1984_UTM_Zone_49N",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000],PARAMETER["False_Northing",0],PARAMETER["Central_Meridian",111],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0],UNIT["Meter",1]]';

const wanted = process.env.PLANIMETER_FULL === '1';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-field-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function planimeter(...args: string[]) {
  const options = { cwd: folder, encoding: 'utf8', timeout: 120_000 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args, '--json'], options);
  return { status, stderr, answer: JSON.parse(status === 0 ? stdout : stderr) };
}

interface Drawn {
  epsg: number;
  geotransform: Geotransform;
  width: number;
  height: number;
  bands: number;
  value: (x: number, y: number, band: number) => number;
}

/** Writes a TIFF and returns its bytes. */
async function tiffOf(name: string, { epsg, value, ...layout }: Drawn): Promise<Buffer> {
  const { width, height, bands } = layout;
  const path = join(folder, name);
  const geographic = epsg === 4326;
  const writer = await createTiffWriter(path, {
    ...layout,
    epsg,
    geographic,
    compression: 'deflate',
    overviews: 'none',
  });
  const row = new Uint8Array(width * bands);
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < row.length; i++) row[i] = value(Math.floor(i / bands), y, i % bands);
    await writer.writeRows(1, row);
  }
  await writer.finish();
  return readFile(path);
}

const image = (name: string, epsg: number, left: number) =>
  tiffOf(name, {
    ...{ epsg, geotransform: [left, 0.35, 0, 4_040_000, 0, -0.35], width: 64, height: 64, bands: 3 },
    value: (x, y, band) => 20 + ((x * 7 + y * 13 + band * 31) % 200),
  });

/** The tag of geo keys gets a number that nobody knows. */
function withoutSystem(tiff: Buffer): Buffer {
  const at = tiff.indexOf(Buffer.from([0xaf, 0x87, 3, 0]));
  tiff.writeUInt16LE(65_000, at);
  return tiff;
}

test.skipIf(!wanted)(
  'archives: names are told apart, in UTF-8 and in GBK',
  async () => {
    const [here, there] = [await image('a.tif', 32649, 310_000), await image('b.tif', 32649, 310_000 + 64 * 0.35)];
    const nowhere = withoutSystem(await image('c.tif', 32649, 310_000));
    const zip = async (name: string, ...entries: Parameters<typeof zipOf>[0]) => {
      await writeFile(join(folder, name), zipOf(entries));
      return planimeter('inspect', name);
    };
    const flags = UTF8_FLAG;
    const foreign = await zip(
      'foreign.zip',
      { name: '测区一.tif', flags, content: nowhere },
      { name: '测区二.prj', flags, content: UTM49 },
    );
    expect([foreign.status, foreign.answer.code]).toEqual([3, 'missing_crs']);
    const own = await zip(
      'own.zip',
      { name: '测区一.tif', flags, content: nowhere },
      { name: '测区一.prj', flags, content: UTM49 },
    );
    expect([own.status, own.answer.width]).toEqual([0, 64]);
    const gbk = (name: string) => encode(name, 'gbk');
    const two = await zip(
      'two.zip',
      { name: gbk('测区一.tif'), content: here },
      { name: gbk('测区二.tif'), content: there },
    );
    expect([two.status, two.answer.width, two.answer.height]).toEqual([0, 128, 64]);
    expect(two.answer.findings).toContainEqual(
      expect.objectContaining({
        code: 'archive_names_assumed',
        message: expect.stringMatching(/gbk: 测区一\.tif, 测区二\.tif/),
      }),
    );
    const locked = await zip('locked.zip', { name: 'a.tif', flags: 1, content: here });
    expect([locked.status, locked.answer.code]).toEqual([3, 'unsupported_archive']);
    const empty = await zip('empty.zip');
    expect([empty.status, empty.answer.detail]).toEqual([3, expect.stringMatching(/^The ZIP archive is empty/)]);
  },
  180_000,
);

async function vectorized(name: string, drawn: Drawn) {
  await tiffOf(name, drawn);
  const run = planimeter('vectorize', name, `${name}.geojson`, '--collection', 'landuse');
  expect(run.status, run.stderr).toBe(0);
  return JSON.parse(await readFile(join(folder, `${name}.geojson`), 'utf8')).features as Feature[];
}

/** Outline of a map in degrees, with 4,000 points a side; how far features reach out of it, and whether they are a coverage. */
const JUDGE = `
import json, math, sys, numpy, shapely, rasterio
from rasterio.warp import transform
from shapely.geometry import shape
path, geometries = json.load(sys.stdin)
with rasterio.open(path) as d:
    n, corners = 4000, [(0, 0), (d.width, 0), (d.width, d.height), (0, d.height), (0, 0)]
    ring = [d.transform * (x0 + (x1 - x0) * i / n, y0 + (y1 - y0) * i / n)
            for (x0, y0), (x1, y1) in zip(corners, corners[1:]) for i in range(n)]
    lon, lat = transform(d.crs, 'EPSG:4326', *zip(*ring))
metres = numpy.array([math.cos(math.radians(numpy.mean(lat))) * 111320, 111320])
flat = lambda g: shapely.transform(g, lambda c: c * metres)
shapes = [shape(g) for g in geometries]
together = shapely.union_all(shapes)
json.dump(dict(coverage=bool(shapely.coverage_is_valid(shapes)), overlap=sum(s.area for s in shapes) / together.area,
    metres=shapely.hausdorff_distance(flat(shapely.Polygon(zip(lon, lat))).exterior, flat(together).exterior)), sys.stdout)
`;

test.skipIf(!wanted)(
  'a straight shore of 110 km lies within its scene, in few points',
  async () => {
    const features = await vectorized('shore.tif', {
      ...{ epsg: 32632, geotransform: [300_000, 10, 0, 6_700_020, 0, -10], width: 10_980, height: 300, bands: 1 },
      value: (_, y) => (y < 150 ? 4 : 3),
    });
    expect(features).toHaveLength(2);
    for (const { geometry, properties } of features) {
      expect((geometry as Polygon).coordinates[0]!.length).toBeLessThan(150);
      // Metres of the grid are longer on the ground west of the central meridian, and shorter near it.
      expect(properties!.area_m2 / 1.647e8).toBeCloseTo(1, 3);
    }
    const python = pythonWithJudges();
    if (!python) return;
    const shapes = features.map(({ geometry }) => geometry);
    const verdict = judge<Record<string, number>>(python, JUDGE, [join(folder, 'shore.tif'), shapes]);
    expect(verdict).toMatchObject({ coverage: true });
    expect(verdict.overlap).toBeCloseTo(1, 12);
    expect(verdict.metres).toBeLessThan(1);
  },
  180_000,
);

test.skipIf(!wanted)(
  'longitudes past 180° are cut at the antimeridian',
  async () => {
    const features = await vectorized('past.tif', {
      ...{ epsg: 4326, geotransform: [179.9994, 5e-6, 0, -16.2, 0, -5e-6], width: 260, height: 200, bands: 1 },
      value: (x, y) => (x < 60 && y > 100 ? 2 : y > 150 ? 3 : 4),
    });
    const lons = JSON.stringify(features.map(({ geometry }) => (geometry as Polygon).coordinates)).match(
      /-?1[78]\d(\.\d+)?/g,
    )!;
    expect(Math.max(...lons.map(Number))).toBe(180);
    expect(Math.min(...lons.map(Number))).toBe(-180);
    const sides = new Set(lons.map((lon) => Math.sign(Number(lon))));
    expect(sides.size).toBe(2);
  },
  180_000,
);
