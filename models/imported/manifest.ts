/**
 * What was understood of somebody else's network as its manifest: a STAC item with the MLM extension, as the shipped
 * networks have it, with what a program needs to run it under `planimeter:`.
 */

import type { Adapter } from '../adapter.ts';
import { SHA256_MULTIHASH } from '../registry.ts';
import type { HaloSweep } from '../verify/halo-sweep.ts';
import type { Understanding } from './infer-adapter.ts';
import type { SelfTest } from './self-test.ts';

export interface ManifestFacts {
  id: string;
  name: string;
  sha256: string;
  bytes: number;
  /** Name of the ONNX file in the folder. */
  file: string;
  /** ISO 8601. */
  addedAt: string;
}

const UNITS = { nchw: ['batch', 'bands', 'height', 'width'], nhwc: ['batch', 'height', 'width', 'bands'] } as const;

/** The manifest as JSON. */
export function manifestOf(
  facts: ManifestFacts,
  understanding: Understanding,
  selfTest: SelfTest,
  halos: HaloSweep | null,
) {
  const { adapter, classes, certificate, findings, task } = understanding;
  const { input, output } = adapter;
  const bands =
    input.names ??
    (input.bands === 1 ? ['grey'] : input.order === 'rgb' ? ['red', 'green', 'blue'] : ['blue', 'green', 'red']);
  const extents = { batch: input.batch, bands: input.bands, height: input.height ?? -1, width: input.width ?? -1 };
  const mlmTask = task === 'detection' ? 'object-detection' : 'semantic-segmentation';
  // Without what was declared of outputs and is not so.
  const { 'planimeter:planes': _, 'planimeter:features': __, ...kept } = understanding.kept;
  const { planes, features } = understanding;
  const description = describe(understanding);
  return {
    type: 'Feature',
    stac_version: '1.1.0',
    stac_extensions: [
      'https://stac-extensions.github.io/mlm/v1.5.0/schema.json',
      'https://stac-extensions.github.io/classification/v1.1.0/schema.json',
      'https://stac-extensions.github.io/file/v2.1.0/schema.json',
    ],
    id: facts.id,
    geometry: null,
    properties: {
      title: facts.name,
      description,
      datetime: facts.addedAt,
      ...(understanding.gsdMetres !== null && { gsd: understanding.gsdMetres }),
      'mlm:name': facts.name,
      'mlm:architecture': 'unknown',
      ...kept,
      ...(planes.length > 0 && { 'planimeter:planes': planes }),
      ...(features && { 'planimeter:features': features }),
      'mlm:tasks': [mlmTask],
      'mlm:framework': 'ONNX',
      'mlm:memory_size': facts.bytes,
      'mlm:input': [
        {
          name: input.name,
          bands,
          input: {
            shape: UNITS[input.layout].map((dim) => extents[dim]),
            dim_order: UNITS[input.layout],
            data_type: input.type,
          },
          value_scaling: valueScaling(adapter),
          resize_type: null,
          pre_processing_function: null,
        },
      ],
      'mlm:output': [
        {
          name: output.kind === 'map' ? output.name : 'objects',
          tasks: [mlmTask],
          result: { shape: [-1, -1, -1], dim_order: ['batch', 'height', 'width'], data_type: 'uint8' },
          'classification:classes': classes.map(({ name, value, color, role }) => ({
            name,
            value,
            color_hint: color.slice(1).toUpperCase(),
            ...(role && { 'planimeter:role': role }),
          })),
          post_processing_function: null,
        },
      ],
      'planimeter:task': task,
      'planimeter:gsd_m': understanding.gsdMetres,
      'planimeter:stride': understanding.stride,
      'planimeter:halo': understanding.halo,
      'planimeter:receptive_field': understanding.receptiveField ?? [null, null, null, null],
      'planimeter:chip': understanding.chip,
      'planimeter:adapter': adapter,
      'planimeter:certificate': certificate,
      'planimeter:findings': findings,
      'planimeter:self_test': selfTest,
      'planimeter:halos': halos,
    },
    links: [],
    assets: {
      model: {
        href: facts.file,
        type: 'application/octet-stream; application=onnx',
        roles: ['mlm:model', 'mlm:weights'],
        'mlm:artifact_type': 'onnx',
        'file:size': facts.bytes,
        'file:checksum': SHA256_MULTIHASH + facts.sha256,
      },
    },
  };
}

export type Manifest = ReturnType<typeof manifestOf>;

function valueScaling({ input }: Adapter) {
  return Array.from({ length: input.bands }, (_, band) => {
    const mean = (input.mean[band] ?? input.mean[0] ?? 0) * input.divisor;
    const stddev = (input.deviation[band] ?? input.deviation[0] ?? 1) * input.divisor;
    // As z-score, these would read as if they were of pixels of 0 to 1.
    if (mean <= 1 && stddev <= 1) return { type: 'min-max', minimum: mean, maximum: mean + stddev };
    return { type: 'z-score', mean, stddev };
  });
}

const inputOf = ({ input: { names, bands } }: Adapter): string =>
  names ? `${names.length}-band (${names.join(', ')})` : bands === 1 ? 'grey' : 'RGB';

function describe({ task, classes, adapter, chip }: Understanding): string {
  const what = task === 'detection' ? 'Detects' : 'Tells apart';
  const names = classes.map(({ name }) => name);
  const listed = names.length > 6 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
  const size = chip === null ? 'of any size' : `of ${chip} pixels`;
  return `${what} ${listed}, on ${inputOf(adapter)} chips ${size}. Added here; not one of the program's own.`;
}
