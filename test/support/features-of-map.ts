/**
 * Class map and score map on disk → features in the CRS of the map, in a file: land use as a coverage, buildings with
 * straight walls, roads as a network of centre lines. All strips in this process, one after the other; jobs draw them
 * apart (`server/pipeline/vectorize.ts`).
 */
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { coarseLevels, type DrawOptions } from '../../server/tracing/draw-options.ts';
import { drawStrip, type MapLayer } from '../../server/tracing/draw-strip.ts';
import { type GeometryReport, joinCoarser, joinFinest } from '../../server/tracing/join-strips.ts';
import { openRaster } from '../../tiler/geotiff/raster.ts';
import { planStrips, type Strip } from '../../vectorizer/strips.ts';

export interface VectorizeMapRequest
  extends Omit<DrawOptions, 'size' | 'geotransform' | 'nodata'>,
    Omit<MapLayer, 'y'> {
  featuresPath: string;
}

const NODATA = 255;

/** Writes the features file. `strips`: others than those that jobs draw. */
export async function vectorizeMap(
  { classesPath, scoresPath, planesPath, featuresPath, ...request }: VectorizeMapRequest,
  strips?: Strip[],
): Promise<GeometryReport> {
  const { width, height, geotransform, nodata, close } = await openRaster(classesPath);
  await close();
  const options = { ...request, size: { width, height }, geotransform, nodata: nodata ?? NODATA };
  const layer = { y: 0, classesPath, scoresPath, ...(planesPath !== undefined && { planesPath }) };
  const folder = await mkdtemp(join(dirname(featuresPath), 'strips-'));
  try {
    await writeFile(featuresPath, '');
    const part = join(folder, 'features');
    const openPaths: string[] = [];
    for (const strip of strips ?? planStrips(options.size)) {
      const openPath = join(folder, `${strip.index}.open`);
      await drawStrip({ ...options, strip, layers: [layer], featuresPath: part, openPath });
      await appendFile(featuresPath, await readFile(part));
      openPaths.push(openPath);
    }
    const finest = await joinFinest({ ...options, openPaths, featuresPath: part });
    await appendFile(featuresPath, await readFile(part));
    const levels = coarseLevels(options);
    const { blocks } = await joinCoarser({ ...options, levels, openPaths, featuresPath: part });
    await appendFile(featuresPath, await readFile(part));
    return { ...finest.geometry, levels: [0, ...levels], blocks };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
