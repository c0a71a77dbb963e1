/**
 * Inference and stitching: chips of a working copy go through the network into a cache, and from there row band by row
 * band into a class map (255 = nodata), a score map (0 = nodata), and what else the network gives. Memory follows the
 * scene's width; a run that died goes on with the chip it died over.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import type { Raster } from '../../tiler/geotiff/raster.ts';
import { createTiffWriter, type TiffLayout, type TiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { type Area, areaRows } from '../../tiler/grid/area-mask.ts';
import { type ChipPlan, chipAt } from '../../tiler/grid/chips.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import type { Pixels, Rendering } from '../../tiler/rendering/rendering.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import { type Network, stitchesExactly, tellsScores } from '../registry.ts';
import { CLASS_NODATA } from '../runtime/answer.ts';
import type { Device } from '../runtime/device.ts';
import type { NetworkSession, RunOptions, SessionSource } from '../runtime/session.ts';
import { blendWindows, encodeWindow, type SeamDisagreement } from './blend.ts';
import { type ChipCache, type ChipState, openChipCache } from './chip-cache.ts';
import { type ChipSource, type EncodeAnswer, inferChips } from './infer-chips.ts';
import type { FailedChip, Ledger } from './ledger.ts';
import { classMapLayout, featuresLayout, planesLayout, probabilitiesLayout, scoreMapLayout } from './map-layouts.ts';
import { type ChipRows, pixelRows, type Shard } from './shards.ts';
import { type AnswerShape, type Band, encodeCore, stitchCores } from './stitch.ts';

export interface MapRequest {
  workingPath: string;
  /** Other bands or another stretch than the scene's own. */
  rendering?: Rendering;
  grid: ModelGrid;
  plan: ChipPlan;
  /** This one alone. */
  shard?: Shard;
  /** What stands where there is no imagery, in the network's bands: the scene's mean colour. */
  fill: readonly number[];
  /** Nothing outside is computed; null: all of the scene. */
  area: Area | null;
  network: Network;
  run: RunOptions;
  /** Chips in one run of the network, at most. */
  batch: number;
  /** A folder for the answers of chips; what a run that died has left there is used. */
  chipCachePath: string;
  classesPath: string;
  scoresPath: string;
  /** Where the probability planes go, if the network gives any: uint8, a band a plane. */
  planesPath?: string;
  /** Where the probabilities of all classes go, in the network's order: uint8, a band a class. */
  probabilitiesPath?: string;
  /** Where the feature layer goes: float32, a band a channel, a pixel a cell of the layer. */
  featuresPath?: string;
}

export interface MapResult {
  ledger: Ledger;
  chips: Record<Exclude<ChipState, 'failed'>, number> & { failed: FailedChip[] };
  seam: { certified: boolean; halo: number; disagreement: number; max_delta: number };
  /** Pixels that were computed, and whose number is no class. */
  withoutClass: number;
  /** At which answers of neighbouring chips were compared. */
  seamPixels: number;
  device: Device;
  /** Nodes of the network that ran elsewhere than on the device. */
  fallbackNodes: number;
  inferMs: number;
  stitchMs: number;
  peakRssBytes: number;
}

/** How far a map is. */
export interface MapProgress {
  /** Done, of the map or the shard. */
  chips: number;
  /** Of its maps, from the top, that can be read where they grow. */
  rows: number;
}

/**
 * Maps a scene, or a shard of it. Of the maps nothing is left behind when it throws, as it does where not a single chip
 * of a scene could be had.
 */
export async function mapScene(
  request: MapRequest,
  sessions: SessionSource,
  onProgress: (done: MapProgress) => void,
): Promise<MapResult> {
  const { grid, plan, network, fill, area, batch } = request;
  const raster = await openScene(request.workingPath, request.rendering);
  const started = performance.now();
  let inferred = started;
  let cache: ChipCache | null = null;
  try {
    if (area && !meets(area, grid)) {
      throw new Problem('aoi_outside', 'No pixel of the scene has its centre in the area of interest.');
    }
    cache = await openChipCache(request.chipCachePath, chipCacheKey(request));
    const { device, fallbackNodes } = await sessions.open();
    const own = request.shard ?? { first: 0, end: plan.rows };
    const stitching = stitchingOf(network, grid, plan, own, request.run);
    const rows = waitForRows(cache, plan, stitching.computed);
    const done: MapProgress = { chips: 0, rows: 0 };
    const tick = (chips: number) => {
      rows.check();
      done.chips = chips;
      onProgress({ ...done });
    };
    const onRows = (written: number) => {
      done.rows = written;
      onProgress({ ...done });
    };
    const source = { raster, grid, plan, fill, area };
    const options = { batch, onProgress: tick };
    const inferring = inferChips(source, sessions, cache, stitching.encode, stitching.computed, options);
    const { records } = cache;
    const whole = inferring.then((failure) => {
      inferred = performance.now();
      const states = new Set(Array.from(records.values(), ({ state }) => state));
      if (!request.shard && states.has('failed') && !states.has('done')) {
        throw failure ?? new Error('every chip that was computed ended the process');
      }
    });
    whole.catch(rows.fail);
    const writing = writeMaps(request, raster, stitching.bands(cache, rows.reached), whole, onRows);
    writing.catch(rows.fail);
    const [, stitched] = await Promise.allSettled([whole, writing]);
    if (stitched.status === 'rejected') throw stitched.reason;
    const { pixels: seamPixels, ...seam } = stitching.seam();
    const summary = summarize(cache, grid, plan, own);
    return {
      ...summary,
      withoutClass: summary.ledger.done - stitched.value,
      seam,
      seamPixels,
      device,
      fallbackNodes,
      inferMs: inferred - started,
      stitchMs: performance.now() - inferred,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    await cache?.close();
    await raster.close();
  }
}

/**
 * The stitched answer of a network over a raster, row band by row band from the top. Chips without imagery are not
 * computed; failures are thrown.
 */
export async function* inferBands(
  session: NetworkSession,
  network: Network,
  source: Omit<ChipSource, 'area'>,
): AsyncGenerator<Band> {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-cache-'));
  const cache = await openChipCache(folder, '');
  const failing = { open: async () => session, reopen: async () => session };
  try {
    const { grid, plan } = source;
    const rows = { first: 0, end: plan.rows };
    const stitching = stitchingOf(network, grid, plan, rows, {});
    const options = { batch: 1, onProgress: () => {} };
    await inferChips({ ...source, area: null }, failing, cache, stitching.encode, rows, options);
    yield* stitching.bands(cache, async () => {});
  } finally {
    await cache.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Stitching {
  /** What has to be computed for the rows that are wanted. */
  computed: ChipRows;
  encode: EncodeAnswer;
  /** `reached` resolves when all chips of a row are recorded. */
  bands(cache: ChipCache, reached: (row: number) => Promise<void>): AsyncGenerator<Band>;
  /** After the bands. */
  seam(): MapResult['seam'] & { pixels: number };
}

function stitchingOf(network: Network, grid: ModelGrid, plan: ChipPlan, rows: ChipRows, run: RunOptions): Stitching {
  const { halo } = plan;
  const planes = network.planes.length + (run.probabilities ? network.classes.length : 0);
  if (!stitchesExactly(network)) {
    const output = network.adapter?.output;
    const independent = output?.kind === 'map' && !output.exclusive;
    const codes = network.classes.map(({ value }) => value);
    const options = {
      codes,
      planes,
      scored: tellsScores(network),
      ...(independent && { threshold: output.threshold }),
    };
    const seam: SeamDisagreement = { maxDelta: 0, pixels: 0, differing: 0 };
    return {
      computed: { first: Math.max(0, rows.first - 1), end: Math.min(plan.rows, rows.end + 1) },
      encode: (answer, chip, live) => encodeWindow(answer, chip, live, plan, options),
      bands: (cache, reached) => blendWindows(cache, reached, grid, plan, rows, options, seam),
      seam: () => ({
        certified: false,
        halo,
        disagreement: seam.differing / Math.max(1, seam.pixels),
        max_delta: seam.maxDelta,
        pixels: seam.pixels,
      }),
    };
  }
  const layer = run.features ? network.features : undefined;
  const shape: AnswerShape = { planes, channels: layer?.channels ?? 0, stride: layer?.stride ?? plan.stride };
  return {
    computed: rows,
    encode: (answer, chip, live) => encodeCore(answer, chip, live, halo, shape),
    bands: (cache, reached) => stitchCores(cache, reached, grid, plan, rows, shape),
    // Exact by construction: no pixel's answer depends on what lies beyond the halo.
    seam: () => ({ certified: true, halo, disagreement: 0, max_delta: 0, pixels: 0 }),
  };
}

/** All that the kept answers depend on. */
function chipCacheKey({ grid, plan, fill, area, network, run, rendering }: MapRequest): string {
  const hash = createHash('sha256').update(JSON.stringify([grid, plan, fill, network, run, rendering]));
  for (const ring of area ?? []) hash.update(ring);
  return hash.digest('hex');
}

/** Lets the stitching follow the inference, row of chips by row of chips. */
function waitForRows(cache: ChipCache, plan: ChipPlan, { first, end }: ChipRows) {
  let complete = first;
  let failure: unknown = null;
  let waiting: { row: number; resolve(): void; reject(error: unknown): void }[] = [];
  const isComplete = (row: number) => {
    for (let column = 0; column < plan.columns; column++) if (!cache.get(row, column)) return false;
    return true;
  };
  const check = () => {
    if (failure) throw failure; // nobody wants the rest
    while (complete < end && isComplete(complete)) complete++;
    for (const each of waiting) if (each.row < complete) each.resolve();
    waiting = waiting.filter(({ row }) => row >= complete);
  };
  return {
    check,
    reached: (row: number) =>
      new Promise<void>((resolve, reject) => {
        waiting.push({ row, resolve, reject });
        check();
      }),
    fail(error: unknown) {
      failure ??= error;
      for (const { reject } of waiting) reject(error);
      waiting = [];
    },
  };
}

/** Whether any pixel of the grid is inside. */
function meets(area: Area, grid: ModelGrid): boolean {
  for (let y = 0; y < grid.height; y += SCAN_ROWS) {
    if (areaRows(area, grid.width, y, Math.min(SCAN_ROWS, grid.height - y)).includes(1)) return true;
  }
  return false;
}

const SCAN_ROWS = 256;

/**
 * Writes the maps; they are there once `whole` has resolved too. Returns how many pixels have a class. `onRows` gets how
 * many rows of all maps can be read where they grow.
 */
async function writeMaps(
  request: MapRequest,
  raster: Raster<Pixels>,
  bands: AsyncGenerator<Band>,
  whole: Promise<void>,
  onRows: (written: number) => void,
): Promise<number> {
  const { network, planesPath, featuresPath, run } = request;
  const all = network.planes.length + (run.probabilities ? network.classes.length : 0);
  const writers: [TiffWriter, (band: Band) => [rows: number, pixels: Uint8Array | Float32Array]][] = [];
  const add = async (path: string, layout: TiffLayout, part: (typeof writers)[number][1]) => {
    writers.push([await createTiffWriter(path, layout, { growing: true }), part]);
  };
  try {
    await add(request.classesPath, classMapLayout(request, raster), (band) => [band.rows, band.classes]);
    await add(request.scoresPath, scoreMapLayout(request, raster), (band) => [band.rows, band.scores]);
    if (planesPath !== undefined && network.planes.length > 0) {
      const { length } = network.planes;
      await add(planesPath, planesLayout(request, raster), (band) => [band.rows, planesBetween(band, 0, length, all)]);
    }
    if (request.probabilitiesPath !== undefined) {
      const part = (band: Band) => planesBetween(band, network.planes.length, all, all);
      await add(request.probabilitiesPath, probabilitiesLayout(request, raster), (band) => [band.rows, part(band)]);
    }
    if (featuresPath !== undefined && network.features) {
      const { stride } = network.features;
      const rows = (band: Band) => Math.ceil(band.rows / stride);
      await add(featuresPath, featuresLayout(request, raster), (band) => [rows(band), band.features]);
    }
    let classed = 0;
    let written = 0;
    for await (const band of bands) {
      classed += band.classes.length - countOf(band.classes, CLASS_NODATA);
      for (const [writer, part] of writers) await writer.writeRows(...part(band));
      written += band.rows;
      onRows(written);
    }
    await whole;
    for (const [writer] of writers) await writer.finish();
    return classed;
  } catch (error) {
    for (const [writer] of writers) await writer.abort();
    throw error;
  }
}

function countOf(values: Uint8Array, wanted: number): number {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === wanted) count++;
  return count;
}

/** Of planes that stand pixel by pixel, those from `first` to before `end`. */
function planesBetween({ planes }: Band, first: number, end: number, all: number): Uint8Array {
  if (end - first === all) return planes;
  const count = planes.length / all;
  const part = new Uint8Array(count * (end - first));
  for (let i = 0; i < count; i++) part.set(planes.subarray(i * all + first, i * all + end), i * (end - first));
  return part;
}

function summarize(
  cache: ChipCache,
  grid: ModelGrid,
  plan: ChipPlan,
  rows: ChipRows,
): Pick<MapResult, 'ledger' | 'chips'> {
  const pixels = grid.width * pixelRows(grid, plan, rows).height;
  const ledger: Ledger = { done: 0, nodata: 0, outside: 0, failed: 0, pending: pixels };
  const chips: MapResult['chips'] = { done: 0, nodata: 0, outside: 0, failed: [] };
  for (const { row, column, state, ledger: counts, reason = '' } of cache.records.values()) {
    if (row < rows.first || row >= rows.end) continue;
    for (const name of ['done', 'nodata', 'outside', 'failed'] as const) {
      ledger[name] += counts[name];
      ledger.pending -= counts[name];
    }
    if (state !== 'failed') {
      chips[state]++;
      continue;
    }
    const { x, y, width, height } = chipAt(grid, plan, row, column);
    chips.failed.push({
      x,
      y,
      width: Math.min(width, grid.width - x),
      height: Math.min(height, grid.height - y),
      reason,
    });
  }
  return { ledger, chips };
}
