/** Jobs: a network run over a scene with fixed parameters; started, watched, cancelled, retried, deleted. */

import { randomInt } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import express, { Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { parseDatetime } from '../../api/datetime.ts';
import { ExportQuery, JobRequest, JobsQuery, ProofRequest } from '../../api/jobs.ts';
import { readQuery } from '../../api/query.ts';
import { check } from '../../api/schema.ts';
import { EXPORT_FORMATS, exportFormat } from '../../export/export.ts';
import { mapsThere, packageJob } from '../../export/package.ts';
import { recordDone } from '../../operations/caller.ts';
import { deleteJob } from '../../pipeline/delete-job.ts';
import { extraMaps } from '../../pipeline/extra-maps.ts';
import { knownAccuracy } from '../../pipeline/job-accuracy.ts';
import { retryJob, startJob } from '../../pipeline/start-job.ts';
import { isJobWithin } from '../../store/tables/captured-at.ts';
import { coveringCollection } from '../../store/tables/feature-tables.ts';
import { type Job, pageOfJobs } from '../../store/tables/jobs.ts';
import { getScene, sceneJson } from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf } from '../core/caller.ts';
import { heavy } from '../core/heavy-lanes.ts';
import { sendList } from '../core/list-page.ts';
import { describeJob, describeJobs, refuseDamaged, requestedJob } from '../core/load-from-path.ts';
import { noQuery, pathParameter } from '../core/request.ts';
import { attach, downloadName } from './download-name.ts';
import { exportOnce } from './export-once.ts';

const MAPS = {
  'classes.tif': { title: 'class map', extra: null },
  'scores.tif': { title: 'score map', extra: null },
  'probabilities.tif': { title: 'probabilities', extra: 'probabilities' },
  'features.tif': { title: 'feature layer', extra: 'features' },
} as const;

/** An area of interest may have many points. */
export const BODY_LIMIT = '4mb';

export function jobsRouter(deps: AppContext): Router {
  const { files, queue } = deps;
  const router = Router();

  router.post('/jobs', express.json({ limit: BODY_LIMIT, strict: false }), async (request, response) => {
    const db = databaseOf(request);
    const job = await startJob(deps, db, callerOf(request), check(JobRequest, request.body));
    response
      .status(202)
      .location(`/jobs/${job.id}`)
      .json(await describeJob(db, job));
  });

  router.get('/jobs', async (request, response) => {
    const db = databaseOf(request);
    const { scene, ...page } = readQuery(JobsQuery, request.query);
    const { rows: jobs, next } = await pageOfJobs(db, { scene }, page);
    sendList(request, response, await describeJobs(db, jobs), next);
  });

  router.get('/jobs/:id', async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    response.set('Cache-Control', 'no-cache').json(await describeJob(db, await requestedJob(db, request)));
  });

  router.post('/jobs/:id/cancel', async (request, response) => {
    const db = databaseOf(request);
    const job = await requestedJob(db, request);
    if (job.state === 'done' || job.state === 'failed') {
      throw new Problem('conflict', `The job is ${job.state}; only queued and running jobs can be cancelled.`);
    }
    if (job.state !== 'cancelled') {
      await queue.cancel(job.id, (q) => recordDone(q, callerOf(request), 'job_cancelled', job.id));
    }
    response.json(await describeJob(db, await requestedJob(db, request)));
  });

  router.post('/jobs/:id/retry', async (request, response) => {
    const db = databaseOf(request);
    await retryJob(deps, db, callerOf(request), await requestedJob(db, request));
    response.status(202).json(await describeJob(db, await requestedJob(db, request)));
  });

  router.post(
    '/jobs/:id/prove',
    express.json({ limit: '1kb' }),
    heavy(async (request, response) => {
      const db = databaseOf(request);
      const job = await requestedJob(db, request);
      const { seed = randomInt(2 ** 31), windows } = check(ProofRequest, request.body ?? {});
      response.json(await deps.prove(job.id, { seed, windows }));
    }),
  );

  router.delete('/jobs/:id', async (request, response) => {
    const db = databaseOf(request);
    await deleteJob(deps, db, callerOf(request), await requestedJob(db, request));
    response.status(204).end();
  });

  for (const [file, { title, extra }] of Object.entries(MAPS)) {
    router.get(`/jobs/:id/${file}`, async (request, response) => {
      const db = databaseOf(request);
      const job = await requestedJob(db, request);
      refuseDamaged(job);
      if (job.state !== 'done') {
        throw new Problem('conflict', `The job is ${job.state}; the ${title} can be had once it is done.`);
      }
      if (extra && !extraMaps(job.parameters).includes(extra)) {
        const how = `POST /jobs with "parameters": {"${extra}": true}`;
        throw new Problem('not_found', `The job was not asked for its ${title}: ${how}.`);
      }
      const path = await files.fetch(`jobs/${job.id}/${file}`);
      attach(response, downloadName((await getScene(db, job.scene))!.name, `-${file}`));
      response.set('Cache-Control', 'private, no-cache');
      // The data folder may lie below a folder whose name starts with a dot.
      const options = { dotfiles: 'allow' as const, headers: { 'Content-Type': 'image/tiff; application=geotiff' } };
      response.sendFile(path, options);
    });
  }

  /** Written on first request and kept with the job, which never changes; ranges are answered, as PMTiles needs. */
  router.get(
    '/jobs/:id/export.:format',
    heavy(async (request, response) => {
      const db = databaseOf(request);
      const { collection, review, datetime } = readQuery(ExportQuery, request.query);
      const interval = datetime === undefined ? null : parseDatetime(datetime);
      const format = exportFormat(`.${pathParameter(request, 'format')}`);
      if (!format) {
        const known = EXPORT_FORMATS.map(({ ending }) => ending.slice(1)).join(', ');
        throw new Problem('not_found', `There is no such format. Known are: ${known}.`);
      }
      const job = await requestedJob(db, request);
      refuseDamaged(job);
      if (job.state !== 'done') {
        throw new Problem('conflict', `The job is ${job.state}; its features can be had once it is done.`);
      }
      const none = interval !== null && !(await isJobWithin(db, job.id, interval));
      const usual = format.layered ? undefined : await coveringCollection(db, job.id);
      const wanted = { collection: collection ?? usual, review, none };
      const path = await exportOnce(request, files, job, format, wanted);
      const which = [wanted.collection, review].filter((each) => each !== undefined).map((each) => `-${each}`);
      attach(response, downloadName((await getScene(db, job.scene))!.name, `${which.join('')}${format.ending}`));
      response.set('Cache-Control', 'private, no-cache');
      response.sendFile(path, { dotfiles: 'allow', headers: { 'Content-Type': format.mediaType } });
    }),
  );

  /** Written while it is read: nothing of it is kept. */
  router.get(
    '/jobs/:id/package.zip',
    heavy(async (request, response) => {
      noQuery(request);
      const db = databaseOf(request);
      const job = await requestedJob(db, request);
      refuseDamaged(job);
      if (job.state !== 'done' || !job.report) {
        throw new Problem('conflict', `The job is ${job.state}; it can be had whole once it is done.`);
      }
      const scene = (await getScene(db, job.scene))!;
      const { bytes, stream } = await packageJob({
        job: { ...job, report: job.report },
        scene: sceneJson(scene),
        modelLicense: await licenseOf(deps, job),
        geopackage: await exportOnce(request, files, job, exportFormat('.gpkg')!),
        maps: await mapsThere(files, job),
        accuracy: await knownAccuracy(db, job),
      });
      attach(response, downloadName(scene.name, '.zip')).type('application/zip');
      response.set({ 'Cache-Control': 'private, no-cache', 'Content-Length': String(bytes) });
      if (request.method === 'HEAD') return response.end();
      await pipeline(Readable.fromWeb(stream as WebStream), response);
    }),
  );

  return router;
}

/** As the network's manifest names it, where it is still the one that ran. */
async function licenseOf({ models, networks }: AppContext, { model: id, report }: Job): Promise<string | null> {
  const model = models.find((each) => each.id === id);
  if (!model || (report?.parameters?.precision !== 'int8' && report?.model_sha256 !== model.sha256)) return null;
  const { properties } = (await networks.manifest(id)) as { properties?: { license?: unknown } };
  return typeof properties?.license === 'string' ? properties.license : null;
}
