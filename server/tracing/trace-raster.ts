/**
 * One pass over a class map with its scores, or over a shard of it, leaves all that features are drawn from: the borders of
 * its regions, the same of the coarser levels of detail, and the surface of its roads. Shards are joined to what the whole
 * map leaves, so a map may be traced by several machines.
 */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { openRaster, type Raster } from '../../tiler/geotiff/raster.ts';
import { cellSide, createCells } from '../../vectorizer/coarse-levels.ts';
import { createRoadSurface, joinSurfaces, type RoadSurface } from '../../vectorizer/roads/surface.ts';
import { createTracer, type RowSink, type TracedGraph } from '../../vectorizer/trace/trace.ts';
import { createShardJoiner, createShardTracer, type Shard } from '../../vectorizer/trace/trace-shards.ts';

/** Codes of the classes that make objects; null where the map has no such class. */
export interface ObjectCodes {
  building: number | null;
  road: number | null;
  water: number | null;
}

export interface TraceOptions {
  codes: ObjectCodes;
  /** Without the levels of detail that maps of smaller scales are drawn from. */
  finestOnly?: boolean;
  /** Of the whole map, in pixels: its levels depend on it. */
  mapSize: { width: number; height: number };
}

interface Traced<Land> {
  land: Land;
  /** Of each coarser level, from the finest. */
  coarser: Land[];
  /** Without a class of roads it is empty. */
  surface: RoadSurface;
}

export type TracedMap = Traced<TracedGraph>;

/** A shard to be traced. Its maps begin and end with a cell of the coarsest level, or with the map. */
export interface TraceShardRequest extends TraceOptions {
  classesPath: string;
  /** Without one, nothing has a score. */
  scoresPath: string | null;
  tracedPath: string;
}

/** Levels of land use and buildings for maps of a smaller scale: a pixel there is 2^level pixels of the class map wide. */
const COARSE_LEVELS = [2, 3, 4, 5, 6, 7, 8];
/** A map of so many pixels needs no coarser level. */
const SMALL_MAP = 512;
const BAND_ROWS = 512;

/** The coarser levels of detail that a map has. */
export function coarseLevels({ width, height }: { width: number; height: number }, finestOnly = false): number[] {
  return finestOnly ? [] : COARSE_LEVELS.filter((level) => Math.max(width, height) / 2 ** (level - 2) > SMALL_MAP);
}

/** `onProgress` gets the rows that have been traced. */
export function traceMap(
  classes: Raster,
  scores: Raster | null,
  options: TraceOptions,
  onProgress: (rows: number) => void,
): Promise<TracedMap> {
  return trace(classes, scores, options, createTracer, onProgress);
}

/** Writes what a shard leaves to a file. */
export async function traceShard({
  classesPath,
  scoresPath,
  tracedPath,
  ...options
}: TraceShardRequest): Promise<void> {
  const classes = await openRaster(classesPath);
  const scores = scoresPath === null ? null : await openRaster(scoresPath);
  try {
    const traced = await trace(classes, scores, options, createShardTracer);
    await writeFile(tracedPath, await promisify(zstdCompress)(serialize(traced)));
  } catch (error) {
    await rm(tracedPath, { force: true });
    throw error;
  } finally {
    await Promise.all([classes.close(), scores?.close()]);
  }
}

/** What the whole map leaves, from the files of its shards, which were written by this program; from the top. */
export async function mergeTraced(paths: readonly string[]): Promise<TracedMap> {
  const land = createShardJoiner();
  let coarser: ReturnType<typeof createShardJoiner>[] | null = null;
  const surfaces: RoadSurface[] = [];
  for (const path of paths) {
    const shard: Traced<Shard> = deserialize(await promisify(zstdDecompress)(await readFile(path)));
    land.append(shard.land);
    coarser ??= shard.coarser.map(createShardJoiner);
    for (const [level, joiner] of coarser.entries()) joiner.append(shard.coarser[level]);
    surfaces.push(shard.surface);
  }
  return {
    land: land.finish(),
    coarser: (coarser ?? []).map((level) => level.finish()),
    surface: joinSurfaces(surfaces),
  };
}

async function trace<Land>(
  classes: Raster,
  scores: Raster | null,
  { codes, finestOnly, mapSize }: TraceOptions,
  createSink: (width: number) => RowSink & { finish(): Land },
  onProgress: (rows: number) => void = () => {},
): Promise<Traced<Land>> {
  const { width, height } = classes;
  const blocked = [codes.building, codes.water].filter((code) => code !== null);
  const land = createSink(width);
  const coarser = coarseLevels(mapSize, finestOnly).map((level) => createSink(Math.ceil(width / cellSide(level))));
  const cells = createCells(width, coarser);
  const surface = createRoadSurface(width, codes.road === null ? 0 : height, { road: codes.road ?? 0, blocked });
  const sinks = codes.road === null ? [land, cells] : [land, cells, surface];
  for (let y = 0; y < height; y += BAND_ROWS) {
    const rows = Math.min(BAND_ROWS, height - y);
    const [classBand, scoreBand] = await Promise.all([
      classes.read(0, { x: 0, y, width, height: rows }),
      scores?.read(0, { x: 0, y, width, height: rows }),
    ]);
    const pixels = scoreBand?.pixels ?? new Uint8Array(rows * width);
    for (const sink of sinks) sink.addRows(rows, classBand.pixels, pixels);
    onProgress(y + rows);
  }
  cells.finish();
  return { land: land.finish(), coarser: coarser.map((level) => level.finish()), surface: surface.finish() };
}
