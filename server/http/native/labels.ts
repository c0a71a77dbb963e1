/** Labels that people draw on scenes, and networks taught by them. */
import { randomUUID } from 'node:crypto';
import express, { type Request, type Response, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { type LabelsAddedJson, type LabelsJson, TeachRequest } from '../../api/labels.ts';
import { check } from '../../api/schema.ts';
import { recordDone } from '../../operations/caller.ts';
import { checkLabels } from '../../operations/quotas.ts';
import { type ReadyScene, requireReady } from '../../scenes/ready-scene.ts';
import { logFault } from '../../store/files/outage-log.ts';
import { countLabels, countPositions, insertLabels, labelsOf, removeLabel } from '../../store/tables/labels.ts';
import { getScene } from '../../store/tables/scenes.ts';
import { MOST_LABEL_POSITIONS, MOST_LABELS, readDrawnLabels } from '../../teaching/read-labels.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf } from '../core/caller.ts';
import { asProblem } from '../core/errors.ts';
import { heavy } from '../core/heavy-lanes.ts';
import { requestedScene } from '../core/load-from-path.ts';
import { noQuery, pathId, pathParameter } from '../core/request.ts';

const GEOJSON = 'application/geo+json';
const LABELS_BODY = { limit: '16mb', type: ['application/json', GEOJSON] };
const EVENTS = 'text/event-stream';
/** Proxies end connections that stay silent for longer. */
const HEARTBEAT_MS = 15_000;

export function labelsRouter({ limits, teach }: Pick<AppContext, 'limits' | 'teach'>): Router {
  const router = Router();

  router.get('/scenes/:id/labels', async (request, response) => {
    noQuery(request);
    const db = databaseOf(request);
    const { id } = await requestedScene(db, request);
    const { there, ever } = await countLabels(db, id);
    // Rows stay when labels are taken back: both numbers together are never the same again.
    const tag = `"${there}-${ever}"`;
    response.set({ 'Cache-Control': 'private, no-cache', ETag: tag }).type(GEOJSON);
    if (request.headers['if-none-match']?.includes(tag)) {
      response.status(304).end();
      return;
    }
    response.send(JSON.stringify({ type: 'FeatureCollection', features: await labelsOf(db, id) } satisfies LabelsJson));
  });

  router.post('/scenes/:id/labels', express.json(LABELS_BODY), async (request, response) => {
    noQuery(request);
    const db = databaseOf(request);
    const { id: scene } = await requestedScene(db, request);
    const drawn = readDrawnLabels(request.body).map((label) => ({ ...label, id: label.id ?? randomUUID() }));
    const caller = callerOf(request);
    await db.transaction(async (q) => {
      await checkLabels(q, caller, limits, drawn.length);
      const there = await insertLabels(q, { scene, author: caller.name }, drawn);
      const other = drawn.find(({ id }) => !there.has(id));
      if (other) throw new Problem('conflict', `The label ${other.id} is there already, on another scene.`);
      await refuseTooMany(q, scene);
      await recordDone(q, caller, 'labels_added', scene, { labels: drawn.length });
    });
    const body: LabelsAddedJson = { ids: drawn.map(({ id }) => id) };
    response.status(201).json(body);
  });

  router.delete('/labels/:id', async (request, response) => {
    noQuery(request);
    const id = pathId(request, 'id', 'label');
    await databaseOf(request).transaction(async (q) => {
      const scene = await removeLabel(q, id);
      if (scene === null) throw new Problem('not_found', `There is no label with the id ${id}.`);
      await recordDone(q, callerOf(request), 'label_removed', id, { scene });
    });
    response.status(204).end();
  });

  router.post(
    '/models/:model/teach',
    express.json({ limit: '64kb' }),
    heavy(async (request, response) => {
      noQuery(request);
      const db = databaseOf(request);
      const from = pathParameter(request, 'model');
      const { scenes: ids, classes = [], ...named } = check(TeachRequest, request.body);
      const scenes: ReadyScene[] = [];
      for (const id of new Set(ids)) {
        const scene = await getScene(db, id);
        if (!scene) throw new Problem('not_found', `There is no scene with the id "${id}".`);
        scenes.push(requireReady(scene));
      }
      const labels = [];
      for (const { id } of scenes) labels.push(...(await labelsOf(db, id)).map((label) => ({ ...label, scene: id })));
      const work = teach({ from, ...named, scenes, labels, classes });
      await answer(request, response, named.id, async (options) => {
        const taught = await work(options);
        const details = { model: from, scenes: scenes.map(({ id }) => id), labels: taught.labels };
        // However long it took, it is written down.
        await db.transaction((q) => recordDone(q, callerOf(request), 'model_taught', named.id, details));
        return taught;
      });
    }),
  );

  return router;
}

/** What can be drawn on a scene can be taught by. Throws Problem quota_labels. */
async function refuseTooMany(q: Parameters<typeof countLabels>[0], scene: string): Promise<void> {
  const { there } = await countLabels(q, scene);
  const positions = await countPositions(q, scene);
  if (there <= MOST_LABELS && positions <= MOST_LABEL_POSITIONS) return;
  throw new Problem(
    'quota_labels',
    `A scene has at most ${MOST_LABELS} labels of ${MOST_LABEL_POSITIONS} positions together; with these it would have ` +
      `${there} of ${positions}. Take some back, or simplify them.`,
  );
}

/** With the answer, or, for those who ask for it, as events: how far it is, then the answer or the problem. */
async function answer(
  request: Request,
  response: Response,
  id: string,
  work: (options: { signal: AbortSignal; onProgress(share: number): void }) => Promise<object>,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  if (request.accepts(['json', EVENTS]) !== EVENTS) {
    const body = await work({ signal: gone.signal, onProgress: () => {} });
    response.status(201).location(`/models/${id}`).json(body);
    return;
  }
  response.set({ 'Content-Type': `${EVENTS}; charset=utf-8`, 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
  response.flushHeaders();
  const send = (event: string, data: object) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const heartbeat = setInterval(() => response.write(': still here\n\n'), HEARTBEAT_MS);
  try {
    send('taught', await work({ signal: gone.signal, onProgress: (share) => send('progress', { share }) }));
  } catch (error) {
    if (gone.signal.aborted) return;
    const problem = asProblem(error);
    if (problem.code === 'internal') logFault('teaching failed', error);
    send('problem', problem.toJSON());
  } finally {
    clearInterval(heartbeat);
    response.end();
  }
}
