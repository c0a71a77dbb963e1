/** Maps and what is true of them in, pixel by pixel and as they would be drawn; their scores out. */
import { createTally, type Evaluation, onlyClass, scoreTally, type Tally } from '../../models/evaluation/evaluate.ts';
import type { Network, NetworkClass } from '../../models/registry.ts';
import { objectCodes } from '../../server/pipeline/class-roles.ts';
import { parseParameters } from '../../server/pipeline/job-parameters.ts';
import {
  addVectors,
  type CodedMap,
  createVectorTally,
  scoreVectors,
  type VectorScores,
  type VectorTally,
} from '../../server/tracing/score-vectors.ts';
import { apply, type Geotransform, invert } from '../../tiler/crs/geotransform.ts';
import { WrongCall } from '../arguments.ts';

/** Chips that an HTML report shows. */
export const WORST_CHIPS = 12;

/** What is known of the evaluated maps besides their pixels. */
export interface Evaluated extends Evaluation, VectorScores {
  /** Of a folder of images: the size that their pixels were taken as, and why. */
  gsd_m?: number;
  gsd_reason?: string;
}

export interface Tallies {
  pixels: Tally;
  vectors: VectorTally;
}

type Classes = readonly Pick<NetworkClass, 'name' | 'role'>[];

export const createTallies = (classes: Classes, only: string | undefined): Tallies => ({
  pixels: createTally(classes, only),
  vectors: createVectorTally(),
});

export const scoresOf = ({ pixels, vectors }: Tallies): Evaluation & VectorScores => ({
  ...scoreTally(pixels),
  ...scoreVectors(vectors),
});

/** Draws both with the parameters that jobs have where nothing is said; `planes` are those of the predicted map. */
export function addDrawn(
  tally: VectorTally,
  truth: CodedMap,
  predicted: CodedMap,
  { classes, planes }: { classes: Classes; planes?: Network['planes'] },
): Promise<void> {
  const { min_area_m2: minAreaM2, tolerance_m: toleranceMetres } = parseParameters();
  const codes = objectCodes(classes.map((each, value) => ({ ...each, value })));
  const options = { codes, classCount: classes.length, minAreaM2, toleranceMetres, ...(planes && { planes }) };
  return addVectors(tally, truth, predicted, options);
}

/** The codes of land use, as the networks that ship and the data that they are judged by have them. */
const LAND_USE = ['other', 'building', 'road', 'vegetation', 'water'];

/** The truth as far as it tells of the class that was asked for, or all of it. Throws a wrong call. */
export function told(mask: Uint8Array, classes: Classes, only: string | undefined): Uint8Array {
  // To a network of buildings a road is other land.
  const first = classes.length < LAND_USE.length && classes.every(({ name }, code) => name === LAND_USE[code]);
  const truth = first ? mask.map((code) => (code >= classes.length && code < LAND_USE.length ? 0 : code)) : mask;
  if (only === undefined) return truth;
  try {
    return onlyClass(truth, only, classes);
  } catch (error) {
    throw new WrongCall(`--only takes one of the classes: ${(error as RangeError).message}`);
  }
}

/** The partial labels and "not known" say nothing odd where a network lacks the class. */
const LEAST_PARTIAL = 251;

/** What a mask's codes leave out, in sentences for standard error; none where nothing is odd. */
export function unknownNotice({ accuracy, unknown_codes }: Evaluation, classes: Classes): string {
  const odd = Object.keys(unknown_codes).filter((code) => Number(code) < LEAST_PARTIAL);
  const known = classes.map(({ name }, code) => `${code} ${name}`).join(', ');
  const codes = `Codes are ${known}; 254 not a building, 253 not a road, 252 not vegetation, 255 not known.`;
  if (accuracy === null) {
    const found = Object.keys(unknown_codes).join(', ') || 'none';
    return `WARNING: the truth says nothing of any pixel (its codes: ${found}), so there are no scores. ${codes}\n`;
  }
  if (odd.length === 0) return '';
  const pixels = odd.reduce((sum, code) => sum + unknown_codes[code], 0);
  return `WARNING: ${pixels} pixels of the truth are taken as not known, with the codes ${odd.join(', ')}. ${codes}\n`;
}

interface Codes {
  width: number;
  height: number;
  geotransform: Geotransform;
}

/** Nearest neighbour from one grid to another of the same CRS. */
export function resample(from: Codes & { codes: Uint8Array }, to: Codes, outside: number): Uint8Array {
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
