/** A finished job of a data folder → what its sheet is made of. */
import { Problem } from '../../errors/problem.ts';
import type { Summary } from '../api/summary.ts';
import { knownAccuracy } from '../pipeline/job-accuracy.ts';
import { parseParameters, sceneView } from '../pipeline/job-parameters.ts';
import { bandNamesOf, requireReady } from '../scenes/ready-scene.ts';
import { fetchWorking } from '../scenes/working-copy.ts';
import type { Queryable } from '../store/database/database.ts';
import { type FileStore, fetchIfThere } from '../store/files/file-store.ts';
import { getJob } from '../store/tables/jobs.ts';
import { getScene, sceneJson } from '../store/tables/scenes.ts';
import type { SceneCrs } from '../store/tables/spatial-ref-sys.ts';
import { getRecord } from '../store/tables/stored-files.ts';
import { summedJob } from '../summary/parts.ts';
import { summarize } from '../summary/summarize.ts';
import type { Described } from './compose.ts';
import { drawPictures, type Grid, outlinesOf, type Placed, placeGrid, type RenderTile } from './place-map.ts';

const MAPS = ['classes', 'scores', 'probabilities', 'features'];

interface JobTools {
  /** Of the job's workspace. */
  db: Queryable;
  /** That knows the hashes of stored files. */
  records: Queryable;
  files: FileStore;
  renderTile: RenderTile;
}

/** Throws Problem not_found, and conflict for a job that is not done. */
export async function readJob(
  { db, records, files, renderTile }: JobTools,
  id: string,
): Promise<Omit<Described, 'title' | 'network'>> {
  const job = await getJob(db, id);
  if (!job) throw new Problem('not_found', `There is no job with the id "${id}".`);
  const { report, model, finished_at } = job;
  if (job.state !== 'done' || !report) {
    throw new Problem('conflict', `The job is ${job.state}; there is a sheet of it once it is done.`);
  }
  const found = await getScene(db, job.scene);
  if (!found) throw new Problem('not_found', 'The scene of this job was deleted.');
  const scene = requireReady(found);
  const parameters = parseParameters({ ...report.parameters });
  const placed = await placeGrid(db, { ...scene.report, ...gridOf(report) });
  const imagery = {
    path: await fetchWorking(files, scene),
    view: sceneView(parameters, bandNamesOf(scene.report)),
    ...{ width: scene.report.width, height: scene.report.height },
  };
  const classes = await fetchIfThere(files, `jobs/${id}/classes.tif`);
  const pictures = await drawPictures(renderTile, placed, { classes, imagery }, report.classes ?? []);
  const hashes: [string, string][] = [];
  for (const name of MAPS) {
    const record = await getRecord(records, `jobs/${id}/${name}.tif`);
    if (record) hashes.push([`${name}.tif`, record.sha256]);
  }
  const { url } = sceneJson(scene);
  return {
    job: { id, model, finished_at, report },
    scene: { ...scene, capturedAt: scene.report.capturedAt ?? null, url },
    accuracy: await knownAccuracy(db, job),
    ...{ placed, hashes, summary: await summaryOf(db, { id, report }, placed) },
    frame: { ...placed.frame, pictures, outlines: await objectsOf(db, { id, report }, placed), alt: altOf(scene.name) },
  };
}

type Reported = Pick<Described['job'], 'id' | 'report'>;

/** The model's grid, where the report says it. */
export const gridOf = ({ model_grid: grid }: Reported['report']): Omit<Grid, keyof SceneCrs> | null =>
  grid?.geotransform ? { geotransform: grid.geotransform, width: grid.width, height: grid.height } : null;

/** Or why there is none. */
export async function summaryOf(q: Queryable, job: Reported, { bbox }: Placed): Promise<Summary | string> {
  if (isDetection(job)) return 'A detector draws boxes; what a place is like is told from land use.';
  try {
    return await summarize(q, await summedJob(q, { ...job, bbox }));
  } catch (error) {
    if (error instanceof Problem && error.code === 'bad_request') return error.message;
    throw error;
  }
}

const isDetection = ({ report }: Reported): boolean => 'objects' in report.counts;

export async function objectsOf(q: Queryable, job: Reported, placed: Placed) {
  if (!isDetection(job)) return [];
  const { key } = await summedJob(q, { ...job, bbox: placed.bbox });
  return outlinesOf(q, key, placed, job.report.classes ?? []);
}

export const altOf = (name: string): string => `Map of ${name}, with grid, scale bar and north arrow`;
