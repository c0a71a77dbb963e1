/** Samples of a job's map, what people see at their points one after the other, and how good the map is by it. */
import express, { type Request, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { apply } from '../../../tiler/crs/geotransform.ts';
import {
  answersCsv,
  answersGeoJson,
  labelsGeoJson,
  plotsCsv,
  plotsGeoJson,
  readAnswers,
} from '../../accuracy/points-text.ts';
import { AccuracyQuery, AnswerRequest, ImportQuery, NextPointRequest, SampleRequest } from '../../api/accuracy.ts';
import type { ModelClass, NextPointJson, SampleJson } from '../../api/index.ts';
import { ListQuery, readQuery } from '../../api/query.ts';
import { check, shorten } from '../../api/schema.ts';
import { type Caller, recordDone } from '../../operations/caller.ts';
import { jobAccuracy, newestAnswered, sampleLabels, sampleRows } from '../../pipeline/job-accuracy.ts';
import { sampledGrid, sampleJob } from '../../pipeline/sample-job.ts';
import type { Queryable } from '../../store/database/database.ts';
import { transformPoints } from '../../store/tables/georeference.ts';
import type { Job } from '../../store/tables/jobs.ts';
import {
  deleteSample,
  getSample,
  pageOfSamples,
  pointsOf,
  progressOf,
  putAnswers,
  type Sample,
  takeNextPoint,
} from '../../store/tables/samples.ts';
import { getScene } from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf, isKnown } from '../core/caller.ts';
import { heavy } from '../core/heavy-lanes.ts';
import { classesOfJob } from '../core/job-classes.ts';
import { sendList } from '../core/list-page.ts';
import { refuseDamaged, requestedJob } from '../core/load-from-path.ts';
import { noQuery, pathId, pathParameter } from '../core/request.ts';
import { accuracyHtml } from '../html/accuracy-page.ts';
import { wantsPage } from '../html/page.ts';
import { attach, downloadName } from './download-name.ts';
import { BODY_LIMIT } from './jobs.ts';

const FILES = {
  'plots.csv': async (db: Queryable, sample: Sample) => plotsCsv(await plotsOf(db, sample)),
  'plots.geojson': async (db: Queryable, sample: Sample) => plotsGeoJson(await plotsOf(db, sample)),
  'answers.csv': async (db: Queryable, sample: Sample) => answersCsv(await sampleRows(db, sample)),
  'answers.geojson': async (db: Queryable, sample: Sample) => answersGeoJson(await sampleRows(db, sample)),
  'labels.geojson': async (db: Queryable, sample: Sample) => labelsGeoJson(await sampleLabels(db, sample)),
} as const;

const FILE_BODY = { limit: '16mb', type: ['text/csv', 'application/geo+json', 'application/json', 'text/plain'] };

export function samplesRouter({
  files,
  models,
  drawUnits,
}: Pick<AppContext, 'files' | 'models' | 'drawUnits'>): Router {
  const router = Router();

  router.post(
    '/jobs/:id/samples',
    express.json({ limit: BODY_LIMIT }),
    heavy(async (request, response) => {
      noQuery(request);
      const db = databaseOf(request);
      const job = await requestedJob(db, request);
      refuseDamaged(job);
      const wanted = check(SampleRequest, request.body ?? {});
      const sampled = { job, scene: await getScene(db, job.scene), classes: classesOfJob(models, job) };
      const sample = await sampleJob({ files, drawUnits }, db, callerOf(request), sampled, wanted);
      response
        .status(201)
        .location(`/jobs/${job.id}/samples/${sample.id}`)
        .json((await described(db, job, [sample]))[0]);
    }),
  );

  router.get('/jobs/:id/samples', async (request, response) => {
    const page = readQuery(ListQuery, request.query);
    const db = databaseOf(request);
    const job = await requestedJob(db, request);
    const { rows, next } = await pageOfSamples(db, job.id, page);
    sendList(request, response.set('Cache-Control', 'no-store'), await described(db, job, rows), next);
  });

  router.get('/jobs/:id/samples/:sample', async (request, response) => {
    noQuery(request);
    const db = databaseOf(request);
    const { job, sample } = await requestedSample(db, request);
    response.set('Cache-Control', 'no-store').json((await described(db, job, [sample]))[0]);
  });

  router.delete('/jobs/:id/samples/:sample', async (request, response) => {
    noQuery(request);
    const db = databaseOf(request);
    const { job, sample } = await requestedSample(db, request);
    await db.transaction(async (q) => {
      if (!(await deleteSample(q, job.id, sample.id))) return;
      await recordDone(q, callerOf(request), 'sample_deleted', sample.id, { job: job.id });
    });
    response.status(204).end();
  });

  router.post('/jobs/:id/samples/:sample/next', express.json({ limit: '1kb' }), async (request, response) => {
    noQuery(request);
    const db = databaseOf(request);
    const { job, sample } = await requestedSample(db, request);
    const reviewer = reviewerOf(callerOf(request), check(NextPointRequest, request.body ?? {}).reviewer);
    const point = await db.transaction((q) => takeNextPoint(q, sample.id, reviewer));
    const { grid } = sampledGrid(job, await getScene(db, job.scene));
    const corners = point && [[0, 0], [0, 1], [1, 1], [1, 0]].map(([x, y]) => apply(grid.geotransform, point.x + x!, point.y + y!)); // biome-ignore format: one line
    response.set('Cache-Control', 'no-store').json({
      point: point && {
        ...{ number: point.number, lon: point.lon, lat: point.lat },
        pixel: await transformPoints(db, corners!, grid.epsg, 4326),
      },
      progress: (await progressOf(db, [sample.id])).get(sample.id)!,
    } satisfies NextPointJson);
  });

  router.post('/jobs/:id/samples/:sample/answers', express.json({ limit: '4kb' }), async (request, response) => {
    noQuery(request);
    const db = databaseOf(request);
    const { job, sample } = await requestedSample(db, request);
    const answer = check(AnswerRequest, request.body ?? {});
    const { point, class: seen, seconds = null } = answer;
    checkClasses(classesOfJob(models, job), [seen]);
    const points = await pointsOf(db, sample.id);
    if (point > points.length) throw new Problem('bad_request', `The sample has points from 1 to ${points.length}.`);
    const caller = callerOf(request);
    const reviewer = reviewerOf(caller, answer.reviewer);
    await db.transaction(async (q) => {
      await putAnswers(q, sample.id, [{ point, reviewer, class: seen, seconds, at: null }]);
      await recordDone(q, caller, 'sample_answered', sample.id, { job: job.id, point, class: seen });
    });
    response.json((await progressOf(db, [sample.id])).get(sample.id));
  });

  router.post('/jobs/:id/samples/:sample/import', express.text(FILE_BODY), async (request, response) => {
    const { column } = readQuery(ImportQuery, request.query);
    const db = databaseOf(request);
    const { job, sample } = await requestedSample(db, request);
    const caller = callerOf(request);
    const given = readAnswers(typeof request.body === 'string' ? request.body : '', column);
    const classes = classesOfJob(models, job);
    const points = await pointsOf(db, sample.id);
    const answers = given.map(({ plot, lon, lat, reviewer, class: seen, seconds, at }) => {
      const point = plot === null ? undefined : points[plot - 1];
      if (!point) {
        throw new Problem(
          'bad_request',
          `There is no point ${plot ?? 'without a number'}; "plotid" is from 1 to ${points.length}.`,
        );
      }
      if (isElsewhere(point, lon, lat)) {
        throw new Problem('bad_request', `Point ${plot} of the file lies elsewhere: it is one of another sample.`);
      }
      const named = classes.find(({ name }) => name.toLowerCase() === seen?.toLowerCase())?.name ?? seen;
      return { point: point.number, reviewer: reviewer ?? caller.name, class: named, seconds, at };
    });
    checkClasses(classes, answers.map((each) => each.class)); // biome-ignore format: one line
    // Of one person and point the last one counts: a statement may change a row once.
    const last = new Map(answers.map((answer) => [JSON.stringify([answer.point, answer.reviewer]), answer]));
    await db.transaction(async (q) => {
      await putAnswers(q, sample.id, [...last.values()]);
      await recordDone(q, caller, 'sample_answered', sample.id, { job: job.id, points: last.size });
    });
    response.json({ answers: last.size, progress: (await progressOf(db, [sample.id])).get(sample.id) });
  });

  router.get('/jobs/:id/samples/:sample/:file.:format', async (request, response) => {
    noQuery(request);
    const db = databaseOf(request);
    const { job, sample } = await requestedSample(db, request);
    const name = `${pathParameter(request, 'file')}.${pathParameter(request, 'format')}`;
    if (!Object.hasOwn(FILES, name)) {
      throw new Problem('not_found', `There is no such file. Known are: ${Object.keys(FILES).join(', ')}.`);
    }
    const text = await FILES[name as keyof typeof FILES](db, sample);
    const scene = await getScene(db, job.scene);
    attach(response, downloadName(scene!.name, `-${name}`));
    response
      .type(name.endsWith('.csv') ? 'text/csv' : 'application/geo+json')
      .set('Cache-Control', 'no-store')
      .send(text);
  });

  router.get(
    '/jobs/:id/accuracy',
    heavy(async (request, response) => {
      const { sample: named } = readQuery(AccuracyQuery, request.query);
      const db = databaseOf(request);
      const job = await requestedJob(db, request);
      refuseDamaged(job);
      const sample = named === undefined ? await newestAnswered(db, job) : await getSample(db, job.id, named);
      if (!sample) throw new Problem('not_found', NO_SAMPLE);
      const found = await jobAccuracy(db, job, sample);
      if (wantsPage(request)) return accuracyHtml(request, response, (await getScene(db, job.scene))!.name, found);
      response.set('Cache-Control', 'private, no-cache').vary('Accept').json(found);
    }),
  );

  return router;

  async function described(db: Queryable, job: Job, samples: readonly Sample[]): Promise<SampleJson[]> {
    const progress = await progressOf(db, samples.map(({ id }) => id)); // biome-ignore format: one line
    const classes = classesOfJob(models, job).map(({ name, color }) => ({ name, color }));
    return samples.map((sample) => ({ ...sample, progress: progress.get(sample.id)!, classes }));
  }
}

const NO_SAMPLE =
  'Nobody has looked at a sample of this map: draw one with POST /jobs/{id}/samples, and answer its points.';

async function requestedSample(db: Queryable, request: Request): Promise<{ job: Job; sample: Sample }> {
  const job = await requestedJob(db, request);
  const id = pathId(request, 'sample', 'sample');
  const sample = await getSample(db, job.id, id);
  if (!sample) throw new Problem('not_found', `The job has no sample with the id "${id}".`);
  return { job, sample };
}

/** Who looks: of a service with tokens, whose token it is. */
function reviewerOf(caller: Caller, given: string | undefined): string {
  if (!isKnown(caller)) return given ?? caller.name;
  if (given === undefined || given === caller.name) return caller.name;
  throw new Problem('bad_request', `You answer as "${caller.name}", the name of your token: leave "reviewer" out.`);
}

function checkClasses(classes: readonly ModelClass[], seen: readonly (string | null)[]): void {
  const known = classes.map(({ name }) => name);
  const stray = seen.find((name) => name !== null && !known.includes(name));
  if (stray === undefined || stray === null) return;
  throw new Problem('bad_request', `There is no class "${shorten(stray)}". Known are: ${known.join(', ')}.`);
}

const plotsOf = async (db: Queryable, { id }: Sample) =>
  (await pointsOf(db, id)).map(({ number, lon, lat }) => ({ plot: number, lon, lat }));

/** What other programs may round coordinates to. */
const NEAR_DEGREES = 1e-5;
const isElsewhere = (point: { lon: number; lat: number }, lon: number | null, lat: number | null): boolean =>
  lon !== null &&
  lat !== null &&
  (Math.abs(point.lon - lon) > NEAR_DEGREES || Math.abs(point.lat - lat) > NEAR_DEGREES);
