import type { MultiPolygon, Polygon } from 'geojson';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { seeded, windingOf } from '../../../test/support/geometry.ts';
import { apply, type Geotransform } from '../../../tiler/crs/geotransform.ts';
import type { Database } from '../database/database.ts';
import { georeference, tileControlGrid } from './georeference.ts';

const ANYWHERE = { geotransform: [0, 1, 0, 0, 0, -1] as Geotransform, width: 1, height: 1, geographic: false };

describe.each(testEngines())('georeferencing on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  test('a scene in UTM: footprint, box and the length of a pixel on the ground', async () => {
    const geotransform: Geotransform = [499500, 0.5, 0, 2780000, 0, -0.25];
    const { footprint, bbox, gsdMetres } = await georeference(db, {
      epsg: 32640,
      geotransform,
      width: 2000,
      height: 800,
    });
    expect(footprint.type).toBe('Polygon');
    const ring = (footprint as Polygon).coordinates[0]!;
    expect(ring).toHaveLength(33);
    expect(ring[0]).toEqual(ring[32]);
    expect(windingOf(ring)).toBeGreaterThan(0);
    // The central meridian of zone 40 is 57° east; lengths there are drawn 0.9996 times as long.
    expect((bbox[0] + bbox[2]) / 2).toBeCloseTo(57, 6);
    expect(gsdMetres.x).toBeCloseTo(0.5 / 0.9996, 6);
    expect(gsdMetres.y).toBeCloseTo(0.25 / 0.9996, 6);
  });

  test('a scene in degrees: pixels are narrower than high away from the equator', async () => {
    const geotransform: Geotransform = [10, 1e-5, 0, 60, 0, -1e-5];
    const { bbox, gsdMetres } = await georeference(db, { epsg: 4326, geotransform, width: 1000, height: 1000 });
    expect(bbox[0]).toBeCloseTo(10, 9);
    expect(bbox[1]).toBeCloseTo(59.99, 9);
    expect(bbox[2]).toBeCloseTo(10.01, 9);
    expect(bbox[3]).toBeCloseTo(60, 9);
    // One degree at 60° north: 55.80 km of longitude, 111.41 km of latitude.
    expect(gsdMetres.x).toBeCloseTo(0.558, 3);
    expect(gsdMetres.y).toBeCloseTo(1.1141, 3);
  });

  test('a scene in Web Mercator has finer pixels than its coordinates say', async () => {
    const geotransform: Geotransform = [0, 1, 0, 8400000, 0, -1];
    const { gsdMetres } = await georeference(db, { epsg: 3857, geotransform, width: 100, height: 100 });
    expect(gsdMetres.x).toBeCloseTo(0.5, 2);
    expect(gsdMetres.y).toBeCloseTo(0.5, 2);
  });

  test('a rotated or mirrored image still has a counter-clockwise footprint', async () => {
    for (const geotransform of [
      [500000, 0.5, 0, 5e6, 0, 0.5],
      [500000, -0.5, 0, 5e6, 0, -0.5],
      [500000, 0.3, 0.4, 5e6, 0.4, -0.3],
    ] as Geotransform[]) {
      const { footprint, gsdMetres } = await georeference(db, { epsg: 32633, geotransform, width: 100, height: 50 });
      expect(windingOf((footprint as Polygon).coordinates[0]!)).toBeGreaterThan(0);
      expect(gsdMetres.x).toBeCloseTo(0.5, 3);
    }
  });

  test('a scene across the antimeridian has a footprint in two parts', async () => {
    const geotransform: Geotransform = [833000, 2, 0, 1000, 0, -2];
    const { footprint, bbox } = await georeference(db, { epsg: 32660, geotransform, width: 1000, height: 500 });
    expect(footprint.type).toBe('MultiPolygon');
    expect((footprint as MultiPolygon).coordinates).toHaveLength(2);
    for (const [shell] of (footprint as MultiPolygon).coordinates) {
      expect(windingOf(shell!)).toBeGreaterThan(0);
      expect(shell!.every(([lon]) => Math.abs(lon!) <= 180)).toBe(true);
    }
    expect(bbox[0]).toBeGreaterThan(179.9);
    expect(bbox[2]).toBeLessThan(-179.9);
  });

  test.each<[string, number, Geotransform, number, [west: number, east: number], number]>([
    ['past 180°', 4326, [179.5, 0.01, 0, -16, 0, -0.01], 100, [179.5, -179.5], 2],
    ['from 180° on', 4326, [180, 0.01, 0, -16, 0, -0.01], 100, [180, -179], 1],
    ['from 0 to 360', 4326, [200, 0.01, 0, -16, 0, -0.01], 100, [-160, -159], 1],
    ['before −180°', 4326, [-180.5, 0.01, 0, -16, 0, -0.01], 100, [179.5, -179.5], 2],
    ['all before −180°', 4326, [-190, 0.01, 0, -16, 0, -0.01], 100, [170, 171], 1],
    ['past 180° on NAD83', 4269, [179.5, 0.01, 0, 52, 0, -0.01], 100, [179.5, -179.5], 2],
    ['the whole Earth from 0 to 360', 4326, [0, 1, 0, 60, 0, -1], 360, [-180, 180], 1],
    ['the whole Earth from −180 to 180', 4326, [-180, 1, 0, 60, 0, -1], 360, [-180, 180], 1],
  ])('a grid of longitudes %s', async (_, epsg, geotransform, width, [west, east], parts) => {
    const { footprint, bbox, gsdMetres } = await georeference(db, { epsg, geotransform, width, height: 100 });
    expect(bbox[0]).toBeCloseTo(west, 6);
    expect(bbox[2]).toBeCloseTo(east, 6);
    const polygons = footprint.type === 'Polygon' ? [footprint.coordinates] : footprint.coordinates;
    expect(polygons).toHaveLength(parts);
    for (const [lon] of polygons.flat(2)) expect(Math.abs(lon!)).toBeLessThanOrEqual(180);
    expect(gsdMetres.x).toBeLessThan(gsdMetres.y);
  });

  test('map tiles on both sides of the antimeridian find their pixels in a grid that goes past it', async () => {
    const scene = { epsg: 4326, geotransform: [179, 0.01, 0, 1, 0, -0.01] as Geotransform, width: 200, height: 200 };
    const across = async (x: number) => [
      ...(await tileControlGrid(db, { ...scene, geographic: true }, 8, x, 127, 1)).x,
    ];
    expect((await across(255))[1]).toBeCloseTo(180, 9);
    expect((await across(0))[0]).toBeCloseTo(180, 9);
    expect((await across(0))[1]).toBeCloseTo(180 + 360 / 256, 9);
  });

  test('refuses what it cannot place', async () => {
    const geotransform: Geotransform = [500000, 1, 0, 5e6, 0, -1];
    const place = (epsg: number, g = geotransform) =>
      georeference(db, { epsg, geotransform: g, width: 100, height: 100 });
    await expect(place(12)).rejects.toMatchObject({ code: 'unknown_crs' });
    await expect(place(-1)).rejects.toMatchObject({ code: 'unknown_crs' });
    await expect(place(4326)).rejects.toMatchObject({ code: 'unknown_crs' }); // metres, but said to be degrees
    await expect(place(32640, [1e30, 1, 0, 1e30, 0, -1])).rejects.toMatchObject({ code: 'unknown_crs' });
    await expect(place(3413, [-50, 1, 0, 50, 0, -1])).rejects.toMatchObject({ code: 'unsupported_raster' });
  });

  test('the nodes of a map tile lie where the scene is', async () => {
    const random = seeded(5);
    for (let i = 0; i < 5; i++) {
      const geotransform: Geotransform = [400000 + 1e5 * random(), 0.5, 0, 6e6 * random(), 0, -0.5];
      const { bbox } = await georeference(db, { epsg: 32640, geotransform, width: 2, height: 2 });
      const [lon, lat] = [(bbox[0] + bbox[2]) / 2, (bbox[1] + bbox[3]) / 2];
      // Slippy-map tile numbers of the scene's centre, by the usual formula.
      const z = 17;
      const fx = ((lon + 180) / 360) * 2 ** z;
      const fy = ((1 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) / 2) * 2 ** z;
      const cells = 16;
      const scene = { epsg: 32640, geotransform, width: 2, height: 2, geographic: false };
      const grid = await tileControlGrid(db, scene, z, Math.floor(fx), Math.floor(fy), cells);
      expect(grid.x).toHaveLength(17 * 17);
      // Bilinear in the cell that holds the centre; the scene's centre is at pixel (1, 1).
      const [u, v] = [(fx % 1) * cells, (fy % 1) * cells];
      const [c, r] = [Math.floor(u), Math.floor(v)];
      const at = (values: Float64Array) => {
        const n = (dr: number, dc: number) => values[(r + dr) * (cells + 1) + c + dc]!;
        const top = n(0, 0) + (n(0, 1) - n(0, 0)) * (u - c);
        const bottom = n(1, 0) + (n(1, 1) - n(1, 0)) * (u - c);
        return top + (bottom - top) * (v - r);
      };
      const [x, y] = apply(geotransform, 1, 1);
      expect(Math.abs(at(grid.x) - x), `seed 5, scene ${i}`).toBeLessThan(0.025);
      expect(Math.abs(at(grid.y) - y), `seed 5, scene ${i}`).toBeLessThan(0.025);
    }
  });

  test('nodes that the CRS cannot describe are NaN, the others are not', async () => {
    for (const epsg of [32640, 2154, 3413, 3395, 27700, 2056]) {
      const grid = await tileControlGrid(db, { ...ANYWHERE, epsg }, 0, 0, 0, 8);
      expect(grid.x).toHaveLength(81);
      for (let i = 0; i < 81; i++) expect(Number.isNaN(grid.x[i]!)).toBe(Number.isNaN(grid.y[i]!));
      expect(
        grid.x.some((x) => Number.isFinite(x)),
        `EPSG:${epsg}`,
      ).toBe(true);
      expect(grid.x.every((x) => Number.isFinite(x) || Number.isNaN(x))).toBe(true);
    }
    const points = 'SELECT * FROM planimeter.transform_points($1::float8[], $2::float8[], 4326, 32640)';
    const [row] = await db.query<{ out_x: number[] }>(points, [
      [57, 57, 57],
      [10, 1e9, 20],
    ]);
    expect(row!.out_x.map((x) => Number.isFinite(x))).toEqual([true, false, true]);
    expect(row!.out_x[0]).toBeCloseTo(500000, 6);
  });
});
