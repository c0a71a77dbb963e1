/**
 * The order of a job: ingest → plan → infer → stitch → vectorize → store.
 *
 * Ingest happens once a scene, when it arrives (`ingest-scene.ts`); the other stages once a job: `planning.ts`, this file,
 * `publish-job.ts`. Decoding, inference and tracing run in child processes; this file hands files and figures from one stage
 * to the next.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { MapResult } from '../../models/mapping/map-scene.ts';
import type { Shard } from '../../models/mapping/shards.ts';
import { isDetector, type Network, weightsOf } from '../../models/registry.ts';
import { DEFAULT_RUN } from '../../models/runtime/run-profile.ts';
import type { JobReport } from '../api/index.ts';
import { rememberSpeed } from '../networks/run-profiles.ts';
import type { TaskOptions } from '../processes/child-process.ts';
import { detectConfined } from '../processes/detect.ts';
import { stageProgress } from '../queue/progress.ts';
import type { WorkContext } from '../queue/queue.ts';
import { fetchWorking } from '../scenes/working-copy.ts';
import type { PipelineTools } from '../tools.ts';
import { placeAoi } from './area-of-interest.ts';
import { type PlannedJob, planJob } from './plan.ts';
import { storeAndPublish } from './publish.ts';
import { mapFindings } from './report-assumptions.ts';
import type { SegmentationJob } from './segmentation-job.ts';

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
      chipCachePath: path('spool'),
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

/** What of a job's map becomes which features. */
export const tracingOf = ({ network, finestOnly }: SegmentationJob) => ({
  finestOnly: finestOnly === true,
  codes: { building: codeOf(network, BUILDING), road: codeOf(network, ROAD), water: codeOf(network, WATER) },
});

/**
 * The maps of a job, at their paths in its folder → features, stored and published with the report. `traced`: what
 * its shards were traced to, where it has some.
 */
export async function finishMap(
  tools: PipelineTools,
  job: SegmentationJob,
  planned: PlannedJob,
  mapped: MapResult,
  { signal, progress }: WorkContext,
  traced?: { paths: string[]; ms: number },
): Promise<JobReport> {
  const { files, compute } = tools;
  const { network, parameters } = job;
  const { grid } = planned;
  const path = (name: string) => files.path(`jobs/${job.id}/${name}`);
  const featuresPath = path('features.ndjson');
  const started = performance.now();
  const geometry = await compute.vectorize(
    {
      classesPath: path('classes.tif'),
      scoresPath: path('scores.tif'),
      ...(network.planes.length > 0 && { planesPath: path('planes.tif'), planes: network.planes }),
      featuresPath,
      pixelMetres: grid.gsdMetres,
      minAreaM2: parameters.min_area_m2,
      toleranceMetres: parameters.tolerance_m,
      ...tracingOf(job),
      ...(traced && { tracedPaths: traced.paths }),
    },
    { signal, onProgress: (rows) => progress(stageProgress('vectorize', rows, grid.height)) },
  );
  const vectorizeMs = (traced?.ms ?? 0) + performance.now() - started;
  const maps = ['classes', 'scores', ...(job.features ? ['features'] : [])];
  await Promise.all(maps.map((map) => files.put(`jobs/${job.id}/${map}.tif`)));

  return storeAndPublish(
    tools,
    job,
    planned,
    { featuresPath, features: geometry.features, progress, signal },
    {
      ledger: mapped.ledger,
      seam: mapped.seam,
      findings: mapFindings(mapped.ledger, mapped.chips.failed),
      timings_ms: { infer: mapped.inferMs, stitch: mapped.stitchMs, vectorize: vectorizeMs },
      peak_rss_bytes: mapped.peakRssBytes,
      device: { name: mapped.device, fallback_nodes: mapped.fallbackNodes },
      chips: mapped.chips,
      geometry: { ...geometry },
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

/** Class names that make objects; networks of others have their own way of writing them. */
const BUILDING = /^(building|house|roof|building footprint)s?$/i;
const ROAD = /^(road|street)s?$/i;
const WATER = /^(water|water body|water bodies)$/i;

const codeOf = (network: Network, name: RegExp): number | null =>
  network.classes.find((each) => name.test(each.name.replaceAll('_', ' ')))?.value ?? null;
