/**
 * A network file and what is written about it → how to run it: which numbers go in, what comes out, where chips may be
 * cut. What had to be assumed is a finding that says how to tell otherwise; what is no map of an image is refused with a
 * code that says what it is.
 */

import { Problem } from '../../errors/problem.ts';
import type { Finding } from '../../tiler/ingest/findings.ts';
import type { Adapter, AdapterInput, MapOutput } from '../adapter.ts';
import { type Certificate, certify, type GraphReport } from '../onnx/certificate.ts';
import type { OnnxModel } from '../onnx/read-onnx.ts';
import type { NetworkClass, NetworkFeatures, NetworkPlane } from '../registry.ts';
import { boxOutput, hasMasks, refuseHeads } from './box-output.ts';
import { mapClasses, styled } from './classes.ts';
import { imageInput } from './image-input.ts';
import { handsOnImage, isCalledAmount, isCalledImage, learnsNothing } from './image-output.ts';
import { lastMeaning, mapOutput } from './map-output.ts';
import type { NetworkMetadata } from './network-metadata.ts';

export interface Understanding {
  task: 'segmentation' | 'detection';
  adapter: Adapter;
  classes: NetworkClass[];
  /** Null: pixels are taken as they are. */
  gsdMetres: number | null;
  stride: number;
  halo: number;
  /** Left, top, right, bottom; null where chips leave traces. */
  receptiveField: [number, number, number, number] | null;
  /** Largest chip with its halo; null where any size will do. */
  chip: number | null;
  certificate: Certificate;
  findings: Finding[];
  /** Somebody said that it segments: its numbers need not look like it. */
  saidToSegment: boolean;
  /** Its three planes may be the colours of a better image, unless a trial tells otherwise. */
  mayBeImage: boolean;
  /** By a manifest of our own. */
  planes: NetworkPlane[];
  features?: NetworkFeatures;
  /** What else of that manifest is kept as it is. */
  kept: Record<string, unknown>;
}

/** Larger halos cost more than blending is worth. */
const MAX_HALO = 384;
/** Of chips that are blended. */
const BLEND_HALO = 128;
/** Sizes are multiples of this where the graph does not tell. */
const USUAL_STRIDE = 32;
/** Strides beyond this come of resizing to odd sizes, not of a network's levels. */
const MAX_STRIDE = 128;

/** Throws a problem whose code says why the network cannot be used. */
export function inferAdapter(model: OnnxModel, facts: NetworkMetadata): Understanding {
  const findings: Finding[] = [];
  const input = imageInput(model, facts, findings);
  const imageAt = (size: number) => {
    const [height, width] = [input.height ?? size, input.width ?? size];
    const { batch, bands, name } = input;
    return input.layout === 'nchw'
      ? { name, shape: [batch, bands, height, width], rowDim: 2, columnDim: 3 }
      : { name, shape: [batch, height, width, bands], rowDim: 1, columnDim: 2 };
  };
  const fixed = input.height !== null && input.width !== null;
  const all = certify(model, imageAt, fixed);
  const common = { input, graph: all, facts, findings, model };
  const boxes = facts.task === 'segmentation' ? null : boxOutput(model, all, facts);
  if (!boxes) refuseHeads(all, facts);
  const instances = boxes !== null && hasMasks(model.outputs);
  const map =
    facts.task === 'detection' || boxes?.output.layout.form === 'grid' || instances
      ? null
      : mapOutput(model, all, input, facts, findings);
  if (map || boxes) refuseTask(facts);
  if (map) {
    refuseAmounts(model, map, input, facts);
    const { name, score, planes: planeOutput } = map.output;
    const used = [name, score, planeOutput].filter((each) => each !== undefined);
    const graph = certify(model, imageAt, fixed, used);
    if (map.output.numbers === 'labels' && !score) findings.push(noScores());
    const classes = mapClasses(map.output, map.planes, facts, findings);
    const found = finish({ ...common, graph }, 'segmentation', { input, output: map.output }, classes);
    const features = facts.own?.features;
    const layer = features && all.outputs.find((each) => each.name === features.output);
    const told = layer?.shape[1] === features?.channels && layer?.scale[0] === features?.stride;
    return {
      ...found,
      mayBeImage: mayBeImage(model, map, input, facts),
      planes: planeOutput ? facts.own!.planes!.list : [],
      ...(features && told && { features }),
      kept: facts.own?.kept ?? {},
    };
  }
  if (boxes) {
    const classes = boxClasses(boxes.classes, facts, findings);
    return finish(common, 'detection', { input, output: boxes.output }, classes);
  }
  if (facts.task === 'detection') {
    throw new Problem(
      'unsupported_model',
      'The network is said to detect objects, but its outputs are no boxes that are known.',
    );
  }
  if (facts.task === 'recognition' || facts.task === 'regression') throw refusal('recognition');
  throw new Problem(
    'classification_model',
    'The answers of the network do not lie over the image: it says what an image is, not where things are.',
  );
}

const noScores = (): Finding => ({
  code: 'no_scores',
  severity: 'warning',
  message: 'The network gives class codes alone: how sure it is of them is not known, and features will have no score.',
  fix: 'Export it with its logits or probabilities, before the arg max.',
});

const REFUSED: Partial<Record<NonNullable<NetworkMetadata['task']>, [code: Problem['code'], detail: string]>> = {
  regression: [
    'regression_model',
    'The network is said to give amounts (regression); give one that segments or detects.',
  ],
  recognition: [
    'recognition_model',
    'The network is said to describe images for recognition; give one that segments or detects.',
  ],
  'super-resolution': [
    'super_resolution_model',
    'The network is said to sharpen images; give one that segments or detects.',
  ],
  classification: [
    'classification_model',
    'The network is said to classify whole images; give one that segments or detects.',
  ],
};

function refuseTask({ task }: NetworkMetadata): void {
  if (task && REFUSED[task]) throw refusal(task);
}

/** More planes than any list of classes: layers of features. */
const FEATURE_PLANES = 256;
/** What ends in these has no upper end: depths, heights, counts. */
const AMOUNTS = ['Relu', 'Softplus', 'Exp', 'Abs', 'Sqrt', 'Reciprocal'];

/** What lies over the image and is no map of classes, by what its graph does; names of classes say otherwise. */
function refuseAmounts(
  model: OnnxModel,
  { output, planes }: { output: MapOutput; planes: number },
  input: AdapterInput,
  facts: NetworkMetadata,
): void {
  if (output.numbers === 'labels' || facts.classes || facts.task === 'segmentation') return;
  const last = lastMeaning(model, output.name);
  const end = last?.op ?? '';
  if (output.numbers === 'logits' && planes >= FEATURE_PLANES) {
    const what = `The network gives ${planes} planes of features, not classes`;
    throw new Problem('recognition_model', `${what}; give one that segments or detects.`);
  }
  if (planes === 1 && (AMOUNTS.includes(end) || isCalledAmount(output.name))) {
    throw amounts(AMOUNTS.includes(end) ? `ends in ${end}` : `is called "${output.name}"`);
  }
  if (planes !== input.bands || /Softmax$/.test(end) || output.scale !== 1) return;
  const handedOn = handsOnImage(model, input.name, output.name);
  if (handedOn || (planes > 1 && (end === 'Tanh' || isCalledImage(output.name)))) throw images();
}

/** Three planes for three bands that nothing says are classes. */
function mayBeImage(
  model: OnnxModel,
  { output, planes }: { output: MapOutput; planes: number },
  input: AdapterInput,
  facts: NetworkMetadata,
): boolean {
  const told = facts.classes !== undefined || facts.task === 'segmentation';
  if (told || planes !== 3 || input.bands !== 3 || output.scale !== 1 || learnsNothing(model)) return false;
  return output.numbers !== 'labels' && !/Softmax$/.test(lastMeaning(model, output.name)?.op ?? '');
}

/** The answer is how deep, how high, how many. */
export const amounts = (why: string): Problem =>
  new Problem(
    'regression_model',
    `The network's one plane ${why}: it gives amounts, such as depths, not classes. If it does segment, add it with --task segmentation or --classes.`,
  );

/** The answer is another image. */
export const images = (): Problem =>
  new Problem(
    'super_resolution_model',
    'The network gives an image, not classes. If it does segment, add it with --task segmentation or --classes.',
  );

const refusal = (task: NonNullable<NetworkMetadata['task']>): Problem => new Problem(...REFUSED[task]!);

function boxClasses(count: number, facts: NetworkMetadata, findings: Finding[]): NetworkClass[] {
  const known = facts.classes ?? [];
  if (facts.roles) throw new Problem('bad_request', 'Classes of objects in boxes have no roles; leave them out.');
  if (known.length < count) {
    findings.push({
      code: 'classes_missing',
      severity: 'warning',
      message: `Nothing says what the ${count} classes of objects are; they are called by their number.`,
      fix: `Give --classes with ${count} names, such as car,tree.`,
    });
  }
  return styled(
    Array.from({ length: count }, (_, i) => ({
      value: i,
      name: known[i]?.name ?? `class ${i}`,
      color: known[i]?.color,
    })),
  );
}

interface Common {
  input: AdapterInput;
  graph: GraphReport;
  facts: NetworkMetadata;
  findings: Finding[];
}

function finish(
  { input, graph, facts, findings }: Common,
  task: Understanding['task'],
  adapter: Adapter,
  classes: NetworkClass[],
): Understanding {
  const { certificate } = graph;
  if (facts.gsdMetres === undefined) {
    findings.push({
      code: 'gsd_missing',
      severity: 'warning',
      message: 'Nothing says what ground a pixel covers that the network was trained on: images are taken as they are.',
      fix: 'Give --gsd with the metres per pixel, such as --gsd 0.3.',
    });
  }
  const plan = planOf(input, adapter, certificate, facts);
  if (!plan.receptiveField && task === 'segmentation') findings.push(blended(certificate, plan.chip));
  const saidToSegment = facts.task === 'segmentation';
  const gsdMetres = facts.gsdMetres ?? null;
  return {
    task,
    adapter,
    classes,
    gsdMetres,
    ...plan,
    certificate,
    findings,
    saidToSegment,
    mayBeImage: false,
    planes: [],
    kept: {},
  };
}

type Plan = Pick<Understanding, 'stride' | 'halo' | 'receptiveField' | 'chip'>;

/** Where chips may be cut. */
function planOf(input: AdapterInput, { output }: Adapter, certificate: Certificate, facts: NetworkMetadata): Plan {
  const sides = [input.height, input.width].filter((side) => side !== null);
  const chip = sides.length > 0 ? Math.min(...sides) : null;
  const { stride } = certificate;
  const upTo = (value: number, step: number) => Math.ceil(value / step) * step;
  // Cells that are spread over pixels look one cell farther.
  const spread = output.kind === 'map' && output.scale > 1 ? output.scale : 0;
  const margin = output.kind === 'map' ? Math.ceil(Math.max(0, ...output.offset)) : 0;
  if (certificate.exact && output.kind === 'map') {
    const halo = upTo(certificate.halo! + spread, stride);
    const fits =
      chip === null ? halo <= MAX_HALO && stride <= MAX_STRIDE : chip - 2 * halo >= Math.max(stride, chip / 4);
    const field = certificate.receptive_field!.map((side) => side + spread) as [number, number, number, number];
    if (fits) return { stride, halo, receptiveField: field, chip };
  }
  if (chip !== null) {
    // Of one size: chips lie where they like, and share an eighth of themselves with each neighbour.
    const halo = Math.max(1, Math.round(chip / 8), 2 * margin);
    return { stride: 1, halo, receptiveField: null, chip };
  }
  const step = stride === 1 && certificate.not_followed ? USUAL_STRIDE : stride > MAX_STRIDE ? USUAL_STRIDE : stride;
  const tile = facts.tile === undefined ? null : Math.max(step, Math.floor(facts.tile / step) * step);
  const halo = upTo(Math.max(tile === null ? BLEND_HALO : tile / 8, 2 * margin), step);
  return { stride: step, halo, receptiveField: null, chip: tile !== null && tile >= 4 * halo ? tile : null };
}

function blended(certificate: Certificate, chip: number | null): Finding {
  const { global_operations, positional_operations, not_followed, receptive_field } = certificate;
  const names = (list: { operator: string }[]) => [...new Set(list.map(({ operator }) => operator))].join(', ');
  const why = not_followed
    ? `its operator ${not_followed} cannot be followed`
    : global_operations.length > 0
      ? `it looks at all of a chip (${names(global_operations)})`
      : positional_operations.length > 0
        ? `its answer depends on the place in the chip (${names(positional_operations)})`
        : receptive_field
          ? `it looks ${Math.max(...receptive_field)} pixels far`
          : `it looks farther than its chip of ${chip} pixels`;
  const message = `Chips are blended, not stitched exactly: ${why}. Every job reports how far neighbours disagreed.`;
  return { code: 'not_exact', severity: 'info', message };
}
