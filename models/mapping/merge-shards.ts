/** The maps of shards become those of the scene, without encoding their tiles again. */
import { openSamples } from '../../tiler/geotiff/raster.ts';
import { createTiffWriter, type TiffLayout } from '../../tiler/geotiff/write-tiff.ts';
import { classMapLayout, type MapCrs, type MappedGrid, planesLayout, scoreMapLayout } from './map-layouts.ts';

export interface MapPaths {
  classesPath: string;
  scoresPath: string;
  planesPath?: string;
}

export interface MergeRequest {
  mapped: Omit<MappedGrid, 'shard'>;
  /** From the top. */
  shards: MapPaths[];
  to: MapPaths;
}

/** The maps of all shards become those of the scene. Of a map that cannot be written nothing is left behind. */
export async function mergeShards({ mapped, shards, to }: MergeRequest): Promise<void> {
  const parts = (name: keyof MapPaths) => shards.map((paths) => paths[name]!);
  const joined = await Promise.allSettled([
    joinTiffs(parts('classesPath'), to.classesPath, (crs) => classMapLayout(mapped, crs)),
    joinTiffs(parts('scoresPath'), to.scoresPath, (crs) => scoreMapLayout(mapped, crs)),
    to.planesPath && joinTiffs(parts('planesPath'), to.planesPath, (crs) => planesLayout(mapped, crs)),
  ]);
  for (const each of joined) if (each.status === 'rejected') throw each.reason;
}

async function joinTiffs(parts: string[], path: string, layoutOf: (crs: MapCrs) => TiffLayout): Promise<void> {
  const first = await openSamples(parts[0]);
  await first.close();
  const writer = await createTiffWriter(path, layoutOf(first));
  try {
    for (const part of parts) await writer.appendTiff(part);
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
