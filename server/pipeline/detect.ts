/** Detect: a planned job of a network that draws boxes → its features file; there is no class map, and nothing to trace. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { detectConfined } from '../processes/detect.ts';
import { stageProgress } from '../queue/progress.ts';
import type { WorkContext } from '../queue/work-context.ts';
import { fetchWorking } from '../scenes/working-copy.ts';
import type { MappingTools } from '../tools.ts';
import { placeAoi } from './area-of-interest.ts';
import type { PlannedJob } from './plan.ts';
import type { DrawnFeatures } from './publish.ts';
import { mapFindings } from './report-assumptions.ts';
import type { SegmentationJob } from './segmentation-job.ts';
import { type Drawing, storeFile } from './vectorize.ts';

export async function detectObjects(
  tools: MappingTools,
  job: SegmentationJob,
  planned: PlannedJob,
  { job: stored, insert }: Drawing,
  { signal, progress }: WorkContext,
): Promise<DrawnFeatures> {
  const { db, files, remote } = tools;
  const { id, scene, network, parameters } = job;
  const { grid, plan, chosen } = planned;
  const workingPath = await fetchWorking(files, scene);
  const featuresPath = files.path(`jobs/${id}/features.bin`);
  await mkdir(dirname(featuresPath), { recursive: true });
  const area = parameters.aoi
    ? await placeAoi(db, { ...grid, epsg: scene.epsg, geographic: scene.report.geographic }, scene.bbox, parameters.aoi)
    : null;
  const chips = plan.columns * plan.rows;
  const onProgress = (done: number) => progress(stageProgress('infer', done, chips));
  onProgress(0);
  const fill = chosen?.meanColour ?? scene.report.meanColour;
  const found = await detectConfined(
    { workingPath, featuresPath, grid, plan, fill, network, area, ...(chosen && { rendering: chosen.rendering }) },
    { signal, onProgress },
    remote.open,
  );
  const { counts, storeMs } = await storeFile(insert, stored, featuresPath, signal);
  return {
    turn: stored.turn,
    counts: { objects: 0, ...counts },
    regions: [],
    report: {
      ledger: found.ledger,
      findings: mapFindings(found.ledger, found.chips.failed, 0),
      chips: found.chips,
      seam: { certified: false, halo: plan.halo, disagreement: found.disagreement },
      timings_ms: { infer: found.inferMs, stitch: found.joinMs, vectorize: 0, store: storeMs },
      peak_rss_bytes: found.peakRssBytes,
      device: { name: 'cpu', fallback_nodes: 0 },
      geometry: { levels: [0] },
    },
  };
}
