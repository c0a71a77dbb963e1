/** The generated demo scene: a town with its exact ground truth, made once and kept in the data folder. */

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TownOptions } from '../../synthetic/town/town.ts';
import { sha256OfFile } from '../../tiler/ingest/sha256.ts';
import { runOnce, type TaskOptions } from '../processes/child-process.ts';
import type { Queue } from '../queue/queue.ts';
import type { Transactional } from '../store/database/database.ts';
import type { FileStore } from '../store/files/file-store.ts';
import { findSceneBySha256, insertScene, type NoteScene } from '../store/tables/scenes.ts';

export const DEMO_NAME = 'Demo town.tif';
export const DEMO_TOWN: TownOptions = { seed: 7, width: 2048, height: 2048, gsdMetres: 0.5 };

const TOWN_LIMITS = { memoryBytes: 2 * 2 ** 30, wallMs: 10 * 60_000 };

export interface DemoScene {
  image: string;
  /** Class map on the image's grid. */
  truth: string;
}

/** Paths of the demo scene below `folder`, which is generated first where it is missing. */
export async function demoScene(folder: string, options: TaskOptions<number> = {}): Promise<DemoScene> {
  const { seed, width, height } = DEMO_TOWN;
  const town = join(folder, `town-${seed}-${width}x${height}`);
  const scene = { image: join(town, 'image.tif'), truth: join(town, 'truth.tif') };
  if (existsSync(town)) return scene;
  const partial = `${town}.${process.pid}`;
  try {
    await mkdir(partial, { recursive: true });
    const entry = fileURLToPath(new URL('../processes/town-entry.ts', import.meta.url));
    await runOnce({ name: 'town', entry, ...TOWN_LIMITS }, 'town', { folder: partial, options: DEMO_TOWN }, options);
    await rename(partial, town);
    return scene;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Makes a scene of the demo town, as if it had been uploaded, and enqueues its ingest; returns the scene's id. */
export async function addDemoScene(
  { db, files, queue }: { db: Transactional; files: FileStore; queue: Queue },
  folder: string,
  note: NoteScene,
): Promise<string> {
  const { image } = await demoScene(folder);
  const sha256 = await sha256OfFile(image);
  const existing = await findSceneBySha256(db, sha256);
  if (existing) return existing.id;
  const id = randomUUID();
  const key = `scenes/${id}/original.tif`;
  const original = files.path(key);
  await mkdir(dirname(original), { recursive: true });
  await copyFile(image, original);
  const { size: bytes } = await stat(original);
  await files.put(key);
  await db.transaction(async (q) => {
    await insertScene(q, { id, name: DEMO_NAME, upload: null, sha256, bytes });
    await note(q, { id, name: DEMO_NAME, bytes });
  });
  await queue.enqueueIngest(id);
  return id;
}
