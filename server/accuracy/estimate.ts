/**
 * What people answered at the points of a stratified random sample becomes the accuracy of a map and the area of each
 * class, with standard errors and intervals.
 *
 * Estimators: Stehman (2014), "Estimating area and map accuracy for stratified random sampling when the strata are
 * different from the map classes", International Journal of Remote Sensing 35(13), 4923–4939. Where the strata are the
 * map's classes, these are those of Olofsson et al. (2014), "Good practices for estimating area and assessing accuracy of
 * land change", Remote Sensing of Environment 148, 42–57.
 */
import { type Margins, type Part, partsOf, shareInterval } from './interval.ts';

/** How many points of a stratum have this class on the map and this one by the answers. */
export interface Answered {
  map: string;
  reference: string;
  count: number;
}

export interface ReviewedStratum {
  name: string;
  /** Pixels, of which those with an answer were drawn at random. */
  population: number;
  areaM2: number;
  /** Classes of the map that lie in it. */
  mapClasses: readonly string[];
  answers: readonly Answered[];
}

export interface Estimate extends Margins {
  value: number;
  /** Of the estimators' own variance; ± 1.96 of it is what both papers print. */
  standardError: number;
}

export interface ClassAccuracy {
  class: string;
  /** Points that are of this class by the answers, and on the map. */
  answered: number;
  mapped: number;
  /** Of what the map says is of this class, the share that is. Null where no point was answered there. */
  usersAccuracy: Estimate | null;
  /** Of what is of this class, the share that the map has. Null where no answer was of this class. */
  producersAccuracy: Estimate | null;
  /** Of the mapped ground. */
  areaShare: Estimate;
  areaM2: Estimate;
}

export interface Accuracy {
  answered: number;
  overallAccuracy: Estimate;
  classes: ClassAccuracy[];
  /** Estimated shares of the ground, by class of the map (rows) and by the answers (columns), in the order of `classes`. */
  matrix: number[][];
  /** The points that they are made of. */
  counts: number[][];
}

/** A point's value by its two classes. */
type Indicator = (map: string, reference: string) => boolean;

const answersOf = ({ answers }: ReviewedStratum): number => answers.reduce((sum, { count }) => sum + count, 0);

/** Strata in which too few points are answered: a variance takes two, or all there are. */
export const unansweredStrata = (strata: readonly ReviewedStratum[]): string[] =>
  strata.filter((each) => each.areaM2 > 0 && answersOf(each) < Math.min(2, each.population)).map(({ name }) => name);

/**
 * @param classes in the order of the answer; those of the map and of the answers
 * Every stratum has at least two answers (see `unansweredStrata`).
 */
export function estimateAccuracy(strata: readonly ReviewedStratum[], classes: readonly string[]): Accuracy {
  const answered = strata.filter((stratum) => answersOf(stratum) > 0);
  const totalM2 = answered.reduce((sum, { areaM2 }) => sum + areaM2, 0);
  const estimate = (y: Indicator, x: Indicator = () => true) => ratio(answered, totalM2, classes, { y, x });
  const count = (wanted: Indicator) =>
    answered.flatMap(({ answers }) => answers).reduce((sum, a) => sum + (wanted(a.map, a.reference) ? a.count : 0), 0);
  const cell =
    (row: string, column: string): Indicator =>
    (map, reference) =>
      map === row && reference === column;
  return {
    answered: count(() => true),
    overallAccuracy: estimate((map, reference) => map === reference)!,
    classes: classes.map((name) => {
      const onMap: Indicator = (map) => map === name;
      const byAnswer: Indicator = (_map, reference) => reference === name;
      const right = cell(name, name);
      const areaShare = estimate(byAnswer)!;
      return {
        class: name,
        answered: count(byAnswer),
        mapped: count(onMap),
        usersAccuracy: estimate(right, onMap),
        producersAccuracy: estimate(right, byAnswer),
        areaShare,
        areaM2: times(areaShare, totalM2),
      };
    }),
    matrix: classes.map((row) => classes.map((column) => shareOf(answered, totalM2, cell(row, column)))),
    counts: classes.map((row) => classes.map((column) => count(cell(row, column)))),
  };
}

/** Estimated share of the ground for which something holds. */
const shareOf = (strata: readonly ReviewedStratum[], totalM2: number, wanted: Indicator): number =>
  strata.reduce((sum, stratum) => {
    const those = stratum.answers.filter(({ map, reference }) => wanted(map, reference));
    const points = those.reduce((total, { count }) => total + count, 0);
    return sum + ((stratum.areaM2 / totalM2) * points) / answersOf(stratum);
  }, 0);

const times = ({ value, standardError, lower, upper }: Estimate, factor: number): Estimate => ({
  value: value * factor,
  standardError: standardError * factor,
  lower: lower * factor,
  upper: upper * factor,
});

/**
 * The share of x that is y; every y is an x. Stehman (2014), equations 27 to 29; with x everywhere, 3 and 25. Null where no
 * answer is x.
 */
function ratio(
  strata: readonly ReviewedStratum[],
  totalM2: number,
  classes: readonly string[],
  { y, x }: { y: Indicator; x: Indicator },
): Estimate | null {
  const parts = strata.map((stratum): Part => {
    const points = answersOf(stratum);
    const count = (wanted: Indicator) =>
      stratum.answers.reduce((sum, { map, reference, count }) => sum + (wanted(map, reference) ? count : 0), 0);
    const [inside, right] = [count(x), count((map, reference) => x(map, reference) && y(map, reference))];
    const { population, areaM2, mapClasses } = stratum;
    const possible = mapClasses.flatMap((map) =>
      classes.map((reference) => (!x(map, reference) ? 'other' : y(map, reference) ? 'right' : 'wrong')),
    );
    const can = {
      right: possible.includes('right'),
      wrong: possible.includes('wrong'),
      other: possible.includes('other'),
    };
    return { weight: areaM2 / totalM2, population, points, right, wrong: inside - right, can };
  });
  const { right, wrong } = partsOf(parts);
  if (right + wrong === 0) return null;
  const value = right / (right + wrong);
  return { value, standardError: standardError(parts, value, right + wrong), ...shareInterval(parts) };
}

/** Stehman (2014), equation 28: of y − R·x, whose values at a point are 1 − R, −R and 0. */
function standardError(parts: readonly Part[], share: number, inside: number): number {
  const variance = parts.reduce((sum, { weight, population, points, right, wrong }) => {
    if (points < 2) return sum; // of a stratum of one pixel
    const [a, b] = [right / points, wrong / points];
    const mean = (1 - share) * a - share * b;
    const spread = (points / (points - 1)) * ((1 - share) ** 2 * a + share ** 2 * b - mean ** 2);
    return sum + (weight ** 2 * (1 - points / population) * Math.max(0, spread)) / points;
  }, 0);
  return Math.sqrt(variance) / inside;
}
