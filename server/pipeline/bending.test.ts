/** Long straight edges stay where they are when they are brought to degrees, whatever the system, with few points. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { seeded } from '../../test/support/geometry.ts';
import { apply, type Geotransform } from '../../tiler/crs/geotransform.ts';
import { withPoints } from '../../vectorizer/chords.ts';
import { measureShape } from '../geometry/geodesic.ts';
import type { Database } from '../store/database/database.ts';
import { transformPoints } from '../store/tables/georeference.ts';
import { measureBending } from './bending.ts';

type Point = [number, number];
const METRES_PER_DEGREE = 111_320;

/** Name, EPSG code, geotransform and size of a scene. */
const SCENES: [string, number, Geotransform, [number, number]][] = [
  ['UTM, 1 m', 32632, [300_000, 1, 0, 6_700_000, 0, -1], [10_000, 300]],
  ['UTM, 10 m', 32632, [300_000, 10, 0, 6_700_000, 0, -10], [10_980, 10_980]],
  ['UTM south, turned', 32750, [400_000, 0.3, 0.1, 9_040_000, 0.1, -0.3], [40_000, 30_000]],
  ['UTM across the antimeridian', 32660, [780_000, 10, 0, 200_000, 0, -10], [10_000, 5_000]],
  ['Lambert', 2154, [600_000, 5, 0, 6_900_000, 0, -5], [20_000, 20_000]],
  ['Albers', 5070, [-1_000_000, 30, 0, 2_500_000, 0, -30], [8_000, 8_000]],
  ['equal area of Europe', 3035, [4_000_000, 10, 0, 3_500_000, 0, -10], [10_000, 10_000]],
  ['polar', 3413, [-900_000, 20, 0, -800_000, 0, -20], [10_000, 10_000]],
  ['Web Mercator', 3857, [1_000_000, 10, 0, 7_000_000, 0, -10], [10_000, 10_000]],
  ['British grid', 27700, [300_000, 0.25, 0, 700_000, 0, -0.25], [40_000, 40_000]],
];

describe.each(testEngines())('edges in degrees on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  test.each(SCENES)('%s', async (_, epsg, geotransform, [width, height]) => {
    const pixel = Math.hypot(geotransform[1], geotransform[4]);
    const metres = pixel / 4;
    const partsOf = await measureBending(db, { epsg, geotransform, width, height }, metres);
    const random = seeded(7);
    const corners: Point[] = [
      [0, 0],
      [width, 0],
      [width, height],
      [0, height],
    ];
    const edges = corners.map((corner, i): [Point, Point] => [corner, corners[(i + 1) % 4]!]);
    const anywhere = (): Point => [width * random(), height * random()];
    for (let i = 0; i < 12; i++) edges.push([anywhere(), anywhere()]);
    let most = 1;
    for (const [from, to] of edges) {
      const [a, b] = [apply(geotransform, ...from), apply(geotransform, ...to)];
      const parts = partsOf(...a, ...b);
      expect(partsOf(...b, ...a)).toBe(parts);
      most = Math.max(most, parts);
      expect(await offEdge(db, epsg, a, b, parts)).toBeLessThan(metres);
    }
    expect(most).toBeLessThan(400);
  });

  test('where nothing bends, and on short edges, there are none', async () => {
    const grid = {
      epsg: 32632,
      geotransform: [500_000, 0.3, 0, 6_700_000, 0, -0.3] as Geotransform,
      width: 4000,
      height: 4000,
    };
    const partsOf = await measureBending(db, grid, 0.075);
    expect(partsOf(500_000, 6_700_000, 500_300, 6_699_800)).toBe(1);
    // The central meridian is straight.
    expect(partsOf(500_000, 6_700_000, 500_000, 6_698_900)).toBe(1);
    const equator = { epsg: 3857, geotransform: [0, 10, 0, 0, 0, -10] as Geotransform, width: 10_000, height: 2 };
    expect((await measureBending(db, equator, 2.5))(0, -10, 10_000, -10)).toBe(1);
  });

  test('no edge is too long to be measured', async () => {
    for (const [name, epsg, geotransform, [width, height]] of SCENES.filter(
      ([name]) => !/antimeridian|polar/.test(name),
    )) {
      const partsOf = await measureBending(db, { epsg, geotransform, width, height }, 1e6);
      const corners = [[0, 0], [width, 0], [width, height], [0, height], [0, 0]] as Point[]; // biome-ignore format: a ring
      const xy = Float64Array.from(corners.flatMap((corner) => apply(geotransform, ...corner)));
      const drawn = withPoints({ kind: 'polygon', xy, ends: [5] }, partsOf);
      const points = Array.from(
        { length: drawn.xy.length / 2 },
        (_, i): Point => [drawn.xy[2 * i]!, drawn.xy[2 * i + 1]!],
      );
      const placed = await transformPoints(db, points, epsg, 4326);
      const shape = { ...drawn, xy: Float64Array.from(placed.flat()) };
      const tall = Math.max(...placed.map(([, lat]) => Math.abs(lat - placed[0]![1]))) > 2.8;
      expect(measureShape(shape) !== null, name).toBe(!tall);
      const outline = 2 * (width + height) * Math.hypot(geotransform[1], geotransform[4]);
      expect(points.length, name).toBeLessThan(8 + outline / 5000);
    }
  });

  test('no more points than a third above what is needed', async () => {
    const geotransform: Geotransform = [300_000, 1, 0, 6_700_000, 0, -1];
    const partsOf = await measureBending(db, { epsg: 32632, geotransform, width: 109_800, height: 3000 }, 0.25);
    const [a, b]: Point[] = [
      [300_000, 6_698_500],
      [409_800, 6_698_500],
    ];
    const parts = partsOf(...a!, ...b!);
    expect(await offEdge(db, 32632, a!, b!, parts)).toBeLessThan(0.25);
    expect(await offEdge(db, 32632, a!, b!, Math.floor((parts * 3) / 4))).toBeGreaterThan(0.25);
  });
});

/** Metres that chords in degrees are off an edge that is drawn in so many parts. */
async function offEdge(db: Database, epsg: number, [x0, y0]: Point, [x1, y1]: Point, parts: number): Promise<number> {
  const halves = Array.from({ length: 2 * parts + 1 }, (_, i): Point => {
    const t = i / (2 * parts);
    return [x0 + (x1 - x0) * t, y0 + (y1 - y0) * t];
  });
  const placed = await transformPoints(db, halves, epsg, 4326);
  let most = 0;
  for (let i = 1; i < placed.length; i += 2) {
    const [[west, south], [lon, lat], [east, north]] = [placed[i - 1]!, placed[i]!, placed[i + 1]!];
    const near = (other: number) => lon + ((((other - lon + 540) % 360) + 360) % 360) - 180;
    const dx = ((near(west) + near(east)) / 2 - lon) * Math.cos((lat * Math.PI) / 180);
    most = Math.max(most, Math.hypot(dx, (south + north) / 2 - lat) * METRES_PER_DEGREE);
  }
  return most;
}
