/**
 * Reads what people write down about a network, in the words of the programs that they share it between: metadata within
 * the ONNX file (Deepness, GeoDeep, Ultralytics, Windows ML) and JSON beside it (STAC MLM, geoai, Esri's EMD).
 */

import { Problem } from '../../errors/problem.ts';
import { type ClassRole, ROLES } from '../class-roles.ts';
import { esri } from './esri-metadata.ts';
import { isObject, type Json, number, numbers, parseJson, positive, taskOf, told } from './metadata-json.ts';
import { stacMlm } from './mlm-metadata.ts';
import type { NetworkMetadata, Sidecar } from './network-metadata.ts';

/** `rgb`, `bgr`, or names of bands with commas between them. */
export function bandMetadata(text: string | undefined): Pick<NetworkMetadata, 'order' | 'bands'> {
  if (text === undefined) return {};
  if (text === 'rgb' || text === 'bgr') return { order: text };
  return { bands: text.split(',').map((name) => name.trim()) };
}

/** `CLASS=ROLE,…`, classes by name or code. Throws `bad_request`. */
export function roleMetadata(text: string | undefined): Pick<NetworkMetadata, 'roles'> {
  if (text === undefined) return {};
  const pairs = text.split(',').map((pair): [string, ClassRole] => {
    const at = pair.lastIndexOf('=');
    const role = ROLES.find(
      (each) =>
        each ===
        pair
          .slice(at + 1)
          .trim()
          .toLowerCase(),
    );
    if (at > 0 && role) return [pair.slice(0, at).trim(), role];
    const forms = `such as roof=building, with one of ${ROLES.join(', ')}`;
    throw new Problem('bad_request', `A role is said as CLASS=ROLE, ${forms}; "${pair.slice(0, 60)}" is not.`);
  });
  return { roles: Object.fromEntries(pairs) };
}

/** All that is told, the later sources over the earlier ones. */
export function collectMetadata(
  metadata: Readonly<Record<string, string>>,
  sidecars: readonly Sidecar[],
): NetworkMetadata {
  const facts: NetworkMetadata[] = [windowsMl(metadata), ultralytics(metadata), deepness(metadata)];
  for (const { name, text } of sidecars) {
    const json = parseJson(text);
    if (!isObject(json)) continue;
    if (isObject(json.properties) && 'mlm:input' in json.properties) facts.push(stacMlm(json));
    else if ('ModelType' in json || 'InferenceFunction' in json || name.toLowerCase().endsWith('.emd'))
      facts.push(esri(json));
    else if ('id2label' in json || 'input_channels' in json || 'num_labels' in json) facts.push(geoai(json));
    else
      facts.push(
        deepness(Object.fromEntries(Object.entries(json).map(([key, value]) => [key, JSON.stringify(value)]))),
      );
  }
  return Object.assign({}, ...facts);
}

/** Keys of https://qgis-plugin-deepness.readthedocs.io (and GeoDeep); every value is JSON, or was meant to be. */
function deepness(metadata: Readonly<Record<string, string>>): NetworkMetadata {
  const value = (...keys: string[]): unknown => {
    const text = keys.map((key) => metadata[key]).find((each) => each !== undefined);
    return text === undefined ? undefined : (parseJson(text) ?? text);
  };
  const centimetres = positive(value('resolution'));
  const mean = numbers(value('standardization_mean'));
  return told({
    task: taskOf(value('model_type', ...(metadata.names === undefined ? TASK_KEYS : []))),
    classes: namedClasses(value('class_names')) ?? pythonNames(metadata.class_names),
    gsdMetres: centimetres && centimetres / 100,
    // Deepness divides by 255 first, and standardises then.
    divisor: mean || metadata.model_type !== undefined ? 255 : undefined,
    mean,
    deviation: numbers(value('standardization_std')),
    candidates: CANDIDATES.find(([pattern]) => pattern.test(String(value('det_type'))))?.[1],
    threshold: number(value('seg_thresh')),
    confidence: number(value('det_conf')),
    overlap: number(value('det_iou_thresh')),
    tile: positive(value('tile_size', 'tiles_size')),
  });
}

/** {"0": "background", …}, a list of names, or a list of such objects, one a head, of which the first counts. */
function namedClasses(value: unknown): NetworkMetadata['classes'] {
  const first = Array.isArray(value) && isObject(value[0]) && !('name' in value[0]) ? value[0] : value;
  if (Array.isArray(first)) {
    const names = first.filter((each) => typeof each === 'string');
    return names.length > 0 ? names.map((name, i) => ({ value: i, name })) : undefined;
  }
  if (!isObject(first)) return undefined;
  const classes = Object.entries(first).flatMap(([key, name]) => {
    const code = number(key);
    return code !== undefined && Number.isInteger(code) && typeof name === 'string' ? { value: code, name } : [];
  });
  return classes.length > 0 ? classes.sort((a, b) => a.value - b.value) : undefined;
}

/** What others call it; beside `names`, Ultralytics does, and means something else by it. */
const TASK_KEYS = ['task', 'task_type', 'problem_type', 'output_type'];

/** `det_type` of Deepness. */
const CANDIDATES: readonly [RegExp, NonNullable<NetworkMetadata['candidates']>][] = [
  [/obb/i, 'rotated'],
  [/ultralytics|v9/i, 'plain'],
  [/v5|v6|v7/i, 'with objectness'],
];

/** A dictionary as Python prints it. */
function pythonNames(text = ''): NetworkMetadata['classes'] {
  const pairs = [...text.matchAll(/(\d+)\s*:\s*(['"])(.*?)\2/g)];
  const classes = pairs.map(([, value, , name]) => ({ value: Number(value), name }));
  return classes.length > 0 ? classes : undefined;
}

/** Ultralytics writes Python: names "{0: 'person', 1: 'car'}", task "detect". */
function ultralytics(metadata: Readonly<Record<string, string>>): NetworkMetadata {
  const { names, task, imgsz } = metadata;
  if (names === undefined || !names.trim().startsWith('{')) return {};
  const kinds = { obb: 'rotated', pose: 'with keypoints' } as const;
  return told({
    task:
      task === 'obb' || task === 'pose' || task === undefined
        ? 'detection'
        : taskOf(task === 'segment' ? 'instance' : task),
    classes: pythonNames(names),
    candidates: kinds[task as 'obb'] ?? (task === 'detect' || task === 'segment' ? 'plain' : undefined),
    divisor: 255,
    tile: positive(imgsz?.match(/\d+/)?.[0]),
  });
}

/** Image.* of https://learn.microsoft.com/windows/ai/windows-ml. */
function windowsMl(metadata: Readonly<Record<string, string>>): NetworkMetadata {
  const format = metadata['Image.BitmapPixelFormat'] ?? '';
  const range = metadata['Image.NominalPixelRange'] ?? '';
  const RANGES: Record<string, NetworkMetadata> = {
    NominalRange_0_255: { divisor: 1 },
    Normalized_0_1: { divisor: 255 },
    Normalized_1_1: { divisor: 127.5, mean: [1] },
  };
  return { ...RANGES[range], ...(/^bgr/i.test(format) && { order: 'bgr' as const }) };
}

/** What export_to_onnx of geoai-py writes to NAME.onnx.json; its runner gives every network pixels of 0 to 1. */
function geoai(json: Json): NetworkMetadata {
  const side = positive(json.input_height);
  return told({
    task: taskOf(json.task),
    classes: namedClasses(json.id2label ?? json.class_names),
    divisor: 255,
    tile: side !== undefined && side === positive(json.input_width) ? side : undefined,
  });
}
