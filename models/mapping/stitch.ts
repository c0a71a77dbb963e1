/** Answers of chips whose field fits their halo become row bands: each pixel is taken from exactly one core. */
import { type Chip, type ChipPlan, chipAt } from '../../tiler/grid/chips.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import { type Answer, CLASS_NODATA, SCORE_NODATA } from '../runtime/answer.ts';
import type { ChipCache } from './chip-cache.ts';
import type { ChipRows } from './shards.ts';

/** A row band of the whole width: rows * grid.width pixels. */
export interface Band {
  rows: number;
  classes: Uint8Array;
  scores: Uint8Array;
  /** The network's planes pixel by pixel, 0 where there is no answer. */
  planes: Uint8Array;
  /** ceil(rows / stride) * ceil(grid.width / stride) cells of `channels`, NaN where there is no answer. */
  features: Float32Array;
}

/** What an answer holds besides classes and scores. */
export interface AnswerShape {
  planes: number;
  /** 0 where features are not asked for. */
  channels: number;
  /** Pixels a feature cell. */
  stride: number;
}

/** The core of an answer: classes, scores, planes and features one after the other; nodata where it is not live. */
export function encodeCore(answer: Answer, chip: Chip, live: Uint8Array, halo: number, shape: AnswerShape): Uint8Array {
  const { width, height } = chip;
  const size = width * height;
  const layout = coreLayout(chip, shape);
  const core = new Uint8Array(layout.bytes);
  const planes = [answer.classes, answer.scores, ...splitPlanes(answer.planes, shape.planes)];
  const nodata = [CLASS_NODATA, SCORE_NODATA];
  const whole = !live.includes(0);
  for (const [i, plane] of planes.entries()) {
    crop(plane, core.subarray(i * size, (i + 1) * size), chip, halo);
    if (whole) continue;
    const empty = nodata[i] ?? 0;
    for (let at = 0; at < size; at++) if (!live[at]) core[i * size + at] = empty;
  }
  if (answer.features && shape.channels > 0) {
    const features = cropFeatures(answer.features, chip, live, halo, shape);
    core.set(new Uint8Array(features.buffer), layout.features);
  }
  return core;
}

/** Row bands from the top, one a row of chips as soon as it is `reached`. */
export async function* stitchCores(
  cache: ChipCache,
  reached: (row: number) => Promise<void>,
  grid: ModelGrid,
  plan: ChipPlan,
  { first, end }: ChipRows,
  shape: AnswerShape,
): AsyncGenerator<Band> {
  for (let row = first; row < end; row++) {
    await reached(row);
    const band = emptyBand(grid.width, Math.min(plan.core, grid.height - row * plan.core), shape);
    for (let column = 0; column < plan.columns; column++) {
      if (cache.get(row, column)?.state !== 'done') continue;
      paste(band, grid.width, chipAt(grid, plan, row, column), await cache.read(row, column), shape);
    }
    yield band;
  }
}

export function emptyBand(width: number, rows: number, { planes, channels, stride }: AnswerShape): Band {
  const cells = Math.ceil(rows / stride) * Math.ceil(width / stride);
  return {
    rows,
    classes: new Uint8Array(width * rows).fill(CLASS_NODATA),
    scores: new Uint8Array(width * rows).fill(SCORE_NODATA),
    planes: new Uint8Array(width * rows * planes),
    features: new Float32Array(cells * channels).fill(Number.NaN),
  };
}

/** Where the parts of an encoded core begin. */
function coreLayout({ width, height }: Chip, { planes, channels, stride }: AnswerShape) {
  const size = width * height;
  const features = (2 + planes) * size;
  const cells = (width / stride) * (height / stride);
  return { size, planes: 2 * size, features, cells, bytes: features + cells * channels * 4 };
}

function splitPlanes(planes: Uint8Array, count: number): Uint8Array[] {
  const size = planes.length / count;
  return Array.from({ length: count }, (_, i) => planes.subarray(i * size, (i + 1) * size));
}

function crop(plane: Uint8Array, to: Uint8Array, { width, height }: Chip, halo: number): void {
  for (let y = 0; y < height; y++) {
    const start = (y + halo) * (width + 2 * halo) + halo;
    to.set(plane.subarray(start, start + width), y * width);
  }
}

/** From channel after channel over core and halo to cell after cell of the core. */
function cropFeatures(
  features: Float32Array,
  { width, height }: Chip,
  live: Uint8Array,
  halo: number,
  { channels, stride }: AnswerShape,
): Float32Array {
  const across = (width + 2 * halo) / stride;
  const size = across * ((height + 2 * halo) / stride);
  const [columns, rows] = [width / stride, height / stride];
  const cropped = new Float32Array(columns * rows * channels).fill(Number.NaN);
  for (let row = 0, to = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, to += channels) {
      if (!cellIsLive(live, width, column * stride, row * stride, stride)) continue;
      const from = (row + halo / stride) * across + column + halo / stride;
      for (let channel = 0; channel < channels; channel++) cropped[to + channel] = features[channel * size + from];
    }
  }
  return cropped;
}

function cellIsLive(live: Uint8Array, width: number, x: number, y: number, side: number): boolean {
  for (let row = y; row < y + side; row++)
    if (live.subarray(row * width + x, row * width + x + side).includes(1)) return true;
  return false;
}

function paste(band: Band, bandWidth: number, chip: Chip, core: Uint8Array, shape: AnswerShape): void {
  const { planes, channels, stride } = shape;
  const layout = coreLayout(chip, shape);
  const width = Math.min(chip.width, bandWidth - chip.x);
  for (let y = 0; y < band.rows; y++) {
    const from = y * chip.width;
    const to = y * bandWidth + chip.x;
    band.classes.set(core.subarray(from, from + width), to);
    band.scores.set(core.subarray(layout.size + from, layout.size + from + width), to);
    for (let plane = 0; plane < planes; plane++) {
      const start = layout.planes + plane * layout.size + from;
      for (let x = 0; x < width; x++) band.planes[(to + x) * planes + plane] = core[start + x];
    }
  }
  if (channels === 0) return;
  const features = new Float32Array(Uint8Array.from(core.subarray(layout.features)).buffer);
  const columns = Math.ceil(width / stride) * channels;
  for (let row = 0; row * stride < band.rows; row++) {
    const from = row * (chip.width / stride) * channels;
    const to = (row * Math.ceil(bandWidth / stride) + chip.x / stride) * channels;
    band.features.set(features.subarray(from, from + columns), to);
  }
}
