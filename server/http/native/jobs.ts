/** Jobs: a network run over a scene with fixed parameters; started, watched, cancelled, retried, deleted. */

import { randomInt } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import express, { type Request, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import type { ModelJson } from '../../api/index.ts';
import { jobId } from '../../content-ids.ts';
import { EXPORT_FORMATS, exportFormat } from '../../export/export.ts';
import { packageJob } from '../../export/package.ts';
import { chooseModel } from '../../networks/choose-network.ts';
import { checkAoi } from '../../pipeline/area-of-interest.ts';
import { parseParameters } from '../../pipeline/job-parameters.ts';
import { networkView } from '../../pipeline/network-view.ts';
import { checkWindows } from '../../pipeline/verify-job.ts';
import { isReady, type ReadyScene } from '../../scenes/ready-scene.ts';
import type { Queryable, Transactional } from '../../store/database/database.ts';
import { fetchIfThere, filesBelow } from '../../store/files/file-store.ts';
import { countFeatures } from '../../store/tables/features.ts';
import { deleteJob, getJob, insertJob, type Job, listJobs } from '../../store/tables/jobs.ts';
import { REVIEW_FILTERS, type ReviewFilter } from '../../store/tables/reviews.ts';
import { getScene, type Scene, sceneJson } from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { databaseOf } from '../core/caller.ts';
import { describeJob, requestedJob } from '../core/load-from-path.ts';
import { checkJob } from '../core/quotas.ts';
import { noteDone } from '../core/record-audit.ts';
import { isId, onlyQuery, pathParameter, queryId, queryText, shorten } from '../core/request.ts';
import { exportOnce } from './export-once.ts';
import { hasFailed } from './failed-areas.ts';

const MAPS = { 'classes.tif': 'class map', 'scores.tif': 'score map' } as const;

/** Windows of a map that are computed again, unless a number is asked for. */
const PROVED_WINDOWS = 8;
export const HIGHEST_PRIORITY = 9;
/** An area of interest may have many points. */
export const BODY_LIMIT = '4mb';

export function jobsRouter(deps: AppContext): Router {
  const { files, queue } = deps;
  const router = Router();

  router.post('/jobs', express.json({ limit: BODY_LIMIT, strict: false }), async (request, response) => {
    const db = databaseOf(request);
    const job = await startJob(deps, request, request.body);
    response
      .status(202)
      .location(`/jobs/${job.id}`)
      .json(await describeJob(db, job));
  });

  router.get('/jobs', async (request, response) => {
    const db = databaseOf(request);
    onlyQuery(request, ['scene']);
    const scene = queryId(request, 'scene');
    const jobs = await listJobs(db, scene ? { scene } : {});
    response.json(await Promise.all(jobs.map((job) => describeJob(db, job))));
  });

  router.get('/jobs/:id', async (request, response) => {
    const db = databaseOf(request);
    onlyQuery(request, []);
    response.set('Cache-Control', 'no-cache').json(await describeJob(db, await requestedJob(db, request)));
  });

  router.post('/jobs/:id/cancel', async (request, response) => {
    const db = databaseOf(request);
    const job = await requestedJob(db, request);
    if (job.state === 'done' || job.state === 'failed') {
      throw new Problem('conflict', `The job is ${job.state}; only queued and running jobs can be cancelled.`);
    }
    if (job.state !== 'cancelled') {
      await queue.cancel(job.id, (q) => noteDone(q, request, 'job_cancelled', job.id));
    }
    response.json(await describeJob(db, await requestedJob(db, request)));
  });

  router.post('/jobs/:id/retry', async (request, response) => {
    const db = databaseOf(request);
    const job = await requestedJob(db, request);
    if (job.state !== 'failed' && job.state !== 'cancelled' && !hasFailed(job.report)) {
      const detail = `The job is ${job.state}; only failed, cancelled and incomplete jobs can be retried.`;
      throw new Problem('conflict', detail);
    }
    const scene = await getScene(db, job.scene);
    if (scene) await checkJob(request, deps.limits, (scene.width ?? 0) * (scene.height ?? 0));
    await queue.retry(job.id, async (q) => {
      if (scene) await noteDone(q, request, 'job_started', job.id, startDetails(scene, job.model));
    });
    response.status(202).json(await describeJob(db, await requestedJob(db, request)));
  });

  router.post('/jobs/:id/prove', express.json({ limit: '1kb' }), async (request, response) => {
    const db = databaseOf(request);
    const job = await requestedJob(db, request);
    const { seed = randomInt(2 ** 31), windows = PROVED_WINDOWS } = (request.body ?? {}) as Record<string, number>;
    checkWindows({ seed, windows });
    response.json(await deps.prove(job.id, { seed, windows }));
  });

  router.delete('/jobs/:id', async (request, response) => {
    const db = databaseOf(request);
    await discardJob(deps, request, await requestedJob(db, request));
    response.status(204).end();
  });

  for (const [file, title] of Object.entries(MAPS)) {
    router.get(`/jobs/:id/${file}`, async (request, response) => {
      const db = databaseOf(request);
      const job = await requestedJob(db, request);
      if (job.state !== 'done') {
        throw new Problem('conflict', `The job is ${job.state}; its ${title} can be had once it is done.`);
      }
      const path = await files.fetch(`jobs/${job.id}/${file}`);
      response.attachment(`${job.id}-${file}`);
      response.set('Cache-Control', 'private, no-cache');
      // The data folder may lie below a folder whose name starts with a dot.
      const options = { dotfiles: 'allow' as const, headers: { 'Content-Type': 'image/tiff; application=geotiff' } };
      response.sendFile(path, options);
    });
  }

  /** Written on first request and kept with the job, which never changes; ranges are answered, as PMTiles needs. */
  router.get('/jobs/:id/export.:format', async (request, response) => {
    const db = databaseOf(request);
    onlyQuery(request, ['collection', 'review']);
    const collection = queryText(request, 'collection');
    const review = queryReview(request);
    const format = exportFormat(`.${pathParameter(request, 'format')}`);
    if (!format) {
      const known = EXPORT_FORMATS.map(({ ending }) => ending.slice(1)).join(', ');
      throw new Problem('not_found', `There is no such format. Known are: ${known}.`);
    }
    const job = await requestedJob(db, request);
    if (job.state !== 'done') {
      throw new Problem('conflict', `The job is ${job.state}; its features can be had once it is done.`);
    }
    const path = await exportOnce(request, files, job, format, { collection, review });
    const which = [collection, review].filter((each) => each !== undefined).map((each) => `-${each}`);
    response.attachment(`${job.id}${which.join('')}${format.ending}`);
    response.set('Cache-Control', 'private, no-cache');
    response.sendFile(path, { dotfiles: 'allow', headers: { 'Content-Type': format.mediaType } });
  });

  /** Written while it is read: nothing of it is kept. */
  router.get('/jobs/:id/package.zip', async (request, response) => {
    onlyQuery(request, []);
    const db = databaseOf(request);
    const job = await requestedJob(db, request);
    if (job.state !== 'done' || !job.report) {
      throw new Problem('conflict', `The job is ${job.state}; it can be had whole once it is done.`);
    }
    const scene = (await getScene(db, job.scene))!;
    const map = (name: string) => fetchIfThere(files, `jobs/${job.id}/${name}`);
    const { bytes, stream } = await packageJob({
      job: { ...job, report: job.report },
      scene: sceneJson(scene),
      modelLicense: await licenseOf(deps, job),
      geopackage: await exportOnce(request, files, job, exportFormat('.gpkg')!),
      classes: await map('classes.tif'),
      scores: await map('scores.tif'),
    });
    response.attachment(`${job.id}.zip`).type('application/zip');
    response.set({ 'Cache-Control': 'private, no-cache', 'Content-Length': String(bytes) });
    if (request.method === 'HEAD') return response.end();
    await pipeline(Readable.fromWeb(stream as WebStream), response);
  });

  return router;
}

/**
 * The job that a request asks for. The same scene, network and parameters are the same job: asking again finds it, or
 * takes it up again. Throws `bad_request`, `not_found`, `conflict`.
 */
export async function startJob(
  { queue, models, settle, limits }: AppContext,
  request: Request,
  body: unknown,
): Promise<Job> {
  const db = databaseOf(request);
  const { sceneId, modelId, parameters: wanted, priority } = parseJobRequest(body);
  const scene = await readyScene(db, sceneId);
  const model = requestedModel(models, modelId, scene);
  networkView(wanted, scene.report, model); // says which bands there are, before the job is queued
  if (wanted.aoi) await checkAoi(db, scene.footprint!, wanted.aoi);
  const parameters = await settle(wanted, model.id);
  const id = jobId(scene, model.identity, parameters);
  const existing = await getJob(db, id);
  const begins = !existing || existing.state === 'failed' || existing.state === 'cancelled';
  if (begins) await checkJob(request, limits, scene.width! * scene.height!);
  const note = (q: Queryable) => noteDone(q, request, 'job_started', id, startDetails(scene, model.id));
  if (!existing) {
    const job = { id, scene: scene.id, model: model.id, parameters: { ...parameters }, priority };
    if (await insertOnce(db, job, note)) await queue.enqueueSegment(id);
  } else if (existing.state === 'failed' || existing.state === 'cancelled') {
    await queue.retry(id, note);
  }
  return (await getJob(db, id))!;
}

/** Pixels are those of the image, by which a workspace's day is reckoned. */
const startDetails = ({ id, width, height }: Scene, model: string) => ({
  ...{ scene: id, model },
  pixels: (width ?? 0) * (height ?? 0),
});

/** As the network's manifest names it, where it is still the one that ran. */
async function licenseOf({ models, networks }: AppContext, { model: id, report }: Job): Promise<string | null> {
  const model = models.find((each) => each.id === id);
  if (!model || (report?.parameters?.precision !== 'int8' && report?.model_sha256 !== model.sha256)) return null;
  const { properties } = (await networks.manifest(id)) as { properties?: { license?: unknown } };
  return typeof properties?.license === 'string' ? properties.license : null;
}

/** What is gone with a job or a scene: rows, and files by their kind. */
export interface Removed {
  features: number;
  files: Record<string, number>;
}

/** Ends a job and removes its features, its row, its maps, its exports and the chips that were kept of it. */
export async function discardJob(
  { files, queue }: Pick<AppContext, 'files' | 'queue'>,
  request: Request,
  job: Job,
): Promise<Removed> {
  if (job.state === 'queued' || job.state === 'running') {
    await queue.cancel(job.id).catch((error) => {
      // It came to its end by itself meanwhile.
      if (!(error instanceof Problem && error.code === 'conflict')) throw error;
    });
  }
  const db = databaseOf(request);
  const removed = { features: await countFeatures(db, job.id), files: await filesBelow(files, `jobs/${job.id}`) };
  await db.transaction(async (q) => {
    await deleteJob(q, job.id);
    await noteDone(q, request, 'job_deleted', job.id, { scene: job.scene, ...removed });
  });
  await files.remove(`jobs/${job.id}`);
  return removed;
}

const UNIQUE_VIOLATION = '23505';
const FOREIGN_KEY_VIOLATION = '23503';

/** False where a request at the same moment has inserted the job. */
async function insertOnce(
  db: Transactional,
  job: Parameters<typeof insertJob>[1],
  note: (q: Queryable) => Promise<void>,
): Promise<boolean> {
  try {
    await db.transaction(async (q) => {
      await insertJob(q, job);
      await note(q);
    });
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === UNIQUE_VIOLATION) return false;
    if (code === FOREIGN_KEY_VIOLATION) throw new Problem('not_found', 'The scene was deleted meanwhile.');
    throw error;
  }
}

function parseJobRequest(body: unknown) {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Problem('bad_request', 'A job is asked for with a JSON object, such as {"scene": "<id>"}.');
  }
  const { scene, model, parameters, priority = 0, ...unknown } = body as Record<string, unknown>;
  const [stray] = Object.keys(unknown);
  if (stray !== undefined) {
    const known = 'scene, model, parameters and priority';
    throw new Problem('bad_request', `A job has no member "${shorten(stray)}"; known are ${known}.`);
  }
  if (typeof scene !== 'string' || !isId(scene)) throw new Problem('bad_request', '"scene" is the id of a scene.');
  if (model !== undefined && typeof model !== 'string') throw new Problem('bad_request', '"model" is a model\'s id.');
  if (!Number.isInteger(priority) || Math.abs(priority as number) > HIGHEST_PRIORITY) {
    const detail = `"priority" is a whole number from -${HIGHEST_PRIORITY} to ${HIGHEST_PRIORITY}; 0 is usual.`;
    throw new Problem('bad_request', detail);
  }
  const what = { sceneId: scene.toLowerCase(), modelId: model, parameters: parseParameters(parameters) };
  return { ...what, priority: priority as number };
}

async function readyScene(db: Queryable, id: string): Promise<ReadyScene> {
  const scene = await getScene(db, id);
  if (!scene) throw new Problem('not_found', `There is no scene with the id "${id}".`);
  return requireReady(scene);
}

/** Throws `conflict` for a scene that is not ready to be mapped. */
function queryReview(request: Request): ReviewFilter | undefined {
  const review = queryText(request, 'review');
  if (review === undefined || Object.hasOwn(REVIEW_FILTERS, review)) return review as ReviewFilter | undefined;
  throw new Problem('bad_request', `review is ${Object.keys(REVIEW_FILTERS).join(', ')}, not "${shorten(review)}".`);
}

export function requireReady(scene: Scene): ReadyScene {
  if (scene.state === 'refused') {
    throw new Problem('conflict', `The scene was refused: ${scene.problem?.detail ?? 'its file cannot be used.'}`);
  }
  if (!isReady(scene)) {
    throw new Problem('conflict', 'The scene is still being read; ask again once it is ready.');
  }
  return scene;
}

function requestedModel(models: readonly ModelJson[], named: string | undefined, scene: ReadyScene): ModelJson {
  const id = named ?? chooseModel(scene.gsd_m, models)?.id;
  const model = models.find((candidate) => candidate.id === id);
  if (model) return model;
  const known = models.map((candidate) => candidate.id).join(', ') || 'none is installed';
  throw new Problem('bad_request', `There is no model "${shorten(id ?? '')}". Known are: ${known}.`);
}
