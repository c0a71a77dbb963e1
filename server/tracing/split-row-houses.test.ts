/** A class map with rows of houses: with the network's planes every house is a building, without them every row is. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type VectorizeMapRequest, vectorizeMap } from '../../test/support/features-of-map.ts';
import { drawRow } from '../../test/support/generated/generated-rows.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { type BuildingStripReport, drawBuildingStrip, type StripBuilding } from '../../vectorizer/buildings/strip.ts';
import { trimCombs } from '../../vectorizer/trace/trim-combs.ts';
import { regionToWkb } from '../../vectorizer/wkb.ts';
import { readFeaturesFile } from './features-file.ts';
import { rowSplitter } from './split-row-houses.ts';

const SIDE = 900;
const CELL = 300;
const PLANES = [
  { name: 'vegetation', class: 3, role: 'object' },
  { name: 'building', class: 1, role: 'object' },
  { name: 'border', role: 'touching-border' },
];

const GEOTRANSFORM: Geotransform = [500_000, 0.5, 0, 5_000_000, 0, -0.5];

let folder: string;
const classes = new Uint8Array(SIDE * SIDE);
const planes = new Uint8Array(3 * SIDE * SIDE);
let houses = 0;
let rows = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-split-'));
  for (let top = 0; top < SIDE; top += CELL) {
    for (let left = 0; left < SIDE; left += CELL) {
      const row = drawRow(++rows);
      houses += row.houses;
      for (let i = 0; i < row.inside.length; i++) {
        const at = (top + Math.floor(i / row.width)) * SIDE + left + (i % row.width);
        classes[at] = row.inside[i];
        planes.set([200, row.building[i], row.border[i]], 3 * at);
      }
    }
  }
  await write('classes.tif', 1, classes);
  await write('planes.tif', 3, planes);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, bands: number, pixels: Uint8Array): Promise<void> {
  const writer = await createTiffWriter(join(folder, name), {
    ...{ width: SIDE, height: SIDE, bands, epsg: 32633, overviews: 'none', compression: 'zstd' },
    geotransform: GEOTRANSFORM,
  });
  await writer.writeRows(SIDE, pixels);
  await writer.finish();
}

async function buildingsWith(planes: Pick<VectorizeMapRequest, 'planesPath' | 'planes'>) {
  const featuresPath = join(folder, 'features.bin');
  const report = await vectorizeMap({
    ...{ classesPath: join(folder, 'classes.tif'), scoresPath: null, featuresPath, minAreaM2: 10 },
    ...{ pixelMetres: { x: 0.5, y: 0.5 }, toleranceMetres: 0.5, codes: { building: 1, road: null, water: null } },
    ...planes,
  });
  const features = (await Array.fromAsync(readFeaturesFile(featuresPath))).flat();
  return { report, buildings: features.filter(({ collection }) => collection === 'buildings') };
}

test('without planes, and with planes that show no borders, rows are buildings', async () => {
  const without = await buildingsWith({});
  expect(without.buildings).toHaveLength(rows);
  const other = await buildingsWith({ planesPath: join(folder, 'planes.tif'), planes: PLANES.map((plane) => ({ ...plane, role: 'object' })) }); // biome-ignore format: one line
  expect(other.buildings).toEqual(without.buildings);
});

const JUDGE = `
import base64, json, sys, shapely
houses = shapely.from_wkb([base64.b64decode(w) for w in json.load(sys.stdin)])
tree = shapely.STRtree(houses)
pairs = tree.query(houses, predicate='intersects')
pairs = pairs[:, pairs[0] < pairs[1]]
walls = shapely.intersection(houses[pairs[0]], houses[pairs[1]])
print(json.dumps(dict(valid=bool(shapely.is_valid(houses).all()), overlap=float(shapely.area(walls).sum()),
                      walls=int((shapely.length(walls) > 2.5).sum()), rows=len(shapely.get_parts(shapely.union_all(houses))))))
`;
const python = pythonWithJudges();

test('with planes every house is a building that shares its walls with its neighbours', async () => {
  const planes = { planesPath: join(folder, 'planes.tif'), planes: PLANES };
  const { report, buildings } = await buildingsWith(planes);
  expect(buildings).toHaveLength(houses);
  expect(report.buildings).toMatchObject({ count: houses, split_regions: rows, houses, too_large: 0 });
  expect(new Set(buildings.map(({ place }) => place)).size).toBe(houses);
  expect((await buildingsWith(planes)).buildings).toEqual(buildings);
  if (!python) return;
  const wkb = buildings.map((building) => Buffer.from(building.wkb).toString('base64'));
  const verdict = judge<{ valid: boolean; overlap: number; walls: number; rows: number }>(python, JUDGE, wkb);
  expect(verdict).toMatchObject({ valid: true, overlap: 0, rows });
  expect(verdict.walls).toBeGreaterThanOrEqual(houses - rows);
});

test('drawn in strips, rows that cross their lines are the same houses', async () => {
  const split = rowSplitter(
    {
      async planes({ x, y, width, height }) {
        const rows = Array.from({ length: height }, (_, row) => {
          const from = 3 * ((y + row) * SIDE + x);
          return planes.subarray(from, from + 3 * width);
        });
        return Buffer.concat(rows);
      },
    },
    { planes: PLANES, code: 1, minPixels: 40 },
  );
  const seen = trimCombs(classes, SIDE, 255); // as it is done before
  const marginRows = 145;
  const ends = [410, 710, SIDE];
  const drawn: StripBuilding[] = [];
  const reports: BuildingStripReport[] = [];
  for (const [index, end] of ends.entries()) {
    const y = ends[index - 1] ?? 0;
    const top = Math.max(0, y - marginRows);
    const stop = Math.min(SIDE, end + marginRows);
    const { buildings, report } = await drawBuildingStrip(
      {
        ...{ strip: { index, y, rows: end - y }, width: SIDE, height: SIDE, top, rows: stop - top },
        classes: seen.subarray(top * SIDE, stop * SIDE),
        scores: new Uint8Array((stop - top) * SIDE),
      },
      {
        ...{ pixelMetresX: 0.5, pixelMetresY: 0.5, toleranceMetres: 0.625, minIou: 0.85 },
        ...{ code: 1, marginRows, split },
      },
    );
    drawn.push(...buildings);
    reports.push(report);
  }
  const { buildings } = await buildingsWith({ planesPath: join(folder, 'planes.tif'), planes: PLANES });
  const expected = buildings.map(({ place, wkb }) => [place, Buffer.from(wkb).toString('base64')]);
  const found = drawn.map((building) => {
    const wkb = Buffer.from(regionToWkb(building, GEOTRANSFORM)).toString('base64');
    return [`${building.x}/${building.y}`, wkb];
  });
  expect(found.sort()).toEqual(expected.sort());
  const sum = (of: (report: BuildingStripReport) => number) => reports.map(of).reduce((a, b) => a + b);
  expect([sum((report) => report.split_regions), sum((report) => report.houses)]).toEqual([rows, houses]);
});

test('planes of another grid are refused', async () => {
  const planes = { planesPath: join(folder, 'planes.tif'), planes: PLANES.slice(1) };
  await expect(buildingsWith(planes)).rejects.toMatchObject({ code: 'unsupported_raster' });
});
