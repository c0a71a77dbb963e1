/** From a class map to features: every level of detail is a coverage of the whole map, and each lighter than the last. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeTown } from '../../synthetic/town/town.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { columnsOf } from '../store/tables/feature-tables.ts';
import { type FeatureLine, readFeaturesFile } from './features-file.ts';
import type { GeometryReport } from './join-strips.ts';
import { vectorizeMap } from './map-to-features.ts';

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
