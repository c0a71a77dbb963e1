/** Vectorize: the class and score map of a job → its features file. */
import { withoutRole } from '../../models/imported/classes.ts';
import type { MapResult } from '../../models/mapping/map-scene.ts';
import { stageProgress } from '../queue/progress.ts';
import type { WorkContext } from '../queue/work-context.ts';
import type { PipelineTools } from '../tools.ts';
import { tracingOf } from './class-roles.ts';
import { extraMaps } from './extra-maps.ts';
import type { PlannedJob } from './plan.ts';
import type { DrawnFeatures } from './publish.ts';
import { mapFindings, scoreFindings } from './report-assumptions.ts';
import type { SegmentationJob } from './segmentation-job.ts';

/** What the shards of a job were traced to, and how long that took. */
export interface TracedShards {
  paths: string[];
  ms: number;
}

/** The maps lie at their paths in the job's folder; they are put into the store. */
export async function vectorizeMaps(
  { files, compute }: PipelineTools,
  job: SegmentationJob,
  { grid }: PlannedJob,
  mapped: MapResult,
  { signal, progress }: WorkContext,
  traced?: TracedShards,
): Promise<DrawnFeatures> {
  const { network, parameters } = job;
  const path = (name: string) => files.path(`jobs/${job.id}/${name}`);
  const featuresPath = path('features.bin');
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
  const maps = ['classes', 'scores', ...extraMaps(parameters)];
  await Promise.all(maps.map((map) => files.put(`jobs/${job.id}/${map}.tif`)));
  return {
    path: featuresPath,
    count: geometry.features,
    report: {
      ledger: mapped.ledger,
      seam: mapped.seam,
      findings: [
        ...mapFindings(mapped.ledger, mapped.chips.failed, mapped.withoutClass),
        ...scoreFindings(network),
        ...(network.adapter ? withoutRole(network.classes) : []),
      ],
      timings_ms: { infer: mapped.inferMs, stitch: mapped.stitchMs, vectorize: vectorizeMs },
      peak_rss_bytes: mapped.peakRssBytes,
      device: { name: mapped.device, fallback_nodes: mapped.fallbackNodes },
      chips: mapped.chips,
      geometry: { ...geometry },
    },
  };
}
