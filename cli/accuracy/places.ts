/** Where the pixels of a raster lie, and how much ground they cover. */
import { Problem } from '../../errors/problem.ts';
import { pixelAreas } from '../../server/accuracy/pixel-area.ts';
import { withEphemeralEngine } from '../../server/ephemeral-engine.ts';
import type { Queryable } from '../../server/store/database/database.ts';
import { transformPoints } from '../../server/store/tables/georeference.ts';
import { sridOf } from '../../server/store/tables/spatial-ref-sys.ts';
import { apply, type Geotransform } from '../../tiler/crs/geotransform.ts';
import { openRaster } from '../../tiler/geotiff/raster.ts';

type Point = [number, number];

export interface Places {
  geotransform: Geotransform;
  /** Of a pixel in the middle. */
  pixelMetres: { x: number; y: number };
  toDegrees(points: Point[]): Promise<Point[]>;
  fromDegrees(points: Point[]): Promise<Point[]>;
  /** m² of a pixel in each of these rows. */
  pixelAreas(rows: readonly number[]): Promise<number[]>;
}

/** Throws Problem missing_crs for a raster that says nothing of where it lies. */
export async function withPlaces<T>(path: string, work: (places: Places) => Promise<T>): Promise<T> {
  const raster = await openRaster(path);
  await raster.close();
  const { geotransform, width, height } = raster;
  const { epsg, userCrs = null } = raster;
  if (epsg === null && !userCrs) {
    throw new Problem(
      'missing_crs',
      `"${path}" has no coordinate reference system. Give it one with gdal_edit.py -a_srs.`,
    );
  }
  return withEphemeralEngine(async (open) => {
    // Opened only for systems that are not known in closed form.
    const db: Queryable = { query: async (...asked) => (await open()).db.query(...asked) };
    const srid = epsg ?? (await sridOf(db, { epsg, userCrs }, ...apply(geotransform, width / 2, height / 2)));
    const toDegrees = (points: Point[]) => transformPoints(db, points, srid, 4326);
    const areas = (rows: readonly number[]) => pixelAreas({ geotransform, width }, rows, toDegrees);
    const [middle] = await areas([Math.floor(height / 2)]);
    const [, a, b, , d, e] = geotransform;
    const ratio = Math.hypot(a, d) / Math.hypot(b, e);
    return work({
      ...{ geotransform, toDegrees, pixelAreas: areas },
      pixelMetres: { x: Math.sqrt(middle! * ratio), y: Math.sqrt(middle! / ratio) },
      fromDegrees: (points) => transformPoints(db, points, 4326, srid),
    });
  });
}
