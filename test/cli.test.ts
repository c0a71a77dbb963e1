/** The command line on a generated town, against its ground truth; what comes out is judged by shapely. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { usage as reap } from '../cli/reap.ts';
import type { Evaluation } from '../models/evaluation/evaluate.ts';
import { findNetwork, type Precision, weightsOf } from '../models/registry.ts';
import type { ItemsJson, JobReport } from '../server/api/index.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { openRaster, openSamples } from '../tiler/geotiff/raster.ts';
import { wholeOf } from '../tiler/geotiff/window.ts';
import { createTiffWriter } from '../tiler/geotiff/write-tiff.ts';
import { judge, pythonWithJudges } from './support/python.ts';

const PROGRAM = fileURLToPath(new URL('../cli/planimeter.js', import.meta.url));
const SIZE = { width: 1100, height: 900 };

let folder: string;
let town: { image: string; truth: string };
const file = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-cli-'));
  town = await writeTown(file('town'), { seed: 41, ...SIZE, gsdMetres: 0.5 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function planimeter(...args: string[]) {
  return spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    env: { ...process.env, PORT: '0' },
    encoding: 'utf8',
    timeout: 120_000,
  });
}

const python = pythonWithJudges();

/** Polygons of the coverage: their validity one by one and together, and their union's area as a share of their sum. */
const COVERAGE = `
import json, sys, shapely
from shapely.geometry import shape
shapes = [shape(g) for g in json.load(sys.stdin)]
print(json.dumps(dict(invalid=sum(not s.is_valid for s in shapes), coverage=bool(shapely.coverage_is_valid(shapes)),
  overlap=sum(s.area for s in shapes) / shapely.unary_union(shapes).area)))
`;

interface CoverageVerdict {
  invalid: number;
  coverage: boolean;
  overlap: number;
}

test('segment: an image becomes features, maps and a report that agree with the truth', {
  timeout: 180_000,
}, async () => {
  const outputs = ['--classes', 'classes.tif', '--scores', 'scores.tif', '--report', 'report.json', '--json'];
  const run = planimeter('segment', town.image, 'out.geojson', '--collection', 'all', ...outputs);
  expect([run.status, run.stderr.includes('Error')], run.stderr).toEqual([0, false]);
  const report = JSON.parse(await readFile(file('report.json'), 'utf8')) as JobReport;
  expect(JSON.parse(run.stdout)).toEqual(report);
  const { sha256 } = weightsOf(await findNetwork('landuse-unet'), report.parameters.precision as Precision);
  expect(report.model_sha256).toBe(sha256);
  expect(['fp32', 'int8']).toContain(report.parameters.precision);

  const { features } = JSON.parse(await readFile(file('out.geojson'), 'utf8')) as ItemsJson;
  const of = (collection: string) => features.filter(({ properties }) => properties.collection === collection);
  for (const [collection, count] of Object.entries(report.counts)) expect(of(collection).length).toBe(count);
  const sceneM2 = SIZE.width * SIZE.height * 0.25;
  const mappedM2 = of('landuse').reduce((sum, { properties }) => sum + properties.area_m2!, 0);
  expect(mappedM2 / sceneM2).toBeCloseTo(1, 2);
  for (const { geometry, properties } of of('roads')) {
    expect(geometry.type).toBe('LineString');
    expect(properties.length_m! > 0 && properties.width_m! > 0).toBe(true);
  }

  const scored = planimeter('evaluate', '--predicted', 'classes.tif', '--truth', town.truth, '--json');
  const { classes } = JSON.parse(scored.stdout) as Evaluation;
  const iou = Object.fromEntries(classes.map((each) => [each.class, each.iou ?? 0]));
  console.log('IoU on a generated town:', iou);
  expect(iou.vegetation).toBeGreaterThan(0.7);
  expect(iou.building).toBeGreaterThan(0.4);
  expect(iou.road).toBeGreaterThan(0.4);

  if (!python) return;
  const polygons = of('landuse').map(({ geometry }) => geometry);
  const verdict = judge<CoverageVerdict>(python, COVERAGE, polygons);
  expect(verdict).toMatchObject({ invalid: 0, coverage: true });
  expect(verdict.overlap).toBeCloseTo(1, 9);
  const buildings = judge<CoverageVerdict>(
    python,
    COVERAGE,
    of('buildings').map(({ geometry }) => geometry),
  );
  expect(buildings.invalid).toBe(0);
  expect(buildings.overlap).toBeCloseTo(1, 6);
});

test('segment: a file whose bands are in another order gives the same map once they are named', {
  timeout: 180_000,
}, async () => {
  const source = await openSamples(town.image);
  const { width, height, geotransform, epsg } = source;
  const { pixels } = await source.read(0, { x: 0, y: 0, width, height });
  await source.close();
  const swapped = Uint8Array.from(pixels, (_, i) => pixels[i - (i % 3) + (2 - (i % 3))] as number);
  const layout = {
    width,
    height,
    bands: 3,
    compression: 'deflate' as const,
    geotransform,
    epsg: epsg!,
    overviews: 'none' as const,
  };
  const writer = await createTiffWriter(file('bgr.tif'), { ...layout, geographic: false });
  await writer.writeRows(height, swapped);
  await writer.finish();
  const outputs = ['--bands', '3,2,1', '--classes', 'bgr-classes.tif', '--report', 'bgr.json'];
  const run = planimeter('segment', 'bgr.tif', 'bgr.gpkg', ...outputs);
  expect([run.status, run.stderr.includes('Error')], run.stderr).toEqual([0, false]);
  const [ours, theirs] = await Promise.all(['bgr-classes.tif', 'classes.tif'].map((name) => codesOf(file(name))));
  expect(Buffer.compare(ours, theirs)).toBe(0);
  const report = JSON.parse(await readFile(file('bgr.json'), 'utf8')) as JobReport;
  expect(report.parameters.bands).toEqual([3, 2, 1]);
  const reasons = new Map(report.assumptions.map(({ code, value }) => [code, value]));
  expect(reasons.get('bands')).toEqual([3, 2, 1]);
  expect(reasons.get('model_choice')).toBe('landuse-unet');
  const wrong = planimeter('segment', 'bgr.tif', 'x.gpkg', '--bands', '4,3,2', '--json');
  expect([wrong.status, JSON.parse(wrong.stderr.trim().split('\n').at(-1)!).code]).toEqual([3, 'bad_request']);
  for (const name of ['bgr.tif', 'bgr.gpkg']) await rm(file(name));
});

async function codesOf(path: string): Promise<Uint8Array> {
  const raster = await openRaster(path);
  const { pixels } = await raster.read(0, wholeOf(raster));
  await raster.close();
  return pixels;
}

test('segment: the whole job as one zip', { timeout: 120_000 }, async () => {
  const { image } = await writeTown(file('hamlet'), { seed: 3, width: 260, height: 260, gsdMetres: 0.5 });
  const run = planimeter('segment', image, 'job.zip', '--json', '--license', 'CC-BY-4.0', '--attribution', '© Ada');
  expect(run.status, run.stderr).toBe(0);
  expect((await readdir(folder)).filter((name) => name.includes('partial'))).toEqual([]);
  if (!python) return;
  const read = judge<Record<string, unknown>>(python, ZIP, file('job.zip'));
  const report = JSON.parse(run.stdout) as JobReport;
  const { landuse, buildings, roads } = report.counts;
  const there = Object.entries({ landuse, buildings, roads }).filter(([, count]) => count! > 0);
  expect(read).toMatchObject({
    damaged: null,
    report,
    size: [report.model_grid!.width, report.model_grid!.height],
    layers: Object.fromEntries(there),
    described: { DESCRIPTION: 'Image: © Ada. Its licence: CC-BY-4.0.' },
  });
  expect(report).toMatchObject({ scene_license: 'CC-BY-4.0', scene_attribution: '© Ada' });
  expect(read.licence).toMatch(/To be named: © Ada[\s\S]*Licence: CC-BY-4\.0[\s\S]*Licence: Apache-2\.0/);
});

const ZIP = `
import json, sys, zipfile, pyogrio, rasterio
path = json.load(sys.stdin)
zip = zipfile.ZipFile(path)
layers = [name for name, _ in pyogrio.list_layers(f'/vsizip/{path}/features.gpkg')]
with rasterio.open(f'/vsizip/{path}/classes.tif') as classes: size = [classes.width, classes.height]
counts = {name: len(pyogrio.raw.read(f'/vsizip/{path}/features.gpkg', layer=name)[2]) for name in layers}
print(json.dumps({
  'damaged': zip.testzip(), 'report': json.loads(zip.read('report.json')), 'licence': zip.read('LICENCE.txt').decode(),
  'described': pyogrio.read_info(f'/vsizip/{path}/features.gpkg', layer=layers[0])['layer_metadata'],
  'size': size, 'layers': {name: count for name, count in counts.items() if count > 0},
}))
`;

test('vectorize: the same map gives the same land use, and twice the same file', { timeout: 180_000 }, async () => {
  const run = (out: string) => planimeter('vectorize', town.truth, out, '--buildings', '1', '--roads', '2');
  const { status, stdout, stderr } = run('a.geojson');
  expect(status, stderr).toBe(0);
  expect(run('b.geojson').status).toBe(0);
  const a = await readFile(file('a.geojson'), 'utf8');
  expect(a).toBe(await readFile(file('b.geojson'), 'utf8'));
  const { features: polygons } = JSON.parse(a) as ItemsJson;
  expect(new Set(polygons.map(({ properties }) => properties.collection))).toEqual(new Set(['landuse']));
  const [, buildings, roads] = /, (\d+) buildings, (\d+) stretches/.exec(stdout)!;
  expect(stderr).toContain(
    `a.geojson holds ${polygons.length} of landuse, and not ${roads} of roads, ${buildings} of buildings:`,
  );
  expect(stdout).toMatch(/^found: /); // the file holds less
  const alone = planimeter('vectorize', town.truth, 'a.gpkg', '--buildings', '1', '--collection', 'buildings');
  expect(alone.stderr).toMatch(/a\.gpkg holds .* of landuse.*: without --collection it holds a layer of each\.\n$/);
  const whole = planimeter('vectorize', town.truth, 'a.fgb', '--buildings', '1', '--collection', 'buildings');
  expect([whole.status, whole.stderr]).toEqual([0, expect.stringContaining(`a.fgb holds ${buildings} of buildings`)]);
  if (python) {
    const verdict = judge<CoverageVerdict>(
      python,
      COVERAGE,
      polygons.map(({ geometry }) => geometry),
    );
    expect(verdict).toMatchObject({ invalid: 0, coverage: true });
  }
});

test('wrong calls and refused files have their exit status and leave nothing behind', async () => {
  await writeFile(file('text.tif'), 'hello');
  const before = await readdir(folder);
  expect(planimeter('frobnicate').status).toBe(2);
  expect(planimeter('segment', 'text.tif').status).toBe(2);
  expect(planimeter('segment', 'missing.tif', 'x.geojson').status).toBe(2);
  expect(planimeter('segment', town.image, 'x.docx').status).toBe(2);
  expect(planimeter('segment', town.image, 'x.geojson', '--device', 'abacus').status).toBe(3);
  expect(planimeter('segment', town.image, 'x.geojson', '--collection', 'bildings').stderr).toContain('buildings?');
  const refused = planimeter('segment', 'text.tif', 'x.geojson', '--json');
  expect(refused.status).toBe(3);
  expect(JSON.parse(refused.stderr.trim().split('\n').at(-1)!)).toMatchObject({ code: 'not_a_tiff', status: 422 });
  expect(await readdir(folder)).toEqual(before);
}, 180_000);

test('help and version', () => {
  expect(planimeter('reap', '--help')).toMatchObject({ status: 0, stdout: HEAD + reap, stderr: '' });
  expect(planimeter('help', 'reap').stdout).toBe(HEAD + reap);
  expect(planimeter('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const { status, stderr } = planimeter('sgement', 'a.tif');
  expect([status, stderr.split('\n')[0]]).toEqual([
    2,
    'planimeter: there is no command "sgement". Did you mean segment?',
  ]);
});
const HEAD = 'planimeter reap: removes what nothing refers to, as the service does hourly\n\n';

test('inspect and models list tell scripts what they need', () => {
  const inspected = JSON.parse(planimeter('inspect', town.image, '--json').stdout);
  expect(inspected).toMatchObject({ ...SIZE, bands: 3, dtype: 'uint8', srs: 'EPSG:32633', findings: [] });
  expect(inspected.gsd_m).toBeCloseTo(0.5, 2);
  const landuse = inspected.models.find(({ id }: { id: string }) => id === 'landuse-unet');
  expect(landuse).toMatchObject({ suitable: true, chips: 1 });
  expect(landuse.minutes).toBeGreaterThan(0);
  expect(inspected.model).toMatchObject({ id: 'landuse-unet', reason: expect.stringContaining('building') });
  expect(inspected.content.kind).toBe('imagery');
  expect(inspected.band_values.map(({ used_for }: { used_for: string[] }) => used_for)).toEqual([
    ['red'],
    ['green'],
    ['blue'],
  ]);
  const networks = JSON.parse(planimeter('models', 'list', '--json').stdout);
  expect(networks).toContainEqual(expect.objectContaining({ id: 'landuse-unet', gsd_m: 1 }));
  const { scores_by_place } = networks.find(({ id }: { id: string }) => id === 'landuse-unet');
  expect(scores_by_place['banepa-centre']).toEqual({ building: expect.closeTo(0.6, 1) });
  expect(planimeter('models', 'list').stdout).toMatch(
    /^ {4}banepa-centre: building 0\.\d\d; as drawn: buildings F1 0\.\d\d$/m,
  );
});

test('doctor finds this installation well, and says what is wrong with a folder that cannot be written', () => {
  const well = planimeter('doctor', '--data', file('data'), '--json');
  expect(JSON.parse(well.stdout).filter(({ ok }: { ok: boolean }) => !ok)).toEqual([]);
  expect(well.status).toBe(0);
  const unwell = planimeter('doctor', '--data', join(town.image, 'data'), '--device', 'cuda:9');
  expect(unwell.stdout).toMatch(/^BAD data folder: ENOTDIR/m);
  expect(unwell.stdout).toMatch(/^BAD network: The device cuda:9 cannot be used: .*--device cpu\.$/m);
  expect(unwell.status).toBe(1);
});

test.each(['utf8', 'utf16le'] as const)(
  'an area of interest may begin with a byte order mark (%s)',
  async (encoding) => {
    await writeFile(file('area.geojson'), '\uFEFF{"type": "Point", "coordinates": [15, 48]}', encoding);
    const run = planimeter('segment', town.image, 'none.gpkg', '--aoi', 'area.geojson');
    expect([run.status, run.stderr]).toEqual([3, expect.stringContaining('"Point" is no Polygon')]);
    const other = planimeter('segment', town.image, 'none.gpkg', '--aoi', town.image);
    expect([other.status, other.stderr]).toEqual([3, expect.stringContaining('ogr2ogr -t_srs EPSG:4326')]);
  },
);
