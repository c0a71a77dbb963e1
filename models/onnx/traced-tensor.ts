/**
 * A tensor while the image's size is followed through a network: its extents, where rows and columns of the image went
 * among them, and what each index depends on. Reshapes split and join extents, so an extent is a list of atoms, outer
 * ones first: a row index cut into windows of 8 is [rows of windows][row within the window], both of the axis y.
 */
import {
  emptyField,
  fraction,
  greatestCommonDivisor,
  hull,
  include,
  MAX_LENGTH,
  NotTraceable,
  type ReceptiveField,
  union,
} from './receptive-field.ts';

export type Axis = 'y' | 'x';
export { NotTraceable };

export const AXES: readonly Axis[] = ['y', 'x'];

export interface Atom {
  /** Of the image; null for channels, batches, anchors. */
  axis: Axis | null;
  size: number;
  /** Distance in `reach` from one index of the atom to the next. */
  step: number;
}

export interface TracedTensor {
  dims: Atom[][];
  reach: Record<Axis, ReceptiveField>;
  /** Row-major values, where they are known and few. */
  numbers: number[] | null;
  /** Nothing of the image is in it. */
  constant: boolean;
  /** Its numbers are whole: what is divided is rounded towards zero. */
  whole: boolean;
}

/** What is learned on the way. */
export interface Findings {
  /** Image pixels by which a chip may be shifted without moving against any inner grid. */
  alignment: Record<Axis, number>;
  /** Operators that look at all of the image, by node name. */
  global: Map<string, string>;
  /** Nodes whose answer depends on where in the image they look, by name, with the operator. */
  positional: Map<string, string>;
}

export const extentOf = (atoms: readonly Atom[]): number => atoms.reduce((product, { size }) => product * size, 1);
export const shapeOf = (flow: TracedTensor): number[] => flow.dims.map(extentOf);
export const plain = (size: number): Atom[] => (size === 1 ? [] : [{ axis: null, size, step: 0 }]);

export function constantTensor(shape: readonly number[], numbers: number[] | null = null, whole = false): TracedTensor {
  return { dims: shape.map(plain), reach: { y: emptyField(1), x: emptyField(1) }, numbers, constant: true, whole };
}

export const atomsOf = (flow: TracedTensor, axis: Axis): Atom[] =>
  flow.dims.flatMap((atoms) => atoms.filter((atom) => atom.axis === axis));

function noteStride(findings: Findings, axis: Axis, reach: ReceptiveField): void {
  const [numerator] = reach.stride;
  if (!(numerator > 0)) return;
  const now = findings.alignment[axis];
  findings.alignment[axis] = (now / greatestCommonDivisor(now, numerator)) * numerator;
}

/**
 * The reach of `axis` along a list of atoms as one index; what lies along `mixed` is taken together at every index.
 */
function unfold(reach: ReceptiveField, atoms: readonly Atom[], axis: Axis, mixed: readonly Atom[]): ReceptiveField {
  const length = extentOf(atoms);
  const together = extentOf(mixed);
  if (length > MAX_LENGTH || length * together > 2 ** 24) throw new NotTraceable('an axis is too long');
  let [numerator, denominator] = reach.stride;
  const last = atoms.findLastIndex((atom) => atom.axis === axis);
  if (last >= 0) {
    numerator *= atoms[last].step;
    denominator *= extentOf(atoms.slice(last + 1));
  }
  const result = emptyField(length, fraction(numerator, denominator));
  const offsets = Array.from({ length: together }, (_, i) => offsetOf(mixed, i, axis));
  for (let j = 0; j < length; j++) {
    const at = offsetOf(atoms, j, axis);
    for (const offset of offsets) include(result, j, reach, at + offset);
  }
  return result;
}

function offsetOf(atoms: readonly Atom[], index: number, axis: Axis): number {
  let offset = 0;
  for (let i = atoms.length - 1, rest = index; i >= 0; i--) {
    const { size, step } = atoms[i];
    if (atoms[i].axis === axis) offset += (rest % size) * step;
    rest = Math.floor(rest / size);
  }
  return offset;
}

const forget = (atoms: readonly Atom[], axis: Axis): Atom[] =>
  atoms.map((atom) => (atom.axis === axis ? { axis: null, size: atom.size, step: 0 } : atom));

/** Takes everything along some dims together: sums, softmax, channels of a convolution. The shape stays. */
export function mix(
  findings: Findings,
  flow: TracedTensor,
  dims: readonly number[],
  node: string,
  operator: string,
): TracedTensor {
  let result = flow;
  for (const axis of AXES) {
    const mixed = dims.flatMap((dim) => result.dims[dim].filter((atom) => atom.axis === axis));
    if (mixed.length === 0) continue;
    const all = atomsOf(result, axis).length === mixed.length;
    if (all && extentOf(mixed) > 1) findings.global.set(node, operator);
    const kept = result.dims.map((atoms, dim) => (dims.includes(dim) ? forget(atoms, axis) : atoms));
    const remaining = kept.flat().filter((atom) => atom.axis === axis);
    const reach = all ? hull(result.reach[axis]) : unfold(result.reach[axis], remaining, axis, mixed);
    // The rows of what remains are counted anew, as they lie in `reach`.
    let step = extentOf(remaining);
    const counted = kept.map((atoms) =>
      atoms.map((atom) => {
        if (atom.axis !== axis) return atom;
        step /= atom.size;
        return { ...atom, step };
      }),
    );
    result = { ...result, dims: counted, reach: { ...result.reach, [axis]: reach }, numbers: null };
    noteStride(findings, axis, reach);
  }
  return result;
}

/** As `mix`, but every index keeps its place: a normalisation, a softmax. It then depends on all of them. */
export function mixInPlace(
  findings: Findings,
  flow: TracedTensor,
  dims: readonly number[],
  node: string,
  operator: string,
): TracedTensor {
  const reach = { ...flow.reach };
  for (const axis of AXES) {
    const all = atomsOf(flow, axis);
    const mixed = dims.flatMap((dim) => flow.dims[dim].filter((atom) => atom.axis === axis));
    if (mixed.length === 0) continue;
    const kept = all.filter((atom) => !mixed.includes(atom));
    if (kept.length === 0 && extentOf(mixed) > 1) findings.global.set(node, operator);
    const together = unfold(flow.reach[axis], kept, axis, mixed);
    const spread = emptyField(flow.reach[axis].first.length, flow.reach[axis].stride);
    for (let i = 0; i < together.first.length; i++) {
      for (let k = 0; k < extentOf(mixed); k++) {
        include(spread, offsetOf(kept, i, axis) + offsetOf(mixed, k, axis), together, i);
      }
    }
    if (kept.length > 0) noteStride(findings, axis, together);
    reach[axis] = spread;
  }
  return { ...flow, reach, numbers: null };
}

export function mixAll(findings: Findings, flow: TracedTensor, node: string, operator: string): TracedTensor {
  return mix(
    findings,
    flow,
    flow.dims.map((_, dim) => dim),
    node,
    operator,
  );
}

/**
 * A dim as an axis of the image to slide a window along: its axis and reach, index by index, with the flow in which no
 * other dim has atoms of that axis. Null where the dim is none.
 */
export function spatial(findings: Findings, flow: TracedTensor, dim: number, node: string, operator: string) {
  const axes = new Set(flow.dims[dim].flatMap(({ axis }) => axis ?? []));
  if (axes.size > 1) return { axis: null, flow: mix(findings, flow, [dim], node, operator), reach: null };
  const [axis] = axes;
  if (!axis) return { axis: null, flow, reach: null };
  const mixed = flow.dims.flatMap((atoms, other) => (other === dim ? [] : atoms.filter((atom) => atom.axis === axis)));
  const reach = unfold(flow.reach[axis], flow.dims[dim], axis, mixed);
  noteStride(findings, axis, reach);
  const dims = flow.dims.map((atoms, other) => (other === dim ? atoms : forget(atoms, axis)));
  return { axis, flow: { ...flow, dims }, reach };
}

/** Replaces a dim by another length of the same axis; without one, by plain indices. */
export function along(
  findings: Findings,
  flow: TracedTensor,
  dim: number,
  axis: Axis | null,
  reach: ReceptiveField | null,
  length: number,
): TracedTensor {
  if (length < 1 || length > 2 ** 31) throw new NotTraceable(`an extent of ${length}`);
  const dims = [...flow.dims];
  if (!axis || !reach) {
    dims[dim] = plain(length);
    return { ...flow, dims, numbers: null };
  }
  dims[dim] = length === 1 ? [] : [{ axis, size: length, step: 1 }];
  noteStride(findings, axis, reach);
  return { ...flow, dims, reach: { ...flow.reach, [axis]: reach }, numbers: null };
}

const sameAtoms = (a: readonly Atom[], b: readonly Atom[]): boolean =>
  a.length === b.length &&
  a.every(({ axis, size, step }, i) => b[i].axis === axis && b[i].size === size && b[i].step === step);

/** Element by element with broadcasting. */
export function combine(
  findings: Findings,
  flows: readonly TracedTensor[],
  node: string,
  operator: string,
): TracedTensor {
  return flows.reduce((a, b) => combineTwo(findings, a, b, node, operator));
}

function combineTwo(
  findings: Findings,
  a: TracedTensor,
  b: TracedTensor,
  node: string,
  operator: string,
): TracedTensor {
  const rank = Math.max(a.dims.length, b.dims.length);
  const padded = (flow: TracedTensor): TracedTensor => ({
    ...flow,
    dims: [...Array.from({ length: rank - flow.dims.length }, (): Atom[] => []), ...flow.dims],
  });
  let [left, right] = [padded(a), padded(b)];
  for (let dim = 0; dim < rank; dim++) {
    const [m, n] = [extentOf(left.dims[dim]), extentOf(right.dims[dim])];
    if (m !== n && m !== 1 && n !== 1) throw new NotTraceable(`extents ${m} and ${n} together`);
  }
  for (const axis of AXES) [left, right] = sameStructure(findings, left, right, axis, node, operator);
  const dims: Atom[][] = [];
  for (let dim = 0; dim < rank; dim++) {
    const [m, n] = [left.dims[dim], right.dims[dim]];
    const [one, other] = m.some(({ axis }) => axis) || extentOf(n) === 1 ? [m, right] : [n, left];
    dims.push(one);
    // Numbers laid out over the image: a position code, a mask, a grid of anchors.
    const isImage = one.some(({ axis }) => axis);
    if (isImage && other.constant && extentOf(other.dims[dim]) > 1 && !isUniform(other)) {
      findings.positional.set(node, operator);
    }
  }
  const reach = { y: union(left.reach.y, right.reach.y), x: union(left.reach.x, right.reach.x) };
  return { dims, reach, numbers: null, constant: a.constant && b.constant, whole: a.whole && b.whole };
}

const isUniform = ({ numbers }: TracedTensor): boolean => numbers?.every((value) => value === numbers[0]) ?? false;

/** Brings two flows to one layout of an axis, so that their reaches can be united index by index. */
function sameStructure(
  findings: Findings,
  a: TracedTensor,
  b: TracedTensor,
  axis: Axis,
  node: string,
  operator: string,
): [TracedTensor, TracedTensor] {
  const placesOf = (flow: TracedTensor) =>
    flow.dims.flatMap((atoms, dim) => (atoms.some((atom) => atom.axis === axis) ? dim : []));
  const [inA, inB] = [placesOf(a), placesOf(b)];
  if (inA.length === 0 || inB.length === 0) return [a, b];
  const same = a.dims.every((atoms, dim) => {
    const of = (list: readonly Atom[]) => list.filter((atom) => atom.axis === axis);
    return sameAtoms(of(atoms), of(b.dims[dim]));
  });
  if (same && a.reach[axis].first.length === b.reach[axis].first.length) return [a, b];
  const [wide, narrow] = [expanded(a, b, axis), expanded(b, a, axis)];
  if (wide) return [a, wide];
  if (narrow) return [narrow, b];
  const dim = inA[0];
  const pure = (flow: TracedTensor) => flow.dims[dim].every((atom) => atom.axis === axis || atom.axis === null);
  if (inA.length === 1 && inB.length === 1 && inB[0] === dim && pure(a) && pure(b)) {
    const [one, other] = [a, b].map((flow) => {
      const found = spatial(findings, flow, dim, node, operator);
      return along(findings, found.flow, dim, axis, found.reach, extentOf(flow.dims[dim]));
    });
    if (extentOf(one.dims[dim]) === extentOf(other.dims[dim])) return [one, other];
  }
  const everywhere = (flow: TracedTensor) => {
    const dims = placesOf(flow);
    return mix(findings, flow, dims, node, operator);
  };
  return [everywhere(a), everywhere(b)];
}

/** `b` with the indices of `a`, where it has the same atoms but for some that it is the same along; else null. */
function expanded(a: TracedTensor, b: TracedTensor, axis: Axis): TracedTensor | null {
  const of = (atoms: readonly Atom[]) => atoms.filter((atom) => atom.axis === axis);
  const shared: { size: number; stepA: number; stepB: number }[] = [];
  for (const [dim, atoms] of a.dims.entries()) {
    const [mine, theirs] = [of(atoms), of(b.dims[dim])];
    if (theirs.length === 0) continue;
    if (mine.length !== theirs.length || mine.some(({ size }, i) => size !== theirs[i].size)) return null;
    for (const [i, { size, step }] of mine.entries()) shared.push({ size, stepA: step, stepB: theirs[i].step });
  }
  const indexOf = (j: number) =>
    shared.reduce((sum, { size, stepA, stepB }) => sum + (Math.floor(j / stepA) % size) * stepB, 0);
  const reach = emptyField(a.reach[axis].first.length, a.reach[axis].stride);
  for (let j = 0; j < reach.first.length; j++) include(reach, j, b.reach[axis], indexOf(j));
  return { ...b, reach: { ...b.reach, [axis]: reach } };
}

/** The same numbers under other extents. */
export function reshape(
  findings: Findings,
  flow: TracedTensor,
  shape: readonly number[],
  node: string,
  operator: string,
): TracedTensor {
  const product = shape.reduce((all, extent) => all * extent, 1);
  if (product !== shapeOf(flow).reduce((all, extent) => all * extent, 1)) {
    throw new NotTraceable(`a reshape of ${shapeOf(flow)} to ${shape}`);
  }
  const rest = flow.dims.flat().reverse();
  const dims: Atom[][] = [];
  for (const extent of shape) {
    const atoms: Atom[] = [];
    for (let need = extent; need > 1; ) {
      const atom = rest.pop()!;
      if (need % atom.size === 0) {
        atoms.push(atom);
        need /= atom.size;
      } else if (atom.size % need === 0) {
        const inner = atom.size / need;
        atoms.push({ ...atom, size: need, step: atom.step * inner });
        rest.push({ ...atom, size: inner });
        need = 1;
      } else {
        // Rows are cut where no pixel ends: whatever comes of it, all depends on all.
        const all = mixAll(findings, flow, node, operator);
        return { ...all, dims: shape.map(plain), numbers: flow.numbers };
      }
    }
    dims.push(atoms);
  }
  return { ...flow, dims };
}
