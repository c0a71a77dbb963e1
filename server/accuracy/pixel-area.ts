/** How much ground a pixel of a map covers: in degrees and in Mercator's projection it changes from row to row. */
import { apply, type Geotransform } from '../../tiler/crs/geotransform.ts';
import { measureShape } from '../geometry/geodesic.ts';

type Point = [number, number];

/** Edges are cut into so many pieces at most, so that geodesics follow them. */
const MOST_PIECES = 64;

/**
 * @param rows positions in rows, of which the pixel in the middle column is measured
 * @param toDegrees from the map's CRS to longitude and latitude
 * @returns m² a pixel of each
 */
export async function pixelAreas(
  { geotransform, width }: { geotransform: Geotransform; width: number },
  rows: readonly number[],
  toDegrees: (points: Point[]) => Promise<Point[]>,
): Promise<number[]> {
  const areas: number[] = [];
  for (const row of rows) areas.push(await pixelArea(geotransform, Math.floor(width / 2), row, toDegrees));
  return areas;
}

async function pixelArea(
  geotransform: Geotransform,
  column: number,
  row: number,
  toDegrees: (points: Point[]) => Promise<Point[]>,
): Promise<number> {
  const corners: Point[] = [[0, 0], [0, 1], [1, 1], [1, 0]]; // biome-ignore format: pairs
  for (let pieces = 1; pieces <= MOST_PIECES; pieces *= 2) {
    const ring = corners.flatMap(([x, y], side) => {
      const [nextX, nextY] = corners[(side + 1) % 4]!;
      return Array.from({ length: pieces }, (_, i): Point => {
        const t = i / pieces;
        return apply(geotransform, column + x + t * (nextX - x), row + y + t * (nextY - y));
      });
    });
    const placed = await toDegrees(ring);
    const closed = [...placed, placed[0]!];
    const measured = measureShape({ kind: 'polygon', xy: Float64Array.from(closed.flat()), ends: [closed.length] });
    if (measured) return Math.abs(measured.ringAreasM2[0]!);
  }
  throw new RangeError(`a pixel in row ${row} is too large to be measured`);
}
