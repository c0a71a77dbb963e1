/** Images that do not place themselves: control points, world files, .aux.xml, .prj, masks beside them, a CRS given. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Problem } from '../../errors/problem.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { apply, type Geotransform } from '../crs/geotransform.ts';
import { fitGeotransform } from '../crs/ground-control-points.ts';
import { openSamples } from '../geotiff/raster.ts';
import { ingest } from './ingest.ts';
import { findSidecars } from './sidecars.ts';
import { DEFAULT_INGEST_LIMITS } from './validate-source.ts';

const PYTHON = pythonWithJudges();
let folder = '';
let image = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'place-'));
});
beforeEach(async () => {
  await rm(folder, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), 'place-'));
  image = join(folder, 'Image.tif');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Writes a noisy RGB image of 64 × 48 pixels; `how` says what else is done to `d`, of `profile`. */
function write(how: string, profile = '') {
  const script = `
import json, sys, numpy, rasterio, warnings
from rasterio.control import GroundControlPoint as GCP
warnings.filterwarnings('ignore')
pixels = numpy.random.default_rng(3).integers(1, 255, (3, 48, 64), 'uint8')
with rasterio.open(json.load(sys.stdin), 'w', driver='GTiff', width=64, height=48, count=3, dtype='uint8'${profile}) as d:
    d.write(pixels)
    ${how}
json.dump(None, sys.stdout)
`;
  judge(PYTHON!, script, image);
}

async function read(srs?: string) {
  const sources = [{ path: image, sidecars: await findSidecars(image) }];
  const working = join(folder, 'working.tif');
  const result = await ingest(sources, working, DEFAULT_INGEST_LIMITS, () => {}, { srs }).catch((e: Problem) => e);
  if (result instanceof Error) expect((await readdir(folder)).filter((name) => name.includes('working'))).toEqual([]);
  return result as Exclude<typeof result, Problem>;
}

const codes = (report: { findings: { code: string }[] }) => report.findings.map(({ code }) => code);
const NORTH_UP: Geotransform = [400_000, 0.5, 0, 2_800_000, 0, -0.5];
const WORLD = '0.5\n0\n0\n-0.5\n400000.25\n2799999.75\n';
const WKT =
  'PROJCS["WGS_1984_UTM_Zone_40N",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000.0],PARAMETER["Central_Meridian",57.0],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]';

test('a fit to control points finds the grid that they were taken from', () => {
  const grid: Geotransform = [1e6, 0.3, 0.1, 5e6, 0.12, -0.31];
  const at = [
    [0, 0],
    [500, 20],
    [480, 900],
    [3, 870],
    [200, 300],
  ];
  const points = at.map(([column, row]) => {
    const [x, y] = apply(grid, column, row);
    return { column, row, x, y };
  });
  const fit = fitGeotransform(points)!;
  for (const [i, value] of fit.geotransform.entries()) expect(value).toBeCloseTo(grid[i], i % 3 === 0 ? 6 : 9);
  expect(fit.worstPixels).toBeLessThan(1e-6);
  expect(fitGeotransform(points.map((point) => ({ ...point, row: point.column })))).toBeNull();
});

test.skipIf(!PYTHON)('control points, their fit told', async () => {
  const gcps = '[GCP(0,0,4e5,28e5), GCP(0,64,400032,28e5), GCP(48,64,400032,2799976), GCP(48,0,4e5,2799976.2)]';
  write(`d.gcps = (${gcps}, rasterio.crs.CRS.from_epsg(32640))`);
  const report = await read();
  expect(codes(report)).toContain('ground_control_points');
  expect(report.epsg).toBe(32640);
  expect(report.geotransform[5]).toBeCloseTo(-0.5, 2);
});

test.skipIf(!PYTHON)('nothing: refused, with the ways to say it', async () => {
  write('pass');
  const problem = await read();
  expect(problem).toMatchObject({ code: 'missing_crs' });
  expect((problem as unknown as Error).message).toMatch(/--srs EPSG:CODE.*"srs".*\.prj.*zip.*gdal_edit/);
  expect(await read('EPSG:32640')).toMatchObject({ code: 'missing_crs', message: expect.stringContaining('.tfw') });
  expect(await read('UTM 40')).toMatchObject({ code: 'bad_request' });
});

test.skipIf(!PYTHON)('a world file and a given CRS', async () => {
  write('pass');
  await writeFile(join(folder, 'image.TFW'), WORLD);
  const report = await read('EPSG:32640');
  expect(report).toMatchObject({ epsg: 32640, geotransform: NORTH_UP });
  expect(codes(report)).toEqual(expect.arrayContaining(['crs_given', 'place_from_sidecar']));
});

test.skipIf(!PYTHON)("a world file and Esri's .prj", async () => {
  write('pass');
  await writeFile(join(folder, 'Image.tfw'), WORLD);
  await writeFile(join(folder, 'Image.prj'), WKT);
  const report = await read();
  expect(report).toMatchObject({
    epsg: null,
    userCrs: { name: 'WGS_1984_UTM_Zone_40N', wkt: expect.stringContaining('D_WGS_1984') },
  });
  const working = await openSamples(join(folder, 'working.tif'));
  expect(working).toMatchObject({ epsg: null, userCrs: { wkt: report.userCrs!.wkt }, geotransform: NORTH_UP });
  await working.close();
});

test.skipIf(!PYTHON)('.aux.xml: place, system and nodata go before those of the file', async () => {
  write('pass', ", crs='EPSG:32633', transform=rasterio.Affine(1, 0, 0, 0, -1, 9)");
  await writeFile(
    join(folder, 'Image.tif.aux.xml'),
    `<PAMDataset><SRS dataAxisToSRSAxisMapping="1,2">PROJCS[&quot;x&quot;,${WKT.slice(WKT.indexOf('GEOGCS')).slice(0, -1).replaceAll('"', '&quot;')},AUTHORITY[&quot;EPSG&quot;,&quot;32640&quot;]]</SRS>
     <GeoTransform> 4.0e+05, 5.0e-01, 0, 2.8e+06, 0, -5.0e-01</GeoTransform>
     <PAMRasterBand band="1"><NoDataValue>7</NoDataValue></PAMRasterBand></PAMDataset>`,
  );
  expect(await read()).toMatchObject({ epsg: 32640, geotransform: NORTH_UP, nodata: 7 });
});

test.skipIf(!PYTHON)('a mask beside the image', async () => {
  const valid = "((numpy.arange(48 * 64).reshape(48, 64) % 5) > 0).astype('uint8') * 255";
  write(
    `with rasterio.Env(GDAL_TIFF_INTERNAL_MASK='NO'): d.write_mask(${valid})`,
    ", crs='EPSG:32640', transform=rasterio.Affine(.5, 0, 4e5, 0, -.5, 28e5)",
  );
  expect(await readdir(folder)).toContain('Image.tif.msk');
  const report = await read();
  expect(report.validPixels).toBe(48 * 64 - Math.ceil((48 * 64) / 5));
  const working = await openSamples(join(folder, 'working.tif'));
  const { valid: found } = await working.read(0, { x: 0, y: 0, width: 64, height: 48 });
  await working.close();
  expect(found.every((value, i) => value === (i % 5 > 0 ? 1 : 0))).toBe(true);
});

test.each([
  'PROJCS["',
  'PROJCS[PROJCS[PROJCS[PROJCS[PROJCS[PROJCS[PROJCS[PROJCS[PROJCS[PROJCS[PROJCS[PROJCS[PROJCS[',
  'GEOGCS["a"]',
  'DROP TABLE scenes',
  ']',
  '',
])('%j is no system', async (srs) => {
  const { crsOfWkt } = await import('../crs/crs.ts');
  expect(crsOfWkt(srs)).toBeNull();
});
