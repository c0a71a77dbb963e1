/** A class map and what people saw at points of it become its accuracy and the areas of its classes. */
import { Problem } from '../../errors/problem.ts';
import { type Assessment, assessment } from '../../server/accuracy/assessment.ts';
import { countStrata } from '../../server/accuracy/count-strata.ts';
import { readAnswers } from '../../server/accuracy/points-text.ts';
import type { ReviewedPoint } from '../../server/accuracy/settle.ts';
import { apply, invert } from '../../tiler/crs/geotransform.ts';
import { openRaster, type Raster } from '../../tiler/geotiff/raster.ts';
import { withPlaces } from './places.ts';

interface Request {
  mapPath: string;
  strataPath: string | null;
  /** CSV or GeoJSON. */
  answers: string;
  column: string | undefined;
  /** Names of the map's codes; others go by their numbers. */
  names: ReadonlyMap<number, string>;
}

/** Throws Problem bad_request for answers that cannot be placed or name no class. */
export async function assess({ mapPath, strataPath, answers, column, names }: Request): Promise<Assessment> {
  const given = readAnswers(answers, column);
  if (given.some(({ lon, lat }) => lon === null || lat === null)) {
    throw new Problem('bad_request', 'Each row needs "lon" and "lat": the class of the map is read there.');
  }
  const classes = await openRaster(mapPath);
  const strata = strataPath === null ? null : await openRaster(strataPath);
  try {
    if (strata && (strata.width !== classes.width || strata.height !== classes.height)) {
      throw new Problem('bad_request', 'The map of strata must have the size and the place of the class map.');
    }
    const cells = await countStrata(classes, strata);
    const nameOf = (code: number) => names.get(code) ?? String(code);
    const known = new Map([...names].map(([code, name]) => [name.toLowerCase(), nameOf(code)]));
    const className = (text: string) =>
      known.get(text.toLowerCase()) ?? (/^\d+$/.test(text) ? nameOf(Number(text)) : text);
    return await withPlaces(mapPath, async ({ geotransform, fromDegrees, pixelAreas }) => {
      const placed = await fromDegrees(given.map(({ lon, lat }) => [lon!, lat!]));
      const inverse = invert(geotransform);
      const points = new Map<string, ReviewedPoint & { answers: { reviewer: string; class: string | null }[] }>();
      for (const [i, answer] of given.entries()) {
        const [x, y] = apply(inverse, ...placed[i]!).map(Math.floor) as [number, number];
        const value = await codeAt(classes, x, y);
        if (value === null) {
          throw new Problem('bad_request', `The point ${answer.lon}, ${answer.lat} lies where the map has no class.`);
        }
        const stratum = strata ? String(await codeAt(strata, x, y)) : nameOf(value);
        const key = `${x} ${y}`;
        const point = points.get(key) ?? { stratum, mapClass: nameOf(value), answers: [] };
        const reviewer = answer.reviewer ?? '';
        point.answers.push({ reviewer, class: answer.class === null ? null : className(answer.class) });
        points.set(key, point);
      }
      const areas = await pixelAreas(cells.map(({ meanRow }) => meanRow));
      const counted = cells.map(({ stratum, value, pixels }, i) => ({
        stratum: strata ? String(stratum) : nameOf(value),
        ...{ class: nameOf(value), pixels, areaM2: pixels * areas[i]! },
      }));
      return assessment(counted, [...points.values()]);
    });
  } finally {
    await Promise.all([classes.close(), strata?.close()]);
  }
}

/** Null outside, and where there is none. */
async function codeAt(raster: Raster, x: number, y: number): Promise<number | null> {
  if (!(x >= 0 && y >= 0 && x < raster.width && y < raster.height)) return null;
  const { pixels, valid } = await raster.read(0, { x, y, width: 1, height: 1 });
  return valid[0] === 0 || pixels[0] === 255 ? null : pixels[0]!;
}
