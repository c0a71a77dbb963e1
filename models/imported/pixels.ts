/** Chips into what a network takes, and the map that it gives back into classes, scores and probabilities. */
import type { Pixels } from '../../tiler/rendering/rendering.ts';
import type { AdapterInput, MapOutput } from '../adapter.ts';
import { CLASS_NODATA, SCORE_NODATA } from '../runtime/answer.ts';

export type Numbers =
  | Float32Array
  | Uint8Array
  | Int8Array
  | Float16Array
  | Int32Array
  | BigInt64Array
  | Uint16Array
  | Int16Array
  | Float64Array;

/** Weights of red, green and blue in grey (ITU-R BT.601). */
const GREY = [0.299, 0.587, 0.114];

export interface ChipSize {
  width: number;
  height: number;
}

/** The size that a network is run at for a chip: its own where it has one. */
export const runSize = ({ height, width }: AdapterInput, chip: ChipSize): ChipSize => ({
  width: width ?? chip.width,
  height: height ?? chip.height,
});

/**
 * Chip (height * width of RGB, or of the bands that the network names) → the numbers of the network's input at `size`,
 * which may be larger: what is missing at the right and at the bottom is reflected.
 */
export function encodeChip(input: AdapterInput, pixels: Pixels, chip: ChipSize, size: ChipSize): Numbers {
  const { bands, layout, order, batch, names } = input;
  const chipBands = names?.length ?? 3;
  const grey = bands === 1 && chipBands === 3;
  const plane = size.width * size.height;
  const result = createNumbers(input.type, batch * bands * plane);
  const scales = Array.from({ length: bands }, (_, band) => scaleOf(input, band));
  const tables =
    pixels instanceof Uint8Array ? scales.map((scale) => Float64Array.from({ length: 256 }, (_, i) => scale(i))) : null;
  const source = Array.from({ length: bands }, (_, band) => (order === 'bgr' && !names ? bands - 1 - band : band));
  const columns = Int32Array.from({ length: size.width }, (_, x) => reflected(x, chip.width) * chipBands);
  const [step, apart] = layout === 'nchw' ? [1, plane] : [bands, 1];
  for (let y = 0, to = 0; y < size.height; y++) {
    const row = reflected(y, chip.height) * chip.width * chipBands;
    for (let x = 0; x < size.width; x++, to += step) {
      const at = row + columns[x];
      if (grey) {
        result[to] = scales[0](Math.round(pixels[at] * GREY[0] + pixels[at + 1] * GREY[1] + pixels[at + 2] * GREY[2]));
        continue;
      }
      for (let band = 0; band < bands; band++) {
        const value = pixels[at + source[band]];
        result[to + band * apart] = tables ? tables[band][value] : scales[band](value);
      }
    }
  }
  for (let copy = 1; copy < batch; copy++) result.copyWithin(copy * bands * plane, 0, bands * plane);
  return result;
}

/** What the network sees of a value. */
function scaleOf({ divisor, mean, deviation, type }: AdapterInput, band: number): (value: number) => number {
  const of = (list: number[], otherwise: number) => list[band] ?? list[0] ?? otherwise;
  const [taken, per] = [of(mean, 0), of(deviation, 1)];
  const [least, most] = WHOLE_NUMBERS[type] ?? [];
  if (least === undefined || most === undefined) return (value) => (value / divisor - taken) / per;
  return (value) => Math.min(most, Math.max(least, Math.round((value / divisor - taken) / per)));
}

const WHOLE_NUMBERS: Partial<Record<AdapterInput['type'], [least: number, most: number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};

const ARRAYS = {
  float32: Float32Array,
  float16: Float16Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
} as const;

const createNumbers = (type: AdapterInput['type'], length: number) => new ARRAYS[type](length);

function reflected(index: number, size: number): number {
  if (index < size) return index;
  const period = Math.max(1, 2 * (size - 1));
  const phase = index % period;
  return phase < size ? phase : period - phase;
}

export interface Decoded {
  /** height * width class codes. */
  classes: Uint8Array;
  /** height * width probabilities of that class, 1..255; 0 where they are not told. */
  scores: Uint8Array;
  /** Class after class, each height * width, 0..1. */
  probabilities: Float32Array;
}

/**
 * The raw output of a run at `size` → the chip. `classes` is how many the map may hold; the code of a class is its
 * place in the network's list. Where the output does not reach (its margin), the nearest answer stands. Cells of several
 * pixels are spread before anything is made of their numbers, as those who train such networks do; labels are repeated.
 */
export function decodeMap(
  output: MapOutput,
  data: Numbers,
  shape: readonly number[],
  classes: number,
  chip: ChipSize,
): Decoded {
  const cells = planesOf(output, data, shape);
  const values = spreadPlanes(cells, output, chip);
  return output.numbers === 'labels' ? fromLabels(values, classes) : fromPlanes(values, cells.planes, classes, output);
}

interface Cells {
  planes: number;
  rows: number;
  columns: number;
  /** Plane after plane. */
  values: Float32Array;
}

function planesOf(output: MapOutput, data: Numbers, shape: readonly number[]): Cells {
  const steps = shape.map((_, dim) => shape.slice(dim + 1).reduce((a, b) => a * b, 1));
  const [rows, columns] = [shape[output.rowDim], shape[output.columnDim]];
  const [rowStep, columnStep] = [steps[output.rowDim], steps[output.columnDim]];
  const planes = output.classDim === null ? 1 : shape[output.classDim];
  const planeStep = output.classDim === null ? 0 : steps[output.classDim];
  const size = rows * columns;
  const laid = columnStep === 1 && rowStep === columns && (planes === 1 || planeStep === size);
  if (laid && data instanceof Float32Array) return { planes, rows, columns, values: data.subarray(0, planes * size) };
  const values = new Float32Array(planes * size);
  for (let plane = 0, to = 0; plane < planes; plane++) {
    for (let y = 0; y < rows; y++) {
      const at = plane * planeStep + y * rowStep;
      for (let x = 0; x < columns; x++, to++) values[to] = Number(data[at + x * columnStep]);
    }
  }
  return { planes, rows, columns, values };
}

/** Numbers that are none, and codes without a class, are nodata: no class is likely. Of the others nobody knows how sure they are. */
function fromLabels(labels: Float32Array, classes: number): Decoded {
  const size = labels.length;
  const probabilities = new Float32Array(size * classes);
  const codes = new Uint8Array(size);
  const scores = new Uint8Array(size).fill(SCORE_NODATA);
  for (let i = 0; i < size; i++) {
    codes[i] = isCode(labels[i], classes) ? labels[i] : CLASS_NODATA;
    if (codes[i] === CLASS_NODATA) continue;
    probabilities[codes[i] * size + i] = 1;
  }
  return { classes: codes, scores, probabilities };
}

const isCode = (label: number, classes: number): boolean => Number.isInteger(label) && label >= 0 && label < classes;

/** Of exclusive classes the likeliest; of independent ones the likeliest that reaches the threshold, or the background; nodata where a number is none. */
function fromPlanes(raw: Float32Array, planes: number, classes: number, output: MapOutput): Decoded {
  const size = raw.length / planes;
  const probabilities = new Float32Array(size * classes);
  const result = { classes: new Uint8Array(size), scores: new Uint8Array(size), probabilities };
  const values = new Float64Array(planes);
  const first = output.exclusive ? 0 : 1;
  for (let i = 0; i < size; i++) {
    let none = false;
    for (let plane = 0, at = i; plane < planes; plane++, at += size) {
      values[plane] = raw[at];
      none ||= Number.isNaN(raw[at]);
    }
    // The largest number is the likeliest class; as probabilities, near ones may round to the same.
    let most = 0;
    for (let plane = 1; plane < planes; plane++) if (values[plane] > values[most]) most = plane;
    if (none) {
      result.classes[i] = CLASS_NODATA;
      continue;
    }
    toProbabilities(values, output);
    for (let plane = 0, at = i + first * size; plane < planes; plane++, at += size) probabilities[at] = values[plane];
    if (!output.exclusive) probabilities[i] = 1 - values[most];
    const best = output.exclusive || values[most] >= output.threshold ? most + first : 0;
    result.classes[i] = best;
    result.scores[i] = Math.max(1, Math.round(probabilities[best * size + i] * 255));
  }
  return result;
}

function toProbabilities(values: Float64Array, { numbers, exclusive }: MapOutput): void {
  if (numbers === 'logits' && exclusive) {
    let most = -Infinity;
    for (const value of values) if (value > most) most = value;
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i] = Math.exp(values[i] - most);
    for (let i = 0; i < values.length; i++) values[i] /= sum;
  } else if (numbers === 'logits') {
    for (let i = 0; i < values.length; i++) values[i] = 1 / (1 + Math.exp(-values[i]));
  } else if (numbers === 'log-probabilities') {
    for (let i = 0; i < values.length; i++) values[i] = Math.exp(values[i]);
  }
  for (let i = 0; i < values.length; i++) values[i] = values[i] > 0 ? Math.min(1, values[i]) : 0;
}

/** From cells to pixels: bilinear between the centres of cells, the nearest cell beyond the last ones and of labels. */
function spreadPlanes({ planes, rows, columns, values }: Cells, output: MapOutput, chip: ChipSize): Float32Array {
  const { scale, offset, numbers } = output;
  const plain = scale === 1 && offset[0] === 0 && offset[1] === 0 && columns === chip.width && rows === chip.height;
  if (plain) return values;
  const nearest = numbers === 'labels';
  const ys = taps(chip.height, rows, scale, offset[0], nearest);
  const xs = taps(chip.width, columns, scale, offset[1], nearest);
  const result = new Float32Array(chip.width * chip.height * planes);
  for (let plane = 0, to = 0; plane < planes; plane++) {
    const start = plane * rows * columns;
    for (let y = 0; y < chip.height; y++) {
      const [top, bottom] = [start + ys.low[y] * columns, start + ys.high[y] * columns];
      const down = ys.share[y];
      for (let x = 0; x < chip.width; x++, to++) {
        const [left, right, across] = [xs.low[x], xs.high[x], xs.share[x]];
        const upper = values[top + left] + (values[top + right] - values[top + left]) * across;
        const lower = values[bottom + left] + (values[bottom + right] - values[bottom + left]) * across;
        result[to] = upper + (lower - upper) * down;
      }
    }
  }
  return result;
}

function taps(pixels: number, cells: number, scale: number, offset: number, nearest: boolean) {
  const [low, high, share] = [new Int32Array(pixels), new Int32Array(pixels), new Float32Array(pixels)];
  for (let i = 0; i < pixels; i++) {
    const at = Math.min(cells - 1, Math.max(0, (i + 0.5 - offset) / scale - 0.5));
    low[i] = nearest ? Math.min(cells - 1, Math.max(0, Math.floor((i + 0.5 - offset) / scale))) : Math.floor(at);
    high[i] = nearest ? low[i] : Math.min(cells - 1, low[i] + 1);
    share[i] = nearest ? 0 : at - low[i];
  }
  return { low, high, share };
}
