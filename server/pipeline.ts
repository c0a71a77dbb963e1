/**
 * The order of a job: ingest → plan → infer → stitch → vectorize → store.
 *
 * Ingest happens once a scene, when it arrives; the other stages once a job. Decoding, inference and tracing run in
 * child processes; this file hands files and figures from one stage to the next.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ChosenBands } from '../models/bands.ts';
import type { DeviceChoice } from '../models/device.ts';
import type { MapResult } from '../models/map-scene.ts';
import { isDetector, type Network, wantedBands, weightsOf } from '../models/registry.ts';
import type { Shard } from '../models/shards.ts';
import { type ChipPlan, planChips } from '../tiler/chips.ts';
import type { ChosenRendering } from '../tiler/choose-rendering.ts';
import type { IngestReport } from '../tiler/ingest.ts';
import { type ModelGrid, planModelGrid } from '../tiler/model-grid.ts';
import { Problem } from '../tiler/problem.ts';
import type { Raster } from '../tiler/raster.ts';
import { openScene, RENDERING_ITEM } from '../tiler/rendering.ts';
import { placeAoi } from './area-of-interest.ts';
import { gridAssumptions, mapFindings, meanGsd, precisionAssumptions, renderingAssumptions } from './assumptions.ts';
import type { TaskOptions } from './children/child.ts';
import type { Compute } from './children/compute.ts';
import { detectConfined } from './children/detect.ts';
import { describeInSandbox, ingestInSandbox } from './children/sandbox.ts';
import type { JobReport } from './http/types.ts';
import { VERSION } from './identity.ts';
import { stageProgress } from './jobs/progress.ts';
import type { WorkContext } from './jobs/queue.ts';
import { DEFAULT_RUN, type RunChooser, rememberSpeed } from './measurements.ts';
import { networkView } from './network-view.ts';
import { isOriginal, openOriginals, remoteOriginal } from './originals.ts';
import type { JobParameters } from './parameters.ts';
import { type RemoteReader, readCard, shownCard, writeCard } from './remote/reader.ts';
import type { Database } from './store/database.ts';
import { publishJob } from './store/features.ts';
import type { FileStore } from './store/files.ts';
import { georeference } from './store/georeference.ts';
import { type Scene, updateScene } from './store/scenes.ts';
import { storeFeatures } from './store-features.ts';
import { fetchWorking, workingKeyOf } from './working-copy.ts';

export interface PipelineTools {
  db: Database;
  files: FileStore;
  compute: Compute;
  /** Reads images elsewhere. */
  remote: RemoteReader;
  /** Where networks run, unless a job says otherwise. */
  device: DeviceChoice;
  /** How they are run there. */
  chooseRun: RunChooser;
  /** Of shards that jobs are cut into, at least, in model pixels; the usual one by default. */
  shardHeight?: number;
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
    const refused = error instanceof Problem && !context.signal.aborted;
    await clear(refused ? () => false : isOriginal);
    throw error;
  }
}

async function ingest(tools: PipelineTools, scene: Scene, context: WorkContext): Promise<void> {
  const { db, files } = tools;
  const started = performance.now();
  const options: TaskOptions<number> = {
    signal: context.signal,
    onProgress: (share) => context.progress({ stage: 'ingest', done: Math.round(share * 100), total: 100, share }),
  };
  const card = await remoteOriginal(files, scene.id);
  const report = card ? await describe(tools, scene, card, options) : await copy(tools, scene, options);
  const { srid, srs, footprint, bbox, gsdMetres } = await georeference(db, report);
  await updateScene(db, scene.id, {
    state: 'ready',
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
    report: { ...report, ingest_ms: Math.round(performance.now() - started) } as ReadyScene['report'],
  });
}

async function copy({ files }: PipelineTools, scene: Scene, options: TaskOptions<number>): Promise<IngestReport> {
  const originals = await openOriginals(files, scene.id, options.signal!);
  const key = workingKeyOf(scene);
  await mkdir(dirname(files.path(key)), { recursive: true });
  const report = await ingestInSandbox(originals, files.path(key), options).finally(originals.release);
  await files.put(key);
  return report;
}

/** An image that is read in place has no working COG: a card in its stead, with what the COG would say of its values. */
async function describe(
  { files, remote }: PipelineTools,
  scene: Scene,
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

/** A scene whose ingest is over. */
export type ReadyScene = Scene & {
  epsg: number;
  gsd_m: number;
  gsd_x_m: number;
  gsd_y_m: number;
  bbox: [number, number, number, number];
  report: IngestReport & { ingest_ms: number };
};

export function isReady(scene: Scene): scene is ReadyScene {
  return scene.state === 'ready';
}

/** Names of the working COG's bands; those of scenes that were read before names were kept are not known. */
export function bandNamesOf({ bandNames, bands }: IngestReport): (string | null)[] {
  return bandNames ?? new Array<string | null>(bands).fill(null);
}

export interface SegmentationJob {
  id: string;
  scene: ReadyScene;
  network: Network;
  parameters: JobParameters;
  /** Why this network was taken. */
  modelReason: string;
  /** Also writes the network's feature layer. */
  features?: boolean;
  /** Where nobody will look at it at a smaller scale: without levels of detail. */
  finestOnly?: boolean;
}

/**
 * A ready scene → class map, score map and published features; returns the report that was stored with the job.
 * Starting it again after an interruption gives the same result; chips that were computed are not computed again. When
 * it throws, nothing is left behind. How a job is done in shards: `job-parts.ts`.
 */
export async function segmentScene(
  tools: PipelineTools,
  job: SegmentationJob,
  context: WorkContext,
  planned?: PlannedJob,
): Promise<JobReport> {
  try {
    return await (isDetector(job.network) ? detect : segment)(tools, job, context, planned);
  } catch (error) {
    await tools.files.remove(`jobs/${job.id}`);
    throw error;
  }
}

async function segment(
  tools: PipelineTools,
  job: SegmentationJob,
  context: WorkContext,
  known: PlannedJob | undefined,
): Promise<JobReport> {
  const { files } = tools;
  const folder = `jobs/${job.id}`;
  for (const key of await files.list(folder)) if (!key.startsWith(`${folder}/spool/`)) await files.remove(key);
  const planned = known ?? (await planJob(tools, job, context.signal));
  const chips = planned.plan.columns * planned.plan.rows;
  const onProgress = (done: number) => context.progress(stageProgress('infer', done, chips));
  onProgress(0);
  const mapped = await mapPart(tools, job, planned, { folder }, { signal: context.signal, onProgress });
  return finishMap(tools, job, planned, mapped, context);
}

/** A planned job, or a shard of it, goes through the network: its maps are then at their paths in `folder`. */
export async function mapPart(
  tools: PipelineTools,
  job: SegmentationJob,
  { grid, plan, chosen }: PlannedJob,
  { folder, shard }: { folder: string; shard?: Shard },
  options: TaskOptions<number>,
): Promise<MapResult> {
  const { db, files, compute } = tools;
  const { scene, network, parameters } = job;
  const device = parameters.device ?? tools.device;
  const precision = parameters.precision ?? DEFAULT_RUN.precision;
  const workingPath = await fetchWorking(files, scene);
  const area = parameters.aoi ? await placeAoi(db, { ...grid, epsg: scene.epsg }, scene.bbox, parameters.aoi) : null;
  const { batch } = await tools.chooseRun(network, device);
  const path = (name: string) => files.path(`${folder}/${name}`);
  await mkdir(files.path(folder), { recursive: true });
  const mapped = await compute.map(
    {
      workingPath,
      grid,
      plan,
      ...(shard && { shard }),
      fill: chosen?.meanColour ?? scene.report.meanColour,
      ...(chosen && { rendering: chosen.rendering }),
      area,
      network,
      run: { device, precision, features: job.features === true },
      batch,
      spoolPath: path('spool'),
      classesPath: path('classes.tif'),
      scoresPath: path('scores.tif'),
      planesPath: path('planes.tif'),
      ...(job.features && { featuresPath: path('features.tif') }),
    },
    options,
  );
  const { done, nodata, outside, failed } = mapped.chips;
  const pixels = (done + nodata + outside + failed.length) * (plan.core + 2 * plan.halo) ** 2;
  await rememberSpeed(weightsOf(network, precision).sha256, pixels, mapped.inferMs);
  return mapped;
}

/** The maps of a job, at their paths in its folder → features, stored and published with the report. */
export async function finishMap(
  tools: PipelineTools,
  job: SegmentationJob,
  planned: PlannedJob,
  mapped: MapResult,
  { signal, progress }: WorkContext,
): Promise<JobReport> {
  const { files, compute } = tools;
  const { network, parameters } = job;
  const { grid } = planned;
  const path = (name: string) => files.path(`jobs/${job.id}/${name}`);
  const featuresPath = path('features.ndjson');
  const started = performance.now();
  const traced = await compute.vectorize(
    {
      classesPath: path('classes.tif'),
      scoresPath: path('scores.tif'),
      ...(network.planes.length > 0 && { planesPath: path('planes.tif'), planes: network.planes }),
      featuresPath,
      pixelMetres: grid.gsdMetres,
      minAreaM2: parameters.min_area_m2,
      toleranceMetres: parameters.tolerance_m,
      finestOnly: job.finestOnly === true,
      codes: { building: codeOf(network, BUILDING), road: codeOf(network, ROAD), water: codeOf(network, WATER) },
    },
    { signal, onProgress: (rows) => progress(stageProgress('vectorize', rows, grid.height)) },
  );
  const vectorizeMs = performance.now() - started;
  const maps = ['classes', 'scores', ...(job.features ? ['features'] : [])];
  await Promise.all(maps.map((map) => files.put(`jobs/${job.id}/${map}.tif`)));

  return storeAndPublish(
    tools,
    job,
    planned,
    { featuresPath, features: traced.features, progress, signal },
    {
      ledger: mapped.ledger,
      seam: mapped.seam,
      findings: mapFindings(mapped.ledger, mapped.chips.failed),
      timings_ms: { infer: mapped.inferMs, stitch: mapped.stitchMs, vectorize: vectorizeMs },
      peak_rss_bytes: mapped.peakRssBytes,
      device: { name: mapped.device, fallback_nodes: mapped.fallbackNodes },
      chips: mapped.chips,
      geometry: { ...traced },
    },
  );
}

/** As `segment`, with a network that draws boxes around objects: there is no class map, and nothing to trace. */
async function detect(
  tools: PipelineTools,
  job: SegmentationJob,
  { signal, progress }: WorkContext,
  known: PlannedJob | undefined,
): Promise<JobReport> {
  const { db, files, remote } = tools;
  const { scene, network, parameters } = job;
  const workingPath = await fetchWorking(files, scene);
  const featuresPath = files.path(`jobs/${job.id}/features.ndjson`);
  await files.remove(`jobs/${job.id}`);
  await mkdir(dirname(featuresPath), { recursive: true });

  const planned = known ?? (await planJob(tools, job, signal));
  const { grid, plan, chosen } = planned;
  const area = parameters.aoi ? await placeAoi(db, { ...grid, epsg: scene.epsg }, scene.bbox, parameters.aoi) : null;
  const chips = plan.columns * plan.rows;
  progress(stageProgress('infer', 0, chips));
  const fill = chosen?.meanColour ?? scene.report.meanColour;
  const found = await detectConfined(
    { workingPath, featuresPath, grid, plan, fill, network, area, ...(chosen && { rendering: chosen.rendering }) },
    { signal, onProgress: (done) => progress(stageProgress('infer', done, chips)) },
    remote.open,
  );

  return storeAndPublish(
    tools,
    job,
    planned,
    { featuresPath, features: found.features, progress, signal },
    {
      counts: { objects: 0 },
      ledger: found.ledger,
      findings: mapFindings(found.ledger, found.chips.failed),
      chips: found.chips,
      seam: { certified: false, halo: plan.halo, disagreement: found.disagreement },
      timings_ms: { infer: found.inferMs, stitch: found.joinMs, vectorize: 0 },
      peak_rss_bytes: found.peakRssBytes,
      device: { name: 'cpu', fallback_nodes: 0 },
      geometry: { levels: [0] },
    },
  );
}

/** What a job comes to before it is computed: plain data, stored with jobs that are done in shards. */
export interface PlannedJob {
  grid: ModelGrid;
  plan: ChipPlan;
  /** What the job's bands and stretch come to; null where it sets none. */
  chosen: ChosenRendering | null;
  /** The bands that the network takes, where it names them and the job does not. */
  found: ChosenBands | null;
  planMs: number;
}

export async function planJob(
  { files, compute, device, chooseRun }: PipelineTools,
  { scene, network, parameters }: SegmentationJob,
  signal: AbortSignal,
): Promise<PlannedJob> {
  const started = performance.now();
  const workingPath = await fetchWorking(files, scene);
  const { view, found } = networkView(parameters, scene.report, wantedBands(network));
  const chosen = view && (await compute.chooseRendering({ path: workingPath, view }, { signal }));
  const grid = await planGrid(workingPath, scene, network);
  const { core } = await chooseRun(network, parameters.device ?? device);
  const plan = planChips(grid, network, core);
  return { grid, plan, chosen, found, planMs: performance.now() - started };
}

interface Storing {
  featuresPath: string;
  /** How many there are in the file. */
  features: number;
  progress: WorkContext['progress'];
  signal: AbortSignal;
}

type Found = Pick<JobReport, 'ledger' | 'seam' | 'peak_rss_bytes' | 'geometry'> &
  Partial<Pick<JobReport, 'counts' | 'findings' | 'device'>> & {
    timings_ms: Record<'infer' | 'stitch' | 'vectorize', number>;
    chips?: Partial<NonNullable<JobReport['chips']>>;
  };

/** The features file → the database, published with the report: how every job ends. */
async function storeAndPublish(
  { db, files, device, chooseRun }: PipelineTools,
  { id, scene, network, parameters, modelReason }: SegmentationJob,
  { grid, plan, chosen, found: bands, planMs }: PlannedJob,
  { featuresPath, features, progress, signal }: Storing,
  { counts: expected, timings_ms, chips, ...found }: Found,
): Promise<JobReport> {
  const started = performance.now();
  const classNames = new Map(network.classes.map(({ value, name }) => [value, name]));
  const { turn, counts } = await storeFeatures(db, { id, epsg: scene.epsg, classNames }, featuresPath, {
    signal,
    onProgress: (stored) => progress(stageProgress('store', stored, features)),
  });
  await rm(featuresPath);
  await files.remove(`jobs/${id}/spool`);
  const report = {
    ...found,
    job: id,
    version: VERSION,
    scene: scene.id,
    model: network.id,
    parameters: { ...parameters },
    assumptions: [
      { code: 'model_choice', value: network.id, reason: modelReason },
      ...precisionAssumptions(parameters, await chooseRun(network, parameters.device ?? device)),
      ...renderingAssumptions(scene, parameters, chosen, bands),
      ...gridAssumptions(scene, network, grid),
    ],
    counts: { ...expected, ...counts },
    timings_ms: {
      ingest: scene.report.ingest_ms,
      plan: Math.round(planMs),
      infer: Math.round(timings_ms.infer),
      stitch: Math.round(timings_ms.stitch),
      vectorize: Math.round(timings_ms.vectorize),
      store: Math.round(performance.now() - started),
    },
    model_sha256: weightsOf(network, parameters.precision).sha256,
    model_grid: {
      width: grid.width,
      height: grid.height,
      gsd_m: network.gsdMetres ?? meanGsd(grid),
      geotransform: grid.geotransform,
    },
    chips: { count: plan.columns * plan.rows, core: plan.core, halo: plan.halo, stride: plan.stride, ...chips },
  };
  return publishJob(db, id, report, turn);
}

/** The model grid of a scene for a network. */
export async function planGrid(workingPath: string, scene: ReadyScene, network: Network) {
  const gsdMetres = { x: scene.gsd_x_m, y: scene.gsd_y_m };
  const all = scene.report.levels ?? (await levelsOf(workingPath));
  // Overviews are of values clipped for showing; stored ones are read from the full resolution alone.
  const levels = network.adapter?.input.stored ? all.slice(0, 1) : all;
  return planModelGrid({ levels, geotransform: scene.report.geotransform, gsdMetres }, network.gsdMetres);
}

/** Of a working COG; an image that is read in place is not opened in this process, and its report has them. */
async function levelsOf(workingPath: string): Promise<Raster['levels']> {
  const raster = await openScene(workingPath);
  await raster.close();
  return raster.levels;
}

/** Class names that make objects; networks of others have their own way of writing them. */
const BUILDING = /^(building|house|roof|building footprint)s?$/i;
const ROAD = /^(road|street)s?$/i;
const WATER = /^(water|water body|water bodies)$/i;

const codeOf = (network: Network, name: RegExp): number | null =>
  network.classes.find((each) => name.test(each.name.replaceAll('_', ' ')))?.value ?? null;
