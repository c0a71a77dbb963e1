/** Which input of a network is the image, and how it wants its numbers. */

import { Problem } from '../../errors/problem.ts';
import type { Finding } from '../../tiler/ingest/findings.ts';
import type { AdapterInput } from '../adapter.ts';
import { bandRole } from '../network-bands.ts';
import type { OnnxModel, OnnxNode, OnnxValue } from '../onnx/read-onnx.ts';
import type { NetworkMetadata } from './network-metadata.ts';

const TYPES = ['float32', 'float16', 'uint8', 'int8', 'uint16', 'int16', 'float64', 'int32'] as const;
/** More than any camera has. */
const MOST_BANDS = 32;

/** Throws `volumetric_model` or `unsupported_model`. */
export function imageInput(model: OnnxModel, facts: NetworkMetadata, findings: Finding[]): AdapterInput {
  const { inputs } = model;
  const [image] = inputs;
  if (image.dims.length === 5) {
    throw new Problem('volumetric_model', 'The network takes volumes (5 dimensions); give one that takes images.');
  }
  if (inputs.length > 1) {
    const names = inputs.map(({ name }) => `"${name}"`).join(', ');
    throw new Problem('unsupported_model', `The network takes ${names}; only networks of one image are run.`);
  }
  if (image.dims.length !== 4) {
    const what = `The input "${image.name}" has ${image.dims.length} dimensions`;
    throw new Problem('unsupported_model', `${what}; an image has four: batch, bands, height and width.`);
  }
  const type = TYPES.find((each) => each === image.type);
  if (!type) throw new Problem('unsupported_model', `The input is ${image.type}; ${TYPES.join(', ')} can be given.`);
  const { layout, bands } = arrangement(model, image);
  const scales = scaling(model, image, type, facts, findings);
  const [row, column] = layout === 'nchw' ? [2, 3] : [1, 2];
  const extent = (dim: number) => (typeof image.dims[dim] === 'number' ? (image.dims[dim] as number) : null);
  return {
    name: image.name,
    type,
    layout,
    bands,
    ...bandNames(bands, scales.stored === true, facts, findings),
    ...scales,
    batch: extent(0) ?? 1,
    height: extent(row),
    width: extent(column),
  };
}

function arrangement(model: OnnxModel, { name, dims }: OnnxValue): { layout: 'nchw' | 'nhwc'; bands: number } {
  const isBands = (dim: number | string | null): dim is number => typeof dim === 'number' && dim <= MOST_BANDS;
  const [, second, , last] = dims;
  if (isBands(second) && !isBands(last)) return { layout: 'nchw', bands: second };
  if (isBands(last) && !isBands(second)) return { layout: 'nhwc', bands: last };
  if (isBands(second) && isBands(last)) {
    // A tiny image: the side whose neighbours are as wide as itself is no band.
    return last === dims[2] ? { layout: 'nchw', bands: second } : { layout: 'nhwc', bands: last };
  }
  // All extents are free: the first convolution tells how many bands it takes, and whether they were moved before.
  const weights = model.nodes.find(({ op }) => op === 'Conv')?.inputs[1];
  const moved = model.nodes.some(({ op, inputs }) => op === 'Transpose' && inputs[0] === name);
  const bands = weights === undefined ? undefined : model.constants.get(weights)?.dims[1];
  if (bands === undefined || !isBands(bands)) {
    throw new Problem(
      'unsupported_model',
      'The network does not say how many bands it takes; export it with fixed bands.',
    );
  }
  return { layout: moved ? 'nhwc' : 'nchw', bands };
}

/** What networks of so many bands take where nobody says it. */
const USUAL_BANDS: Record<number, string[]> = { 3: ['red', 'green', 'blue'], 4: ['red', 'green', 'blue', 'nir'] };

/** RGB in the order told, grey, or the names of other bands. */
function bandNames(
  count: number,
  stored: boolean,
  facts: NetworkMetadata,
  findings: Finding[],
): Pick<AdapterInput, 'order' | 'names'> {
  const told = facts.bands?.map((name) => (/^\d+$/.test(name) ? name : bandRole(name)));
  if (told && told.length !== count) {
    const what = `The network takes ${count} bands and ${told.length} are named (${told.join(', ')})`;
    throw new Problem('unsupported_model', `${what}; give --bands with as many names.`);
  }
  const order = facts.order ?? (told?.join() === 'blue,green,red' ? 'bgr' : 'rgb');
  const colours = !told || ['red,green,blue', 'blue,green,red', 'grey'].includes(told.join());
  if (colours && !stored && (count === 3 || count === 1)) return { order };
  const rgb = order === 'bgr' ? USUAL_BANDS[3].toReversed() : USUAL_BANDS[3];
  const usual = count === 3 ? rgb : USUAL_BANDS[count];
  if (!told && count !== 3) {
    const names = usual ? `its bands are taken to be ${usual.join(', ')}` : 'the first bands of a scene are taken';
    findings.push({
      code: 'bands_assumed',
      severity: 'warning',
      message: `Nothing says which ${count} bands the network takes: ${names}.`,
      fix: `Give --bands with ${count} names, such as --bands red,green,blue,nir, or numbers of a scene's bands.`,
    });
  }
  return { order: 'rgb', names: told ?? usual ?? Array.from({ length: count }, (_, i) => String(i + 1)) };
}

type Scaling = Pick<AdapterInput, 'divisor' | 'mean' | 'deviation' | 'stored'>;

function scaling(
  model: OnnxModel,
  image: OnnxValue,
  type: AdapterInput['type'],
  facts: NetworkMetadata,
  findings: Finding[],
): Scaling {
  const { mean = [0], deviation = [1] } = facts;
  // Runners that divide by 255 leave out those that take bytes.
  const bytes = type === 'uint8' && facts.divisor === 255 && !facts.mean;
  if (bytes) return { divisor: 1, mean, deviation };
  if (facts.divisor !== undefined || facts.mean || facts.deviation) {
    const divisor = facts.divisor ?? (Math.max(...mean.map(Math.abs)) > 4 ? 1 : 255);
    const stored = facts.stored ?? beyondBytes(divisor, mean, deviation);
    return { divisor, mean, deviation, ...(stored && { stored }) };
  }
  if (facts.stored || type === 'uint16' || type === 'int16') return { divisor: 1, mean, deviation, stored: true };
  if (type === 'uint8') return { divisor: 1, mean, deviation };
  if (type === 'int8') return { divisor: 1, mean: [128], deviation };
  const inside = wantsBytes(model, image.name);
  const divisor = inside ? 1 : 255;
  findings.push({
    code: 'normalisation_assumed',
    severity: inside ? 'info' : 'warning',
    message: inside
      ? 'The network normalises pixels itself: it is given values of 0 to 255.'
      : 'Nothing says how pixels are normalised: they are given as 0 to 1.',
    fix: 'Give --divide-by 1 for 0 to 255, or --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 for networks of ImageNet.',
  });
  return { divisor, mean, deviation };
}

/** Whether a scaling is of numbers that no byte holds: reflectances times ten thousand, digital numbers of sensors. */
const beyondBytes = (divisor: number, mean: number[], deviation: number[]): boolean =>
  Math.max(divisor, ...mean.map((each) => each * divisor), ...deviation.map((each) => each * divisor)) > 256;

/** Whether the first arithmetic is one for bytes: a division by 255, a mean of a hundred taken off. */
function wantsBytes(model: OnnxModel, input: string): boolean {
  let name = input;
  for (let steps = 0; steps < 8; steps++) {
    const node: OnnxNode | undefined = model.nodes.find(({ inputs }) => inputs.includes(name));
    if (!node) return false;
    const other = node.inputs.find((each) => each !== name);
    const constant = other === undefined ? undefined : numbersOf(model, other);
    const size = constant ? Math.max(...constant.map(Math.abs)) : null;
    if (node.op === 'Div' && size !== null) return size > 16;
    if (node.op === 'Mul' && size !== null) return size < 0.1;
    if ((node.op === 'Sub' || node.op === 'Add') && size !== null) return size > 4;
    if (!['Cast', 'Transpose', 'Identity', 'Unsqueeze', 'QuantizeLinear', 'DequantizeLinear'].includes(node.op))
      return false;
    if (node.inputs[0] !== name) return false;
    name = node.outputs[0];
  }
  return false;
}

function numbersOf(model: OnnxModel, name: string): number[] | undefined {
  const value = model.nodes.find(({ op, outputs }) => op === 'Constant' && outputs[0] === name)?.attributes.value;
  const tensor = model.constants.get(name) ?? (typeof value === 'object' && 'dims' in value ? value : undefined);
  return tensor?.values && tensor.values.length > 0 ? tensor.values : undefined;
}
