import type { MultiPolygon, Polygon } from 'geojson';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { seeded, windingOf } from '../../../test/support/geometry.ts';
import { apply, type Geotransform } from '../../../tiler/crs/geotransform.ts';
import type { Database } from '../database/database.ts';
import { georeference, tileControlGrid } from './georeference.ts';

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
      const grid = await tileControlGrid(db, 32640, z, Math.floor(fx), Math.floor(fy), cells);
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
      const grid = await tileControlGrid(db, epsg, 0, 0, 0, 8);
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
