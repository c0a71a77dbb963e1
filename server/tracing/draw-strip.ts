/** The rows of a map that a strip looks at → its features in a file, and in another what it leaves open to be joined. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { serialize } from 'node:v8';
import { zstdCompress } from 'node:zlib';
import { openStacked } from '../../tiler/geotiff/stacked-raster.ts';
import { sparsePath } from '../../tiler/geotiff/write-tiff.ts';
import { STRIP_MARGIN, type Strip } from '../../vectorizer/strips.ts';
import type { DrawOptions } from './draw-options.ts';
import { drawWhole } from './map-to-features.ts';

/** Maps on one grid, which may still be growing: the whole, or those of a shard. */
export interface MapLayer {
  /** The map's row that is their first. */
  y: number;
  classesPath: string;
  /** Without one, nothing has a score. */
  scoresPath: string | null;
  planesPath?: string;
}

export interface DrawStripRequest extends DrawOptions {
  strip: Strip;
  /** From the top; they hold the rows that the strip looks at. */
  layers: MapLayer[];
  featuresPath: string;
  openPath: string;
}

/** Rows beyond a strip's margin that may decide which of its small areas are given to a neighbour. */
const SIEVE_ROWS = 512;

/** The rows of a map that a strip looks at. */
export function rowsOf({ y, rows }: Strip, { height }: { height: number }): { y: number; height: number } {
  const top = Math.max(0, y - STRIP_MARGIN - SIEVE_ROWS);
  return { y: top, height: Math.min(height, y + rows + STRIP_MARGIN + SIEVE_ROWS) - top };
}

/** Nothing but the two files is left; where it throws, neither. */
export async function drawStrip({ layers, featuresPath, openPath, ...request }: DrawStripRequest): Promise<void> {
  const { height } = request.size;
  const open = (pathOf: (layer: MapLayer) => string | null | undefined) => {
    const found = layers.flatMap((layer) => {
      const path = pathOf(layer);
      return path ? [{ y: layer.y, path: grown(path) }] : [];
    });
    return found.length > 0 ? openStacked(found, height) : null;
  };
  const classes = (await open(({ classesPath }) => classesPath))!;
  const scores = await open(({ scoresPath }) => scoresPath);
  const planes = await open(({ planesPath }) => planesPath);
  try {
    const report = await drawWhole({ ...request, featuresPath }, classes, scores, planes);
    await writeFile(openPath, await promisify(zstdCompress)(serialize(report)));
  } finally {
    await Promise.all([classes, scores, planes].map((raster) => raster?.close()));
  }
}

/** Where a map is, while it grows and afterwards. */
const grown = (path: string): string => (existsSync(path) ? path : sparsePath(path));
