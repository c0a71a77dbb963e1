/** The JSON of networks. */
import { z } from 'zod';
import { Problem } from '../../errors/problem.ts';
import { Finding } from './findings.ts';
import { queryChoice, queryList, queryText } from './query.ts';
import { count, flag, number, share, shorten, text } from './schema.ts';

export const ModelClass = z
  .object({
    name: text.meta({ example: 'building' }),
    value: count.meta({ description: 'Code in the class map', example: 1 }),
    color: text.meta({ example: '#cc4444' }),
    role: z
      .enum(['background', 'building', 'road', 'vegetation', 'water'])
      .describe(
        'What its areas are drawn as, said with the network or read off the name; without one they are land use',
      )
      .exactOptional(),
  })
  .meta({ id: 'ModelClass' });
export type ModelClass = z.input<typeof ModelClass>;

const modelId = text.meta({ example: 'landuse-unet' });
const task = z.enum(['segmentation', 'detection']).describe('A map of classes, or boxes around objects');
const gsd = number.nullable().meta({
  description: 'Metres per pixel that it was trained at; null: images are taken as they are',
  example: 0.5,
});
const sha256 = text.describe("Of the network's bytes, in hexadecimal digits");
const name = text.meta({ example: 'Land use' });

export const Model = z
  .object({
    id: modelId,
    name,
    description: text,
    kind: z.enum(['shipped', 'added']).describe("The program's own, or brought by a user"),
    task,
    gsd_m: gsd,
    gsd_range_m: z
      .tuple([number, number])
      .meta({ description: 'Finest and coarsest pixels that it was trained to take', example: [0.3, 1] })
      .exactOptional(),
    classes: z.array(ModelClass),
    scores_by_place: z
      .record(text, z.record(text, share))
      .meta({
        description: 'Intersection over union at places that it was not trained on, by place and class labelled there',
        example: { vienna: { building: 0.65 } },
      })
      .exactOptional(),
    drawn_by_place: z
      .record(
        text,
        z.object({
          buildings_f1_50: share.exactOptional(),
          buildings_f1_75: share.exactOptional(),
          buildings_count_error: number.exactOptional(),
          roads_apls: share.exactOptional(),
        }),
      )
      .meta({
        description:
          'What is drawn there: F1 of buildings found one for one at an intersection over union of 0.5 and 0.75, by how ' +
          'much there are too many (-0.1: a tenth too few), and routes along the roads (APLS)',
        example: { vienna: { buildings_f1_50: 0.6, buildings_f1_75: 0.4, buildings_count_error: -0.1 } },
      })
      .exactOptional(),
    sha256,
    bands: z.array(text).nullable().meta({
      description: 'What it takes, by name or number, in its order; null: red, green and blue',
      example: null,
    }),
    probabilities: flag.describe('Whether it tells the probability of every class: a job may ask for them'),
    features: z
      .object({ stride: count.describe('Pixels a cell'), channels: count.describe('Numbers a cell') })
      .nullable()
      .meta({ description: 'Its feature layer, which a job may ask for; null: none', example: null }),
    stored: flag.describe('Whether it takes the values that a scene stores, not those that are shown'),
    identity: text.describe("Part of a job's identity: the bytes, and of networks that were added how they are run"),
  })
  .meta({ id: 'Model' });
export type ModelJson = z.input<typeof Model>;

const tensor = z.object({
  name: text.meta({ example: 'image' }),
  type: text.meta({ example: 'float32' }),
  dims: z
    .array(z.union([number, text]).nullable())
    .meta({ description: 'Extents; names and null stand for free ones', example: ['batch', 3, null, null] }),
});
const sides = z
  .tuple([number, number, number, number])
  .nullable()
  .describe('To the left, top, right and bottom, pixels; null where that has no end');
const operators = z.array(z.object({ operator: text, node: text }));

/** What is proven of a network from its graph. */
export const Certificate = z
  .object({
    stride: count.describe('Origins and sizes of chips are multiples of it, pixels'),
    receptive_field: sides,
    halo_sides: sides,
    halo: count.nullable().describe('Smallest halo that makes stitching exact; null where none does'),
    global_operations: operators.describe('Operators that look at all of a chip'),
    positional_operations: operators.describe('Operators whose answer depends on where in the chip they look'),
    not_followed: text.nullable().meta({ description: 'Why the network could not be followed', example: null }),
    exact: flag.describe('Whether chips leave no trace'),
  })
  .meta({ id: 'Certificate', description: 'What is proven of a network from its graph' });

export const Halos = z
  .object({
    size: count.describe('Side of the part of a scene that was mapped, pixels'),
    core: count.describe("Side of the chips' cores, pixels"),
    steps: z.array(
      z.object({
        halo: count,
        differing: share.describe('Of the pixels, those whose class or score is another than in one pass'),
        max_delta: number.describe('Largest difference of a probability'),
      }),
    ),
  })
  .meta({ id: 'Halos', description: 'What halos of several sizes are worth to a network, measured' });

const SelfTest = z
  .object({
    width: count,
    height: count,
    milliseconds: number,
    shares: z.record(text, number).describe('Of the scene, by class; of detectors, objects by class'),
    range: z.tuple([number, number]).nullable().describe('Least and largest number of the output'),
    disagreement: number
      .nullable()
      .describe('Largest difference of a probability between two chips that see a place; null where not tried'),
  })
  .meta({ id: 'SelfTest', description: 'A network on a small generated scene' });

const unit = z.enum(['pixels', 'share']);
const box = {
  yolo: z.object({
    form: z.literal('yolo'),
    output: text,
    candidateDim: z.literal([1, 2]),
    objectness: flag,
    classes: count,
    unit,
    logits: flag,
    cells: z.array(number).exactOptional(),
    angle: count.exactOptional(),
  }),
  rows: z.object({ form: z.literal('rows'), output: text, box: count, score: count, label: count, unit }),
  grid: z.object({ form: z.literal('grid'), output: text, classes: count, cell: count }),
  lists: z.object({
    form: z.literal('lists'),
    boxes: text,
    scores: text.nullable(),
    labels: text.nullable(),
    unit,
    corners: z.enum(['xyxy', 'yxyx', 'centre']),
    background: z.union([flag, z.literal('last')]),
    activation: z.enum(['none', 'sigmoid', 'softmax']).exactOptional(),
    firstLabel: z.literal([0, 1]).exactOptional(),
  }),
};
/** As its manifest has it; what each means stands in models/adapter.ts. */
const Adapter = z
  .object({
    input: z.object({
      name: text.meta({ example: 'image' }),
      type: z.enum(['float32', 'float16', 'float64', 'uint8', 'int8', 'uint16', 'int16', 'int32']),
      layout: z.enum(['nchw', 'nhwc']),
      bands: count.meta({ example: 3 }),
      order: z.enum(['rgb', 'bgr']),
      names: z.array(text).exactOptional(),
      stored: flag.exactOptional(),
      divisor: number.meta({ description: 'The network sees (pixel / divisor - mean) / deviation', example: 255 }),
      mean: z.array(number),
      deviation: z.array(number),
      batch: count.meta({ example: 1 }),
      height: count.nullable(),
      width: count.nullable(),
    }),
    output: z.union([
      z.object({
        kind: z.literal('map'),
        name: text.meta({ example: 'classes' }),
        rowDim: count,
        columnDim: count,
        classDim: count.nullable(),
        numbers: z.enum(['labels', 'logits', 'log-probabilities', 'probabilities']),
        exclusive: flag,
        threshold: number,
        score: text.exactOptional(),
        planes: text.exactOptional(),
        scale: number,
        offset: z.tuple([number, number]),
      }),
      z.object({
        kind: z.literal('boxes'),
        confidence: number,
        overlap: number,
        layout: z.union([box.yolo, box.rows, box.grid, box.lists]),
      }),
    ]),
  })
  .meta({ id: 'Adapter', description: "How somebody else's network is run" });

/** What is understood of a network, as `models inspect --json` and the API give it. */
export const ModelReport = z
  .object({
    id: modelId.nullable(),
    kind: z.enum(['shipped', 'added', 'file']),
    task,
    name,
    sha256,
    gsd_m: gsd,
    inputs: z.array(tensor),
    outputs: z.array(tensor),
    classes: z.array(ModelClass),
    certificate: Certificate,
    halos: Halos.nullable(),
    findings: z.array(Finding),
    stride: count,
    halo: count,
    adapter: Adapter.exactOptional(),
    self_test: SelfTest.exactOptional(),
  })
  .meta({ id: 'ModelReport', description: 'What is understood of a network' });
export type ModelReportJson = z.input<typeof ModelReport>;

const queryNumber = (name: string, description: string) =>
  z
    .string()
    .transform((value) => numberOf(name, value))
    .meta({ type: 'number', description })
    .exactOptional();
const queryNumbers = (name: string, description: string) =>
  z
    .string()
    .transform((value) => value.split(',').map((part) => numberOf(name, part)))
    .meta({ type: 'array', items: { type: 'number' }, description })
    .exactOptional();
const queryWord = <const Words extends readonly [string, ...string[]]>(
  name: string,
  words: Words,
  description: string,
) => queryChoice(words, (given) => `"${name}" is one of ${words.join(', ')}, not "${given}".`, description);

function numberOf(name: string, value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) {
    throw new Problem('bad_request', `"${name}" is a number, not "${shorten(value)}".`);
  }
  if (name === 'gsd_m' && number <= 0) throw new Problem('bad_request', '"gsd_m" is above 0.');
  return number;
}

/** What may be said of a network while it is added; the names of `planimeter models add`, in JSON's way. */
export const AddModelQuery = z.object({
  id: z
    .string({ error: 'Give the network an id: POST /models?id=my-network.' })
    .meta({ description: 'Its id', example: 'my-network' }),
  name: queryText('Its name', 'Roofs'),
  metadata: queryText('JSON that describes it: STAC MLM, Esri EMD, geoai, Deepness'),
  gsd_m: queryNumber('gsd_m', 'Metres per pixel that it was trained at'),
  classes: queryList('Names of the classes', ['other', 'roof']),
  roles: queryText('What classes are drawn as, CLASS=ROLE with commas between', 'roof=building'),
  task: queryWord('task', ['segmentation', 'detection'], 'What it does'),
  divide_by: queryNumber('divide_by', 'It takes pixels (0 to 255) divided by this'),
  mean: queryNumbers('mean', 'Taken off then, by band'),
  std: queryNumbers('std', 'Divided by then, by band'),
  bands: queryText('The bands that it takes: rgb, bgr, or names such as red,green,blue,nir', 'red,green,blue,nir'),
  activation: queryWord('activation', ['sigmoid', 'softmax', 'none'], 'What its numbers still want'),
  threshold: queryNumber('threshold', 'Least probability of an object class'),
  confidence: queryNumber('confidence', 'Least score of a detection'),
  overlap: queryNumber('overlap', 'Overlap (IoU) from which two detections are one'),
});
export type SaidOfModel = Omit<z.output<typeof AddModelQuery>, 'id' | 'name' | 'metadata'>;
