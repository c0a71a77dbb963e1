/** `planimeter evaluate`: scores of a class map, or of a network on a folder of images, against the truth. */
import { readdir } from 'node:fs/promises';
import { extname, join, parse } from 'node:path';
import { addToTally, createTally, type Evaluation, scoreTally, type Tally, UNKNOWN } from '../models/evaluate.ts';
import { inferBands } from '../models/map-scene.ts';
import { listNetworks, type Network } from '../models/registry.ts';
import { type NetworkSession, openNetwork } from '../models/runtime.ts';
import { planChips } from '../tiler/chips.ts';
import { apply, type Geotransform, invert } from '../tiler/geotransform.ts';
import { planModelGrid } from '../tiler/model-grid.ts';
import { readPlainImage } from '../tiler/plain-image.ts';
import { Problem } from '../tiler/problem.ts';
import { openRaster, type Raster } from '../tiler/raster.ts';
import { readArguments, readNumber, WrongCall } from './arguments.ts';
import { inputFile, installedNetwork } from './files.ts';

const CORE_PIXELS = 1024;
const GREY = [128, 128, 128] as const;

export async function run(args: string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const options = { predicted: text, truth: text, scores: text, model: text, images: text, masks: text, gsd: text };
  const { values } = readArguments(args, { ...options, json: { type: 'boolean' } }, [0, 0]);
  const { predicted, truth, scores, model, images, masks } = values;
  let evaluation: Evaluation;
  if (predicted && truth) {
    evaluation = await evaluateMaps(predicted, truth, scores);
  } else if (model && images && masks) {
    const network = await installedNetwork(model);
    const gsdMetres = values.gsd === undefined ? trainedGsd(network) : readNumber('gsd', values.gsd);
    evaluation = await evaluateFolder(network, images, masks, gsdMetres);
  } else {
    throw new WrongCall('evaluate takes --predicted and --truth, or --model, --images and --masks');
  }
  process.stdout.write(values.json ? `${JSON.stringify(evaluation)}\n` : table(evaluation));
}

function trainedGsd({ id, gsdMetres }: Network): number {
  if (gsdMetres !== null) return gsdMetres;
  throw new WrongCall(`nothing says which pixel size "${id}" was trained at: give the images' with --gsd`);
}

/** Two class maps of one CRS; the predicted one is looked up at the centre of every pixel of the truth. */
export async function evaluateMaps(predictedPath: string, truthPath: string, scoresPath?: string): Promise<Evaluation> {
  const predicted = await openRaster(await inputFile(predictedPath));
  const truth = await openRaster(await inputFile(truthPath));
  const scores = scoresPath === undefined ? null : await openRaster(await inputFile(scoresPath));
  try {
    if (predicted.epsg !== truth.epsg) {
      const found = `the one is in EPSG:${predicted.epsg}, the other in EPSG:${truth.epsg}`;
      throw new Problem('bad_request', `Both class maps must have one coordinate reference system; ${found}.`);
    }
    const [network] = await listNetworks();
    const tally = createTally(network.classes.map(({ name }) => name));
    addToTally(tally, {
      width: truth.width,
      height: truth.height,
      truth: await codesAt(truth, truth, UNKNOWN),
      predicted: await codesAt(predicted, truth, UNKNOWN),
      ...(scores && { scores: await codesAt(scores, truth, 0) }),
    });
    return scoreTally(tally);
  } finally {
    await Promise.all([predicted.close(), truth.close(), scores?.close()]);
  }
}

/** First band of `raster` at the pixel centres of `target`; `outside` where it does not reach. */
async function codesAt(raster: Raster, target: Raster, outside: number): Promise<Uint8Array> {
  const { pixels } = await raster.read(0, 0, 0, raster.width, raster.height);
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
async function evaluateFolder(network: Network, images: string, masks: string, gsdMetres: number): Promise<Evaluation> {
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
    for (const pair of pairs) await evaluateImage(tally, session, network, pair, gsdMetres);
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
): Promise<void> {
  const image = await readPlainImage(pair.image, 3, gsdMetres);
  const mask = await readPlainImage(pair.mask, 1, gsdMetres);
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
  for await (const band of inferBands(session, image, grid, plan, GREY)) {
    classes.set(band.classes, y * grid.width);
    scores.set(band.scores, y * grid.width);
    y += band.rows;
  }
  addToTally(tally, {
    width: image.width,
    height: image.height,
    truth: (await mask.read(0, 0, 0, mask.width, mask.height)).pixels,
    predicted: resample({ codes: classes, ...grid }, image, UNKNOWN),
    scores: resample({ codes: scores, ...grid }, image, 0),
  });
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
