/** Scenes: listed, described, deleted with all that came from them, and the generated demo scene. */
import { Router } from 'express';
import { Problem } from '../../tiler/problem.ts';
import { listJobs } from '../store/jobs.ts';
import { deleteScene, findSceneByUpload, getScene, listScenes, sceneJson } from '../store/scenes.ts';
import type { AppDependencies } from './dependencies.ts';
import { discardJob, requireReady } from './jobs.ts';
import { requestedScene } from './lookup.ts';
import { onlyQuery, queryText } from './request.ts';
import type { PreflightJson } from './types.ts';

export function scenesRouter(deps: AppDependencies): Router {
  const { db, files, createDemoScene } = deps;
  const router = Router();

  router.get('/scenes', async (request, response) => {
    onlyQuery(request, ['upload']);
    const upload = queryText(request, 'upload');
    if (upload === undefined) {
      response.json((await listScenes(db)).map(sceneJson));
      return;
    }
    const scene = await findSceneByUpload(db, upload);
    response.json(scene ? [sceneJson(scene)] : []);
  });

  router.post('/scenes/demo', async (_request, response) => {
    const id = await createDemoScene();
    const scene = await getScene(db, id);
    if (!scene) throw new Error(`the demo scene ${id} is not in the database`);
    response.status(202).location(`/scenes/${id}`).json(sceneJson(scene));
  });

  router.get('/scenes/:id', async (request, response) => {
    onlyQuery(request, []);
    response.set('Cache-Control', 'no-cache').json(sceneJson(await requestedScene(db, request)));
  });

  router.get('/scenes/:id/preflight', async (request, response) => {
    onlyQuery(request, []);
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
  });

  /** Ends what runs on the scene, then removes its features, jobs, maps, tiles, working copy and original. */
  router.delete('/scenes/:id', async (request, response) => {
    const scene = await requestedScene(db, request);
    if (scene.state === 'uploaded' || scene.state === 'ingesting') {
      throw new Problem('conflict', 'The scene is still being read; delete it once it is ready or refused.');
    }
    for (const job of await listJobs(db, { scene: scene.id })) await discardJob(deps, job);
    await deleteScene(db, scene.id);
    await files.remove(`scenes/${scene.id}`);
    response.status(204).end();
  });

  return router;
}
