/** Jobs and scenes with all that came from them → gone: rows, maps, exports, images. */
import { Problem } from '../../errors/problem.ts';
import { type Actor, recordDone } from '../operations/caller.ts';
import type { Queue } from '../queue/queue.ts';
import type { Transactional } from '../store/database/database.ts';
import { type FileStore, filesBelow } from '../store/files/file-store.ts';
import { countFeatures } from '../store/tables/features.ts';
import { deleteJob as deleteJobRow, type Job, listJobs } from '../store/tables/jobs.ts';
import { deleteScene as deleteSceneRow, type Scene } from '../store/tables/scenes.ts';

export interface DeleteTools {
  files: FileStore;
  queue: Pick<Queue, 'cancel'>;
}

/** Ends a job and removes its features, its row, its maps, its exports and the chips that were kept of it. */
export async function deleteJob(
  { files, queue }: DeleteTools,
  db: Transactional,
  actor: Actor,
  job: Job,
): Promise<void> {
  if (job.state === 'queued' || job.state === 'running') {
    await queue.cancel(job.id).catch((error) => {
      // It came to its end by itself meanwhile.
      if (!(error instanceof Problem && error.code === 'conflict')) throw error;
    });
  }
  const folder = `jobs/${job.id}`;
  const details = {
    scene: job.scene,
    features: await countFeatures(db, job.id),
    files: await filesBelow(files, folder),
  };
  await db.transaction(async (q) => {
    await deleteJobRow(q, job.id);
    await recordDone(q, actor, 'job_deleted', job.id, details);
  });
  await files.remove(folder);
}

/** Ends what runs on a scene, then removes its jobs, working copy and original. Throws `conflict` while it is read. */
export async function deleteScene(tools: DeleteTools, db: Transactional, actor: Actor, scene: Scene): Promise<void> {
  if (scene.state === 'uploaded' || scene.state === 'ingesting') {
    throw new Problem('conflict', 'The scene is still being read; delete it once it is ready or refused.');
  }
  const { files } = tools;
  for (const job of await listJobs(db, { scene: scene.id })) await deleteJob(tools, db, actor, job);
  const folder = `scenes/${scene.id}`;
  const details = { name: scene.name, bytes: scene.bytes, files: await filesBelow(files, folder) };
  await db.transaction(async (q) => {
    await deleteSceneRow(q, scene.id);
    await recordDone(q, actor, 'scene_deleted', scene.id, details);
  });
  await files.remove(folder);
}
