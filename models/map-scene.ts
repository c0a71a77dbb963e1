/**
 * Inference and stitching: chips of a working copy go through the network, the cores are put together row band by row
 * band and written as class map (255 = nodata) and score map (0 = nodata). Memory follows the scene's width.
 */
import { type ChipPlan, readChips } from '../tiler/chips.ts';
import type { ModelGrid } from '../tiler/model-grid.ts';
import type { Raster } from '../tiler/raster.ts';
import { openScene, type Rendering } from '../tiler/rendering.ts';
import { createTiffWriter, type TiffLayout } from '../tiler/write-tiff.ts';
import type { Network, NetworkClass } from './registry.ts';
import { type Answer, type NetworkSession, openNetwork } from './runtime.ts';

export const CLASS_NODATA = 255;
/** A score is the largest of at least two probabilities, so it is never 0. */
export const SCORE_NODATA = 0;

export interface MapRequest {
  workingPath: string;
  /** Other bands or another stretch than the scene's own. */
  rendering?: Rendering;
  grid: ModelGrid;
  plan: ChipPlan;
  /** RGB that stands where there is no imagery: the scene's mean colour. */
  fill: readonly [number, number, number];
  network: Network;
  classesPath: string;
  scoresPath: string;
  /** Where the probability planes go, if the network gives any: uint8, a band a plane. */
  planesPath?: string;
  /** CPU threads, 0 for all cores. */
  threads: number;
}

/** Model-grid pixels by what became of them; they add up to width * height. */
export interface Ledger {
  done: number;
  nodata: number;
  outside: number;
  failed: number;
  pending: number;
}

export interface MapResult {
  ledger: Ledger;
  inferMs: number;
  stitchMs: number;
  peakRssBytes: number;
}

/** Maps a scene. `onProgress` gets the number of chips done. Nothing is left behind when it throws. */
export async function mapScene(request: MapRequest, onProgress: (chips: number) => void): Promise<MapResult> {
  const { grid, plan, network, fill } = request;
  const ledger: Ledger = { done: 0, nodata: 0, outside: 0, failed: 0, pending: grid.width * grid.height };
  const session = await openNetwork(network, request.threads);
  const raster = await openScene(request.workingPath, request.rendering);
  const writers = await Promise.all([
    createTiffWriter(request.classesPath, classMapLayout(request, raster), { growing: true }),
    createTiffWriter(request.scoresPath, scoreMapLayout(request, raster), { growing: true }),
  ]);
  const planesWriter =
    network.planes.length > 0 && request.planesPath !== undefined
      ? await createTiffWriter(request.planesPath, planesLayout(request, raster))
      : null;
  if (planesWriter) writers.push(planesWriter);
  const started = performance.now();
  let inferMs = 0;
  try {
    for await (const band of inferBands(session, raster, grid, plan, fill, onProgress)) {
      const pixels = band.rows * grid.width;
      ledger.done += band.done;
      ledger.nodata += pixels - band.done;
      ledger.pending -= pixels;
      inferMs += band.inferMs;
      await writers[0].writeRows(band.rows, band.classes);
      await writers[1].writeRows(band.rows, band.scores);
      await planesWriter?.writeRows(band.rows, band.planes);
    }
    for (const writer of writers) await writer.finish();
  } catch (error) {
    for (const writer of writers) await writer.abort();
    throw error;
  } finally {
    await raster.close();
    await session.close();
  }
  const stitchMs = performance.now() - started - inferMs;
  return { ledger, inferMs, stitchMs, peakRssBytes: process.resourceUsage().maxRSS * 1024 };
}

/** One row band of stitched cores: rows * grid.width pixels of class and score. */
export interface Band {
  rows: number;
  classes: Uint8Array;
  scores: Uint8Array;
  /** The network's planes pixel by pixel, 0 where there is no answer. */
  planes: Uint8Array;
  /** Pixels that hold an answer; the others are nodata. */
  done: number;
  inferMs: number;
}

/** The stitched answer of a network, row band by row band from the top. Chips without imagery are not computed. */
export async function* inferBands(
  session: NetworkSession,
  raster: Raster,
  grid: ModelGrid,
  plan: ChipPlan,
  fill: readonly [number, number, number],
  onProgress: (chips: number) => void = () => {},
): AsyncGenerator<Band> {
  let chips = 0;
  const { planeCount } = session;
  let band = emptyBand(grid.width, plan.core, planeCount);
  for await (const { chip, pixels, valid } of readChips(raster, grid, plan, fill, range(plan.rows))) {
    band.rows = Math.min(chip.height, grid.height - chip.y);
    if (valid.includes(1)) {
      const started = performance.now();
      const answer = await inferCore(session, pixels, chip, plan.halo);
      band.inferMs += performance.now() - started;
      band.done += pasteCore(band, grid.width, { ...answer, valid, ...chip });
    }
    onProgress(++chips);
    if (chip.column < plan.columns - 1) continue;
    const size = band.rows * grid.width;
    yield {
      ...band,
      classes: band.classes.subarray(0, size),
      scores: band.scores.subarray(0, size),
      planes: band.planes.subarray(0, size * planeCount),
    };
    band = emptyBand(grid.width, plan.core, planeCount);
  }
}

const emptyBand = (width: number, rows: number, planeCount: number): Band => ({
  rows: 0,
  classes: new Uint8Array(width * rows).fill(CLASS_NODATA),
  scores: new Uint8Array(width * rows).fill(SCORE_NODATA),
  planes: new Uint8Array(width * rows * planeCount),
  done: 0,
  inferMs: 0,
});

/** Runs a chip with its halo and keeps the core. */
async function inferCore(
  session: NetworkSession,
  pixels: Uint8Array,
  core: { width: number; height: number },
  halo: number,
): Promise<Answer> {
  const width = core.width + 2 * halo;
  const answer = await session.infer(pixels, width, core.height + 2 * halo);
  const height = core.height + 2 * halo;
  /** Of planes one after the other. */
  const crop = (planes: Uint8Array) => {
    const count = planes.length / (width * height);
    const cropped = new Uint8Array(core.width * core.height * count);
    for (let plane = 0, to = 0; plane < count; plane++) {
      for (let y = 0; y < core.height; y++, to += core.width) {
        const start = (plane * height + y + halo) * width + halo;
        cropped.set(planes.subarray(start, start + core.width), to);
      }
    }
    return cropped;
  };
  return { classes: crop(answer.classes), scores: crop(answer.scores), planes: crop(answer.planes) };
}

/** Copies the valid pixels of a core into the band; returns how many there were. */
function pasteCore(
  band: Band,
  bandWidth: number,
  core: Answer & { valid: Uint8Array; x: number; width: number; height: number },
): number {
  const width = Math.min(core.width, bandWidth - core.x);
  const planeSize = core.width * core.height;
  const planeCount = core.planes.length / planeSize;
  let done = 0;
  for (let y = 0; y < band.rows; y++) {
    for (let x = 0; x < width; x++) {
      const from = y * core.width + x;
      if (!core.valid[from]) continue;
      const to = y * bandWidth + core.x + x;
      band.classes[to] = core.classes[from];
      band.scores[to] = core.scores[from];
      for (let p = 0; p < planeCount; p++) band.planes[to * planeCount + p] = core.planes[p * planeSize + from];
      done++;
    }
  }
  return done;
}

function classMapLayout(request: MapRequest, raster: Raster): TiffLayout {
  const names = request.network.classes.map(({ value, name }) => `${value}=${name}`).join(',');
  return {
    ...mapLayout(request, raster),
    nodata: CLASS_NODATA,
    palette: palette(request.network.classes),
    overviews: 'majority',
    metadata: { CLASSES: names, MODEL: `${request.network.id} ${request.network.sha256}` },
  };
}

const scoreMapLayout = (request: MapRequest, raster: Raster): TiffLayout => ({
  ...mapLayout(request, raster),
  nodata: SCORE_NODATA,
  overviews: 'average',
});

const planesLayout = (request: MapRequest, raster: Raster): TiffLayout => ({
  ...mapLayout(request, raster),
  bands: request.network.planes.length,
  overviews: 'none',
  metadata: { PLANES: request.network.planes.map(({ name }) => name).join(',') },
});

const mapLayout = ({ grid }: MapRequest, { epsg, userCrs = null, geographic }: Raster) => ({
  width: grid.width,
  height: grid.height,
  bands: 1,
  compression: 'deflate' as const,
  geotransform: grid.geotransform,
  epsg, // a working COG has one, or a definition
  userCrs,
  ...(geographic !== undefined && { geographic }),
});

function palette(classes: readonly NetworkClass[]): [number, number, number][] {
  const colors = Array.from({ length: 256 }, (): [number, number, number] => [0, 0, 0]);
  for (const { value, color } of classes) {
    const rgb = Number.parseInt(color.slice(1), 16);
    colors[value] = [rgb >> 16, (rgb >> 8) & 255, rgb & 255];
  }
  return colors;
}

function* range(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i;
}
