import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FeatureCollection, LineString, Polygon } from 'geojson';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRaster } from '../../tiler/geotiff/raster.ts';
import { fillRings, makeCanvas, pixelIndex } from './canvas.ts';
import { makeFrame } from './frame.ts';
import { districtsIn } from './layout.ts';
import { BUILDING, makePalette, ROAD, VEGETATION, WATER } from './palette.ts';
import { toGround } from './plan.ts';
import { renderBand } from './render.ts';
import { housesOf, writeTown } from './town.ts';

const SEEDS = [3, 11, 20260101];
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'town-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function render(seed: number, width: number, row: number, rows: number, gsdMetres = 0.5) {
  return renderBand(makeFrame(seed), makePalette(seed), gsdMetres, width, row, rows, new Map());
}

test('a band is byte-equal to the crop of the whole, whatever was planned before it', () => {
  for (const seed of SEEDS) {
    const width = 500;
    const whole = render(seed, width, 300, 300);
    const frame = makeFrame(seed);
    const look = makePalette(seed);
    let known = new Map();
    for (const [row, rows] of [
      [300, 1],
      [301, 130],
      [431, 169],
    ]) {
      const band = renderBand(frame, look, 0.5, width, row, rows, known);
      known = band.districts;
      const from = (row - 300) * width;
      const image = Buffer.from(whole.image.buffer, 3 * from, 3 * rows * width);
      expect(image.equals(band.image), `image, seed ${seed}, row ${row}`).toBe(true);
      const classes = Buffer.from(whole.classes.buffer, from, rows * width);
      expect(classes.equals(band.classes), `classes, seed ${seed}, row ${row}`).toBe(true);
    }
  }
});

test('a narrower scene is byte-equal to the left part of a wider one', () => {
  for (const seed of SEEDS) {
    const wide = render(seed, 640, 500, 64);
    const narrow = render(seed, 333, 500, 64);
    for (let row = 0; row < 64; row++) {
      const left = wide.image.subarray(3 * 640 * row, 3 * (640 * row + 333));
      expect(Buffer.from(left).equals(narrow.image.subarray(3 * 333 * row, 3 * 333 * (row + 1))), `seed ${seed}`).toBe(
        true,
      );
    }
  }
});

test('another seed is another town', () => {
  const images = SEEDS.map((seed) => Buffer.from(render(seed, 256, 800, 256).image));
  expect(images[0].equals(images[1])).toBe(false);
  expect(images[1].equals(images[2])).toBe(false);
});

test('every class has a share as in a real town', () => {
  const bounds = [
    [0.05, 0.5],
    [0.02, 0.3],
    [0.04, 0.3],
    [0.2, 0.85],
    [0.005, 0.15],
  ];
  for (const seed of [...SEEDS, 7, 8, 9]) {
    const { classes } = render(seed, 512, 0, 512, 2);
    const counts = [0, 0, 0, 0, 0];
    for (const code of classes) counts[code]++;
    bounds.forEach(([low, high], code) => {
      const share = counts[code] / classes.length;
      expect(share, `class ${code}, seed ${seed}`).toBeGreaterThan(low);
      expect(share, `class ${code}, seed ${seed}`).toBeLessThan(high);
    });
  }
});

test('footprints and centre lines lie where the class map has buildings and roads', () => {
  for (const seed of SEEDS) {
    const side = 1200;
    const { classes } = render(seed, side, 0, side);
    const districts = districtsIn(makeFrame(seed), { x0: 0, y0: 0, x1: side / 2, y1: side / 2 }, new Map());
    const canvas = makeCanvas(0, 0, side, side, 0.5);
    const within = { footprint: 0, building: 0, tree: 0, line: 0, road: 0, covered: 0 };
    for (const district of districts.values()) {
      for (const building of district.buildings) {
        const rings = building.outline.map((ring) => {
          const onGround: number[] = [];
          for (let k = 0; k < ring.length; k += 2) onGround.push(...toGround(building, ring[k], ring[k + 1]));
          return onGround;
        });
        fillRings(canvas, rings, (row, from, to) => {
          for (let i = pixelIndex(canvas, from, row); i < pixelIndex(canvas, to, row); i++) canvas.classes[i] = 1;
        });
      }
      for (const road of district.roads) {
        if (road.kind === 'track' || road.kind === 'path') continue;
        for (let k = 0; k < road.line.length; k += 2) {
          const column = Math.floor(road.line[k] * 2);
          const row = Math.floor(road.line[k + 1] * 2);
          if (column < 0 || row < 0 || column >= side || row >= side) continue;
          within.line++;
          const code = classes[row * side + column];
          if (code === ROAD) within.road++;
          if (code === VEGETATION) within.covered++;
          expect(code, `seed ${seed}`).not.toBe(WATER);
        }
      }
    }
    let outside = 0;
    for (let i = 0; i < classes.length; i++) {
      if (canvas.classes[i] === 1) {
        within.footprint++;
        if (classes[i] === BUILDING) within.building++;
        if (classes[i] === VEGETATION) within.tree++;
      } else if (classes[i] === BUILDING) outside++;
    }
    // Roof pixels are footprint pixels, up to rounding where parts meet, unless a crown hides them.
    expect(outside / within.footprint, `seed ${seed}`).toBeLessThan(0.005);
    expect((within.building + within.tree) / within.footprint, `seed ${seed}`).toBeGreaterThan(0.995);
    expect(within.tree / within.footprint, `seed ${seed}`).toBeLessThan(0.08);
    expect((within.road + within.covered) / within.line, `seed ${seed}`).toBeGreaterThan(0.98);
    expect(within.road / within.line, `seed ${seed}`).toBeGreaterThan(0.85);
  }
});

test('a row is told apart into houses from wall to wall, which make it up', () => {
  for (const seed of SEEDS) {
    const districts = districtsIn(makeFrame(seed), { x0: 0, y0: 0, x1: 800, y1: 800 }, new Map());
    let rows = 0;
    for (const building of [...districts.values()].flatMap((district) => district.buildings)) {
      const houses = housesOf(building);
      if (houses.length === 1) {
        expect(houses[0]).toBe(building.outline);
        continue;
      }
      rows++;
      const [part] = building.parts;
      expect(building.parts.length, `seed ${seed}`).toBe(1);
      expect(houses[0][0][0]).toBe(part.p0);
      expect(houses.at(-1)?.[0][2]).toBe(part.p1);
      houses.forEach(([ring], k) => {
        if (k > 0) expect(ring[0], `seed ${seed}`).toBe(houses[k - 1][0][2]);
        expect(Math.abs(ring[2] - ring[0] - building.unitMetres), `seed ${seed}`).toBeLessThan(1e-6);
      });
    }
    expect(rows, `seed ${seed}`).toBeGreaterThan(3);
  }
});

test('writes image, class map and features, and says how far it is', async () => {
  const shares: number[] = [];
  const paths = await writeTown(join(folder, 'a'), { seed: 5, width: 600, height: 520 }, (share) => shares.push(share));
  expect(shares.at(-1)).toBe(1);
  expect([...shares].sort((a, b) => a - b)).toEqual(shares);

  const expected = render(5, 600, 0, 520);
  const image = await openRaster(paths.image);
  const truth = await openRaster(paths.truth);
  expect([image.width, image.height, image.bands, image.epsg]).toEqual([600, 520, 3, 32633]);
  expect([truth.bands, truth.nodata]).toEqual([1, 255]);
  expect(truth.geotransform).toEqual(image.geotransform);
  expect(
    Buffer.from((await image.read(0, { x: 0, y: 0, width: 600, height: 520 })).pixels).equals(expected.image),
  ).toBe(true);
  expect(
    Buffer.from((await truth.read(0, { x: 0, y: 0, width: 600, height: 520 })).pixels).equals(expected.classes),
  ).toBe(true);
  await image.close();
  await truth.close();

  const roads: FeatureCollection<LineString> = JSON.parse(await readFile(paths.roads, 'utf8'));
  const buildings: FeatureCollection<Polygon> = JSON.parse(await readFile(paths.buildings, 'utf8'));
  expect(roads.features.length).toBeGreaterThan(3);
  for (const feature of roads.features) expect(feature.properties?.width_m).toBeGreaterThan(1);
  for (const feature of buildings.features) {
    expect(feature.properties?.height_m).toBeGreaterThan(2);
    for (const [lon, lat] of feature.geometry.coordinates[0]) {
      expect(Math.abs(lon - 15.41)).toBeLessThan(0.02);
      expect(Math.abs(lat - 48.39)).toBeLessThan(0.02);
    }
  }

  const again = await writeTown(join(folder, 'b'), { seed: 5, width: 600, height: 520 });
  for (const name of ['image', 'truth', 'roads', 'buildings'] as const) {
    expect((await readFile(paths[name])).equals(await readFile(again[name])), name).toBe(true);
  }
});

test('a dual carriageway is two roads with a median on the ground and in the truth', async () => {
  const side = 800;
  const frame = makeFrame(7, true);
  const { classes, districts } = renderBand(frame, makePalette(7), 1, side, 0, side, new Map());
  const lines = [...districts.values()].flatMap(({ roads }) => roads.filter(({ kind }) => kind === 'carriageway'));
  const classAt = (x: number, y: number) => classes[Math.floor(y) * side + Math.floor(x)];
  const inside = (x: number, y: number) => x >= 0 && y >= 0 && x < side && y < side;
  let [seen, road, median] = [0, 0, 0];
  // Carriageways come in pairs with the same number of points.
  for (let pair = 0; pair < lines.length; pair += 2) {
    const [a, b] = [lines[pair].line, lines[pair + 1].line];
    expect(a.length).toBe(b.length);
    for (let k = 0; k < a.length; k += 2) {
      if (![a, b].every((line) => inside(line[k], line[k + 1]))) continue;
      seen++;
      if (classAt(a[k], a[k + 1]) === ROAD && classAt(b[k], b[k + 1]) === ROAD) road++;
      if (classAt((a[k] + b[k]) / 2, (a[k + 1] + b[k + 1]) / 2) !== ROAD) median++;
    }
  }
  expect(seen).toBeGreaterThan(100);
  expect(road / seen).toBeGreaterThan(0.85); // trees hang over the rest
  expect(median / seen).toBeGreaterThan(0.8); // main roads cross
});
