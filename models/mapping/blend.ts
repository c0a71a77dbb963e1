/**
 * Answers of chips that depend on where a chip was cut become row bands without seams: neighbours overlap, and their
 * probabilities are added with raised-cosine weights (a Hann window's flanks, which sum to one). Each core of the map
 * is a function of the nine chips around it, so memory does not follow the scene, and the order of work does not show.
 */
import { type Chip, type ChipPlan, chipAt } from '../../tiler/grid/chips.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import { type Answer, CLASS_NODATA } from '../runtime/answer.ts';
import type { ChipCache } from './chip-cache.ts';
import type { ChipRows } from './shards.ts';
import { type AnswerShape, type Band, emptyBand } from './stitch.ts';

/** How much neighbours differ where they overlap. */
export interface SeamDisagreement {
  /** Largest difference of a probability, 0..1. */
  maxDelta: number;
  /** Pixels of overlap, counted once a pair of chips, and those of them whose best class differs. */
  pixels: number;
  differing: number;
}

export interface BlendOptions {
  /** Codes of the classes in the order of their probabilities. */
  codes: readonly number[];
  planes: number;
  /** Whether the network says how sure it is; else there are no scores. */
  scored: boolean;
  /** Of classes that do not exclude each other, the least probability of those after the first, the background. */
  threshold?: number;
}

/** A chip with its margin, decoded. */
interface Window {
  x: number;
  y: number;
  width: number;
  height: number;
  /** Plane after plane: probabilities of the classes, then the network's planes; 65535 is 1. */
  values: Uint16Array;
  /** Of the core. */
  live: Uint8Array;
}

/** Pixels that a chip reaches beyond its core into its neighbours: half the halo is left to look at. */
export const blendMargin = ({ core, halo }: ChipPlan): number => Math.min(halo >> 1, core >> 1);

/** What is kept of an answer: the core's live pixels, then probabilities and planes of core and margin. */
export function encodeWindow(
  answer: Answer,
  chip: Chip,
  live: Uint8Array,
  plan: ChipPlan,
  options: BlendOptions,
): Uint8Array {
  const margin = blendMargin(plan);
  const { width, height, values, bytes } = windowLayout(chip, margin, options);
  const encoded = new Uint8Array(bytes);
  encoded.set(live);
  const planes = new Uint16Array(encoded.buffer, values);
  const across = chip.width + 2 * plan.halo;
  const size = across * (chip.height + 2 * plan.halo);
  const inset = plan.halo - margin;
  const copy = (plane: number, at: (pixel: number) => number) => {
    for (let y = 0, to = plane * width * height; y < height; y++) {
      const from = (y + inset) * across + inset;
      for (let x = 0; x < width; x++, to++) planes[to] = at(from + x);
    }
  };
  const { probabilities } = answer;
  for (const [i, code] of options.codes.entries()) {
    if (probabilities) copy(i, (pixel) => Math.round(probabilities[i * size + pixel] * FULL));
    else copy(i, (pixel) => shareOf(answer, pixel, code, options.codes.length));
  }
  for (let i = 0; i < options.planes; i++) {
    copy(options.codes.length + i, (pixel) => answer.planes[i * size + pixel] * (FULL / 255));
  }
  return encoded;
}

const FULL = 65_535;

/** Where only the best class and its score are known, the others share the rest. */
function shareOf({ classes, scores }: Answer, pixel: number, code: number, classCount: number): number {
  if (classes[pixel] === CLASS_NODATA) return 0;
  const best = scores[pixel] * (FULL / 255);
  return classes[pixel] === code ? best : Math.round((FULL - best) / Math.max(1, classCount - 1));
}

/** Sizes of a chip's window, and where its values begin. */
function windowLayout(chip: Chip, margin: number, { codes, planes }: BlendOptions) {
  const width = chip.width + 2 * margin;
  const height = chip.height + 2 * margin;
  const values = Math.ceil((chip.width * chip.height) / 2) * 2;
  return { width, height, values, bytes: values + 2 * (codes.length + planes) * width * height };
}

/** Row bands from the top, one a row of chips as soon as the next row is `reached`; `seam` is added to. */
export async function* blendWindows(
  cache: ChipCache,
  reached: (row: number) => Promise<void>,
  grid: ModelGrid,
  plan: ChipPlan,
  { first, end }: ChipRows,
  options: BlendOptions,
  seam: SeamDisagreement,
): AsyncGenerator<Band> {
  const margin = blendMargin(plan);
  const shape: AnswerShape = { planes: options.planes, channels: 0, stride: plan.stride };
  const decode = async (row: number, column: number): Promise<Window | null> => {
    if (cache.get(row, column)?.state !== 'done') return null;
    const chip = chipAt(grid, plan, row, column);
    const layout = windowLayout(chip, margin, options);
    const bytes = new Uint8Array(await cache.read(row, column)); // aligned
    const live = bytes.subarray(0, chip.width * chip.height);
    const values = new Uint16Array(bytes.buffer, layout.values);
    return { x: chip.x - margin, y: chip.y - margin, width: layout.width, height: layout.height, values, live };
  };
  for (let row = first; row < end; row++) {
    await reached(Math.min(row + 1, plan.rows - 1));
    const band = emptyBand(grid.width, Math.min(plan.core, grid.height - row * plan.core), shape);
    const windows = new Map<string, Promise<Window | null>>();
    for (let column = 0; column < plan.columns; column++) {
      const around: Window[] = [];
      for (let r = Math.max(0, row - 1); r <= Math.min(plan.rows - 1, row + 1); r++) {
        windows.delete(`${r}/${column - 2}`);
        for (let c = Math.max(0, column - 1); c <= Math.min(plan.columns - 1, column + 1); c++) {
          const at = `${r}/${c}`;
          if (!windows.has(at)) windows.set(at, decode(r, c));
          const window = await windows.get(at)!;
          if (window) around.push(window);
        }
      }
      const own = await windows.get(`${row}/${column}`)!;
      if (own) blendCore(band, grid, chipAt(grid, plan, row, column), own, around, margin, options, seam);
    }
    yield band;
  }
}

/** The weight of a window `distance` pixels inside its border (pixel centres), where 2 * margin pixels are shared. */
const weightAt = (distance: number, margin: number): number =>
  distance >= 2 * margin ? 1 : 0.5 - 0.5 * Math.cos((Math.PI * (distance + 0.5)) / (2 * margin));

/** Weights along one axis of a window; a side without neighbour keeps its full weight. */
function axisWeights(start: number, length: number, size: number, margin: number): Float32Array {
  const weights = new Float32Array(length).fill(1);
  for (let i = 0; i < Math.min(2 * margin, length); i++) {
    if (start + margin > 0) weights[i] *= weightAt(i, margin);
    if (start + length - margin < size) weights[length - 1 - i] *= weightAt(i, margin);
  }
  return weights;
}

function blendCore(
  band: Band,
  grid: ModelGrid,
  core: Chip,
  own: Window,
  around: readonly Window[],
  margin: number,
  { codes, planes, scored, threshold }: BlendOptions,
  seam: SeamDisagreement,
): void {
  const width = Math.min(core.width, grid.width - core.x);
  const height = band.rows;
  const count = codes.length + planes;
  const sums = new Float32Array(width * height * count);
  const weightSums = new Float32Array(width * height);
  for (const window of around) {
    const xWeights = axisWeights(window.x, window.width, grid.width, margin);
    const yWeights = axisWeights(window.y, window.height, grid.height, margin);
    const size = window.width * window.height;
    const left = Math.max(core.x, window.x);
    const right = Math.min(core.x + width, window.x + window.width);
    const top = Math.max(core.y, window.y);
    const bottom = Math.min(core.y + height, window.y + window.height);
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        if (!own.live[(y - core.y) * core.width + x - core.x]) continue;
        const weight = xWeights[x - window.x] * yWeights[y - window.y];
        const from = (y - window.y) * window.width + x - window.x;
        const to = (y - core.y) * width + x - core.x;
        if (saysNothing(window.values, from, size, codes.length)) continue;
        for (let i = 0; i < count; i++) sums[to * count + i] += weight * window.values[i * size + from];
        weightSums[to] += weight;
        if (window !== own)
          compare(own, (y - own.y) * own.width + x - own.x, window, from, codes.length, threshold, seam);
      }
    }
  }
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0; x < width; x++, from++) {
      if (weightSums[from] === 0) continue;
      const to = y * grid.width + core.x + x;
      const best = likeliest(sums, from * count, 1, codes.length, threshold, FULL * weightSums[from]);
      const scale = 255 / FULL / weightSums[from];
      band.classes[to] = codes[best];
      if (scored) band.scores[to] = Math.max(1, Math.round(sums[from * count + best] * scale));
      for (let i = 0; i < planes; i++) {
        band.planes[to * planes + i] = Math.round(sums[from * count + codes.length + i] * scale);
      }
    }
  }
}

/** Where no class has any probability, the network gave a number that is no class. */
function saysNothing(values: Uint16Array, at: number, step: number, classes: number): boolean {
  for (let i = 0; i < classes; i++) if (values[at + i * step] > 0) return false;
  return true;
}

/** The class of one pixel; `at`, `step`: where its probabilities are; `one`: what stands for a probability of 1. */
function likeliest(
  values: Uint16Array | Float32Array,
  at: number,
  step: number,
  classes: number,
  threshold: number | undefined,
  one: number,
): number {
  const first = threshold === undefined || classes === 1 ? 0 : 1;
  let best = first;
  for (let i = first + 1; i < classes; i++) if (values[at + i * step] > values[at + best * step]) best = i;
  return threshold === undefined || values[at + best * step] >= threshold * one - ROUNDING ? best : 0;
}

/** Probabilities are kept in 65,535 steps: what was just at the threshold is not to fall below it. */
const ROUNDING = 0.5;

/** Compares two windows at one pixel. */
function compare(
  a: Window,
  atA: number,
  b: Window,
  atB: number,
  classes: number,
  threshold: number | undefined,
  seam: SeamDisagreement,
): void {
  const [sizeA, sizeB] = [a.width * a.height, b.width * b.height];
  for (let i = 0; i < classes; i++) {
    const delta = Math.abs(a.values[i * sizeA + atA] - b.values[i * sizeB + atB]) / FULL;
    if (delta > seam.maxDelta) seam.maxDelta = delta;
  }
  const bestA = likeliest(a.values, atA, sizeA, classes, threshold, FULL);
  const bestB = likeliest(b.values, atB, sizeB, classes, threshold, FULL);
  seam.pixels++;
  if (bestA !== bestB) seam.differing++;
}
