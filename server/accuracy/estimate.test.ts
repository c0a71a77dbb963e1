/** The estimators on the worked examples of both papers, digit by digit. */
import { expect, test } from 'vitest';
import { estimateAccuracy, type ReviewedStratum, unansweredStrata } from './estimate.ts';
import { agreementOf } from './kappa.ts';
import { allocate, expectedStandardError, sampleSize } from './sample-size.ts';

/** Olofsson et al. (2014), table 8 and section 5: Landsat pixels of 30 m. */
const CLASSES = ['deforestation', 'forest gain', 'stable forest', 'stable non-forest'];
const MAPPED = [200_000, 150_000, 3_200_000, 6_450_000];
const POINTS = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]; // biome-ignore format: a matrix

const stratum = (
  name: string,
  population: number,
  counts: readonly number[],
  areaM2 = population,
): ReviewedStratum => ({
  ...{ name, population, areaM2, mapClasses: [name] },
  answers: counts.map((count, column) => ({ map: name, reference: CLASSES[column]!, count })),
});
const LANDSAT = CLASSES.map((name, row) => stratum(name, MAPPED[row]!, POINTS[row]!, MAPPED[row]! * 900));

const halfWidth = ({ standardError }: { standardError: number }) => 1.96 * standardError;

test('Olofsson et al. 2014: areas and accuracies of the worked example', () => {
  const { answered, overallAccuracy, classes, matrix } = estimateAccuracy(LANDSAT, CLASSES);
  expect(answered).toBe(640);
  expect(overallAccuracy.value).toBeCloseTo(0.95, 2);
  expect(halfWidth(overallAccuracy)).toBeCloseTo(0.02, 2);
  const hectares = classes.map(({ areaM2 }) => [areaM2.value / 1e4, halfWidth(areaM2) / 1e4]);
  const printed = [[21_158, 6_158], [11_686, 3_756], [285_770, 15_510], [581_386, 16_282]]; // biome-ignore format: pairs
  for (const [i, pair] of printed.entries()) {
    // The paper multiplies by a standard error that it has rounded to 0.0035 and so on.
    expect(hectares[i]![0]! / pair[0]!).toBeCloseTo(1, 4);
    expect(hectares[i]![1]! / pair[1]!).toBeCloseTo(1, 3);
  }
  const users = classes.map(({ usersAccuracy: u }) => [u!.value, halfWidth(u!)].map((v) => Number(v.toFixed(2))));
  expect(users).toEqual([[0.88, 0.07], [0.73, 0.1], [0.93, 0.04], [0.96, 0.02]]); // biome-ignore format: pairs
  const producers = classes.map(({ producersAccuracy: p }) => Number(p!.value.toFixed(2)));
  expect(producers).toEqual([0.75, 0.85, 0.93, 0.96]);
  expect(halfWidth(classes[0]!.producersAccuracy!)).toBeCloseTo(0.21, 2);
  // Table 9: the matrix as shares of the ground.
  expect(matrix[0]!.map((share) => Number(share.toFixed(4)))).toEqual([0.0176, 0, 0.0013, 0.0011]);
  expect(matrix.flat().reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
});

test('Olofsson et al. 2014: 641 points for a standard error of 0.01', () => {
  const planned = [0.7, 0.6, 0.9, 0.95].map((expectedAccuracy, h) => ({ population: MAPPED[h]!, expectedAccuracy }));
  expect(sampleSize(planned, 0.01)).toBe(641);
  const points = allocate(planned, 641, 75);
  expect(points.slice(0, 2)).toEqual([75, 75]);
  expect(points.reduce((sum, each) => sum + each, 0)).toBe(641);
  // Shared out for the overall accuracy alone it would be 0.01.
  expect(expectedStandardError(planned, points)).toBeCloseTo(0.0108, 4);
});

/** Stehman (2014), table 2: four strata of which none is a class of the map; 10 points each. */
const SIZES = { 1: 40_000, 2: 30_000, 3: 20_000, 4: 10_000 };
const ON_MAP = ['AAAAAAABBB', 'ABBBBBBBBB', 'BBCCCCCCBB', 'DDDDDDDDDD'];
const ANSWERS = ['AAAAACBABC', 'ABBBBBAABB', 'CCCCCDDBBA', 'DDDDDDDCCB'];

test('Stehman 2014: strata that are not the classes of the map', () => {
  const strata = Object.entries(SIZES).map(([name, population], h) => ({
    ...{ name, population, areaM2: population, mapClasses: [...'ABCD'] },
    answers: Array.from({ length: 10 }, (_, i) => ({ map: ON_MAP[h]![i]!, reference: ANSWERS[h]![i]!, count: 1 })),
  }));
  const { overallAccuracy, classes, matrix } = estimateAccuracy(strata, [...'ABCD']);
  const rounded = ({ value, standardError }: { value: number; standardError: number }) =>
    [value, standardError].map((v) => Number(v.toFixed(3)));
  // Pages 4932 to 4935.
  expect(rounded(classes[0]!.areaShare)).toEqual([0.35, 0.082]);
  expect(rounded(classes[2]!.areaShare)).toEqual([0.2, 0.064]);
  expect(rounded(overallAccuracy)).toEqual([0.63, 0.085]);
  expect(rounded(classes[1]!.usersAccuracy!)).toEqual([0.574, 0.125]);
  // The paper prints 0.114: it takes the variance of x in stratum 4 for 0, which its own table 3 has as 0.10.
  expect(rounded(classes[1]!.producersAccuracy!)).toEqual([0.794, 0.117]);
  expect(matrix[1]![2]).toBeCloseTo(0.08, 12);
});

test('where no answer is wrong the interval still has a width, and where all was looked at none', () => {
  const right = estimateAccuracy([stratum('deforestation', 1e6, [50]), stratum('forest gain', 1e6, [0, 50])], CLASSES);
  expect(right.overallAccuracy).toMatchObject({ value: 1, standardError: 0, upper: 1 });
  expect(right.overallAccuracy.lower).toBeGreaterThan(0.95);
  expect(right.overallAccuracy.lower).toBeLessThan(0.98);
  expect(right.classes[2]!).toMatchObject({ usersAccuracy: null, producersAccuracy: null });
  expect(right.classes[2]!.areaShare.upper).toBeGreaterThan(0.01);
  const census = estimateAccuracy([stratum('deforestation', 10, [7, 3]), stratum('forest gain', 10, [0, 10])], CLASSES);
  expect(census.overallAccuracy).toMatchObject({ value: 0.85, standardError: 0 });
  expect(census.overallAccuracy.lower).toBeCloseTo(0.85, 9);
  expect(census.overallAccuracy.upper).toBeCloseTo(0.85, 9);
});

test('strata without answers are named', () => {
  expect(unansweredStrata([stratum('a', 100, [5]), stratum('b', 100, [1]), stratum('c', 1, [1])])).toEqual(['b']);
});

test('kappa of two people', () => {
  // Cohen's own kind of table: 20 + 15 agree of 50; by chance half would.
  const pairs = [['y', 'y', 20], ['y', 'n', 5], ['n', 'y', 10], ['n', 'n', 15]].flatMap(([first, second, times]) =>
    Array.from({ length: times as number }, () => [first, second] as [string, string]),
  ); // biome-ignore format: a table
  expect(agreementOf(pairs)).toMatchObject({ points: 50, agreed: 35, kappa: expect.closeTo(0.4, 12) });
  expect(agreementOf([])).toEqual({ points: 0, agreed: 0, kappa: null });
});
