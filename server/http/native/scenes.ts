/** Scenes: listed, described, deleted with all that came from them, and the generated demo scene. */
import express, { Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { crsOfText } from '../../../tiler/ingest/locate.ts';
import type { PreflightJson, RemadeJson } from '../../api/index.ts';
import { readQuery } from '../../api/query.ts';
import { RemoteSceneRequest as RequestSchema, SceneChanges, ScenesQuery } from '../../api/scenes.ts';
import { check } from '../../api/schema.ts';
import { recordDone } from '../../operations/caller.ts';
import { deleteScene } from '../../pipeline/delete-job.ts';
import type { RemoteSceneRequest } from '../../scenes/add-remote-scene.ts';
import { fileName } from '../../scenes/file-name.ts';
import { requireReady } from '../../scenes/ready-scene.ts';
import { fetchWorking } from '../../scenes/working-copy.ts';
import { listJobs } from '../../store/tables/jobs.ts';
import { findSceneByUpload, getScene, pageOfScenes, sceneJson, updateScene } from '../../store/tables/scenes.ts';
import { removeExports } from '../../store/tables/usage.ts';
import type { AppContext } from '../core/app-context.ts';
import { callerOf, databaseOf } from '../core/caller.ts';
import { heavy } from '../core/heavy-lanes.ts';
import { sendList } from '../core/list-page.ts';
import { requestedScene } from '../core/load-from-path.ts';
import { noQuery } from '../core/request.ts';
import { attach, downloadName } from './download-name.ts';

const COG = 'image/tiff; application=geotiff; profile=cloud-optimized';

export function scenesRouter(deps: AppContext): Router {
  const { files, addDemoScene, addRemoteScene } = deps;
  const router = Router();

  router.get('/scenes', async (request, response) => {
    const db = databaseOf(request);
    const { upload, ...page } = readQuery(ScenesQuery, request.query);
    if (upload === undefined) {
      const { rows, next } = await pageOfScenes(db, page);
      sendList(request, response, rows.map(sceneJson), next);
      return;
    }
    const scene = await findSceneByUpload(db, upload);
    response.json(scene ? [sceneJson(scene)] : []);
  });

  /** An image elsewhere, by its address: not copied, read where it lies. */
  router.post('/scenes', express.json({ limit: '16kb' }), async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    const id = await addRemoteScene(db, callerOf(request), remoteRequest(request.body));
    const scene = await getScene(db, id);
    if (!scene) throw new Error(`the scene ${id} is not in the database`);
    response.status(202).location(`/scenes/${id}`).json(sceneJson(scene));
  });

  router.post('/scenes/demo', async (request, response) => {
    const db = databaseOf(request);
    const id = await addDemoScene(db, callerOf(request));
    const scene = await getScene(db, id);
    if (!scene) throw new Error(`the demo scene ${id} is not in the database`);
    response.status(202).location(`/scenes/${id}`).json(sceneJson(scene));
  });

  router.get('/scenes/:id', async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    response.set('Cache-Control', 'no-cache').json(sceneJson(await requestedScene(db, request)));
  });

  router.patch('/scenes/:id', express.json({ limit: '16kb' }), async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    const { id } = await requestedScene(db, request);
    const changes = check(SceneChanges, request.body);
    await db.transaction(async (q) => {
      await updateScene(q, id, changes);
      await recordDone(q, callerOf(request), 'scene_changed', id, { ...changes });
    });
    // Exports name the source: those that were kept name what was said before.
    for (const job of await listJobs(db, { scene: id })) await removeExports(db, files, job.id);
    response.json(sceneJson((await getScene(db, id))!));
  });

  router.get('/scenes/:id/image.tif', async (request, response) => {
    const db = databaseOf(request);
    const scene = requireReady(await requestedScene(db, request));
    if (scene.report.inPlace)
      throw new Problem('conflict', 'The image was not copied; "url" of the scene says where it lies.');
    const path = await fetchWorking(files, scene);
    attach(response, downloadName(scene.name, '.tif')).set('Cache-Control', 'private, no-cache');
    response.sendFile(path, { dotfiles: 'allow', headers: { 'Content-Type': COG } });
  });

  router.get(
    '/scenes/:id/preflight',
    heavy(async (request, response) => {
      const db = databaseOf(request);
      noQuery(request);
      const scene = requireReady(await requestedScene(db, request));
      const { name, bytes, report, gsd_m } = scene;
      const facts = {
        file: name,
        size: bytes,
        width: report.width,
        height: report.height,
        bands: report.bands,
        dtype: report.dtype,
        srs: `EPSG:${scene.epsg}`,
        gsd_m,
        nodata: report.nodata,
        footprint: scene.footprint!,
      };
      const body: PreflightJson = { ...facts, ...(await deps.preflight(scene)) };
      response.set('Cache-Control', 'no-cache').json(body);
    }),
  );

  /** Makes the working copy again, of which something was damaged. */
  router.post('/scenes/:id/retry', async (request, response) => {
    const db = databaseOf(request);
    noQuery(request);
    const scene = await requestedScene(db, request);
    const { key: _, ...remade } = await deps.remakeWorkingCopy(requireReady(scene));
    await recordDone(db, callerOf(request), 'scene_remade', scene.id, { bytes: remade.bytes });
    const body: RemadeJson = remade;
    response.json(body);
  });

  /** Ends what runs on the scene, then removes its features, jobs, maps, tiles, working copy and original. */
  router.delete('/scenes/:id', async (request, response) => {
    const db = databaseOf(request);
    const scene = await requestedScene(db, request);
    await deleteScene(deps, db, callerOf(request), scene);
    response.status(204).end();
  });

  return router;
}

function remoteRequest(body: unknown): RemoteSceneRequest {
  const { url, srs, name, ...rights } = check(RequestSchema, body);
  const epsg = srs === undefined ? null : crsOfText(srs).epsg;
  return {
    url,
    name: fileName(name ?? lastPart(url)),
    ...(srs !== undefined && { srs: epsg === null ? srs : `EPSG:${epsg}` }),
    rights,
  };
}

/** Of the address's path, as people read it. */
function lastPart(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : '';
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
