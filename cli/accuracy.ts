/** `planimeter accuracy`: a random sample of any class map to look at, and of what was seen how good the map is. */
import { randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { Problem } from '../errors/problem.ts';
import { listNetworks } from '../models/registry.ts';
import { assessmentJson } from '../server/accuracy/assessment-json.ts';
import { choosePoints } from '../server/accuracy/choose-points.ts';
import { drawUnits } from '../server/accuracy/draw-units.ts';
import { plotsCsv, plotsGeoJson } from '../server/accuracy/points-text.ts';
import { allocate, expectedStandardError, sampleSize, usualLeast } from '../server/accuracy/sample-size.ts';
import { apply } from '../tiler/crs/geotransform.ts';
import { openSamples } from '../tiler/geotiff/raster.ts';
import { assess } from './accuracy/assess.ts';
import { withPlaces } from './accuracy/places.ts';
import { accuracyText } from './accuracy/text.ts';
import { JSON_OPTION, readAction, readArguments, readNumber, usageOf, valued, WrongCall } from './arguments.ts';
import { checkOutputs, inputFile } from './files.ts';

const OPTIONS = {
  size: valued('N', 'points in all; else what --standard-error takes'),
  'standard-error': valued('S', 'of the overall accuracy, as a share (0.01)'),
  expected: valued('U', 'share of each class that is expected to be right (0.85)'),
  least: valued('N', 'points of each class at least (50, and of the sample half at most in all)'),
  seed: valued('N', 'the same one draws the same points; else any, which is said'),
  apart: valued('M', 'metres between points at least'),
  names: valued('CODE=NAME,…', "names of the map's codes; else those of the network that made it"),
  strata: valued('S.tif', 'of what the points were drawn, where that was not by the classes of the map'),
  column: valued('NAME', 'the column of the answers that has the classes'),
  json: JSON_OPTION,
};

export const usage = usageOf(
  [
    'accuracy sample CLASSES.tif POINTS.csv|.geojson [--size N | --standard-error S] [--seed N] [--apart M]',
    'accuracy estimate CLASSES.tif ANSWERS.csv|.geojson [--strata S.tif] [--column NAME] [--json]',
  ],
  OPTIONS,
  `CLASSES.tif is a map of codes of one byte, of whatever program. "sample" writes where to look (PLOTID, LON, LAT, which
Collect Earth Online reads), class by class at random and nothing of what the map says. "estimate" takes what was seen
there: a row a point with lon, lat and its class by name or code; "flagged" for cannot tell.
Areas and accuracies are those of Olofsson et al. (2014) and Stehman (2014), with 95 % intervals.
`,
);

const EXPECTED = 0.85;
const MOST_POINTS = 10_000;
const LIMITS = [
  ['size', 1, MOST_POINTS],
  ['standard-error', 0.001, 0.5],
  ['expected', 0.01, 0.99],
  ['least', 0, MOST_POINTS],
  ['apart', 0, 1e6],
] as const;
const STANDARD_ERROR = 0.01;
/** Of each stratum, to choose from those that lie apart. */
const CANDIDATES = 4;

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['sample or estimate', 'CLASSES.tif', 'FILE']);
  const action = readAction('accuracy', positionals[0], ['sample', 'estimate']);
  const [, mapPath, other] = positionals as [string, string, string];
  await inputFile(mapPath);
  if (action === 'sample') return drawSample(mapPath, other, values);
  const names = await namesOf(mapPath, values.names);
  const answers = await readFile(await inputFile(other), 'utf8');
  const strataPath = values.strata === undefined ? null : await inputFile(values.strata);
  const assessed = await assess({ mapPath, strataPath, answers, column: values.column, names });
  process.stdout.write(
    values.json
      ? `${JSON.stringify(assessmentJson(assessed))}\n`
      : accuracyText(basename(mapPath), basename(other), assessed),
  );
}

type Values = Partial<Record<Exclude<keyof typeof OPTIONS, 'json'>, string>>;

async function drawSample(mapPath: string, output: string, values: Values): Promise<void> {
  if (!/\.(csv|geojson)$/i.test(output)) throw new WrongCall(`"${output}" must end in .csv or .geojson`);
  await checkOutputs([output]);
  const number = (name: keyof Values, usual: number) =>
    values[name] === undefined ? usual : readNumber(name, values[name]!);
  const seed = number('seed', randomInt(2 ** 32));
  if (!(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) {
    throw new WrongCall('--seed takes a whole number from 0 to 4294967295');
  }
  for (const [name, least, most] of LIMITS) {
    const value = number(name, least);
    if (!(value >= least && value <= most)) throw new WrongCall(`--${name} takes a number from ${least} to ${most}`);
  }
  const most = (number('size', 0) || MOST_POINTS) * (values.apart === undefined ? 1 : CANDIDATES);
  const strata = await drawUnits({ classesPath: mapPath, seed, most: Math.min(most, MOST_POINTS * CANDIDATES) });
  if (strata.length === 0) throw new Problem('empty_raster', `"${mapPath}" has no pixels with a class.`);
  const planned = strata.map(({ population }) => ({ population, expectedAccuracy: number('expected', EXPECTED) }));
  const size = number('size', 0) || sampleSize(planned, number('standard-error', STANDARD_ERROR));
  if (size > MOST_POINTS) throw new WrongCall(`that takes ${size} points; at most ${MOST_POINTS} are drawn`);
  const apart = number('apart', 0);
  const points = await withPlaces(mapPath, async ({ geotransform, pixelMetres, toDegrees }) => {
    const chosen = choosePoints(
      strata.map(({ pixels }) => pixels),
      allocate(planned, size, number('least', usualLeast(size, strata.length))),
      { apart: apart > 0 ? { x: apart / pixelMetres.x, y: apart / pixelMetres.y } : null, secondShare: 0 },
    );
    const placed = await toDegrees(chosen.map(({ x, y }) => apply(geotransform, x + 0.5, y + 0.5)));
    return placed.map(([lon, lat], i) => ({ plot: i + 1, lon, lat, stratum: chosen[i].stratum }));
  });
  await writeFile(output, /\.csv$/i.test(output) ? plotsCsv(points) : plotsGeoJson(points));
  if (points.length < size) {
    process.stderr.write(`Of ${size} points ${points.length} were drawn: no more pixels lie so far apart.\n`);
  }
  const drawn = strata.map((_, h) => points.filter(({ stratum }) => stratum === h).length);
  const halfWidth = (100 * 1.96 * expectedStandardError(planned, drawn)).toFixed(1);
  process.stdout.write(
    `${output}: ${points.length} points of ${strata.length} classes, drawn with --seed ${seed}; ` +
      `the overall accuracy will be known to about ± ${halfWidth} %\n`,
  );
}

/** Names of codes, as given, or of the network that a map of ours names. */
async function namesOf(path: string, given: string | undefined): Promise<Map<number, string>> {
  if (given !== undefined) {
    return new Map(
      given.split(',').map((each) => {
        const [, code, name] = /^(\d{1,3})=(.+)$/.exec(each.trim()) ?? [];
        if (!name) throw new WrongCall(`--names takes codes with their names, such as 0=other,1=forest; got "${each}"`);
        return [Number(code), name];
      }),
    );
  }
  const raster = await openSamples(path);
  await raster.close();
  const [id] = (raster.metadata.MODEL ?? '').split(' ');
  const network = (await listNetworks()).find((each) => each.id === id);
  return new Map(network?.classes.map(({ value, name }) => [value, name]));
}
