/** `planimeter evaluate`: scores of a class map, or of a network on a folder of images, against the truth. */
import { writeFile } from 'node:fs/promises';
import { basename, resolve, sep } from 'node:path';
import { Problem } from '../errors/problem.ts';
import { addToTally, UNKNOWN } from '../models/evaluation/evaluate.ts';
import { evaluationReport, type ReportSubject } from '../models/evaluation/evaluation-report.ts';
import { addWorstChips, type WorstChip } from '../models/evaluation/worst-chips.ts';
import { listNetworks, type NetworkClass } from '../models/registry.ts';
import { DEFAULT_NETWORK } from '../server/networks/choose-network.ts';
import type { VectorScores } from '../server/tracing/score-vectors.ts';
import { openRaster, openSamples, type Raster } from '../tiler/geotiff/raster.ts';
import { wholeOf } from '../tiler/geotiff/window.ts';
import { JSON_OPTION, readArguments, usageOf, valued, WrongCall } from './arguments.ts';
import { evaluatePairs, evaluatePlaces, findPairs } from './evaluation/evaluate-folder.ts';
import { groundSizeNotice, groundSizeOf, meanOf, pixelMetresOf } from './evaluation/ground-size.ts';
import {
  addDrawn,
  createTallies,
  type Evaluated,
  resample,
  scoresOf,
  told,
  unknownNotice,
  WORST_CHIPS,
} from './evaluation/map-scores.ts';
import { checkOutputs, inputFile, installedNetwork } from './files.ts';

const OPTIONS = {
  predicted: valued('A.tif', 'the class map to be scored'),
  truth: valued('B.tif', 'the class map that it is held against'),
  scores: valued('S.tif', 'its probabilities, for the calibration'),
  model: valued('ID', 'the network to be scored'),
  images: valued('DIR', 'images for it'),
  masks: valued('DIR', 'class maps of the same names and sizes'),
  gsd: valued(
    'M',
    "the images' pixel size in metres; else their georeference's, else that of a manifest.json beside them",
  ),
  only: valued('CLASS', 'judges this class alone, since the truth tells of no other'),
  places: valued('DIR', 'a folder with manifest.json and PLACE/images, PLACE/labels: all that are to judge by'),
  html: valued('R.html', 'writes a page with the confusion, the calibration and the worst chips'),
  json: JSON_OPTION,
};

export const usage = usageOf(
  [
    'evaluate --predicted A.tif --truth B.tif [--scores S.tif] [--only CLASS] [--html R.html] [--json]',
    'evaluate --model ID --images DIR --masks DIR [--gsd M] [--only CLASS] [--html R.html] [--json]',
    'evaluate --model ID --places DIR [--only CLASS] [--json]',
  ],
  OPTIONS,
);

/** What each way of calling takes, besides --only and --json. */
const WAYS = [
  { needs: ['predicted', 'truth'], takes: ['scores', 'html'] },
  { needs: ['model', 'images', 'masks'], takes: ['gsd', 'html'] },
  { needs: ['model', 'places'], takes: [] },
];

type Values = { [Name in keyof typeof OPTIONS]?: string | boolean | undefined };

/** Throws a wrong call where none of the ways is whole, and for what the one that is does not take. */
function checkWay(values: Values): void {
  const given = Object.keys(values).filter((name) => name !== 'only' && name !== 'json');
  const way = WAYS.find(({ needs }) => needs.every((name) => given.includes(name)));
  if (!way) {
    const ways = WAYS.map(({ needs }) => new Intl.ListFormat('en').format(needs.map((name) => `--${name}`)));
    throw new WrongCall(`evaluate takes ${ways.join(', or ')}`);
  }
  const other = given.find((name) => ![...way.needs, ...way.takes].includes(name));
  if (other) throw new WrongCall(`--${other} does not go with ${way.needs.map((name) => `--${name}`).join(' and ')}`);
}

export async function run(args: string[]): Promise<void> {
  const { values } = readArguments(args, OPTIONS);
  checkWay(values);
  const { predicted, truth, scores, model, images, masks, only } = values;
  await checkOutputs([values.html]);
  if (model && values.places) return scorePlaces(model, values.places, only, values.json === true);
  const worst: WorstChip[] = [];
  let evaluation: Evaluated;
  let subject: ReportSubject;
  if (predicted && truth) {
    evaluation = await evaluateMaps(predicted, truth, { scoresPath: scores, only, worst });
    const classes = await classesOf(predicted);
    subject = { title: `${basename(predicted)} against ${basename(truth)}`, subject: 'Two class maps.', classes };
  } else {
    const network = await installedNetwork(model!);
    for (const folder of [images!, masks!]) await inputFile(folder);
    const pairs = await findPairs(images!, masks!);
    const files = pairs.map(({ image }) => image);
    const ground = await groundSizeOf(images!, files, network, values.gsd);
    process.stderr.write(groundSizeNotice(ground));
    const { gsdMetres, reason } = ground;
    const { name, classes } = network;
    evaluation = { ...(await evaluatePairs(network, pairs, { ground, only, worst })), gsd_reason: reason };
    const folder = resolve(images!).split(sep).slice(-2).join('/');
    subject = { title: `${name} on ${folder}`, subject: `Images of ${gsdMetres} m per pixel, ${reason}.`, classes };
  }
  process.stderr.write(unknownNotice(evaluation, subject.classes));
  subject.figures = vectorFigures(evaluation);
  if (values.html) await writeFile(values.html, await evaluationReport(subject, evaluation, worst));
  process.stdout.write(values.json ? `${JSON.stringify(evaluation)}\n` : table(evaluation));
}

async function scorePlaces(model: string, folder: string, only: string | undefined, json: boolean): Promise<void> {
  const network = await installedNetwork(model);
  const places = await evaluatePlaces(network, folder, only, (place, scores) => {
    if (!json) process.stdout.write(`${place}, ${scores.gsd_m} m per pixel\n${table(scores)}\n`);
    process.stderr.write(unknownNotice(scores, network.classes));
  });
  if (json) process.stdout.write(`${JSON.stringify({ model, sha256: network.sha256, places })}\n`);
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
    const tallies = createTallies(classes, only);
    const { width, height, geotransform, geographic } = truth;
    const map = {
      ...{ name: basename(predictedPath), width, height },
      truth: told(await codesAt(truth, truth, UNKNOWN), classes, only),
      predicted: await codesAt(predicted, truth, UNKNOWN),
      ...(scores && { scores: await codesAt(scores, truth, 0) }),
    };
    addToTally(tallies.pixels, map);
    addWorstChips(worst, map, tallies.pixels, WORST_CHIPS);
    // Degrees are no metres: such maps have no vectors that could be measured.
    if (!geographic) {
      const own = pixelMetresOf(truth);
      const pixelMetres = own
        ? meanOf(own)
        : Math.sqrt(Math.abs(geotransform[1] * geotransform[5] - geotransform[2] * geotransform[4]));
      const grid = { width, height, geotransform, pixelMetres };
      await addDrawn(tallies.vectors, { ...grid, codes: map.truth }, { ...grid, codes: map.predicted }, { classes });
    }
    return scoresOf(tallies);
  } finally {
    await Promise.all([predicted.close(), truth.close(), scores?.close()]);
  }
}

/** First band of `raster` at the pixel centres of `target`; `outside` where it does not reach or has no data. */
async function codesAt(raster: Raster, target: Raster, outside: number): Promise<Uint8Array> {
  const { pixels, valid } = await raster.read(0, wholeOf(raster));
  const first = valid.map((told, i) => (told ? pixels[i * raster.bands] : outside));
  return resample({ codes: first, ...raster }, target, outside);
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
