/** Two mapped scenes of one place → what changed between them, of what is more than their errors. */
import { CLASS_NODATA } from '../../models/runtime/answer.ts';
import { apply, type Geotransform, invert } from '../../tiler/crs/geotransform.ts';
import { openRaster, type Raster } from '../../tiler/geotiff/raster.ts';
import { compose, pixelsBetween, type Registration } from '../../tiler/registration/register.ts';
import { compareMaps } from '../../vectorizer/change/compare-maps.ts';
import { vectorize } from '../../vectorizer/vectorize.ts';
import { regionToWkb } from '../../vectorizer/wkb.ts';
import { featureId } from '../content-ids.ts';
import { parseWkb } from '../geometry/wkb.ts';
import { chordMetres } from '../pipeline/bending.ts';
import { placeShape, placingOf } from '../pipeline/place-shapes.ts';
import type { Queryable } from '../store/database/database.ts';
import type { FeatureTable } from '../store/tables/feature-tables.ts';
import { type FeatureRow, placeInDoubt } from '../store/tables/features.ts';
import { transformPoints } from '../store/tables/georeference.ts';
import { BUILDING_CHANGES, type ChangeRow, changeTables, LANDUSE_CHANGES } from './change-tables.ts';
import type { DatedJob, DatedScene } from './dated-job.ts';
import { mapOnOtherGrid, mapOnOwnGrid } from './dated-map.ts';
import { CHANGES, type DatedBuilding, matchBuildings } from './match-buildings.ts';
import { type RegisteredScenes, registerScenes } from './register-scenes.ts';

export interface ChangeOptions {
  /** Of the change, not of what has changed. */
  minAreaM2: number;
  toleranceMetres: number;
  /** By class code. */
  classNames: ReadonlyMap<number, string>;
}

export interface ChangeReport {
  registration: {
    /** Windows that show the same in both images, of those looked at. */
    windows: number;
    tried: number;
    /** Shifts of the second image against the first, beyond their georeference; null where nothing was found. */
    median_m: number | null;
    p90_m: number | null;
    /** What remains of them once the geometry is moved. */
    residual_m: number | null;
    shifts: { lon: number; lat: number; east_m: number; north_m: number }[];
  };
  /** How far borders may lie beside each other without a change. */
  error_m: number;
  findings: { code: string; severity: 'warning'; message: string }[];
  /** Areas by class before and after, m². */
  matrix_m2: Record<string, Record<string, number>>;
  /** Of the matrix, what the error alone explains or is smaller than what counts, m². */
  within_error_m2: number;
  counts: { landuse: number; buildings: Record<string, number> };
}

export interface Changes {
  tables: FeatureTable[];
  report: ChangeReport;
}

/** Pixels of class maps are certain to about one of theirs. */
const PIXEL_ERROR = 1;
/** Where the images cannot be registered, in metres: nine of ten of public aerial imagery are nearer. */
const UNREGISTERED_ERROR_METRES = 2;
/** Of a class, 0–255, for a pixel of which a change begins. */
const LEAST_SCORE = 128;

/** In the frame of the first image. Throws Problem bad_request where the two share no ground. */
export async function findChanges(
  q: Queryable,
  before: DatedJob,
  after: DatedJob,
  options: ChangeOptions,
): Promise<Changes> {
  const registered = await registerScenes(q, before, after);
  const { found } = registered;
  const land = await landChanges(q, before, after, registered, options);
  const buildings = await buildingChanges(q, before, after, found?.shift ?? IDENTITY, land.errorMetres);
  return {
    tables: changeTables(before, after, land.rows, buildings),
    report: {
      registration: found ? await describe(q, before.scene, found) : UNREGISTERED,
      error_m: land.errorMetres,
      findings: found ? [] : [NOT_REGISTERED],
      matrix_m2: land.matrixM2,
      within_error_m2: land.withinErrorM2,
      counts: {
        landuse: land.rows.length,
        buildings: Object.fromEntries(
          CHANGES.map((change) => [change, buildings.filter((row) => row.change === change).length]),
        ),
      },
    },
  };
}

interface LandChanges {
  rows: ChangeRow[];
  /** How far borders may lie beside each other without a change. */
  errorMetres: number;
  matrixM2: ChangeReport['matrix_m2'];
  withinErrorM2: number;
}

async function landChanges(
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
    return { rows, errorMetres: errorPixels * metres, matrixM2, withinErrorM2 };
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

/** @param shift from where things are in the first image to where the second has them */
async function buildingChanges(
  q: Queryable,
  before: DatedJob,
  after: DatedJob,
  shift: Geotransform,
  errorMetres: number,
): Promise<ChangeRow[]> {
  const { gsd_m } = before.scene;
  const frame = await degreesToPixels(q, before.scene);
  const [own, others] = await Promise.all([
    buildingsOf(before.buildings, frame, IDENTITY),
    buildingsOf(after.buildings, frame, invert(shift)),
  ]);
  const changed = matchBuildings(own, others, gsd_m ** 2, errorMetres / gsd_m);
  return changed.map(({ change, before: a, after: b, iou, withinError }): ChangeRow => {
    const [old, now] = [a === null ? null : own[a], b === null ? null : others[b]];
    const scores = [old?.score, now?.score].filter((score) => typeof score === 'number');
    return {
      id: featureId(`${before.job}/${after.job}`, BUILDING_CHANGES, `${old?.id ?? ''}/${now?.id ?? ''}`),
      ...{ geometry: (now ?? old)!.geometry, change, from: old?.class ?? null, to: now?.class ?? null },
      score: scores.length > 0 ? Math.min(...scores) : null,
      areaM2: Math.abs((now?.areaM2 ?? 0) - (old?.areaM2 ?? 0)),
      ...{ beforeM2: old?.areaM2 ?? null, afterM2: now?.areaM2 ?? null, iou, withinError },
    };
  });
}

async function describe(
  q: Queryable,
  { report: { geotransform }, gsd_m, epsg }: DatedScene['scene'],
  { windows, tried, medianPixels, p90Pixels, residualP90Pixels }: Registration,
): Promise<ChangeReport['registration']> {
  const ends = windows.flatMap(({ x, y, dx, dy }) => [apply(geotransform, x, y), apply(geotransform, x + dx, y + dy)]);
  const placed = await transformPoints(q, ends, epsg, 4326);
  return {
    ...{ windows: windows.length, tried },
    ...{ median_m: medianPixels * gsd_m, p90_m: p90Pixels * gsd_m, residual_m: residualP90Pixels * gsd_m },
    shifts: windows.map((_, i) => {
      const [[lon, lat], [lonB, latB]] = [placed[2 * i], placed[2 * i + 1]];
      const parallel = Math.cos((lat * Math.PI) / 180);
      const [east, north] = [(lonB - lon) * DEGREE_METRES * parallel, (latB - lat) * DEGREE_METRES];
      return { lon, lat, east_m: round(east), north_m: round(north) };
    }),
  };
}

const UNREGISTERED: ChangeReport['registration'] = {
  ...{ windows: 0, tried: 0, median_m: null, p90_m: null, residual_m: null, shifts: [] },
};

const IDENTITY: Geotransform = [0, 1, 0, 0, 0, 1];
const DEGREE_METRES = 111_320;
const round = (metres: number) => Math.round(metres * 100) / 100;

const NOT_REGISTERED = {
  code: 'not_registered',
  severity: 'warning',
  message:
    `Too little looks the same in both images to say how they lie against each other: their georeference was believed, ` +
    `and what lies within ${UNREGISTERED_ERROR_METRES} m counts as no change.`,
} as const;

/** From degrees to pixels of a scene, true at its middle; far from there buildings keep their place to each other. */
async function degreesToPixels(q: Queryable, { report, epsg }: DatedScene['scene']): Promise<Geotransform> {
  const { geotransform, width, height } = report;
  const [x, y] = [width / 2, height / 2];
  const step = 32;
  const [middle, right, below] = await transformPoints(
    q,
    [apply(geotransform, x, y), apply(geotransform, x + step, y), apply(geotransform, x, y + step)],
    epsg,
    4326,
  );
  const toDegrees: Geotransform = [
    middle[0],
    (right[0] - middle[0]) / step,
    (below[0] - middle[0]) / step,
    middle[1],
    (right[1] - middle[1]) / step,
    (below[1] - middle[1]) / step,
  ];
  return compose([x, 1, 0, y, 0, 1], invert(toDegrees));
}

type FoundBuilding = DatedBuilding & { id: string; class: string; score: number | null; geometry: Uint8Array };

async function buildingsOf(table: FeatureTable, frame: Geotransform, moved: Geotransform): Promise<FoundBuilding[]> {
  const column = (name: string) => table.columns.findIndex((each) => each.name === name);
  const [area, className, score] = [column('area_m2'), column('class'), column('score')];
  const toPixels = compose(moved, frame);
  const buildings: FoundBuilding[] = [];
  for await (const rows of table.rows()) {
    for (const { id, values, geometry } of rows) {
      const rings = parseWkb(geometry).parts[0].map((ring) => {
        const pixels = new Float64Array(ring.length);
        for (let i = 0; i < ring.length; i += 2) pixels.set(apply(toPixels, ring[i], ring[i + 1]), i);
        return pixels;
      });
      buildings.push({
        ...{ id, geometry, rings, areaM2: Number(values[area]), class: String(values[className]) },
        score: values[score] as number | null,
      });
    }
  }
  return buildings;
}
