/** What is understood of networks, and whether their pixels come out as a plain run of the same file has them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { writeOnnx } from '../../test/support/networks/onnx-writer.ts';
import { sharedPath } from '../../test/support/shared.ts';
import { readOnnx, readOnnxFile } from '../onnx/read-onnx.ts';
import * as ort from '../runtime/onnx-runtime.ts';
import { collectMetadata } from './collect-metadata.ts';
import { inferAdapter } from './infer-adapter.ts';
import type { NetworkMetadata, Sidecar } from './network-metadata.ts';
import { inferAdapted } from './run.ts';
import { selfTest } from './self-test.ts';

/** A network of one convolution: each plane a multiple of the first band. */
function planesOf(classes: number, end: string, metadata: Record<string, string> = {}): Uint8Array {
  const weights = Array.from({ length: classes * 3 }, (_, i) => (i % 3 === 0 ? i + 1 : 0));
  return writeOnnx({
    nodes: [
      { op: 'Conv', inputs: ['image', 'w'], outputs: ['z'] },
      { op: end, inputs: ['z'], outputs: ['y'], attributes: end === 'Softmax' ? { axis: 1 } : {} },
    ],
    constants: { w: { dims: [classes, 3, 1, 1], values: weights } },
    inputs: [{ name: 'image', dims: ['n', 3, 'h', 'w'] }],
    outputs: [{ name: 'y', dims: ['n', classes, 'h', 'w'] }],
    metadata,
  });
}

function understood(bytes: Uint8Array, sidecars: Sidecar[] = [], said: NetworkMetadata = {}) {
  const model = readOnnx(bytes);
  const facts = { ...collectMetadata(model.metadata, sidecars), ...said };
  return { ...inferAdapter(model, facts), facts };
}

test('what is missing is asked for, and what is said counts', () => {
  const bare = understood(planesOf(1, 'Sigmoid'));
  expect(bare.findings.map(({ code }) => code)).toEqual(['normalisation_assumed', 'classes_missing', 'gsd_missing']);
  for (const { fix } of bare.findings) expect(fix).toMatch(/--(gsd|classes|mean)/);
  const told = understood(planesOf(1, 'Sigmoid'), [], {
    gsdMetres: 0.5,
    divisor: 1,
    classes: [{ value: 0, name: 'building' }],
  });
  expect(told.findings).toEqual([]);
  expect(told.classes.map(({ name }) => name)).toEqual(['background', 'building']);
});

const SIDECARS: Record<string, object> = {
  'net.json': {
    properties: {
      gsd: 0.25,
      'mlm:name': 'Roofs',
      'mlm:tasks': ['semantic-segmentation'],
      'mlm:input': [
        { name: 'x', bands: ['red', 'green', 'blue'], value_scaling: [{ type: 'min-max', minimum: 0, maximum: 255 }] },
      ],
      'mlm:output': [
        {
          'classification:classes': [
            { value: 0, name: 'ground' },
            { value: 1, name: 'roof', color_hint: 'FF0000' },
          ],
        },
      ],
    },
  },
  'net.emd': {
    ModelType: 'ImageClassification',
    ModelName: 'Roofs',
    CellSize: { x: 0.25, y: 0.25 },
    ImageMean: [0],
    ImageStd: [255],
    Classes: [
      { Value: 0, Name: 'ground' },
      { Value: 1, Name: 'roof', Color: [255, 0, 0] },
    ],
  },
};

test.each(Object.keys(SIDECARS))('words beside the file are read: %s', (name) => {
  const { facts, gsdMetres, classes, findings, adapter } = understood(planesOf(2, 'Softmax'), [
    { name, text: JSON.stringify(SIDECARS[name]) },
  ]);
  expect([facts.name, gsdMetres, findings]).toEqual(['Roofs', 0.25, []]);
  expect(classes[1]).toMatchObject({ name: 'roof', color: '#ff0000' });
  // A byte of 255 is 1 to the network, either way.
  const { divisor, mean, deviation } = adapter.input;
  expect((255 / divisor - mean[0]) / deviation[0]).toBeCloseTo(1);
});

test('geoai names its classes, Deepness its normalisation, Ultralytics its objects', () => {
  const geoai = { name: 'x.onnx.json', text: '{"task": "semantic-segmentation", "id2label": {"0": "a", "1": "b"}}' };
  expect(understood(planesOf(2, 'Softmax'), [geoai]).classes.map(({ name }) => name)).toEqual(['a', 'b']);
  const metadata = {
    model_type: '"Segmentor"',
    standardization_mean: '[0.5, 0.4, 0.3]',
    standardization_std: '[0.2, 0.2, 0.1]',
    seg_thresh: '0.7',
    resolution: '30',
    tile_size: '640',
  };
  const deepness = understood(planesOf(1, 'Sigmoid', metadata));
  expect(deepness.gsdMetres).toBe(0.3);
  expect(deepness.adapter).toMatchObject({
    input: { divisor: 255, mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.2, 0.1] },
    output: { threshold: 0.7 },
  });
  expect(collectMetadata({ names: '{0: \'person\', 1: "car"}', task: 'detect' }, [])).toMatchObject({
    task: 'detection',
    classes: [
      { value: 0, name: 'person' },
      { value: 1, name: 'car' },
    ],
  });
  expect(collectMetadata({ model_type: 'Detector', tiles_size: '512', det_conf: '0.3' }, [])).toMatchObject({
    task: 'detection',
    tile: 512,
    confidence: 0.3,
  });
});

/** As arcgis.learn, torchgeo's MLM items and Deepness write them. */
const WRITTEN: Record<
  string,
  { sidecar: [string, object] | null; metadata?: Record<string, string>; facts: NetworkMetadata }
> = {
  'arcgis.learn, multispectral': {
    sidecar: [
      'net.emd',
      {
        ModelType: 'ImageClassification',
        ModelName: 'UnetClassifier',
        ExtractBands: [0, 1, 2, 3],
        Bands: ['Red', 'Green', 'Blue', 'NearInfrared'],
        ImageHeight: 256,
        ImageWidth: 256,
        IsMultispectral: true,
        MinCellSize: { x: 0.6, y: 0.6, spatialReference: { wkid: 26914 } },
        NormalizationStats: {
          band_min_values: [0, 0, 0, 100],
          band_max_values: [2000, 2000, 2000, 4100],
          scaled_mean_values: [0.5, 0.4, 0.3, 0.5],
          scaled_std_values: [0.25, 0.2, 0.1, 0.2],
        },
        Classes: [{ Value: 1, Name: 'roof', Color: [255, 0, 16] }],
      },
    ],
    facts: {
      name: 'UnetClassifier',
      task: 'segmentation',
      gsdMetres: 0.6,
      bands: ['red', 'green', 'blue', 'nir'],
      divisor: 1,
      mean: [1000, 800, 600, 2100],
      deviation: [500, 400, 200, 800],
      tile: 256,
      classes: [{ value: 1, name: 'roof', color: '#ff0010' }],
    },
  },
  'Esri, bands by place': {
    sidecar: [
      'net.emd',
      { ModelType: 'ObjectDetection', InferenceFunction: 'x.py', ExtractBands: [3, 2, 1], Classes: [] },
    ],
    facts: { task: 'detection', bands: ['4', '3', '2'] },
  },
  'MLM, Sentinel-2': {
    sidecar: [
      'item.json',
      {
        properties: {
          'mlm:tasks': ['semantic-segmentation'],
          'mlm:input': [
            {
              bands: ['B04', { name: 'B05' }, 'B08'],
              scaling: [
                { type: 'z-score', mean: 947, stddev: 593 },
                { type: 'z-score', mean: 1199, stddev: 566 },
                { type: 'z-score', mean: 2296, stddev: 1117 },
              ],
            },
          ],
          'mlm:output': [{ classification_classes: [{ value: 0, name: 'other' }] }],
        },
        assets: {
          weights: {
            'eo:bands': [
              { name: 'B04', common_name: 'red' },
              { name: 'B05', common_name: 'rededge' },
              { name: 'B08', common_name: 'nir' },
            ],
          },
        },
      },
    ],
    facts: {
      task: 'segmentation',
      bands: ['red', 'rededge', 'nir'],
      divisor: 1,
      mean: [947, 1199, 2296],
      deviation: [593, 566, 1117],
      classes: [{ value: 0, name: 'other' }],
    },
  },
  'MLM, divided and clipped': {
    sidecar: [
      'item.json',
      {
        properties: {
          'mlm:input': [
            {
              bands: [],
              value_scaling: [
                { type: 'scale', value: 10_000 },
                { type: 'offset', value: 1000 },
                { type: 'clip', minimum: 0, maximum: 1 },
                null,
              ],
            },
          ],
        },
      },
    ],
    facts: { divisor: 1, mean: [0, 1000, 0, 0], deviation: [10_000, 1, 1, 1] },
  },
  'Deepness, a detector': {
    sidecar: null,
    metadata: {
      model_type: '"Detector"',
      det_type: '"YOLO_Ultralytics"',
      class_names: "{0: 'car', 1: \"tree's\"}",
      tiles_size: '640',
      resolution: '20',
      det_conf: '0.3',
      det_iou_thresh: '0.4',
    },
    facts: {
      task: 'detection',
      candidates: 'plain',
      divisor: 255,
      tile: 640,
      gsdMetres: 0.2,
      confidence: 0.3,
      overlap: 0.4,
      classes: [
        { value: 0, name: 'car' },
        { value: 1, name: "tree's" },
      ],
    },
  },
  'geoai, SegFormer': {
    sidecar: [
      'segformer.onnx.json',
      {
        model_name: 'x',
        task: 'semantic-segmentation',
        input_height: 512,
        input_width: 512,
        input_channels: 3,
        id2label: { '0': 'wall' },
        num_labels: 1,
      },
    ],
    facts: { task: 'segmentation', divisor: 255, tile: 512, classes: [{ value: 0, name: 'wall' }] },
  },
};

test.each(Object.keys(WRITTEN))('written by %s', (name) => {
  const { sidecar, metadata = {}, facts } = WRITTEN[name];
  const sidecars = sidecar ? [{ name: sidecar[0], text: JSON.stringify(sidecar[1]) }] : [];
  expect(collectMetadata(metadata, sidecars)).toEqual(facts);
});

const corpus = sharedPath('onnx');

/** What the collection's index expects to be refused, with our code for it. */
const REFUSALS: Record<string, string> = {
  'brain_3d_256cubed.onnx': 'volumetric_model',
  'deepness_recognition_embedding.onnx': 'recognition_model',
  'deepness_regressor_full_metadata.onnx': 'regression_model',
  'mnist_cntk.onnx': 'classification_model',
  'ppocr_cls_dynamic.onnx': 'classification_model',
  'superres_with_image_codec_ops.onnx': 'custom_operator',
  'hostile/absurd_input_dims.onnx': 'limit_exceeded',
  'hostile/absurd_output_dims.onnx': 'limit_exceeded',
  'hostile/custom_op_domain.onnx': 'custom_operator',
  'hostile/external_data_missing_sidecar.onnx': 'external_data',
  'hostile/external_data_parent_dir.onnx': 'external_data',
  'hostile/html_named.onnx': 'damaged_model',
  'hostile/nan_output.onnx': 'unusable_output',
  'hostile/truncated.onnx': 'damaged_model',
};
const DETECTORS = ['fastestdet_coco_352.onnx'];

test.skipIf(!corpus)(
  'every network of the collection is refused by name, or gives what a plain run gives',
  { timeout: 180_000 },
  async () => {
    const lines = (await readFile(join(corpus!, 'INDEX.tsv'), 'utf8')).trimEnd().split('\n').slice(1);
    const files = lines.map((line) => line.split('\t')[0]).filter((file) => !file.includes('infinite_loop')); // needs a clock
    expect(files.length).toBeGreaterThan(25);
    for (const file of files) {
      const path = join(corpus!, file);
      const outcome = await examined(path).catch((error) => {
        if (error instanceof Problem) return error;
        throw error;
      });
      if (outcome instanceof Problem || REFUSALS[file]) {
        expect(`${file} ${outcome instanceof Problem ? outcome.code : outcome.task}`).toBe(`${file} ${REFUSALS[file]}`);
      } else if (DETECTORS.includes(file)) {
        expect(outcome.task, file).toBe('detection');
      } else {
        expect(outcome.task, file).toBe('segmentation');
        await compareWithPlainRun(path, outcome);
      }
    }
  },
);

async function examined(path: string) {
  const model = await readOnnxFile(path);
  const understanding = inferAdapter(model, collectMetadata(model.metadata, []));
  await selfTest(path, understanding);
  return understanding;
}

/** Classes by the shortest way: pixels scaled, one run, the largest of the planes. */
async function compareWithPlainRun(path: string, understanding: Awaited<ReturnType<typeof examined>>) {
  const { input, output } = understanding.adapter;
  if (output.kind !== 'map') throw new TypeError('no map');
  const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 });
  const [height, width] = [input.height ?? 256, input.width ?? 256];
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7919 + (i >> 7) * 104729) & 255);
  const network = { ...understanding, classes: understanding.classes.length };
  const answer = await inferAdapted(session, network, pixels, { width, height });
  const size = width * height;
  const plain = new Float32Array(size * input.bands);
  for (let i = 0; i < size; i++) {
    const rgb = [0, 1, 2].map((band) => pixels[i * 3 + band]);
    const grey = Math.round(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
    for (let band = 0; band < input.bands; band++) {
      const value = input.bands === 1 ? grey : rgb[band];
      plain[band * size + i] =
        (value / 255 - (input.mean[band] ?? input.mean[0])) / (input.deviation[band] ?? input.deviation[0]);
    }
  }
  const feeds = { [input.name]: new ort.Tensor('float32', plain, [1, input.bands, height, width]) };
  const { data, dims } = (await session.run(feeds))[output.name];
  await session.release();
  const [rows, columns] = dims.slice(-2);
  const planes = dims.length === 4 ? dims[1] : 1;
  const [top, left] = [(height - rows) / 2, (width - columns) / 2];
  let differing = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const values = Array.from({ length: planes }, (_, plane) => Number(data[(plane * rows + y) * columns + x]));
      const largest = values.indexOf(Math.max(...values));
      // One plane: labels as they are, or the object where its probability (after a sigmoid, if none is in the network) is a half.
      const half = output.numbers === 'logits' ? 0 : 0.5;
      const expected = planes > 1 ? largest : output.numbers === 'labels' ? values[0] : Number(values[0] >= half);
      differing += Number(answer.classes[(y + top) * width + x + left] !== expected);
    }
  }
  expect(differing, path).toBe(0);
}
