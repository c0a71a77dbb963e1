/** The file with what a strip leaves open, in two parts, so that each is read by who joins it: of the finest level, of the others. */
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type { SmallBuilding } from '../../vectorizer/buildings/blocks.ts';
import type { BuildingStripReport } from '../../vectorizer/buildings/strip.ts';
import type { LandReport } from '../../vectorizer/land/draw-strip.ts';
import type { OpenLevels } from '../../vectorizer/land/level-strips.ts';
import type { OpenLand } from '../../vectorizer/land/open-land.ts';
import type { OpenRoads } from '../../vectorizer/roads/strip.ts';
import type { Strip } from '../../vectorizer/strips.ts';
import type { Discarded } from '../../vectorizer/trace/sieve.ts';

/** What a strip leaves open of the finest level, and what became of it; plain data. */
export interface OpenStrip {
  strip: Strip;
  /** Of the finest level, written by the strip. */
  features: number;
  land: OpenLand;
  landReport: LandReport;
  discarded: Discarded;
  /** Of regions that the strip has published in pieces. */
  pieces: { count: number; places: Set<string> };
  buildings: BuildingStripReport | null;
  roads: OpenRoads | null;
}

/** What it leaves open of coarser levels, which are joined beside the finest. */
export interface OpenCoarser {
  middles: SmallBuilding[];
  levels: OpenLevels;
}

/** Of the first part's length, ahead of both. */
const HEAD_BYTES = 4;

export async function writeOpenFile(path: string, finest: OpenStrip, coarser: OpenCoarser): Promise<void> {
  const [first, second] = await Promise.all([finest, coarser].map((part) => promisify(zstdCompress)(serialize(part))));
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(first!.length);
  await writeFile(path, [head, first!, second!]);
}

export const readFinest = (paths: readonly string[]): AsyncGenerator<OpenStrip> => readAhead(paths, 0);
export const readCoarser = (paths: readonly string[]): AsyncGenerator<OpenCoarser> => readAhead(paths, 1);

/** A part of each file; the next one is read while one is worked on. */
async function* readAhead<Part>(paths: readonly string[], which: 0 | 1): AsyncGenerator<Part> {
  const read = async (path: string) => {
    const bytes = await readFile(path);
    const middle = HEAD_BYTES + bytes.readUInt32LE(0);
    return promisify(zstdDecompress)(which === 0 ? bytes.subarray(HEAD_BYTES, middle) : bytes.subarray(middle));
  };
  let next = read(paths[0]!);
  for (const path of [...paths.slice(1), null]) {
    const bytes = await next;
    if (path !== null) {
      next = read(path);
      next.catch(() => {}); // seen when it is awaited
    }
    yield deserialize(bytes);
  }
}
