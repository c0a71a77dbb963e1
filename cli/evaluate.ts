/** `planimeter evaluate`: scores of a class map, or of a network on a folder of images, against the truth. */
import { readdir, writeFile } from 'node:fs/promises';
import { basename, extname, join, parse, resolve, sep } from 'node:path';
import { Problem } from '../errors/problem.ts';
import {
  addToTally,
  createTally,
  type Evaluation,
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
import { apply, type Geotransform, invert } from '../tiler/crs/geotransform.ts';
import { openRaster, openSamples, type Raster } from '../tiler/geotiff/raster.ts';
import { readRgbImage } from '../tiler/geotiff/rgb-image.ts';
import { wholeOf } from '../tiler/geotiff/window.ts';
import { planChips } from '../tiler/grid/chips.ts';
import { planModelGrid } from '../tiler/grid/model-grid.ts';
import { JSON_OPTION, readArguments, readNumber, usageOf, valued, WrongCall } from './arguments.ts';
import { checkOutputs, inputFile, installedNetwork } from './files.ts';

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
  gsd: valued('M', "the images' pixel size in metres; else the one that the network was trained at"),
  html: valued('R.html', 'writes a page with the confusion, the calibration and the worst chips'),
  json: JSON_OPTION,
};

export const usage = usageOf(
  [
    'evaluate --predicted A.tif --truth B.tif [--scores S.tif] [--html R.html] [--json]',
    'evaluate --model ID --images DIR --masks DIR [--gsd M] [--html R.html] [--json]',
  ],
  OPTIONS,
);

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(args, OPTIONS);
  const { predicted, truth, scores, model, images, masks } = values;
  await checkOutputs([values.html]);
  const worst: WorstChip[] = [];
  let evaluation: Evaluation;
  let subject: ReportSubject;
  if (predicted && truth) {
    evaluation = await evaluateMaps(predicted, truth, scores, worst);
    const classes = await classesOf(predicted);
    subject = { title: `${basename(predicted)} against ${basename(truth)}`, subject: 'Two class maps.', classes };
  } else if (model && images && masks) {
    const network = await installedNetwork(model);
    for (const folder of [images, masks]) await inputFile(folder);
    const gsdMetres = values.gsd === undefined ? trainedGsd(network) : readNumber('gsd', values.gsd);
    const { name, classes } = network;
    evaluation = await evaluateFolder(network, images, masks, gsdMetres, worst);
    const folder = resolve(images).split(sep).slice(-2).join('/');
    subject = { title: `${name} on ${folder}`, subject: `Images of ${gsdMetres} m per pixel.`, classes };
  } else {
    throw new WrongCall('evaluate takes --predicted and --truth, or --model, --images and --masks');
  }
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

function trainedGsd({ id, gsdMetres }: Network): number {
  if (gsdMetres !== null) return gsdMetres;
  throw new WrongCall(`nothing says which pixel size "${id}" was trained at: give the images' with --gsd`);
}

/** Two class maps of one CRS; the predicted one is looked up at the centre of every pixel of the truth. */
export async function evaluateMaps(
  predictedPath: string,
  truthPath: string,
  scoresPath?: string,
  worst: WorstChip[] = [],
): Promise<Evaluation> {
  const predicted = await openRaster(await inputFile(predictedPath));
  const truth = await openRaster(await inputFile(truthPath));
  const scores = scoresPath === undefined ? null : await openRaster(await inputFile(scoresPath));
  try {
    if (predicted.epsg !== truth.epsg) {
      const found = `the one is in EPSG:${predicted.epsg}, the other in EPSG:${truth.epsg}`;
      throw new Problem('bad_request', `Both class maps must have one coordinate reference system; ${found}.`);
    }
    const classes = await classesOf(predictedPath);
    const tally = createTally(classes.map(({ name }) => name));
    const map = {
      name: basename(predictedPath),
      width: truth.width,
      height: truth.height,
      truth: await codesAt(truth, truth, UNKNOWN),
      predicted: await codesAt(predicted, truth, UNKNOWN),
      ...(scores && { scores: await codesAt(scores, truth, 0) }),
    };
    addToTally(tally, map);
    addWorstChips(worst, map, classes.length, WORST_CHIPS);
    return scoreTally(tally);
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

/** A network on images whose masks have the same name and size. */
async function evaluateFolder(
  network: Network,
  images: string,
  masks: string,
  gsdMetres: number,
  worst: WorstChip[],
): Promise<Evaluation> {
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
  const tally = createTally(network.classes.map(({ name }) => name));
  try {
    for (const pair of pairs) await evaluateImage(tally, session, network, pair, gsdMetres, worst);
  } finally {
    await session.close();
  }
  return scoreTally(tally);
}

async function evaluateImage(
  tally: Tally,
  session: NetworkSession,
  network: Network,
  pair: { image: string; mask: string },
  gsdMetres: number,
  worst: WorstChip[],
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
    truth: (await mask.read(0, wholeOf(mask))).pixels,
    predicted: resample({ codes: classes, ...grid }, image, UNKNOWN),
    scores: resample({ codes: scores, ...grid }, image, 0),
    image: (await image.read(0, wholeOf(image))).pixels,
  };
  addToTally(tally, map);
  addWorstChips(worst, map, network.classes.length, WORST_CHIPS);
}

const figure = (value: number | null): string => (value === null ? '–' : value.toFixed(3)).padStart(10);

function table({ miou, accuracy, ece, classes }: Evaluation): string {
  const head = ['IoU', 'precision', 'recall', 'F1', 'boundary'].map((name) => name.padStart(10)).join('');
  const rows = classes.map(
    (row) => row.class.padEnd(12) + [row.iou, row.precision, row.recall, row.f1, row.boundary_iou].map(figure).join(''),
  );
  const calibration = ece === null ? '' : `   calibration error ${ece.toFixed(3)}`;
  return [
    `${''.padEnd(12)}${head}`,
    ...rows,
    `mIoU ${miou.toFixed(3)}   accuracy ${accuracy.toFixed(3)}${calibration}`,
    '',
  ].join('\n');
}
