/**
 * Inference and stitching: chips of a working copy go through the network into a spool, and from there row band by row
 * band into a class map (255 = nodata), a score map (0 = nodata), and what else the network gives. Memory follows the
 * scene's width; a run that died goes on with the chip it died over.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Area, areaRows } from '../tiler/area-mask.ts';
import { type ChipPlan, chipAt } from '../tiler/chips.ts';
import type { ModelGrid } from '../tiler/model-grid.ts';
import { Problem } from '../tiler/problem.ts';
import type { Raster } from '../tiler/raster.ts';
import { openScene, type Pixels, type Rendering } from '../tiler/rendering.ts';
import { createTiffWriter, type TiffLayout, type TiffWriter } from '../tiler/write-tiff.ts';
import { blendWindows, encodeWindow, type SeamDisagreement } from './blend.ts';
import { type ChipSpool, type ChipState, openChipSpool } from './chip-spool.ts';
import type { Device } from './device.ts';
import { type ChipSource, type EncodeAnswer, inferChips, type SessionSource } from './infer-chips.ts';
import { type Network, type NetworkClass, stitchesExactly, weightsOf } from './registry.ts';
import type { NetworkSession, RunOptions } from './runtime.ts';
import { type AnswerShape, type Band, CLASS_NODATA, encodeCore, SCORE_NODATA, stitchCores } from './stitch.ts';

export interface MapRequest {
  workingPath: string;
  /** Other bands or another stretch than the scene's own. */
  rendering?: Rendering;
  grid: ModelGrid;
  plan: ChipPlan;
  /** What stands where there is no imagery, in the network's bands: the scene's mean colour. */
  fill: readonly number[];
  /** Nothing outside is computed; null: all of the scene. */
  area: Area | null;
  network: Network;
  run: RunOptions;
  /** Chips in one run of the network, at most. */
  batch: number;
  /** A folder for the answers of chips; what a run that died has left there is used. */
  spoolPath: string;
  classesPath: string;
  scoresPath: string;
  /** Where the probability planes go, if the network gives any: uint8, a band a plane. */
  planesPath?: string;
  /** Where the feature layer goes: float32, a band a channel, a pixel a cell of the layer. */
  featuresPath?: string;
}

/** Model-grid pixels by what became of them; they add up to width * height. */
export interface Ledger {
  done: number;
  nodata: number;
  outside: number;
  failed: number;
  pending: number;
}

export interface FailedChip {
  /** Of its core, in model pixels. */
  x: number;
  y: number;
  width: number;
  height: number;
  reason: string;
}

export interface MapResult {
  ledger: Ledger;
  chips: Record<Exclude<ChipState, 'failed'>, number> & { failed: FailedChip[] };
  seam: { certified: boolean; halo: number; disagreement: number; max_delta: number };
  device: Device;
  /** Nodes of the network that ran elsewhere than on the device. */
  fallbackNodes: number;
  inferMs: number;
  stitchMs: number;
  peakRssBytes: number;
}

/** Maps a scene. `onProgress` gets the number of chips done. Of the maps nothing is left behind when it throws. */
export async function mapScene(
  request: MapRequest,
  sessions: SessionSource,
  onProgress: (chips: number) => void,
): Promise<MapResult> {
  const { grid, plan, network, fill, area, batch } = request;
  const raster = await openScene(request.workingPath, request.rendering);
  const started = performance.now();
  let inferred = started;
  let spool: ChipSpool | null = null;
  try {
    if (area && !meets(area, grid)) {
      throw new Problem('aoi_outside', 'No pixel of the scene has its centre in the area of interest.');
    }
    spool = await openChipSpool(request.spoolPath, spoolKey(request));
    const { device, fallbackNodes } = await sessions.open();
    const stitching = stitchingOf(network, grid, plan, request.run.features === true);
    const rows = waitForRows(spool, plan);
    const tick = (chips: number) => {
      rows.check();
      onProgress(chips);
    };
    const source = { raster, grid, plan, fill, area };
    const inferring = inferChips(source, sessions, spool, stitching.encode, { batch, onProgress: tick });
    const whole = inferring.then(() => {
      inferred = performance.now();
    });
    whole.catch(rows.fail);
    const writing = writeMaps(request, raster, stitching.bands(spool, rows.reached), whole);
    writing.catch(rows.fail);
    const [, stitched] = await Promise.allSettled([inferring, writing]);
    if (stitched.status === 'rejected') throw stitched.reason;
    const { ledger, chips } = summarize(spool, grid, plan);
    return {
      ledger,
      chips,
      seam: stitching.seam(),
      device,
      fallbackNodes,
      inferMs: inferred - started,
      stitchMs: performance.now() - inferred,
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    await spool?.close();
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
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-spool-'));
  const spool = await openChipSpool(folder, '');
  const failing = { open: async () => session, reopen: async () => session };
  try {
    const { grid, plan } = source;
    const stitching = stitchingOf(network, grid, plan, false);
    const options = { batch: 1, onProgress: () => {} };
    await inferChips({ ...source, area: null }, failing, spool, stitching.encode, options);
    yield* stitching.bands(spool, async () => {});
  } finally {
    await spool.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Stitching {
  encode: EncodeAnswer;
  /** `reached` resolves when all chips of a row are recorded. */
  bands(spool: ChipSpool, reached: (row: number) => Promise<void>): AsyncGenerator<Band>;
  /** After the bands. */
  seam(): MapResult['seam'];
}

function stitchingOf(network: Network, grid: ModelGrid, plan: ChipPlan, withFeatures: boolean): Stitching {
  const { halo } = plan;
  const planes = network.planes.length;
  if (!stitchesExactly(network)) {
    const output = network.adapter?.output;
    const independent = output?.kind === 'map' && !output.exclusive;
    const codes = network.classes.map(({ value }) => value);
    const options = { codes, planes, ...(independent && { threshold: output.threshold }) };
    const seam: SeamDisagreement = { maxDelta: 0, pixels: 0, differing: 0 };
    return {
      encode: (answer, chip, live) => encodeWindow(answer, chip, live, plan, options),
      bands: (spool, reached) => blendWindows(spool, reached, grid, plan, options, seam),
      seam: () => ({
        certified: false,
        halo,
        disagreement: seam.differing / Math.max(1, seam.pixels),
        max_delta: seam.maxDelta,
      }),
    };
  }
  const layer = withFeatures ? network.features : undefined;
  const shape: AnswerShape = { planes, channels: layer?.channels ?? 0, stride: layer?.stride ?? plan.stride };
  return {
    encode: (answer, chip, live) => encodeCore(answer, chip, live, halo, shape),
    bands: (spool, reached) => stitchCores(spool, reached, grid, plan, shape),
    // Exact by construction: no pixel's answer depends on what lies beyond the halo.
    seam: () => ({ certified: true, halo, disagreement: 0, max_delta: 0 }),
  };
}

/** All that the kept answers depend on. */
function spoolKey({ grid, plan, fill, area, network, run, rendering }: MapRequest): string {
  const hash = createHash('sha256').update(JSON.stringify([grid, plan, fill, network, run, rendering]));
  for (const ring of area ?? []) hash.update(ring);
  return hash.digest('hex');
}

/** Lets the stitching follow the inference, row of chips by row of chips. */
function waitForRows(spool: ChipSpool, plan: ChipPlan) {
  let complete = 0;
  let failure: unknown = null;
  let waiting: { row: number; resolve(): void; reject(error: unknown): void }[] = [];
  const isComplete = (row: number) => {
    for (let column = 0; column < plan.columns; column++) if (!spool.get(row, column)) return false;
    return true;
  };
  const check = () => {
    if (failure) throw failure; // nobody wants the rest
    while (complete < plan.rows && isComplete(complete)) complete++;
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

/** Writes the maps; they are there once `whole` has resolved too. */
async function writeMaps(
  request: MapRequest,
  raster: Raster<Pixels>,
  bands: AsyncGenerator<Band>,
  whole: Promise<void>,
): Promise<void> {
  const { network, planesPath, featuresPath } = request;
  const writers: [TiffWriter, (band: Band) => [rows: number, pixels: Uint8Array | Float32Array]][] = [];
  const add = async (path: string, layout: TiffLayout, part: (typeof writers)[number][1]) => {
    writers.push([await createTiffWriter(path, layout, { growing: true }), part]);
  };
  try {
    await add(request.classesPath, classMapLayout(request, raster), (band) => [band.rows, band.classes]);
    await add(request.scoresPath, scoreMapLayout(request, raster), (band) => [band.rows, band.scores]);
    if (planesPath !== undefined && network.planes.length > 0) {
      await add(planesPath, planesLayout(request, raster), (band) => [band.rows, band.planes]);
    }
    if (featuresPath !== undefined && network.features) {
      const { stride } = network.features;
      const rows = (band: Band) => Math.ceil(band.rows / stride);
      await add(featuresPath, featuresLayout(request, raster), (band) => [rows(band), band.features]);
    }
    for await (const band of bands) for (const [writer, part] of writers) await writer.writeRows(...part(band));
    await whole;
    for (const [writer] of writers) await writer.finish();
  } catch (error) {
    for (const [writer] of writers) await writer.abort();
    throw error;
  }
}

function summarize(spool: ChipSpool, grid: ModelGrid, plan: ChipPlan): Pick<MapResult, 'ledger' | 'chips'> {
  const ledger: Ledger = { done: 0, nodata: 0, outside: 0, failed: 0, pending: grid.width * grid.height };
  const chips: MapResult['chips'] = { done: 0, nodata: 0, outside: 0, failed: [] };
  for (const { row, column, state, ledger: counts, reason = '' } of spool.records.values()) {
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

function classMapLayout(request: MapRequest, raster: Raster<Pixels>): TiffLayout {
  const names = request.network.classes.map(({ value, name }) => `${value}=${name}`).join(',');
  return {
    ...mapLayout(request, raster),
    nodata: CLASS_NODATA,
    palette: palette(request.network.classes),
    overviews: 'majority',
    metadata: { CLASSES: names, MODEL: modelOf(request) },
  };
}

const modelOf = ({ network, run }: MapRequest): string => `${network.id} ${weightsOf(network, run.precision).sha256}`;

const scoreMapLayout = (request: MapRequest, raster: Raster<Pixels>): TiffLayout => ({
  ...mapLayout(request, raster),
  nodata: SCORE_NODATA,
  overviews: 'average',
});

const planesLayout = (request: MapRequest, raster: Raster<Pixels>): TiffLayout => ({
  ...mapLayout(request, raster),
  bands: request.network.planes.length,
  overviews: 'none',
  metadata: { PLANES: request.network.planes.map(({ name }) => name).join(',') },
});

/** Features have many bands: a tile of 512 would hold megabytes. */
const FEATURE_TILE = 64;

function featuresLayout(request: MapRequest, raster: Raster<Pixels>): TiffLayout {
  const { grid, network } = request;
  const { stride, channels } = network.features!;
  const [x0, xPerColumn, xPerRow, y0, yPerColumn, yPerRow] = grid.geotransform;
  return {
    ...mapLayout(request, raster),
    width: Math.ceil(grid.width / stride),
    height: Math.ceil(grid.height / stride),
    bands: channels,
    sampleType: 'float32',
    geotransform: [x0, xPerColumn * stride, xPerRow * stride, y0, yPerColumn * stride, yPerRow * stride],
    nodata: Number.NaN,
    overviews: 'none',
    tileSize: FEATURE_TILE,
    metadata: { MODEL: modelOf(request), LAYER: network.features!.output },
  };
}

const mapLayout = ({ grid }: MapRequest, { epsg, geographic }: Raster<Pixels>) => ({
  width: grid.width,
  height: grid.height,
  bands: 1,
  compression: 'deflate' as const,
  geotransform: grid.geotransform,
  epsg: epsg!, // a working COG has one
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
