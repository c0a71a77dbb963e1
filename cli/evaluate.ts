/** `planimeter evaluate`: scores of a class map, or of a network on a folder of images, against the truth. */
import { readdir, writeFile } from 'node:fs/promises';
import { basename, extname, join, parse, resolve, sep } from 'node:path';
import { Problem } from '../errors/problem.ts';
import {
  addToTally,
  createTally,
  type Evaluation,
  onlyClass,
  scoreTally,
  type Tally,
  UNKNOWN,
} from '../models/evaluation/evaluate.ts';
import { evaluationReport, type ReportSubject } from '../models/evaluation/evaluation-report.ts';
import { addWorstChips, type WorstChip } from '../models/evaluation/worst-chips.ts';
import { inferBands } from '../models/mapping/map-scene.ts';
import { listNetworks, type Network, type NetworkClass, wantedBands } from '../models/registry.ts';
import { type NetworkSession, openNetwork } from '../models/runtime/session.ts';
import { DEFAULT_NETWORK } from '../server/networks/choose-network.ts';
import { objectCodes } from '../server/pipeline/class-roles.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import {
  addVectors,
  type CodedMap,
  createVectorTally,
  scoreVectors,
  type VectorScores,
  type VectorTally,
} from '../server/tracing/score-vectors.ts';
import { apply, type Geotransform, invert } from '../tiler/crs/geotransform.ts';
import { openRaster, openSamples, type Raster } from '../tiler/geotiff/raster.ts';
import { readRgbImage } from '../tiler/geotiff/rgb-image.ts';
import { wholeOf } from '../tiler/geotiff/window.ts';
import { planChips } from '../tiler/grid/chips.ts';
import { planModelGrid } from '../tiler/grid/model-grid.ts';
import { JSON_OPTION, readArguments, usageOf, valued, WrongCall } from './arguments.ts';
import { checkOutputs, inputFile, installedNetwork } from './files.ts';
import { groundSizeNotice, groundSizeOf } from './ground-size.ts';

const CORE_PIXELS = 1024;
const GREY = [128, 128, 128] as const;

/** Chips that an HTML report shows. */
const WORST_CHIPS = 12;

const OPTIONS = {
  predicted: valued('A.tif', 'the class map to be scored'),
  truth: valued('B.tif', 'the class map that it is held against'),
  scores: valued('S.tif', 'its probabilities, for the calibration'),
  model: valued('ID', 'the network to be scored'),
  images: valued('DIR', 'images for it'),
  masks: valued('DIR', 'class maps of the same names and sizes'),
  gsd: valued('M', "the images' pixel size in metres; else what a manifest.json beside them says"),
  only: valued('CLASS', 'the truth tells of this class alone: building, road or vegetation'),
  html: valued('R.html', 'writes a page with the confusion, the calibration and the worst chips'),
  json: JSON_OPTION,
};

export const usage = usageOf(
  [
    'evaluate --predicted A.tif --truth B.tif [--scores S.tif] [--only CLASS] [--html R.html] [--json]',
    'evaluate --model ID --images DIR --masks DIR [--gsd M] [--only CLASS] [--html R.html] [--json]',
  ],
  OPTIONS,
);

/** What is known of the evaluated maps besides their pixels. */
interface Evaluated extends Evaluation, VectorScores {
  /** Of a folder of images: the size that their pixels were taken as, and why. */
  gsd_m?: number;
  gsd_reason?: string;
}

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(args, OPTIONS);
  const { predicted, truth, scores, model, images, masks, only } = values;
  await checkOutputs([values.html]);
  const worst: WorstChip[] = [];
  let evaluation: Evaluated;
  let subject: ReportSubject;
  if (predicted && truth) {
    evaluation = await evaluateMaps(predicted, truth, { scoresPath: scores, only, worst });
    const classes = await classesOf(predicted);
    subject = { title: `${basename(predicted)} against ${basename(truth)}`, subject: 'Two class maps.', classes };
  } else if (model && images && masks) {
    const network = await installedNetwork(model);
    for (const folder of [images, masks]) await inputFile(folder);
    const ground = await groundSizeOf(images, network, values.gsd);
    process.stderr.write(groundSizeNotice(ground));
    const { gsdMetres, reason } = ground;
    const { name, classes } = network;
    const found = await evaluateFolder(network, images, masks, { gsdMetres, only, worst });
    evaluation = { ...found, gsd_m: gsdMetres, gsd_reason: reason };
    const folder = resolve(images).split(sep).slice(-2).join('/');
    subject = { title: `${name} on ${folder}`, subject: `Images of ${gsdMetres} m per pixel, ${reason}.`, classes };
  } else {
    throw new WrongCall('evaluate takes --predicted and --truth, or --model, --images and --masks');
  }
  subject.figures = vectorFigures(evaluation);
  if (values.html) await writeFile(values.html, await evaluationReport(subject, evaluation, worst));
  process.stdout.write(values.json ? `${JSON.stringify(evaluation)}\n` : table(evaluation));
}

/** Classes of a class map of ours, by its metadata; of others those of the standard network. */
async function classesOf(path: string): Promise<Pick<NetworkClass, 'name' | 'color'>[]> {
  const raster = await openSamples(path);
  await raster.close();
  const networks = await listNetworks();
  const [id] = (raster.metadata.MODEL ?? '').split(' ');
  const network = networks.find((each) => each.id === id) ?? networks.find((each) => each.id === DEFAULT_NETWORK);
  return (network ?? networks[0]).classes;
}

/** Two class maps of one CRS; the predicted one is looked up at the centre of every pixel of the truth. */
export async function evaluateMaps(
  predictedPath: string,
  truthPath: string,
  {
    scoresPath,
    only,
    worst = [],
  }: { scoresPath?: string | undefined; only?: string | undefined; worst?: WorstChip[] } = {},
): Promise<Evaluated> {
  const predicted = await openRaster(await inputFile(predictedPath));
  const truth = await openRaster(await inputFile(truthPath));
  const scores = scoresPath === undefined ? null : await openRaster(await inputFile(scoresPath));
  try {
    if (predicted.epsg !== truth.epsg) {
      const found = `the one is in EPSG:${predicted.epsg}, the other in EPSG:${truth.epsg}`;
      throw new Problem('bad_request', `Both class maps must have one coordinate reference system; ${found}.`);
    }
    const classes = await classesOf(predictedPath);
    const tallies = createTallies(classes);
    const { width, height, geotransform, geographic } = truth;
    const map = {
      ...{ name: basename(predictedPath), width, height },
      truth: told(await codesAt(truth, truth, UNKNOWN), classes, only),
      predicted: await codesAt(predicted, truth, UNKNOWN),
      ...(scores && { scores: await codesAt(scores, truth, 0) }),
    };
    addToTally(tallies.pixels, map);
    addWorstChips(worst, map, classes.length, WORST_CHIPS);
    // Degrees are no metres: such maps have no vectors that could be measured.
    if (!geographic) {
      const pixelMetres = Math.sqrt(Math.abs(geotransform[1] * geotransform[5] - geotransform[2] * geotransform[4]));
      const grid = { width, height, geotransform, pixelMetres };
      addDrawn(tallies.vectors, { ...grid, codes: map.truth }, { ...grid, codes: map.predicted }, classes);
    }
    return scoresOf(tallies);
  } finally {
    await Promise.all([predicted.close(), truth.close(), scores?.close()]);
  }
}

/** First band of `raster` at the pixel centres of `target`; `outside` where it does not reach. */
async function codesAt(raster: Raster, target: Raster, outside: number): Promise<Uint8Array> {
  const { pixels } = await raster.read(0, wholeOf(raster));
  const first = Uint8Array.from({ length: raster.width * raster.height }, (_, i) => pixels[i * raster.bands]);
  return resample({ codes: first, ...raster }, target, outside);
}

interface Tallies {
  pixels: Tally;
  vectors: VectorTally;
}

type Classes = readonly Pick<NetworkClass, 'name' | 'role'>[];

const createTallies = (classes: Classes): Tallies => ({
  pixels: createTally(classes.map(({ name }) => name)),
  vectors: createVectorTally(),
});

const scoresOf = ({ pixels, vectors }: Tallies): Evaluation & VectorScores => ({
  ...scoreTally(pixels),
  ...scoreVectors(vectors),
});

/** Draws both with the parameters that jobs have where nothing is said. */
function addDrawn(tally: VectorTally, truth: CodedMap, predicted: CodedMap, classes: Classes): void {
  const { min_area_m2: minAreaM2, tolerance_m: toleranceMetres } = parseParameters();
  const codes = objectCodes(classes.map((each, value) => ({ ...each, value })));
  addVectors(tally, truth, predicted, { codes, classCount: classes.length, minAreaM2, toleranceMetres });
}

/** The truth as far as it tells of the class that was asked for, or all of it. Throws a wrong call. */
function told(truth: Uint8Array, classes: Classes, only: string | undefined): Uint8Array {
  if (only === undefined) return truth;
  const names = classes.map(({ name }) => name);
  try {
    return onlyClass(truth, only, names);
  } catch {
    throw new WrongCall(`--only takes building, road or vegetation, of the classes ${names.join(', ')}; not "${only}"`);
  }
}

interface Codes {
  width: number;
  height: number;
  geotransform: Geotransform;
}

/** Nearest neighbour from one grid to another of the same CRS. */
function resample(from: Codes & { codes: Uint8Array }, to: Codes, outside: number): Uint8Array {
  const inverse = invert(from.geotransform);
  const result = new Uint8Array(to.width * to.height).fill(outside);
  for (let y = 0; y < to.height; y++) {
    for (let x = 0; x < to.width; x++) {
      const [px, py] = apply(inverse, ...apply(to.geotransform, x + 0.5, y + 0.5)).map(Math.floor);
      if (px < 0 || py < 0 || px >= from.width || py >= from.height) continue;
      result[y * to.width + x] = from.codes[py * from.width + px];
    }
  }
  return result;
}

interface FolderOptions {
  gsdMetres: number;
  only: string | undefined;
  worst: WorstChip[];
}

/** A network on images whose masks have the same name and size. */
async function evaluateFolder(
  network: Network,
  images: string,
  masks: string,
  options: FolderOptions,
): Promise<Evaluation & VectorScores> {
  const { bands } = wantedBands(network);
  if (bands) {
    const what = `The network "${network.id}" takes ${bands.join(', ')}, and the images of --images are RGB`;
    throw new Problem(
      'bad_request',
      `${what}; map with "segment … --classes C.tif", then use --predicted and --truth.`,
    );
  }
  const maskOf = new Map((await readdir(masks)).map((file) => [parse(file).name, join(masks, file)]));
  const files = (await readdir(images)).filter((file) => /\.(jpe?g|png|webp)$/i.test(extname(file))).sort();
  const pairs = files.flatMap((file) => {
    const mask = maskOf.get(parse(file).name);
    return mask ? [{ image: join(images, file), mask }] : [];
  });
  if (pairs.length === 0) throw new WrongCall(`no image in ${images} has a mask of the same name in ${masks}`);
  const session = await openNetwork(network);
  const tallies = createTallies(network.classes);
  try {
    for (const pair of pairs) await evaluateImage(tallies, session, network, pair, options);
  } finally {
    await session.close();
  }
  return scoresOf(tallies);
}

async function evaluateImage(
  tallies: Tallies,
  session: NetworkSession,
  network: Network,
  pair: { image: string; mask: string },
  { gsdMetres, only, worst }: FolderOptions,
): Promise<void> {
  const image = await readRgbImage(pair.image, 3, gsdMetres);
  const mask = await readRgbImage(pair.mask, 1, gsdMetres);
  if (mask.width !== image.width || mask.height !== image.height) {
    const sizes = `${mask.width} × ${mask.height} and ${image.width} × ${image.height}`;
    throw new Problem(
      'bad_request',
      `A mask must have the size of its image: ${pair.mask} and ${pair.image} are ${sizes}.`,
    );
  }
  const grid = planModelGrid({ ...image, gsdMetres: { x: gsdMetres, y: gsdMetres } }, network.gsdMetres);
  const plan = planChips(grid, network, CORE_PIXELS);
  const classes = new Uint8Array(grid.width * grid.height);
  const scores = new Uint8Array(grid.width * grid.height);
  let y = 0;
  for await (const band of inferBands(session, network, { raster: image, grid, plan, fill: GREY })) {
    classes.set(band.classes, y * grid.width);
    scores.set(band.scores, y * grid.width);
    y += band.rows;
  }
  const map = {
    name: basename(pair.image),
    width: image.width,
    height: image.height,
    truth: told((await mask.read(0, wholeOf(mask))).pixels, network.classes, only),
    predicted: resample({ codes: classes, ...grid }, image, UNKNOWN),
    scores: resample({ codes: scores, ...grid }, image, 0),
    image: (await image.read(0, wholeOf(image))).pixels,
  };
  addToTally(tallies.pixels, map);
  addWorstChips(worst, map, network.classes.length, WORST_CHIPS);
  const { width, height, geotransform } = image;
  const truth = { width, height, geotransform, pixelMetres: gsdMetres, codes: map.truth };
  const drawn = { ...grid, pixelMetres: Math.sqrt(grid.gsdMetres.x * grid.gsdMetres.y), codes: classes };
  addDrawn(tallies.vectors, truth, drawn, network.classes);
}

const figure = (value: number | null): string => (value === null ? '–' : value.toFixed(3)).padStart(10);

/** What would be drawn, against what there is: a name and a value each. */
function vectorFigures({ buildings, roads }: VectorScores): [string, string][] {
  const percent = (share: number) => `${share > 0 ? '+' : ''}${(100 * share).toFixed(0)} %`;
  const found: [string, string][] = [];
  if (buildings) {
    const { truth, predicted, f1_50, f1_75, count_error } = buildings;
    found.push(['Buildings F1 at IoU 0.5', f1_50.toFixed(3)], ['Buildings F1 at IoU 0.75', f1_75.toFixed(3)]);
    found.push(['Buildings drawn', `${predicted} of ${truth} (${percent(count_error)})`]);
  }
  if (roads) {
    const kilometres = `${(roads.predicted_m / 1000).toFixed(1)} of ${(roads.truth_m / 1000).toFixed(1)} km`;
    found.push(['Roads APLS', roads.apls.toFixed(3)], ['Roads drawn', kilometres]);
  }
  return found;
}

function table(evaluation: Evaluated): string {
  const { miou, accuracy, ece, classes } = evaluation;
  const head = ['IoU', 'precision', 'recall', 'F1', 'boundary'].map((name) => name.padStart(10)).join('');
  const rows = classes.map(
    (row) => row.class.padEnd(12) + [row.iou, row.precision, row.recall, row.f1, row.boundary_iou].map(figure).join(''),
  );
  const totals = [
    `mIoU ${figure(miou).trim()}`,
    `accuracy ${figure(accuracy).trim()}`,
    ...(ece === null ? [] : [`calibration error ${ece.toFixed(3)}`]),
  ];
  const absent = classes.flatMap((row) => (row.iou === null ? [row.class] : []));
  return [
    `${''.padEnd(12)}${head}`,
    ...rows,
    totals.join('   '),
    ...vectorFigures(evaluation).map(([name, value]) => `${name}: ${value}`),
    ...(absent.length > 0 ? [`Not in the truth, and not in the mean: ${absent.join(', ')}`] : []),
    '',
  ].join('\n');
}
