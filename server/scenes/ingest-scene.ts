/** An upload, or the address of an image elsewhere, becomes a scene: its working copy and its place on Earth. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PROBLEMS, Problem } from '../../errors/problem.ts';
import type { IngestReport } from '../../tiler/ingest/ingest.ts';
import { RENDERING_ITEM } from '../../tiler/rendering/rendering.ts';
import { checkBytes, DEFAULT_LIMITS } from '../operations/quotas.ts';
import type { TaskOptions } from '../processes/child-process.ts';
import { describeInSandbox, ingestInSandbox } from '../processes/ingest-sandbox.ts';
import type { WorkContext } from '../queue/work-context.ts';
import { readCard, shownCard, writeCard } from '../remote/reader.ts';
import type { Queryable } from '../store/database/database.ts';
import { georeference } from '../store/tables/georeference.ts';
import { type Scene, updateScene } from '../store/tables/scenes.ts';
import { getRecord } from '../store/tables/stored-files.ts';
import { anyToken } from '../store/tables/tokens.ts';
import { storedBytes, usageOf } from '../store/tables/usage.ts';
import type { PipelineTools } from '../tools.ts';
import { type ReadyScene, requireReady } from './ready-scene.ts';
import { isOriginal, openSceneSources, remoteOriginal } from './source-files.ts';
import { workingKeyOf } from './working-copy.ts';

/** An original's working copy, or what stands in its stead, which needs no database. */
export interface CopiedScene {
  report: IngestReport;
  ms: number;
}

/**
 * Original upload → working COG, and the scene's place on Earth. Throws the file's problem; of a refused file nothing
 * is kept.
 */
export async function ingestScene(tools: PipelineTools, scene: Scene, context: WorkContext): Promise<void> {
  const { files } = tools;
  const clear = async (keep: (key: string) => boolean) => {
    const leftovers = (await files.list(`scenes/${scene.id}`)).filter((key) => !keep(key));
    for (const key of leftovers) await files.remove(key);
  };
  await clear(isOriginal); // of a run that was killed
  try {
    await ingest(tools, scene, context);
  } catch (error) {
    // What is wrong with this machine or its store is not the image's fault.
    const refused = error instanceof Problem && PROBLEMS[error.code][0] < 500 && !context.signal.aborted;
    await clear(refused ? () => false : isOriginal);
    throw error;
  }
}

/** A working copy that was made again. */
export interface Remade {
  key: string;
  bytes: number;
  sha256: string;
  /** Whether these are the bytes that were stored before; null where nothing was noted of them. */
  same: boolean | null;
}

/** Makes the working copy again where it was found to be damaged. */
export async function mendWorkingCopy(tools: PipelineTools, scene: ReadyScene, signal: AbortSignal): Promise<void> {
  const record = await getRecord(tools.db, workingKeyOf(scene));
  if (record && record.damage !== null) await remakeWorkingCopy(tools, scene, signal);
}

/**
 * Makes the working copy of a ready scene again from its original, and says whether it is the same one. Throws Problem
 * damaged where the original is not what it was, and conflict for a scene that is not ready.
 */
export async function remakeWorkingCopy(tools: PipelineTools, scene: Scene, signal: AbortSignal): Promise<Remade> {
  const { db, files } = tools;
  requireReady(scene);
  const key = workingKeyOf(scene);
  const before = await getRecord(db, key);
  const card = await remoteOriginal(files, scene.id);
  const options = { signal, onProgress: () => {} };
  const report = card ? await describe(tools, scene, card, options) : await copy(tools, scene, options);
  const after = (await getRecord(db, key))!;
  const same = before && before.sha256 === after.sha256;
  // Another version of the program may write other bytes, and say more of them.
  if (same === false)
    await updateScene(db, scene.id, { report: { ...scene.report, ...report } as ReadyScene['report'] });
  return { key, bytes: after.bytes, sha256: after.sha256, same };
}

/** What the making of a working copy takes. */
type CopyTools = Pick<PipelineTools, 'files' | 'remote'>;
type NamedScene = Pick<Scene, 'id' | 'report'>;

/** Original upload → working COG, or the card that stands in its stead. Throws the file's problem. */
export async function copyScene(
  tools: CopyTools,
  scene: NamedScene,
  { signal, progress }: WorkContext,
): Promise<CopiedScene> {
  const started = performance.now();
  const options: TaskOptions<number> = {
    signal,
    onProgress: (share) => progress({ stage: 'ingest', done: Math.round(share * 100), total: 100, share }),
  };
  const card = await remoteOriginal(tools.files, scene.id);
  const report = card ? await describe(tools, scene, card, options) : await copy(tools, scene, options);
  return { report, ms: performance.now() - started };
}

async function ingest(tools: PipelineTools, scene: Scene, context: WorkContext): Promise<void> {
  const { db, files } = tools;
  await requireRoom(tools, scene, 0);
  const card = await remoteOriginal(files, scene.id);
  const placed = await placeScene(db, await copyScene(tools, scene, context));
  const stored_bytes = await storedBytes(files, `scenes/${scene.id}`);
  await requireRoom(tools, scene, card ? 0 : stored_bytes - scene.bytes);
  await updateScene(db, scene.id, { stored_bytes, ...placed });
}

/** What a scene's copying tells of it, and where it lies. */
export async function placeScene(q: Queryable, { report, ms }: CopiedScene) {
  const started = performance.now();
  const { srid, srs, footprint, bbox, gsdMetres, findings } = await georeference(q, report);
  return {
    state: 'ready' as const,
    progress: 1,
    srs,
    epsg: srid,
    footprint,
    bbox,
    gsd_m: Math.sqrt(gsdMetres.x * gsdMetres.y),
    gsd_x_m: gsdMetres.x,
    gsd_y_m: gsdMetres.y,
    width: report.width,
    height: report.height,
    bands: report.bands,
    report: {
      ...report,
      findings: [...report.findings, ...findings],
      ingest_ms: Math.round(ms + performance.now() - started),
    } as ReadyScene['report'],
  };
}

/** Throws Problem quota_bytes where the scene's workspace has no room for so many bytes more. */
async function requireRoom({ db, maxBytes = DEFAULT_LIMITS.bytes }: PipelineTools, scene: Scene, more: number) {
  if (!(await anyToken(db))) return;
  const { bytes } = await usageOf(db.within({ workspace: scene.workspace }));
  checkBytes(bytes, more, scene.workspace, maxBytes);
}

async function copy({ files }: CopyTools, scene: NamedScene, options: TaskOptions<number>): Promise<IngestReport> {
  const originals = await openSceneSources(files, scene.id, options.signal!);
  const key = workingKeyOf(scene);
  await mkdir(dirname(files.path(key)), { recursive: true });
  const report = await ingestInSandbox(originals, files.path(key), options).finally(originals.release);
  await files.put(key);
  return report;
}

/** An image that is read in place has no working COG: a card in its stead, with what the COG would say of its values. */
async function describe(
  { files, remote }: CopyTools,
  scene: NamedScene,
  cardPath: string,
  options: TaskOptions<number>,
): Promise<IngestReport> {
  const report = await describeInSandbox(cardPath, remote.open, options);
  const card = await readCard(cardPath);
  const items = { ...card.items, [RENDERING_ITEM]: JSON.stringify(report.rendering) };
  const inPlace = shownCard(card);
  const reason =
    'The image is read where it lies and was not copied; it is known by its address, ETag and size, not by its bytes.';
  const assumptions = [...report.assumptions, { code: 'read_in_place', value: inPlace, reason }];
  const described = { ...report, assumptions, inPlace };
  const key = workingKeyOf({ id: scene.id, report: described });
  await writeCard(files.path(key), { ...card, items });
  await files.put(key);
  return described;
}
