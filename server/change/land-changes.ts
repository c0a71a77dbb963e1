/** Which land use has changed between two dates, of what is more than the error of the two maps. */
import { CLASS_NODATA } from '../../models/runtime/answer.ts';
import { apply, invert } from '../../tiler/crs/geotransform.ts';
import { openRaster, type Raster } from '../../tiler/geotiff/raster.ts';
import { compose, pixelsBetween } from '../../tiler/registration/register.ts';
import type { Box } from '../../vectorizer/box.ts';
import { compareMaps } from '../../vectorizer/change/compare-maps.ts';
import { vectorize } from '../../vectorizer/vectorize.ts';
import { regionToWkb } from '../../vectorizer/wkb.ts';
import { featureId } from '../content-ids.ts';
import { chordMetres } from '../pipeline/bending.ts';
import { placeShape, placingOf } from '../pipeline/place-shapes.ts';
import type { Queryable } from '../store/database/database.ts';
import { type FeatureRow, placeInDoubt } from '../store/tables/features.ts';
import { type ChangeRow, LANDUSE_CHANGES } from './change-tables.ts';
import type { DatedJob } from './dated-job.ts';
import { mapOnOtherGrid, mapOnOwnGrid } from './dated-map.ts';
import type { RegisteredScenes } from './register-scenes.ts';

export interface ChangeOptions {
  /** Of the change, not of what has changed. */
  minAreaM2: number;
  toleranceMetres: number;
  /** By class code. */
  classNames: ReadonlyMap<number, string>;
}

/** Pixels of class maps are certain to about one of theirs. */
const PIXEL_ERROR = 1;
/** Where the images cannot be registered, in metres: nine of ten of public aerial imagery are nearer. */
export const UNREGISTERED_ERROR_METRES = 2;
/** Of a class, 0–255, for a pixel of which a change begins. */
const LEAST_SCORE = 128;

export interface LandChanges {
  rows: ChangeRow[];
  /** How far borders may lie beside each other without a change. */
  errorMetres: number;
  /** Areas by class before and after, m². */
  matrixM2: Record<string, Record<string, number>>;
  withinErrorM2: number;
  /** Whether both maps show all of a box and what the error might add to it, in pixels of the first image. */
  shows(box: Box): boolean;
}

export async function landChanges(
  q: Queryable,
  before: DatedJob,
  after: DatedJob,
  { toSecond, found }: RegisteredScenes,
  { minAreaM2, toleranceMetres, classNames }: ChangeOptions,
): Promise<LandChanges> {
  const paths = [before.classesPath, before.scoresPath, after.classesPath, after.scoresPath];
  const rasters = await Promise.all(paths.map((path) => (path === null ? null : openRaster(path))));
  try {
    const [classesA, scoresA, classesB, scoresB] = rasters as [Raster, Raster | null, Raster, Raster | null];
    const { width, height } = classesA;
    const ownPixels = pixelsBetween(classesA.geotransform, before.scene.report.geotransform);
    const perPixel = Math.sqrt(Math.abs(ownPixels[1] * ownPixels[5] - ownPixels[2] * ownPixels[4]));
    const metres = perPixel * before.scene.gsd_m;
    const errorPixels = PIXEL_ERROR + (found ? found.residualP90Pixels / perPixel : UNREGISTERED_ERROR_METRES / metres);
    const toMap = compose(
      pixelsBetween(after.scene.report.geotransform, classesB.geotransform),
      compose(toSecond, ownPixels),
    );
    const compared = compareMaps(
      mapOnOwnGrid(classesA, scoresA),
      mapOnOtherGrid(classesB, scoresB, width, toMap, CLASS_NODATA),
      { width, height, nodata: CLASS_NODATA, radiusPixels: Math.ceil(errorPixels), leastScore: LEAST_SCORE },
    );
    const pixelAreaM2 = metres ** 2;
    const { regions } = await vectorize(compared.bands, {
      ...{ width, height, pixelAreaM2, minAreaM2: 0, nodata: CLASS_NODATA },
      tolerancePixels: toleranceMetres / metres,
    });
    const all = [...regions];
    const counting = all.filter(({ pixels }) => pixels * pixelAreaM2 >= minAreaM2);
    const grid = { epsg: before.scene.epsg, geotransform: classesA.geotransform, width, height };
    const placing = await placingOf(q, grid, chordMetres({ x: metres, y: metres }, { tolerance_m: toleranceMetres }));
    const shapes = counting.map(
      (region): FeatureRow => ({
        id: featureId(`${before.job}/${after.job}`, LANDUSE_CHANGES, `${region.x}/${region.y}`),
        ...{ collection: LANDUSE_CHANGES, class: '', score: region.score },
        ...placeShape(regionToWkb(region, classesA.geotransform), placing),
      }),
    );
    await settleShapes(q, grid.epsg, shapes);

    const nameOf = (code: number) => classNames.get(code) ?? String(code);
    const rows = shapes.map(({ id, wkb, score, measures }, i): ChangeRow => {
      const { from, to } = compared.kinds[counting[i].class];
      return {
        ...{ id, geometry: wkb, change: 'reclassified', from: nameOf(from), to: nameOf(to), score },
        ...{ areaM2: measures!.areaM2, beforeM2: null, afterM2: null, iou: null, withinError: false },
      };
    });
    const matrixM2: LandChanges['matrixM2'] = {};
    for (const [key, count] of [...compared.pixels].toSorted(([a], [b]) => a - b)) {
      const [from, to] = [nameOf(key >> 8), nameOf(key & 255)];
      matrixM2[from] = { ...matrixM2[from], [to]: Math.round(count * pixelAreaM2) };
    }
    const pixelsOf = (some: readonly { pixels: number }[]) => some.reduce((sum, { pixels }) => sum + pixels, 0);
    const withinPixels = [...compared.withinError.values()].reduce((sum, count) => sum + count, 0);
    const smallerPixels = pixelsOf(all) - pixelsOf(counting);
    const withinErrorM2 = Math.round((withinPixels + smallerPixels) * pixelAreaM2);
    const toMapPixels = invert(ownPixels);
    const shows = ([minX, minY, maxX, maxY]: Box) => {
      const [a, b] = [apply(toMapPixels, minX, minY), apply(toMapPixels, maxX, maxY)];
      return compared.known.holds(a[0] - errorPixels, a[1] - errorPixels, b[0] + errorPixels, b[1] + errorPixels);
    };
    return { rows, errorMetres: errorPixels * metres, matrixM2, withinErrorM2, shows };
  } finally {
    await Promise.all(rasters.map((raster) => raster?.close()));
  }
}

/** Lets PostGIS place and measure the shapes that are in doubt. */
async function settleShapes(q: Queryable, epsg: number, shapes: readonly FeatureRow[]): Promise<void> {
  const doubtful = shapes.filter(({ measures }) => !measures);
  for (const [i, { wkb, areaM2, outlineM }] of (await placeInDoubt(q, epsg, doubtful)).entries()) {
    Object.assign(doubtful[i], { wkb, measures: { areaM2, outlineM } });
  }
}
