/** The rows of a map that a strip looks at → its features in a file, and in another what it leaves open to be joined. */
import { existsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Raster } from '../../tiler/geotiff/raster.ts';
import { openStacked } from '../../tiler/geotiff/stacked-raster.ts';
import { sparsePath } from '../../tiler/geotiff/write-tiff.ts';
import type { PixelBox } from '../../vectorizer/buildings/region-mask.ts';
import { type BuildingStrip, drawBuildingStrip } from '../../vectorizer/buildings/strip.ts';
import { drawLandStrip } from '../../vectorizer/land/draw-strip.ts';
import { drawLevelStrips, LEVEL_MARGIN } from '../../vectorizer/land/level-strips.ts';
import { drawRoadStrip } from '../../vectorizer/roads/strip.ts';
import { STRIP_MARGIN, type Strip, type StripWindow } from '../../vectorizer/strips.ts';
import { sieveLimits } from '../../vectorizer/trace/sieve.ts';
import { createRowSieve, MOST_SIEVE_MARGIN } from '../../vectorizer/trace/sieve-rows.ts';
import { TRIMMED_PIXELS, trimCombs } from '../../vectorizer/trace/trim-combs.ts';
import {
  coarseLevels,
  type DrawOptions,
  landOptions,
  levelOptions,
  pixelAreaOf,
  roadOptions,
  wallOptions,
} from './draw-options.ts';
import { buildingLine, landLine, roadLine } from './feature-lines.ts';
import { type FeatureLine, writeFeaturesFile } from './features-file.ts';
import { type OpenCoarser, type OpenStrip, writeOpenFile } from './open-file.ts';
import { checkGrid, type PlaneReaders, rowSplitter } from './split-row-houses.ts';

/** Maps on one grid, which may still be growing: the whole, or those of a shard. */
export interface MapLayer {
  /** The map's row that is their first. */
  y: number;
  classesPath: string;
  /** Without one, nothing has a score. */
  scoresPath: string | null;
  planesPath?: string;
  /** What `growthOf` gave when the rows were there: then a map that was begun anew since is refused. */
  growth?: string;
}

export interface DrawStripRequest extends DrawOptions {
  strip: Strip;
  /** From the top; they hold the rows that the strip looks at. */
  layers: MapLayer[];
  featuresPath: string;
  openPath: string;
}

/** Rows above and below a strip that decide what is drawn in it. */
const REACH = Math.max(LEVEL_MARGIN, STRIP_MARGIN + MOST_SIEVE_MARGIN) + TRIMMED_PIXELS;

/** The rows of a map that a strip looks at. */
export function rowsOf({ y, rows }: Strip, { height }: { height: number }): { y: number; height: number } {
  const top = Math.max(0, y - REACH);
  return { y: top, height: Math.min(height, y + rows + REACH) - top };
}

/** Tells the class map that grows at a path from others that do so before or after it; null where none does. */
export function growthOf(classesPath: string): string | null {
  const file = statSync(sparsePath(classesPath), { bigint: true, throwIfNoEntry: false });
  return file ? `${file.ino} ${file.birthtimeNs}` : null;
}

/** Where a process was killed over its maps another writes them anew, and rows that were there are missing for a while. */
function checkGrowth(layers: readonly MapLayer[]): void {
  for (const { classesPath, growth } of layers) {
    const now = growthOf(classesPath);
    if (growth !== undefined && now !== null && now !== growth) throw new Error(`${classesPath} was begun anew`);
  }
}

/** Nothing but the two files is left; where it throws, neither. */
export async function drawStrip(request: DrawStripRequest): Promise<void> {
  const { layers, featuresPath, openPath } = request;
  const open = (pathOf: (layer: MapLayer) => string | null | undefined): Promise<Raster | null> => {
    const found = layers.flatMap((layer) => {
      const path = pathOf(layer);
      return path ? [{ y: layer.y, path: grown(path) }] : [];
    });
    return found.length > 0 ? openStacked(found) : Promise.resolve(null);
  };
  const rasters: (Raster | null)[] = [];
  try {
    for (const map of ['classesPath', 'scoresPath', 'planesPath'] as const)
      rasters.push(await open((each) => each[map]));
    checkGrowth(layers);
    const [classes, scores, planes] = rasters;
    if (planes && request.planes) checkGrid({ planes, classes: classes! }, request.planes.length);
    const left = await drawFeatures(request, classes!, scores, planes);
    checkGrowth(layers); // scores and planes may have been opened later
    await writeOpenFile(openPath, ...left);
  } catch (error) {
    await Promise.all([featuresPath, openPath].map((path) => rm(path, { force: true })));
    throw error;
  } finally {
    await Promise.all(rasters.map((raster) => raster?.close()));
  }
}

/** Where a map is, while it grows and afterwards. */
const grown = (path: string): string => (existsSync(path) ? path : sparsePath(path));

async function drawFeatures(
  request: DrawStripRequest,
  classes: Raster,
  scores: Raster | null,
  planes: Raster | null,
): Promise<[OpenStrip, OpenCoarser]> {
  const { strip, codes, featuresPath } = request;
  const raw = await readWindow(request, classes, scores);
  const { trimmed, window, discarded } = sieveStrip(request, raw);
  const land = drawLandStrip(window, landOptions(request));
  const readers = planes && { planes: pixelsOf(planes), ...(scores && { scores: pixelsOf(scores) }) };
  const built = codes.building === null ? null : await drawBuildings(request, codes.building, window, readers);
  const roads = codes.road === null ? null : drawRoads(request, codes.road, raw);
  const levels = drawLevelStrips(trimmed, coarseLevels(request), levelOptions(request));

  let features = 0;
  const pieces = { count: 0, places: new Set<string>() };
  function* lines(): Generator<FeatureLine> {
    for (const region of land.regions) {
      features++;
      const line = landLine(region, 0, request);
      if (line.pieceOf) {
        pieces.count++;
        pieces.places.add(line.pieceOf.place);
      }
      yield line;
    }
    for (const { level, regions } of levels.drawn) {
      for (const region of regions) yield landLine(region, level, request);
    }
    for (const building of built?.buildings ?? []) {
      features++;
      yield buildingLine(building, request);
    }
    for (const edge of roads?.edges ?? []) {
      features++;
      yield roadLine(edge, codes.road!, request);
    }
  }
  await writeFeaturesFile(featuresPath, lines());
  const finest = { strip, features, land: land.open, landReport: land.report, discarded, pieces };
  return [
    { ...finest, buildings: built?.report ?? null, roads: roads?.open ?? null },
    { middles: built?.middles ?? [], levels: levels.open },
  ];
}

const pixelsOf = (raster: Raster) => async (box: PixelBox) => (await raster.read(0, box)).pixels;

/** What a strip looks at without what is too small or too narrow to be drawn. */
export function sieveStrip(options: Pick<DrawOptions, 'minAreaM2' | 'pixelMetres' | 'nodata'>, raw: StripWindow) {
  const { minAreaM2, nodata, pixelMetres } = options;
  // Lines one pixel wide are borders that the network could not decide on, not land; all of them stay where all is kept.
  const limits = sieveLimits(minAreaM2, pixelMetres.x * pixelMetres.y, minAreaM2 > 0 ? 1 : 0);
  const trimmed = minAreaM2 > 0 ? trim(raw, nodata) : raw;
  return { trimmed, ...createRowSieve({ limits, nodata }).sieve(trimmed, STRIP_MARGIN) };
}

/** Without the teeth of combs; what was given has no score. */
function trim(raw: StripWindow, nodata: number): StripWindow {
  const classes = trimCombs(raw.classes, raw.width, nodata);
  const scores = raw.scores.map((score, at) => (classes[at] === raw.classes[at] ? score : 0));
  return { ...raw, classes, scores };
}

async function readWindow(
  { strip, size }: DrawStripRequest,
  classes: Raster,
  scores: Raster | null,
): Promise<StripWindow> {
  const { y: top, height: rows } = rowsOf(strip, size);
  const window = { x: 0, y: top, width: size.width, height: rows };
  const [classRows, scoreRows] = await Promise.all([classes.read(0, window), scores?.read(0, window)]);
  return {
    ...{ strip, ...size, top, rows, classes: classRows.pixels },
    scores: scoreRows?.pixels ?? new Uint8Array(rows * size.width),
  };
}

/** Of a sieved window; `readers` of the planes tell row houses apart. */
export function drawBuildings(
  options: DrawOptions,
  code: number,
  window: StripWindow,
  readers: PlaneReaders | null,
): Promise<BuildingStrip> {
  const split =
    readers && options.planes
      ? rowSplitter(readers, {
          planes: options.planes,
          code,
          minPixels: options.minAreaM2 / pixelAreaOf(options),
        })
      : undefined;
  return drawBuildingStrip(window, { ...wallOptions(options), code, ...(split && { split }) });
}

/** Roads are drawn from what the network gave: where small areas are given to their neighbours, roads would be cut. */
function drawRoads(options: DrawOptions, road: number, raw: StripWindow) {
  const { strip, width, height } = raw;
  const { codes } = options;
  const top = Math.max(raw.top, strip.y - STRIP_MARGIN);
  const rows = Math.min(height, strip.y + strip.rows + STRIP_MARGIN) - top;
  const own = (plane: Uint8Array) => plane.subarray((top - raw.top) * width, (top - raw.top + rows) * width);
  const blocked = [codes.building, codes.water].filter((code) => code !== null);
  const window = { ...raw, top, rows, classes: own(raw.classes), scores: own(raw.scores) };
  return drawRoadStrip(window, { road, blocked }, roadOptions(options));
}
