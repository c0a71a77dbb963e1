/** STAC items with the extension for models, versions 1.0 to 1.5: https://github.com/stac-extensions/mlm. */

import type { NetworkFeatures, NetworkPlane } from '../registry.ts';
import { isObject, type Json, number, numbers, positive, taskOf, told, unitOrByte } from './metadata-json.ts';
import type { NetworkMetadata, OwnManifest } from './network-metadata.ts';

export function stacMlm(item: Json): NetworkMetadata {
  const properties = item.properties as Json;
  const first = (value: unknown): Json => (Array.isArray(value) && isObject(value[0]) ? value[0] : {});
  const [input, output] = [first(properties['mlm:input']), first(properties['mlm:output'])];
  const list = output['classification:classes'] ?? output.classification_classes ?? output.classes;
  const classes = Array.isArray(list)
    ? list.filter(isObject).flatMap((each) => {
        const value = number(each.value);
        const name = each.name ?? each.title;
        const color = typeof each.color_hint === 'string' ? `#${each.color_hint.replace('#', '')}` : undefined;
        return value !== undefined && typeof name === 'string' ? { value, name, ...(color && { color }) } : [];
      })
    : [];
  // What is said of the output counts more than what is said of the network.
  const tasks = [output.tasks, properties['mlm:tasks']].flat();
  const hyper = isObject(properties['mlm:hyperparameters']) ? properties['mlm:hyperparameters'] : {};
  return told({
    name: typeof properties['mlm:name'] === 'string' ? properties['mlm:name'] : undefined,
    task: tasks.map(taskOf).find((task) => task),
    classes: classes.length > 0 ? classes : undefined,
    gsdMetres: positive(properties.gsd) ?? positive(properties['planimeter:gsd_m']) ?? gsdOfBands(item),
    bands: mlmBands(item, input),
    activation: activationOf(output.post_processing_function),
    confidence: number(hyper.confidence_threshold),
    overlap: number(hyper.iou_threshold) ?? number(hyper.nms_threshold),
    ...scalingOf(input),
    own: ownManifest(properties),
  });
}

/** Kept when a network with a manifest of our own is added; the rest is found out anew. */
const KEPT =
  'description license mlm:architecture mlm:total_parameters mlm:pretrained mlm:pretrained_source planimeter:gsd_range_m planimeter:planes planimeter:features planimeter:scores planimeter:generated_scores planimeter:started_from planimeter:taught planimeter:data'.split(
    ' ',
  );

function ownManifest(properties: Json): OwnManifest | undefined {
  const score = properties['planimeter:score_output'];
  if (typeof score !== 'string') return undefined;
  const { 'planimeter:planes': planes, 'planimeter:features': features } = properties;
  const kept = Object.fromEntries(KEPT.flatMap((key) => (key in properties ? [[key, properties[key]]] : [])));
  return {
    score,
    ...(Array.isArray(planes) && planes.every(isPlane) && { planes: { output: 'planes', list: planes } }),
    ...(isFeatures(features) && { features }),
    kept,
  };
}

const isPlane = (plane: unknown): plane is NetworkPlane =>
  isObject(plane) && typeof plane.name === 'string' && (plane.role === undefined || typeof plane.role === 'string');

const isFeatures = (value: unknown): value is NetworkFeatures =>
  isObject(value) &&
  typeof value.output === 'string' &&
  [value.stride, value.channels].every((each) => Number.isInteger(each) && Number(each) > 0);

/** What the item says of bands, wherever it does. */
function describedBands(item: Json): Json[] {
  const assets = isObject(item.assets) ? Object.values(item.assets) : [];
  return [item.properties, ...assets]
    .filter(isObject)
    .flatMap((place) => ['bands', 'eo:bands', 'raster:bands'].map((key) => place[key]))
    .flatMap((list) => (Array.isArray(list) ? list.filter(isObject) : []));
}

/** `spatial_resolution` of raster bands, in metres, where all have the same. */
function gsdOfBands(item: Json): number | undefined {
  const sizes = describedBands(item).flatMap(
    (band) => positive(band['raster:spatial_resolution'] ?? band.spatial_resolution ?? band.gsd) ?? [],
  );
  return new Set(sizes).size === 1 ? sizes[0] : undefined;
}

/** The common names of the input's bands, which are told by name here and described elsewhere in the item. */
function mlmBands(item: Json, { bands }: Json): string[] | undefined {
  if (!Array.isArray(bands)) return undefined;
  const names = bands.map((band) => (isObject(band) ? band.name : band));
  if (names.length === 0 || !names.every((name) => typeof name === 'string')) return undefined;
  const described = describedBands(item);
  const common = names.map((name) => {
    const found = described.find((band) => band.name === name);
    return found?.['eo:common_name'] ?? found?.common_name;
  });
  // Some common names stand for several bands ("rededge"): a scene's own names tell more.
  return names.map((name, i) => {
    const known = common[i];
    return typeof known === 'string' && common.indexOf(known) === common.lastIndexOf(known) ? known : name;
  });
}

function activationOf(processing: unknown): NetworkMetadata['activation'] {
  const words = JSON.stringify(processing ?? '').toLowerCase();
  return words.includes('sigmoid') ? 'sigmoid' : words.includes('softmax') ? 'softmax' : undefined;
}

type Scaling = Pick<NetworkMetadata, 'divisor' | 'mean' | 'deviation' | 'stored'>;

/** `value_scaling` since 1.3 (for a while `scaling`), `norm_type` with `statistics` before. */
function scalingOf(input: Json): Scaling {
  const given = input.value_scaling ?? input.scaling;
  const steps = Array.isArray(given) ? given : isObject(given) ? [given] : [];
  if (steps.some(isObject)) return bandByBand(steps);
  const statistics = (Array.isArray(input.statistics) ? input.statistics : []).filter(isObject);
  const of = (key: string) => numbers(statistics.map((each) => each[key]));
  const [mean, deviation] = [of('mean'), of('stddev')];
  const old = String(input.norm_type ?? '').toLowerCase();
  if (old === 'z-score' && mean && deviation) return unitOrByte(mean, deviation);
  const [least, most] = [of('minimum'), of('maximum')];
  if (old === 'min-max' && least && most) {
    return { divisor: 1, mean: least, deviation: most.map((value, band) => value - least[band]) };
  }
  return old === 'min-max' ? { divisor: 255 } : {};
}

/** An object for each band, or one for all; clipping is what bytes and sensors do anyway. */
function bandByBand(steps: readonly unknown[]): Scaling {
  const affine = steps.map((step): [taken: number, per: number] | null => {
    if (!isObject(step)) return [0, 1];
    const [value, minimum, maximum] = [number(step.value), number(step.minimum), number(step.maximum)];
    const [mean, deviation] = [number(step.mean), positive(step.stddev)];
    if (step.type === 'z-score' && mean !== undefined && deviation) return [mean, deviation];
    if (step.type === 'min-max' && minimum !== undefined && maximum !== undefined && maximum > minimum) {
      return [minimum, maximum - minimum];
    }
    if (step.type === 'offset' && value !== undefined) return [value, 1];
    if (step.type === 'scale' && value) return [0, value];
    return step.type === null || /^clip/.test(String(step.type)) ? [0, 1] : null;
  });
  if (affine.some((each) => each === null)) return {};
  const [mean, deviation] = [0, 1].map((part) => affine.map((each) => each![part]));
  const all = steps.every((step) => isObject(step) && step.type === 'z-score');
  return all ? unitOrByte(mean, deviation) : { divisor: 1, mean, deviation };
}
