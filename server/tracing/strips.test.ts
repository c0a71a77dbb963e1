/** From a class map to features: every level of detail is a coverage of the whole map, and each lighter than the last. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTown } from '../../synthetic/town/town.ts';
import { vectorizeMap } from '../../test/support/features-of-map.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { planStrips, type Strip } from '../../vectorizer/strips.ts';
import { columnsOf } from '../store/tables/feature-tables.ts';
import { type FeatureLine, readFeaturesFile } from './features-file.ts';
import type { GeometryReport } from './join-strips.ts';

const SIZE = { width: 1400, height: 1100 };
const GSD_M = 0.5;

let folder: string;
let lines: FeatureLine[];
let report: GeometryReport;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-vectorize-'));
  const { truth } = await writeTown(folder, { seed: 51, ...SIZE, gsdMetres: GSD_M });
  const featuresPath = join(folder, 'features.bin');
  report = await vectorizeMap({
    classesPath: truth,
    scoresPath: null,
    featuresPath,
    pixelMetres: { x: GSD_M, y: GSD_M },
    minAreaM2: 10,
    toleranceMetres: 0.5,
    codes: { building: 1, road: 2, water: 4 },
  });
  lines = (await Array.fromAsync(readFeaturesFile(featuresPath))).flat();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const landuse = (level: number) => lines.filter((line) => line.collection === 'landuse' && line.level === level);

test('counts are those of the file', () => {
  expect(lines.filter(({ level }) => level === 0).length).toBe(report.features);
  expect(new Set(lines.map(({ score }) => score))).toEqual(new Set([null])); // nothing says how sure it is
  const buildings = lines.filter(({ collection }) => collection === 'buildings');
  expect(buildings.filter(({ level }) => level === 0).length).toBe(report.buildings.count);
  for (const { level, lone, blocks, merged, left_out } of report.blocks) {
    const found = buildings.filter((line) => line.level === level);
    expect(found.length).toBe(blocks);
    expect(found.reduce((sum, { properties }) => sum + Number(properties.buildings), 0)).toBe(merged);
    expect(lone + merged + left_out).toBe(report.buildings.count);
  }
  expect(lines.filter(({ collection }) => collection === 'roads').length).toBe(report.roads.edges);
  expect(report.levels).toEqual([0, 2, 3]);
  expect(new Set(lines.map(({ collection, level, place }) => `${collection}/${level}/${place}`)).size).toBe(
    lines.length,
  );
});

test('exports have a column for whatever a feature says of itself', () => {
  for (const { collection, properties } of lines.filter(({ level }) => level === 0)) {
    const columns = columnsOf(collection, collection === 'roads' ? 'line' : 'area').map(({ name }) => name);
    expect(columns, collection).toEqual(expect.arrayContaining(Object.keys(properties)));
  }
});

test('the degrees of the road network are those of the lines that end at each node', () => {
  const ends = lines
    .filter(({ collection }) => collection === 'roads')
    .flatMap(({ properties }) => [Number(properties.from_node), Number(properties.to_node)]);
  const degrees: Record<number, number> = {};
  for (const node of new Set(ends)) {
    const degree = ends.filter((end) => end === node).length;
    degrees[degree] = (degrees[degree] ?? 0) + 1;
  }
  expect(report.roads.degrees).toEqual(degrees);
  expect(Object.keys(degrees).length).toBeGreaterThan(1);
});

const JUDGE = `
import json, sys, base64, shapely
out = []
for level in json.load(sys.stdin):
    shapes = shapely.from_wkb([base64.b64decode(w) for w in level])
    out.append(dict(coverage=bool(shapely.coverage_is_valid(shapes)), valid=bool(shapely.is_valid(shapes).all()),
                    area=float(shapely.area(shapes).sum()), union=float(shapely.union_all(shapes).area),
                    vertices=int(shapely.get_num_coordinates(shapes).sum())))
print(json.dumps(out))
`;

const python = pythonWithJudges();

test.skipIf(!python)('every level of detail is a coverage of the whole map, coarser ones are lighter', () => {
  type Verdict = { coverage: boolean; valid: boolean; area: number; union: number; vertices: number };
  const verdicts = judge<Verdict[]>(
    python!,
    JUDGE,
    report.levels.map((level) => landuse(level).map(({ wkb }) => Buffer.from(wkb).toString('base64'))),
  );
  for (const { coverage, valid, area, union } of verdicts) {
    expect([coverage, valid]).toEqual([true, true]);
    expect(area / (SIZE.width * SIZE.height * GSD_M ** 2)).toBeCloseTo(1, 9);
    expect(union / area).toBeCloseTo(1, 9);
  }
  expect(verdicts[1].vertices).toBeLessThan(verdicts[0].vertices / 2);
  expect(landuse(2).length).toBeLessThan(landuse(0).length / 2);
});

test('a map of several strips is one coverage at every level, with the buildings and roads of one strip', async () => {
  const size = { width: 300, height: 4700 };
  const { truth } = await writeTown(join(folder, 'tall'), { seed: 52, ...size, gsdMetres: GSD_M });
  const drawn = async (name: string, strips?: Strip[]) => {
    const featuresPath = join(folder, name);
    const request = {
      ...{ classesPath: truth, scoresPath: null, featuresPath, pixelMetres: { x: GSD_M, y: GSD_M } },
      ...{ minAreaM2: 10, toleranceMetres: 0.5, codes: { building: 1, road: 2, water: 4 } },
    };
    const { buildings, roads, landuse, levels } = await vectorizeMap(request, strips);
    const features = (await Array.fromAsync(readFeaturesFile(featuresPath))).flat();
    return { features, buildings, roads, landuse, levels };
  };
  const inStrips = await drawn('strips.bin');
  const whole = await drawn('whole.bin', [{ index: 0, y: 0, rows: size.height }]);
  expect(planStrips(size).length).toBe(3);
  const shapesOf = ({ features }: typeof whole, collection: string) =>
    new Set(
      features.filter((each) => each.collection === collection).map(({ wkb }) => Buffer.from(wkb).toString('hex')),
    );
  expect(shapesOf(inStrips, 'buildings')).toEqual(shapesOf(whole, 'buildings'));
  expect(inStrips.roads.lengthMetres / whole.roads.lengthMetres).toBeCloseTo(1, 3);
  expect(inStrips.roads.components).toBe(whole.roads.components);
  expect(Math.abs(inStrips.landuse.regions - whole.landuse.regions)).toBeLessThan(4);
  for (const level of inStrips.levels) {
    const area = inStrips.features
      .filter((each) => each.collection === 'landuse' && each.level === level)
      .reduce((sum, { wkb }) => sum + areaOf(wkb), 0);
    expect(area / (size.width * size.height * GSD_M ** 2), `level ${level}`).toBeCloseTo(1, 9);
  }
});

/** Of a polygon in little-endian WKB, in square units of its coordinates. */
function areaOf(wkb: Uint8Array): number {
  const view = new DataView(wkb.buffer, wkb.byteOffset, wkb.byteLength);
  let [at, area] = [9, 0];
  for (let ring = view.getUint32(5, true); ring > 0; ring--) {
    const points = view.getUint32(at, true);
    at += 4;
    for (let i = 0; i < points - 1; i++, at += 16) {
      const [x0, y0, x1, y1] = [0, 8, 16, 24].map((offset) => view.getFloat64(at + offset, true));
      area += (x0 * y1 - x1 * y0) / 2;
    }
    at += 16;
  }
  return Math.abs(area);
}
