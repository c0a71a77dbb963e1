/** A finished job's class map becomes a stratified random sample of its pixels, kept in the database. */
import { randomInt } from 'node:crypto';
import { Problem } from '../../errors/problem.ts';
import { apply } from '../../tiler/crs/geotransform.ts';
import { choosePoints } from '../accuracy/choose-points.ts';
import type { DrawnStratum, DrawRequest } from '../accuracy/draw-units.ts';
import { pixelAreas } from '../accuracy/pixel-area.ts';
import { allocate, expectedStandardError, sampleSize, usualLeast } from '../accuracy/sample-size.ts';
import { MOST_POINTS, type SampleDesign, type SampleRequest } from '../api/accuracy.ts';
import type { ModelClass } from '../api/index.ts';
import { type Actor, recordDone } from '../operations/caller.ts';
import { isReady, type ReadyScene } from '../scenes/ready-scene.ts';
import type { Queryable, Transactional } from '../store/database/database.ts';
import type { FileStore } from '../store/files/file-store.ts';
import { type PlacedGrid, transformPoints } from '../store/tables/georeference.ts';
import type { Job } from '../store/tables/jobs.ts';
import { insertSample, pageOfSamples, type Sample } from '../store/tables/samples.ts';
import type { Scene } from '../store/tables/scenes.ts';
import { parseAoi, placeAoi } from './area-of-interest.ts';

export interface SampleTools {
  files: FileStore;
  /** Reads class maps in a child process. */
  drawUnits(request: DrawRequest): Promise<DrawnStratum[]>;
}

/** Of one job. */
const MOST_SAMPLES = 100;
/** To choose from those that lie apart, for each point of a stratum. */
const CANDIDATES = 4;

/**
 * Draws and keeps a sample. Throws Problem `conflict` for a job that is not done or without a class map, `bad_request` for
 * a size that is too large, `aoi_outside`.
 */
export async function sampleJob(
  { files, drawUnits }: SampleTools,
  db: Queryable & Transactional,
  actor: Actor,
  { job, scene, classes }: { job: Job; scene: Scene | null; classes: readonly ModelClass[] },
  request: SampleRequest,
): Promise<Sample> {
  const { grid, ready } = sampledGrid(job, scene);
  if ((await pageOfSamples(db, job.id)).rows.length >= MOST_SAMPLES) {
    throw new Problem('conflict', `The job has ${MOST_SAMPLES} samples, as many as there may be: delete one of them.`);
  }
  const { seed = randomInt(2 ** 32), apart_m: apartM, split_score: splitScore } = request;
  const aoi = request.aoi === undefined ? null : parseAoi(request.aoi);
  const drawn = await drawUnits({
    classesPath: await files.fetch(`jobs/${job.id}/classes.tif`),
    ...(splitScore !== undefined && {
      split: { scoresPath: await files.fetch(`jobs/${job.id}/scores.tif`), score: Math.round(255 * splitScore) },
    }),
    ...(aoi && { aoi: await placeAoi(db, grid, ready.bbox, aoi) }),
    ...{ seed, most: (request.size ?? MOST_POINTS) * (apartM > 0 ? CANDIDATES : 1) },
  });
  if (drawn.length === 0)
    throw new Problem('conflict', 'The map has no class anywhere in the area that was asked for.');

  const planned = drawn.map(({ population }) => ({ population, expectedAccuracy: request.expected_accuracy }));
  const size = request.size ?? Math.max(MOST_FEW, sampleSize(planned, request.standard_error));
  if (size > MOST_POINTS) {
    const how = `at most ${MOST_POINTS} are drawn: ask for a larger "standard_error"`;
    throw new Problem('bad_request', `A standard error of ${request.standard_error} takes ${size} points; ${how}.`);
  }
  const least = request.least ?? usualLeast(size, drawn.length);
  const chosen = choosePoints(
    drawn.map(({ pixels }) => pixels),
    allocate(planned, size, least),
    { apart: apartM > 0 ? await inPixels(db, grid, apartM) : null, secondShare: request.second_share },
  );
  const centres = chosen.map(({ x, y }) => apply(grid.geotransform, x + 0.5, y + 0.5));
  const placed = await transformPoints(db, centres, grid.epsg, 4326);
  const areas = await areasOfPixels(db, grid, drawn.map(({ meanRow }) => meanRow)); // biome-ignore format: one line
  const pointsOf = drawn.map((_, h) => chosen.filter(({ stratum }) => stratum === h).length);
  const nameOf = new Map(classes.map(({ value, name }) => [value, name]));
  const design: SampleDesign = {
    ...{ seed, size, least, apart_m: apartM, second_share: request.second_share, split_score: splitScore ?? null },
    ...{ aoi: aoi !== null, expected_accuracy: request.expected_accuracy },
    expected_standard_error: expectedStandardError(planned, pointsOf),
    strata: drawn.map(({ value, part, population }, h) => ({
      ...{ class: nameOf.get(value) ?? String(value), part, pixels: population },
      ...{ area_m2: population * areas[h]!, points: pointsOf[h]! },
    })),
  };
  const points = chosen.map(({ x, y, stratum, second }, i) => {
    const [lon, lat] = placed[i]!;
    return { number: i + 1, stratum, second, x, y, lon, lat };
  });
  return db.transaction(async (q) => {
    const sample = await insertSample(q, { job: job.id, design, by: actor.name }, points);
    await recordDone(q, actor, 'sample_drawn', sample.id, { job: job.id, points: points.length });
    return sample;
  });
}

/** As few points as may be asked for. */
const MOST_FEW = 30;

/** The grid of a finished job's class map. Throws Problem conflict where there is none. */
export function sampledGrid(job: Job, scene: Scene | null): { grid: PlacedGrid; ready: ReadyScene } {
  if (job.state !== 'done' || !job.report || !scene || !isReady(scene)) {
    throw new Problem('conflict', `The job is ${job.state}; its map can be sampled once it is done.`);
  }
  const { model_grid: model } = job.report;
  if (!model?.geotransform) throw new Problem('conflict', 'The job has no class map that could be sampled.');
  const { width, height, geotransform } = model;
  return { grid: { width, height, geotransform, epsg: scene.epsg, geographic: scene.report.geographic }, ready: scene };
}

const areasOfPixels = (q: Queryable, grid: PlacedGrid, rows: readonly number[]): Promise<number[]> =>
  pixelAreas(grid, rows, (points) => transformPoints(q, points, grid.epsg, 4326));

/** A distance in pixels along x and y, in the middle of the map. */
async function inPixels(q: Queryable, grid: PlacedGrid, metres: number): Promise<{ x: number; y: number }> {
  const [area] = await areasOfPixels(q, grid, [Math.floor(grid.height / 2)]);
  const [, a, b, , d, e] = grid.geotransform;
  const ratio = Math.hypot(a, d) / Math.hypot(b, e);
  return { x: metres / Math.sqrt(area! * ratio), y: metres / Math.sqrt(area! / ratio) };
}
