/** The maps of a job, or of one of its shards, by the names of their files. */

import type { FileStore } from '../../store/files/file-store.ts';
import type { MapLayer } from '../../tracing/draw-strip.ts';
import { type ExtraMap, extraMaps } from '../extra-maps.ts';
import type { SegmentationJob } from '../segmentation-job.ts';

export type MapName = 'classes' | 'scores' | 'planes' | ExtraMap;

export const mapsOf = ({ network, parameters }: SegmentationJob): MapName[] => [
  'classes',
  'scores',
  ...(network.planes.length > 0 ? (['planes'] as const) : []),
  ...extraMaps(parameters),
];

/** Stores the maps of a job that people see. */
export async function putMaps(files: FileStore, { id, parameters }: SegmentationJob): Promise<void> {
  const seen = ['classes', 'scores', ...extraMaps(parameters)];
  await Promise.all(seen.map((map) => files.put(`jobs/${id}/${map}.tif`)));
}

/** What strips are drawn from; the maps' first row is row `y` of the whole. */
export const layerOf = (job: SegmentationJob, pathOf: (map: MapName) => string, y: number): MapLayer => ({
  y,
  classesPath: pathOf('classes'),
  scoresPath: pathOf('scores'),
  ...(job.network.planes.length > 0 && { planesPath: pathOf('planes') }),
});
