/** For tests of jobs: an image file becomes a ready scene, and a network is run over it. */
import { randomUUID } from 'node:crypto';
import { mkdir, stat, symlink } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Network } from '../../models/registry.ts';
import type { JobReport } from '../../server/api/index.ts';
import { parseParameters } from '../../server/pipeline/job-parameters.ts';
import { runWhole } from '../../server/pipeline/pipeline.ts';
import { ingestScene } from '../../server/scenes/ingest-scene.ts';
import { isReady, type ReadyScene } from '../../server/scenes/ready-scene.ts';
import { insertJob } from '../../server/store/tables/jobs.ts';
import { getScene, insertScene } from '../../server/store/tables/scenes.ts';
import type { PipelineTools } from '../../server/tools.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';

export const GSD_M = 0.5;

/** A gray picture in UTM zone 33N with patches of other colours, in pixels. */
export async function writePatches(
  path: string,
  { width, height }: { width: number; height: number },
  patches: readonly { x: number; y: number; side: number; colour: readonly [number, number, number] }[],
): Promise<void> {
  const pixels = new Uint8Array(width * height * 3).fill(90);
  for (const patch of patches) {
    for (let y = patch.y; y < patch.y + patch.side; y++) {
      for (let x = patch.x; x < patch.x + patch.side; x++) pixels.set(patch.colour, (y * width + x) * 3);
    }
  }
  const writer = await createTiffWriter(path, {
    ...{ width, height, bands: 3, compression: 'deflate', overviews: 'none', epsg: 32633 },
    geotransform: [500_000, GSD_M, 0, 5_400_000, 0, -GSD_M],
  });
  await writer.writeRows(height, pixels);
  await writer.finish();
}

const context = { signal: new AbortController().signal, progress: () => {} };

export async function sceneOf(tools: PipelineTools, image: string): Promise<ReadyScene> {
  const { db, files } = tools;
  const id = randomUUID();
  await mkdir(files.path(`scenes/${id}`), { recursive: true });
  await symlink(image, files.path(`scenes/${id}/original.tif`));
  const sha256 = id.replaceAll('-', '').repeat(2);
  await insertScene(db, { id, name: basename(image), upload: null, sha256, bytes: (await stat(image)).size });
  await ingestScene(tools, (await getScene(db, id))!, context);
  const scene = await getScene(db, id);
  if (!scene || !isReady(scene)) throw new Error('not ready');
  return scene;
}

export async function mapped(
  tools: PipelineTools,
  scene: ReadyScene,
  network: Network,
  parameters: object = {},
): Promise<JobReport> {
  const id = randomUUID();
  await insertJob(tools.db, { id, scene: scene.id, model: network.id, parameters: { ...parameters } });
  const job = { id, scene, network, parameters: parseParameters(parameters), modelReason: 'asked for' };
  return runWhole(tools, job, context);
}
