/**
 * The self-test of somebody else's network on a generated scene: that it runs, that its answers can be used, and that
 * they are what the graph made of them. Runs where nothing can be harmed; what it finds corrects the understanding.
 */

import { Problem } from '../../errors/problem.ts';
import type { Finding } from '../../tiler/ingest/findings.ts';
import type { Pixels } from '../../tiler/rendering/rendering.ts';
import * as ort from '../runtime/onnx-runtime.ts';
import { plainReason } from '../runtime/plain-reason.ts';
import { looksLikeImage } from './image-output.ts';
import { amounts, images, type Understanding } from './infer-adapter.ts';
import { cut, probeScene } from './probe-scene.ts';
import { detectAdapted, inferAdapted, runRaw } from './run.ts';

export interface SelfTest {
  /** Size that it was run at. */
  width: number;
  height: number;
  milliseconds: number;
  /** Of the scene, by class; for detections, objects by class. */
  shares: Record<string, number>;
  /** Least and largest number of the output. */
  range: [number, number] | null;
  /** Largest difference of a probability between two chips that see a place, 0..1; null where it was not tried. */
  disagreement: number | null;
}

/** A size that most networks of free size can be run at. */
const FREE_SIZE = 512;
/** A network slower than this is run once. */
const SLOW_MS = 6000;
/** Probabilities of chips that agree differ by no more than rounding. */
const ROUNDING = 2e-3;

/** Throws `unusable_output` or what the runtime says. Changes `understanding` where its answers tell otherwise. */
export async function selfTest(modelPath: string, understanding: Understanding): Promise<SelfTest> {
  const session = await ort.InferenceSession.create(modelPath, {
    executionProviders: ['cpu'],
    interOpNumThreads: 1,
    executionMode: 'sequential',
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: 3,
  }).catch((error: Error) => {
    throw new Problem('unsupported_model', `ONNX Runtime cannot load the network: ${plainReason(error, modelPath)}`);
  });
  try {
    return await tryOut(session, understanding);
  } finally {
    await session.release();
  }
}

async function tryOut(session: ort.InferenceSession, understanding: Understanding): Promise<SelfTest> {
  const { adapter, stride, chip } = understanding;
  const side = chip ?? Math.ceil(FREE_SIZE / stride) * stride;
  const size = { width: adapter.input.width ?? side, height: adapter.input.height ?? side };
  const shift = Math.max(stride, Math.round(size.width / 8 / stride) * stride);
  const scene = probeScene(adapter.input, size.width + shift, size.height);
  const bands = adapter.input.names?.length ?? 3;
  const { features: _, ...others } = understanding;
  const network = { ...others, classes: understanding.classes.length };
  const started = performance.now();
  const raw = await runRaw(session, network, cut(scene, bands, size.width + shift, 0, size), size).catch(
    (error: Error) => {
      throw new Problem(
        'unsupported_model',
        `The network does not run on an image of ${size.width} × ${size.height}: ${plainReason(error)}`,
      );
    },
  );
  const milliseconds = Math.round(performance.now() - started);
  if (adapter.output.kind === 'boxes') {
    checkBoxes(raw, understanding);
    const boxes = await detectAdapted(session, network, cut(scene, bands, size.width + shift, 0, size), size);
    const shares: Record<string, number> = {};
    for (const { class: code } of boxes) {
      const name = understanding.classes[code]?.name ?? `class ${code}`;
      shares[name] = (shares[name] ?? 0) + 1;
    }
    return { ...size, milliseconds, shares, range: null, disagreement: null };
  }
  const range = checkMap(raw, understanding, cut(scene, bands, size.width + shift, 0, size));
  network.classes = understanding.classes.length;
  const first = await inferAdapted(session, network, cut(scene, bands, size.width + shift, 0, size), size);
  const shares = Object.fromEntries(
    understanding.classes.map(({ name, value }) => {
      const count = first.classes.reduce((sum, code) => sum + Number(code === value), 0);
      return [name, Number((count / first.classes.length).toFixed(4))];
    }),
  );
  let disagreement: number | null = null;
  if (milliseconds < SLOW_MS) {
    const second = await inferAdapted(session, network, cut(scene, bands, size.width + shift, shift, size), size);
    disagreement = compare(first.probabilities, second.probabilities, size, shift, understanding);
  }
  if (disagreement !== null && disagreement > ROUNDING && understanding.receptiveField) {
    understanding.receptiveField = null;
    understanding.findings.push({
      code: 'not_exact',
      severity: 'warning',
      message: `Two chips differ by ${disagreement.toFixed(3)} where the graph says that they agree: chips are blended.`,
    });
  }
  return { ...size, milliseconds, shares, range, disagreement };
}

const unusable = (what: string) =>
  new Problem('unusable_output', `On a generated scene the network's answer ${what}. Check how it was exported.`);

function checkBoxes({ outputs, size }: Awaited<ReturnType<typeof runRaw>>, { adapter }: Understanding): void {
  const { output } = adapter;
  if (output.kind !== 'boxes') return;
  for (const { data } of Object.values(outputs)) {
    for (let i = 0; i < data.length; i++)
      if (Number.isNaN(Number(data[i]))) throw unusable('holds numbers that are none (NaN)');
  }
  const { layout } = output;
  if (layout.form === 'grid') return;
  if (layout.form !== 'yolo') {
    const { data, dims } = outputs[layout.form === 'rows' ? layout.output : layout.boxes];
    const each = dims[dims.length - 1];
    const from = layout.form === 'rows' ? layout.box : 0;
    const count = data.length / each;
    const corner = (i: number, n: number) => Number(data[i * each + from + n]);
    layout.unit = unitOf(farthest(count, (i) => [corner(i, 2), corner(i, 3)])) ?? layout.unit;
    if (layout.form === 'lists' && layout.corners === 'centre') return;
    let turned = 0;
    for (let i = 0; i < count; i++) turned += Number(corner(i, 2) < corner(i, 0) || corner(i, 3) < corner(i, 1));
    if (turned > count * MOST_TURNED) {
      const what =
        'has boxes whose corners are in no order: they are still to be decoded with anchors that no file tells';
      throw unusable(what);
    }
    return;
  }
  // Widths and heights tell whether coordinates are pixels or shares, and whether they are what they will be.
  const { data, dims } = outputs[layout.output];
  const [each, part] = layout.candidateDim === 1 ? [dims[2], 1] : [1, dims[2]];
  const sizes = (i: number) => [2, 3].map((n) => Number(data[i * each + n * part]));
  const count = dims[layout.candidateDim];
  const cells = CELLS.reduce((sum, cell) => sum + Math.floor(size.width / cell) * Math.floor(size.height / cell), 0);
  const negative = Array.from({ length: count }, (_, i) => sizes(i)).some((pair) => Math.min(...pair) < 0);
  if (count === cells && layout.candidateDim === 1 && negative) layout.cells = CELLS;
  else layout.unit = unitOf(farthest(count, sizes)) ?? layout.unit;
}

/** Images of 0 to 255 may overshoot a little; logits are not as one-sided. */
const [IMAGE_LEAST, IMAGE_MOST] = [60, 100];

/** Share of boxes that a detector may give inside out. */
const MOST_TURNED = 0.2;

/** Sides of the cells of YOLOX: https://github.com/Megvii-BaseDetection/YOLOX. */
const CELLS = [8, 16, 32];

function farthest(count: number, at: (i: number) => number[]): number {
  let most = 0;
  for (let i = 0; i < count; i++) most = Math.max(most, ...at(i).map(Math.abs));
  return most;
}

/** A share of the image is hardly above 1; null where there is nothing to go by. */
const unitOf = (largest: number): 'pixels' | 'share' | null =>
  largest === 0 ? null : largest <= 2 ? 'share' : 'pixels';

/** Extent and numbers of the raw map; what the graph left open is settled by them. */
function checkMap(
  { outputs, size }: Awaited<ReturnType<typeof runRaw>>,
  understanding: Understanding,
  pixels: Pixels,
): [number, number] {
  const { output } = understanding.adapter;
  if (output.kind !== 'map') throw new TypeError('not a map');
  const { data, dims } = outputs[output.name];
  const [rows, columns] = [dims[output.rowDim], dims[output.columnDim]];
  const covers = Math.abs(rows * output.scale + 2 * output.offset[0] - size.height) < output.scale;
  if (!covers || Math.abs(columns * output.scale + 2 * output.offset[1] - size.width) >= output.scale) {
    throw unusable(`has ${columns} × ${rows} cells for an image of ${size.width} × ${size.height}`);
  }
  let [least, most, none] = [Infinity, -Infinity, 0];
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]);
    if (Number.isNaN(value)) none++;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (none > data.length / 2) throw unusable('holds numbers that are none (NaN)');
  if (output.numbers === 'labels') {
    if (most >= understanding.classes.length || least < 0)
      understanding.findings.push(beyond(least, most, understanding));
    return [least, most];
  }
  const given = output.classDim === null ? 1 : dims[output.classDim];
  const wanted = output.exclusive ? understanding.classes.length : understanding.classes.length - 1;
  if (given !== wanted) throw unusable(`has ${given} planes where its graph says ${wanted}`);
  if (output.numbers === 'probabilities' && (least < -0.01 || most > 1.01)) output.numbers = 'logits';
  const unnamed = understanding.findings.some(({ code }) => code === 'classes_missing');
  const likePixels = least > -IMAGE_LEAST && most > IMAGE_MOST && given === understanding.adapter.input.bands;
  if (output.numbers === 'logits' && unnamed && !understanding.saidToSegment) {
    if (given === 3 && likePixels) throw images();
    const oneSided = given === 1 && least >= 0 && most > 1.5;
    if (oneSided) throw amounts(`runs from ${least.toPrecision(3)} to ${most.toPrecision(3)}`);
  }
  if (understanding.mayBeImage && rows === size.height && columns === size.width) {
    const planar = output.classDim === 1;
    const at = (part: number, i: number) => Number(data[planar ? part * rows * columns + i : i * 3 + part]);
    if (!sumsToOne(data, dims, output.classDim) && looksLikeImage(at, pixels, rows * columns)) throw images();
  }
  // No logits of a whole scene stay between 0 and 1.
  const within = output.numbers === 'logits' && least >= 0 && most <= 1.0001;
  if (within && (!output.exclusive || sumsToOne(data, dims, output.classDim))) output.numbers = 'probabilities';
  if (least === most) {
    understanding.findings.push({
      code: 'constant_output',
      severity: 'warning',
      message: `On a generated scene the network gave ${least} everywhere; its normalisation may be another.`,
    });
  }
  return [least, most];
}

const beyond = (least: number, most: number, { classes }: Understanding): Finding => ({
  code: 'values_without_class',
  severity: 'warning',
  message: `On a generated scene the labels run from ${least} to ${most}, and there are classes for 0 to ${classes.length - 1}: the others become nodata.`,
  fix: 'If they are classes, give --classes with a name for each.',
});

function sumsToOne(data: ArrayLike<number | bigint>, dims: readonly number[], classDim: number | null): boolean {
  if (classDim === null || dims[classDim] < 2) return false;
  const step = dims.slice(classDim + 1).reduce((a, b) => a * b, 1);
  for (let i = 0; i < 100; i++) {
    const cell = Math.floor((step * i) / 100);
    let sum = 0;
    for (let plane = 0; plane < dims[classDim]; plane++) sum += Number(data[cell + plane * step]);
    if (Math.abs(sum - 1) > 0.01) return false;
  }
  return true;
}

/** Largest difference where two chips, `shift` pixels apart, are both away from their edges by the halo. */
function compare(
  a: Float32Array,
  b: Float32Array,
  size: { width: number; height: number },
  shift: number,
  { halo }: Understanding,
): number | null {
  const plane = size.width * size.height;
  let largest = -1;
  for (let at = 0; at < a.length; at += plane) {
    for (let y = halo; y < size.height - halo; y++) {
      for (let x = halo + shift; x < size.width - halo; x++) {
        const difference = Math.abs(a[at + y * size.width + x] - b[at + y * size.width + x - shift]);
        if (difference > largest) largest = difference;
      }
    }
  }
  return largest < 0 ? null : Number(largest.toFixed(6));
}
