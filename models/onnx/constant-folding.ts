/** Small tensors whose numbers follow from constants and shapes alone: what networks compute their sizes with. */
import type { OnnxNode } from './read-onnx.ts';

export interface Known {
  shape: number[];
  numbers: number[];
}

const BINARY: Record<string, (a: number, b: number) => number> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Pow: (a, b) => a ** b,
  Mod: (a, b) => ((a % b) + b) % b,
  Max: Math.max,
  Min: Math.min,
  Equal: (a, b) => Number(a === b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  And: (a, b) => Number(a && b),
  Or: (a, b) => Number(a || b),
};

const UNARY: Record<string, (a: number) => number> = {
  Floor: Math.floor,
  Ceil: Math.ceil,
  Round: (a) => (Math.abs(a % 1) === 0.5 ? 2 * Math.round(a / 2) : Math.round(a)),
  Sqrt: Math.sqrt,
  Neg: (a) => -a,
  Abs: Math.abs,
  Not: (a) => Number(!a),
  Identity: (a) => a,
  Exp: Math.exp,
  Log: Math.log,
  Reciprocal: (a) => 1 / a,
};

const REDUCERS: Record<string, (a: number, b: number) => number> = {
  ReduceProd: (a, b) => a * b,
  ReduceSum: (a, b) => a + b,
  ReduceMax: Math.max,
  ReduceMin: Math.min,
};

const WHOLE_TYPES = [2, 3, 4, 5, 6, 7, 9, 12, 13];
const MOST = 1024;

/** The numbers of a node's first output of the given shape, or null where they do not follow. */
export function foldConstants(node: OnnxNode, inputs: readonly (Known | null)[], whole: boolean): number[] | null {
  const { op, attributes } = node;
  const given = inputs.filter((input) => input !== null);
  if (given.length < node.inputs.filter((name) => name !== '').length || given.length === 0) return null;
  const [a, b, c] = inputs as Known[];
  if (UNARY[op]) return a.numbers.map(UNARY[op]);
  if (BINARY[op]) return given.length === 2 ? broadcast(a, b, BINARY[op]) : null;
  if (op === 'Div') return broadcast(a, b, (x, y) => (whole ? Math.trunc(x / y) : x / y));
  if (op === 'Cast') return WHOLE_TYPES.includes(Number(attributes.to)) ? a.numbers.map(Math.trunc) : a.numbers;
  if (op === 'Where') {
    const size = Math.max(a.numbers.length, b.numbers.length, c.numbers.length);
    const at = ({ numbers }: Known, i: number) => numbers[numbers.length === 1 ? 0 : i];
    return Array.from({ length: size }, (_, i) => (at(a, i) ? at(b, i) : at(c, i)));
  }
  if (REDUCERS[op]) return a.shape.length <= 1 ? [a.numbers.reduce(REDUCERS[op])] : null;
  if (op === 'Gather' && a.shape.length === 1) return b.numbers.map((i) => a.numbers[i < 0 ? i + a.numbers.length : i]);
  if (op === 'Concat' && given.every(({ shape }) => shape.length === 1)) return given.flatMap(({ numbers }) => numbers);
  if (op === 'Transpose') return transposed(a, attributes.perm as number[] | undefined);
  if (op === 'Slice' && b && c)
    return sliced(
      a,
      given.slice(1).map(({ numbers }) => numbers),
    );
  if (['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten'].includes(op)) return a.numbers;
  if (op === 'Range') {
    const length = Math.max(0, Math.ceil((b.numbers[0] - a.numbers[0]) / c.numbers[0]));
    return length > MOST ? null : Array.from({ length }, (_, i) => a.numbers[0] + i * c.numbers[0]);
  }
  return null;
}

const stepsOf = (shape: readonly number[]): number[] =>
  shape.map((_, dim) => shape.slice(dim + 1).reduce((product, extent) => product * extent, 1));

/** Numbers in row-major order of a view: its shape, and where it starts and steps in what it is a view of. */
function view(numbers: readonly number[], shape: readonly number[], start: number, steps: readonly number[]): number[] {
  const own = stepsOf(shape);
  const count = shape.reduce((product, extent) => product * extent, 1);
  return Array.from({ length: count }, (_, i) => {
    const at = shape.reduce((sum, extent, dim) => sum + (Math.floor(i / own[dim]) % extent) * steps[dim], start);
    return numbers[at];
  });
}

function transposed({ shape, numbers }: Known, perm = shape.map((_, dim) => shape.length - 1 - dim)): number[] {
  const steps = stepsOf(shape);
  return view(
    numbers,
    perm.map((dim) => shape[dim]),
    0,
    perm.map((dim) => steps[dim]),
  );
}

/** Starts, ends, and perhaps axes and steps, as inputs since opset 10. */
function sliced({ shape, numbers }: Known, [starts, ends, axes, steps]: readonly number[][]): number[] {
  const [extents, strides] = [[...shape], stepsOf(shape)];
  let from = 0;
  for (const [i, start] of starts.entries()) {
    const axis = axes?.[i] ?? i;
    const dim = axis < 0 ? axis + shape.length : axis;
    const every = steps?.[i] ?? 1;
    const bound = (value: number, least: number, most: number) =>
      Math.min(most, Math.max(least, value < 0 ? value + shape[dim] : value));
    const last = every > 0 ? shape[dim] : shape[dim] - 1;
    const [first, end] = [bound(start, 0, last), bound(ends[i], every > 0 ? 0 : -1, last)];
    from += first * strides[dim];
    extents[dim] = Math.max(0, Math.ceil((end - first) / every));
    strides[dim] *= every;
  }
  return view(numbers, extents, from, strides);
}

function broadcast(a: Known, b: Known, operation: (a: number, b: number) => number): number[] | null {
  if (b.numbers.length === 1) return a.numbers.map((value) => operation(value, b.numbers[0]));
  if (a.numbers.length === 1) return b.numbers.map((value) => operation(a.numbers[0], value));
  if (a.shape.join() !== b.shape.join()) return null;
  return a.numbers.map((value, i) => operation(value, b.numbers[i]));
}
