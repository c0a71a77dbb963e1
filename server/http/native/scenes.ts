/** Scenes: listed, described, deleted with all that came from them, and the generated demo scene. */
import express, { type Request, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { crsOfText } from '../../../tiler/ingest/locate.ts';
import type { PreflightJson } from '../../api/index.ts';
import type { RemoteSceneRequest } from '../../scenes/add-remote-scene.ts';
import { parseRights, type SceneRights } from '../../scenes/attribution.ts';
import { fetchWorking } from '../../scenes/working-copy.ts';
import { filesBelow } from '../../store/files/file-store.ts';
import { listJobs } from '../../store/tables/jobs.ts';
import {
  deleteScene,
  findSceneByUpload,
  getScene,
  listScenes,
  type NoteScene,
  sceneJson,
  updateScene,
} from '../../store/tables/scenes.ts';
import type { AppContext } from '../core/app-context.ts';
import { databaseOf } from '../core/caller.ts';
import { requestedScene } from '../core/load-from-path.ts';
import { noteDone } from '../core/record-audit.ts';
import { onlyQuery, queryText, shorten } from '../core/request.ts';
import { discardJob, requireReady } from './jobs.ts';
import { fileName } from './uploads.ts';

const COG = 'image/tiff; application=geotiff; profile=cloud-optimized';

export function scenesRouter(deps: AppContext): Router {
  const { files, createDemoScene, addRemoteScene } = deps;
  const router = Router();

  router.get('/scenes', async (request, response) => {
    const db = databaseOf(request);
    onlyQuery(request, ['upload']);
    const upload = queryText(request, 'upload');
    if (upload === undefined) {
      response.json((await listScenes(db)).map(sceneJson));
      return;
    }
    const scene = await findSceneByUpload(db, upload);
    response.json(scene ? [sceneJson(scene)] : []);
  });

  /** An image elsewhere, by its address: not copied, read where it lies. */
  router.post('/scenes', express.json({ limit: '16kb' }), async (request, response) => {
    const db = databaseOf(request);
    onlyQuery(request, []);
    const id = await addRemoteScene(db, remoteRequest(request.body), noteAdded(request));
    const scene = await getScene(db, id);
    if (!scene) throw new Error(`the scene ${id} is not in the database`);
    response.status(202).location(`/scenes/${id}`).json(sceneJson(scene));
  });

  router.post('/scenes/demo', async (request, response) => {
    const db = databaseOf(request);
    const id = await createDemoScene(db, noteAdded(request));
    const scene = await getScene(db, id);
    if (!scene) throw new Error(`the demo scene ${id} is not in the database`);
    response.status(202).location(`/scenes/${id}`).json(sceneJson(scene));
  });

  router.get('/scenes/:id', async (request, response) => {
    const db = databaseOf(request);
    onlyQuery(request, []);
    response.set('Cache-Control', 'no-cache').json(sceneJson(await requestedScene(db, request)));
  });

  router.patch('/scenes/:id', express.json({ limit: '16kb' }), async (request, response) => {
    const db = databaseOf(request);
    onlyQuery(request, []);
    const { id } = await requestedScene(db, request);
    const changes = sceneChanges(request.body);
    await db.transaction(async (q) => {
      await updateScene(q, id, changes);
      await noteDone(q, request, 'scene_changed', id, { ...changes });
    });
    // Exports name the source: those that were kept name what was said before.
    for (const job of await listJobs(db, { scene: id })) await files.remove(`jobs/${job.id}/exports`);
    response.json(sceneJson((await getScene(db, id))!));
  });

  router.get('/scenes/:id/image.tif', async (request, response) => {
    const db = databaseOf(request);
    const scene = requireReady(await requestedScene(db, request));
    if (scene.report.inPlace)
      throw new Problem('conflict', 'The image was not copied; "url" of the scene says where it lies.');
    const path = await fetchWorking(files, scene);
    response.attachment(`${scene.id}.tif`).set('Cache-Control', 'private, no-cache');
    response.sendFile(path, { dotfiles: 'allow', headers: { 'Content-Type': COG } });
  });

  router.get('/scenes/:id/preflight', async (request, response) => {
    const db = databaseOf(request);
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
    const db = databaseOf(request);
    const scene = await requestedScene(db, request);
    if (scene.state === 'uploaded' || scene.state === 'ingesting') {
      throw new Problem('conflict', 'The scene is still being read; delete it once it is ready or refused.');
    }
    for (const job of await listJobs(db, { scene: scene.id })) await discardJob(deps, request, job);
    const removed = await filesBelow(files, `scenes/${scene.id}`);
    await db.transaction(async (q) => {
      await deleteScene(q, scene.id);
      await noteDone(q, request, 'scene_deleted', scene.id, { name: scene.name, bytes: scene.bytes, files: removed });
    });
    await files.remove(`scenes/${scene.id}`);
    response.status(204).end();
  });

  return router;
}

const noteAdded =
  (request: Request): NoteScene =>
  (q, { id, name, bytes }) =>
    noteDone(q, request, 'scene_added', id, { name, bytes });

function sceneChanges(body: unknown): Partial<SceneRights> {
  const known = 'license and attribution';
  if (typeof body !== 'object' || body === null || Array.isArray(body) || Object.keys(body).length === 0) {
    throw new Problem('bad_request', `What changes is named by a JSON object with ${known}, or one of them.`);
  }
  const { license, attribution, ...unknown } = body as Record<string, unknown>;
  const [stray] = Object.keys(unknown);
  if (stray === undefined) return parseRights({ license, attribution });
  throw new Problem('bad_request', `"${shorten(stray)}" cannot be changed; known are ${known}.`);
}

function remoteRequest(body: unknown): RemoteSceneRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Problem('bad_request', 'An image elsewhere is named by a JSON object: {"url": "https://…"}.');
  }
  const { url, srs, name, license, attribution, ...unknown } = body as Record<string, unknown>;
  const [stray] = Object.keys(unknown);
  if (stray !== undefined) {
    const known = 'url, srs, name, license and attribution';
    throw new Problem('bad_request', `There is no member "${shorten(stray)}"; known are ${known}.`);
  }
  if (typeof url !== 'string') throw new Problem('bad_request', '"url" is the address of the image.');
  for (const [key, value] of Object.entries({ srs, name })) {
    if (value !== undefined && typeof value !== 'string') throw new Problem('bad_request', `"${key}" is a text.`);
  }
  const { epsg } = srs === undefined ? { epsg: null } : crsOfText(srs as string);
  return {
    url,
    name: fileName((name as string | undefined) ?? lastPart(url)),
    ...(srs !== undefined && { srs: epsg === null ? (srs as string) : `EPSG:${epsg}` }),
    rights: parseRights({ license, attribution }),
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
