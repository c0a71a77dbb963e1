/**
 * What people write down about a network, in the words of the programs that they share it between: metadata within the
 * ONNX file (Deepness, GeoDeep, Ultralytics, Windows ML) and JSON beside it (STAC MLM, geoai, Esri's EMD). All become
 * one set of facts; what is missing stays missing.
 */

export type Task = 'segmentation' | 'detection' | 'regression' | 'recognition' | 'classification' | 'super-resolution';

export interface Facts {
  name?: string;
  task?: Task;
  /** By class code. */
  classes?: { value: number; name: string; color?: string }[];
  gsdMetres?: number;
  /** The network sees (pixel / divisor - mean) / deviation; pixels are 0..255. */
  divisor?: number;
  mean?: number[];
  deviation?: number[];
  order?: 'rgb' | 'bgr';
  /** What each band is that the network takes, such as "red" and "nir", in its order. */
  bands?: string[];
  /** Scaling is of stored values (reflectances, digital numbers), not of bytes. */
  stored?: boolean;
  activation?: 'sigmoid' | 'softmax' | 'none';
  /** Least probability of an object class, 0..1. */
  threshold?: number;
  /** Of detections: least score, and overlap (IoU) from which two are one. */
  confidence?: number;
  overlap?: number;
  /** Side of a chip, pixels. */
  tile?: number;
}

/** `rgb`, `bgr`, or names of bands with commas between them. */
export function bandFacts(text: string | undefined): Pick<Facts, 'order' | 'bands'> {
  if (text === undefined) return {};
  if (text === 'rgb' || text === 'bgr') return { order: text };
  return { bands: text.split(',').map((name) => name.trim()) };
}

/** A file that lies beside the network. */
export interface Sidecar {
  name: string;
  text: string;
}

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const number = (value: unknown): number | undefined => {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof read === 'number' && Number.isFinite(read) ? read : undefined;
};
const numbers = (value: unknown): number[] | undefined => {
  const list = Array.isArray(value) ? value.map(number) : [];
  return list.length > 0 && list.every((each) => each !== undefined) ? list : undefined;
};
const positive = (value: unknown): number | undefined => {
  const read = number(value);
  return read !== undefined && read > 0 ? read : undefined;
};

/** Facts without the undefined ones. */
const told = (facts: { [K in keyof Facts]: Facts[K] | undefined }): Facts =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** All that is told, the later sources over the earlier ones. */
export function gatherFacts(metadata: Readonly<Record<string, string>>, sidecars: readonly Sidecar[]): Facts {
  const facts: Facts[] = [windowsMl(metadata), ultralytics(metadata), deepness(metadata)];
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

const TASK_WORDS: readonly [RegExp, Task][] = [
  [/super.?res/i, 'super-resolution'],
  [/recogni|embed|similarity|retrieval/i, 'recognition'],
  [/regress|depth/i, 'regression'],
  [/detect|instance/i, 'detection'],
  [/segment|pixel|semantic/i, 'segmentation'],
  [/classif/i, 'classification'],
];

/** Esri calls segmentation "ImageClassification" and classification "ObjectClassification". */
const taskOf = (words: unknown): Task | undefined =>
  typeof words === 'string' ? TASK_WORDS.find(([pattern]) => pattern.test(words))?.[1] : undefined;

/** Keys of https://qgis-plugin-deepness.readthedocs.io (and GeoDeep); every value is JSON, or was meant to be. */
function deepness(metadata: Readonly<Record<string, string>>): Facts {
  const value = (...keys: string[]): unknown => {
    const text = keys.map((key) => metadata[key]).find((each) => each !== undefined);
    return text === undefined ? undefined : (parseJson(text) ?? text);
  };
  const centimetres = positive(value('resolution'));
  return told({
    task: taskOf(value('model_type')),
    classes: namedClasses(value('class_names')),
    gsdMetres: centimetres && centimetres / 100,
    mean: numbers(value('standardization_mean')),
    deviation: numbers(value('standardization_std')),
    ...(numbers(value('standardization_mean')) ? { divisor: 255 } : { divisor: undefined }),
    threshold: number(value('seg_thresh')),
    confidence: number(value('det_conf')),
    overlap: number(value('det_iou_thresh')),
    tile: positive(value('tile_size', 'tiles_size')),
  });
}

/** {"0": "background", …}, a list of names, or a list of such objects, one a head, of which the first counts. */
function namedClasses(value: unknown): Facts['classes'] {
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

/** Ultralytics writes Python: names "{0: 'person', 1: 'car'}", task "detect". */
function ultralytics(metadata: Readonly<Record<string, string>>): Facts {
  const { names, task, imgsz } = metadata;
  if (names === undefined || !names.trim().startsWith('{')) return {};
  const pairs = [...names.matchAll(/(\d+)\s*:\s*(['"])(.*?)\2/g)];
  const classes = pairs.map(([, value, , name]) => ({ value: Number(value), name }));
  return told({
    task:
      task === 'obb' || task === 'pose' || task === undefined
        ? 'detection'
        : taskOf(task === 'segment' ? 'instance' : task),
    classes: classes.length > 0 ? classes : undefined,
    divisor: 255,
    tile: positive(imgsz?.match(/\d+/)?.[0]),
  });
}

/** Image.* of https://learn.microsoft.com/windows/ai/windows-ml. */
function windowsMl(metadata: Readonly<Record<string, string>>): Facts {
  const format = metadata['Image.BitmapPixelFormat'] ?? '';
  const range = metadata['Image.NominalPixelRange'] ?? '';
  const RANGES: Record<string, Facts> = {
    NominalRange_0_255: { divisor: 1 },
    Normalized_0_1: { divisor: 255 },
    Normalized_1_1: { divisor: 127.5, mean: [1] },
  };
  return { ...RANGES[range], ...(/^bgr/i.test(format) && { order: 'bgr' as const }) };
}

/** https://github.com/stac-extensions/mlm, versions 1.0 to 1.5. */
function stacMlm(item: Json): Facts {
  const properties = item.properties as Json;
  const input = (Array.isArray(properties['mlm:input']) ? properties['mlm:input'][0] : undefined) as Json | undefined;
  const output = (Array.isArray(properties['mlm:output']) ? properties['mlm:output'][0] : undefined) as
    | Json
    | undefined;
  const tasks = [properties['mlm:tasks'], output?.tasks].flat();
  const list = output?.['classification:classes'] ?? output?.classes;
  const classes = Array.isArray(list)
    ? list.flatMap((each: Json) => {
        const value = number(each.value);
        const name = each.name ?? each.title;
        const color = typeof each.color_hint === 'string' ? `#${each.color_hint.replace('#', '')}` : undefined;
        return value !== undefined && typeof name === 'string' ? { value, name, ...(color && { color }) } : [];
      })
    : [];
  return told({
    name: typeof properties['mlm:name'] === 'string' ? properties['mlm:name'] : undefined,
    task: tasks.map(taskOf).find((task) => task),
    classes: classes.length > 0 ? classes : undefined,
    gsdMetres: positive(properties.gsd) ?? positive(properties['planimeter:gsd_m']),
    bands: mlmBands(item, input ?? {}),
    activation: activationOf(output?.post_processing_function),
    ...mlmScaling(input ?? {}),
  });
}

/** The common names of the input's bands, which are told by name here and described elsewhere in the item. */
function mlmBands(item: Json, input: Json): string[] | undefined {
  if (!Array.isArray(input.bands)) return undefined;
  const names = input.bands.map((band) => (isObject(band) ? band.name : band));
  if (names.length === 0 || !names.every((name) => typeof name === 'string')) return undefined;
  const assets = isObject(item.assets) ? Object.values(item.assets).filter(isObject) : [];
  const described = [item.properties, ...assets]
    .filter(isObject)
    .flatMap((place) =>
      ['bands', 'eo:bands', 'raster:bands'].flatMap((key) => (Array.isArray(place[key]) ? place[key] : [])),
    );
  return names.map((name) => {
    const found = described.filter(isObject).find((band) => band.name === name);
    const common = found?.['eo:common_name'] ?? found?.common_name;
    return typeof common === 'string' ? common : name;
  });
}

function activationOf(processing: unknown): Facts['activation'] {
  const words = JSON.stringify(processing ?? '').toLowerCase();
  return words.includes('sigmoid') ? 'sigmoid' : words.includes('softmax') ? 'softmax' : undefined;
}

/** `value_scaling` since 1.3, `norm_type` with `statistics` before. */
function mlmScaling(input: Json): { [K in keyof Facts]: Facts[K] | undefined } {
  const steps = (Array.isArray(input.value_scaling) ? input.value_scaling : [input.value_scaling]).filter(isObject);
  const all = (key: string) => numbers(steps.map((step) => step[key]));
  const type = steps[0]?.type;
  if (type === 'z-score') {
    const [mean, deviation] = [all('mean'), all('stddev')];
    return mean && deviation ? unitOrByte(mean, deviation) : {};
  }
  if (type === 'min-max') {
    const [least, most] = [all('minimum'), all('maximum')];
    if (!least || !most) return {};
    return { divisor: 1, mean: least, deviation: most.map((value, i) => value - least[i]) };
  }
  if (type === 'scale') return { divisor: positive(steps[0].value) && 1 / positive(steps[0].value)! };
  if (type === 'processing') return {};
  const statistics = (Array.isArray(input.statistics) ? input.statistics : []).filter(isObject);
  const [mean, deviation] = [
    numbers(statistics.map((each) => each.mean)),
    numbers(statistics.map((each) => each.stddev)),
  ];
  const old = String(input.norm_type ?? '').toLowerCase();
  if (old === 'z-score' && mean && deviation) return unitOrByte(mean, deviation);
  return old === 'min-max' ? { divisor: 255 } : {};
}

/** Statistics of pixels in 0..1 or in 0..255: those of the first have no mean above 1 but for black images. */
const unitOrByte = (mean: number[], deviation: number[]): Facts => ({
  divisor: Math.max(...mean) <= 1 && Math.max(...deviation) <= 1 ? 255 : 1,
  mean,
  deviation,
});

/** What export_to_onnx of geoai-py writes to NAME.onnx.json. */
function geoai(json: Json): Facts {
  return told({ task: taskOf(json.task), classes: namedClasses(json.id2label ?? json.class_names) });
}

/** Esri model definition: https://github.com/Esri/raster-deep-learning. */
function esri(json: Json): Facts {
  const classes = Array.isArray(json.Classes)
    ? json.Classes.flatMap((each: Json) => {
        const value = number(each.Value);
        const rgb = numbers(each.Color);
        const color = rgb && `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
        return value !== undefined && typeof each.Name === 'string'
          ? { value, name: each.Name, ...(color && { color }) }
          : [];
      })
    : [];
  const cell = isObject(json.CellSize) ? json.CellSize : isObject(json.MinCellSize) ? json.MinCellSize : {};
  const order = numbers(json.ExtractBands)?.join();
  const stats = isObject(json.NormalizationStats) ? json.NormalizationStats : {};
  const mean = numbers(json.ImageMean ?? stats.scaled_mean_values);
  const deviation = numbers(json.ImageStd ?? stats.scaled_std_values);
  const type = String(json.ModelType ?? '');
  return told({
    name: typeof json.ModelName === 'string' ? json.ModelName : undefined,
    task: /^imageclassif|pixel/i.test(type) ? 'segmentation' : taskOf(type),
    classes: classes.length > 0 ? classes : undefined,
    gsdMetres: positive(cell.x),
    order: order === '2,1,0' ? 'bgr' : undefined,
    ...(mean && deviation ? unitOrByte(mean, deviation) : {}),
    threshold: number(json.Threshold),
    confidence: number(json.ConfidenceThreshold),
    tile: positive(json.ImageWidth),
  });
}
