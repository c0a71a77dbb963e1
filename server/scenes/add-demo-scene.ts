/** The generated demo scene: a town with its exact ground truth, made once and kept in the data folder. */

import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TownOptions } from '../../synthetic/town/town.ts';
import { sha256OfFile } from '../../tiler/ingest/sha256.ts';
import type { Actor } from '../operations/caller.ts';
import { runOnce, type TaskOptions } from '../processes/child-process.ts';
import type { FileStore } from '../store/files/file-store.ts';
import { addScene, type SceneStore } from './add-scene.ts';

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

/** Makes a scene of the demo town, as if it had been uploaded; returns the scene's id. */
export async function addDemoScene(
  { files, ...store }: SceneStore & { files: FileStore },
  actor: Actor,
  folder: string,
): Promise<string> {
  const { image } = await demoScene(folder);
  const { size: bytes } = await stat(image);
  return addScene(store, actor, {
    ...{ name: DEMO_NAME, sha256: await sha256OfFile(image), bytes },
    async storeOriginal(id) {
      const key = `scenes/${id}/original.tif`;
      await mkdir(dirname(files.path(key)), { recursive: true });
      await copyFile(image, files.path(key));
      await files.put(key);
    },
  });
}
