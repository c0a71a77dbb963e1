/** The maps of shards become those of the scene, without encoding their tiles again. */
import { openSamples } from '../../tiler/geotiff/raster.ts';
import { createTiffWriter, type TiffLayout } from '../../tiler/geotiff/write-tiff.ts';
import {
  classMapLayout,
  featuresLayout,
  type MapCrs,
  type MappedGrid,
  planesLayout,
  probabilitiesLayout,
  scoreMapLayout,
} from './map-layouts.ts';

export interface MapPaths {
  classesPath: string;
  scoresPath: string;
  planesPath?: string;
  probabilitiesPath?: string;
  featuresPath?: string;
}

export interface MergeRequest {
  mapped: Omit<MappedGrid, 'shard'>;
  /** From the top. */
  shards: MapPaths[];
  to: MapPaths;
}

/** The maps of all shards become those of the scene. Of a map that cannot be written nothing is left behind. */
export async function mergeShards({ mapped, shards, to }: MergeRequest): Promise<void> {
  const join = async (name: keyof MapPaths, layoutOf: (mapped: MappedGrid, crs: MapCrs) => TiffLayout) => {
    const path = to[name];
    if (path === undefined) return;
    const parts = shards.map((paths) => paths[name]!);
    await joinTiffs(parts, path, (crs) => layoutOf(mapped, crs));
  };
  const joined = await Promise.allSettled([
    join('classesPath', classMapLayout),
    join('scoresPath', scoreMapLayout),
    join('planesPath', planesLayout),
    join('probabilitiesPath', probabilitiesLayout),
    join('featuresPath', featuresLayout),
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
