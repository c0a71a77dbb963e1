/** A job in one piece: its strips are drawn while its maps grow, and those of the last rows when these are whole. */
import { planStrips, type Strip } from '../../../vectorizer/strips.ts';
import { stageProgress } from '../../queue/progress.ts';
import type { WorkContext } from '../../queue/work-context.ts';
import type { MappingTools } from '../../tools.ts';
import { growthOf, type MapLayer, rowsOf } from '../../tracing/draw-strip.ts';
import { inferAndStitch } from '../infer.ts';
import type { PlannedJob } from '../plan.ts';
import type { DrawnFeatures } from '../publish.ts';
import type { SegmentationJob } from '../segmentation-job.ts';
import { type Drawing, drawStrip, finishDrawing, openKeys, type StripResult } from '../vectorize.ts';
import { layerOf, putMaps } from './layers.ts';

/** Infer, stitch, vectorize and store, one beside the other. */
export async function mapAndDraw(
  tools: MappingTools,
  job: SegmentationJob,
  planned: PlannedJob,
  drawing: Drawing,
  context: WorkContext,
): Promise<DrawnFeatures> {
  const { files } = tools;
  const folder = `jobs/${job.id}`;
  const failed = new AbortController();
  const layer = layerOf(job, (map) => files.path(`${folder}/${map}.tif`), 0);
  const strips = drawGrowing(tools, drawing, layer, AbortSignal.any([context.signal, failed.signal]));
  try {
    const mapped = await inferAndStitch(tools, job, planned, { folder, onRows: strips.reached }, context);
    const results = await strips.finish((done, total) => context.progress(stageProgress('vectorize', done, total)));
    context.progress(stageProgress('store', 0, 1));
    const openPaths = openKeys(drawing).map((key) => files.path(key)); // they are not in the store
    const drawn = await finishDrawing(tools, job, drawing, mapped, results, openPaths, context.signal);
    await putMaps(files, job);
    await files.remove(`${folder}/strips`);
    return drawn;
  } catch (error) {
    failed.abort(error);
    await strips.settled();
    throw error;
  }
}

/** Draws the strips of maps of which there are more and more rows. */
export function drawGrowing(tools: MappingTools, drawing: Drawing, layer: MapLayer, signal: AbortSignal) {
  const { size } = drawing.options;
  const strips = planStrips(size);
  const results: StripResult[] = new Array(strips.length);
  const underWay = new Map<number, Promise<void>>();
  const isOpen = ({ index }: Strip) => !results[index] && !underWay.has(index);
  const draw = (strip: Strip, from: MapLayer): Promise<void> => {
    const drawn = drawStrip(tools, drawing, strip, [from], signal).then((result) => {
      results[strip.index] = result;
    });
    const settled = drawn.catch(() => {}).finally(() => underWay.delete(strip.index));
    underWay.set(strip.index, settled);
    return drawn;
  };
  const settled = async () => {
    await Promise.all(underWay.values());
  };
  return {
    /**
     * So many rows of the maps are there. What fails now is drawn again when all are: the process that writes the maps
     * may have died and begun anew.
     */
    reached(rows: number): void {
      const ready = strips.filter((strip) => {
        const { y, height } = rowsOf(strip, size);
        return y + height <= rows && isOpen(strip);
      });
      const growth = ready.length > 0 ? growthOf(layer.classesPath) : null;
      for (const strip of ready) draw(strip, { ...layer, ...(growth !== null && { growth }) }).catch(() => {});
    },
    /** The maps are whole. */
    async finish(onProgress: (done: number, total: number) => void): Promise<StripResult[]> {
      const tell = () => onProgress(results.filter(Boolean).length, strips.length);
      tell();
      await settled();
      tell();
      await Promise.all(strips.filter(isOpen).map((strip) => draw(strip, layer).then(tell)));
      return results;
    },
    settled,
  };
}
