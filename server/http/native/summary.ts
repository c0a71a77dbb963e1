/** What a finished job's map says of the place: figures as JSON, and the rows behind them as CSV and GeoJSON. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Request, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { SUMMARY_TABLES, type SummaryTable } from '../../api/summary.ts';
import { csvText, geoJsonText } from '../../export/text.ts';
import type { Queryable } from '../../store/database/database.ts';
import { getScene, type Scene } from '../../store/tables/scenes.ts';
import { type SummedJob, summedJob } from '../../summary/parts.ts';
import { summarize } from '../../summary/summarize.ts';
import { summaryTable } from '../../summary/tables.ts';
import { databaseOf } from '../core/caller.ts';
import { heavy } from '../core/heavy-lanes.ts';
import { refuseDamaged, requestedJob } from '../core/load-from-path.ts';
import { noQuery, pathParameter } from '../core/request.ts';
import { attach, downloadName } from './download-name.ts';

const FORMATS = {
  csv: { text: csvText, mediaType: 'text/csv' },
  geojson: { text: geoJsonText, mediaType: 'application/geo+json' },
} as const;

export function summaryRouter(): Router {
  const router = Router();

  router.get(
    '/jobs/:id/summary',
    heavy(async (request, response) => {
      noQuery(request);
      const db = databaseOf(request);
      const { job } = await requested(db, request);
      response.set('Cache-Control', 'private, no-cache').json(await summarize(db, job));
    }),
  );

  router.get(
    '/jobs/:id/summary/:table.:format',
    heavy(async (request, response) => {
      noQuery(request);
      const db = databaseOf(request);
      const [name, ending] = [pathParameter(request, 'table'), pathParameter(request, 'format')];
      const format = Object.hasOwn(FORMATS, ending) ? FORMATS[ending as keyof typeof FORMATS] : null;
      if (!isTable(name) || !format) {
        const known = `${SUMMARY_TABLES.join(', ')}, each as ${Object.keys(FORMATS).join(' or ')}`;
        throw new Problem('not_found', `There is no such table. Known are: ${known}.`);
      }
      const { job, scene } = await requested(db, request);
      const { license, attribution } = scene;
      const table = await summaryTable(db, job, name, { license, attribution });
      attach(response, downloadName(scene.name, `-${name}.${ending}`)).type(format.mediaType);
      response.set('Cache-Control', 'private, no-cache');
      if (request.method === 'HEAD') return response.end();
      await pipeline(Readable.from(format.text([table])), response);
    }),
  );

  return router;
}

const isTable = (name: string): name is SummaryTable => (SUMMARY_TABLES as readonly string[]).includes(name);

async function requested(db: Queryable, request: Request): Promise<{ job: SummedJob; scene: Scene }> {
  const job = await requestedJob(db, request);
  refuseDamaged(job);
  const scene = await getScene(db, job.scene);
  if (job.state !== 'done' || !job.report || !scene?.bbox) {
    throw new Problem('conflict', `The job is ${job.state}; it can be summed up once it is done.`);
  }
  return { job: await summedJob(db, { id: job.id, report: job.report, bbox: scene.bbox }), scene };
}
