/** How many points a sample takes for the interval that is wanted, and how they are shared out among strata. */

/** A stratum as it is planned: pixels, and the share of them whose class is expected to be right. */
export interface PlannedStratum {
  population: number;
  expectedAccuracy: number;
}

const spread = ({ expectedAccuracy: u }: PlannedStratum): number => Math.sqrt(u * (1 - u));
const total = (strata: readonly PlannedStratum[]): number =>
  strata.reduce((sum, { population }) => sum + population, 0);

/**
 * Points for a standard error of the overall accuracy: Olofsson et al. (2014), equation 13, which is Cochran's (1977) 5.25.
 */
export function sampleSize(strata: readonly PlannedStratum[], standardError: number): number {
  const all = total(strata);
  const sum = (power: number) =>
    strata.reduce((total, stratum) => total + (stratum.population / all) * spread(stratum) ** power, 0);
  return Math.ceil(sum(1) ** 2 / (standardError ** 2 + sum(2) / all));
}

/** The reverse: the standard error of the overall accuracy that so many points in each stratum come to. */
export function expectedStandardError(strata: readonly PlannedStratum[], points: readonly number[]): number {
  const all = total(strata);
  const variances = strata.map((stratum, h) => {
    const { population } = stratum;
    const n = Math.min(points[h]!, population);
    return n === 0 ? 0 : ((population / all) ** 2 * spread(stratum) ** 2 * (1 - n / population)) / n;
  });
  return Math.sqrt(variances.reduce((sum, variance) => sum + variance, 0));
}

/** As Olofsson et al. (2014), section 5.2.2, advise of rare classes: 50 to 100. */
const ENOUGH = 50;

/** Points of each stratum at least where nobody says: enough to tell of it, and of the sample half at most in all. */
export const usualLeast = (size: number, strata: number): number => Math.min(ENOUGH, Math.floor(size / (2 * strata)));

/**
 * Points of each stratum: `least` in every one, so that rare classes can be told of, the rest by their pixels; never
 * more than a stratum has. Their sum is `size` where this leaves room.
 */
export function allocate(strata: readonly PlannedStratum[], size: number, least: number): number[] {
  const points = strata.map(({ population }) => Math.min(least, population));
  for (;;) {
    const left = size - points.reduce((sum, each) => sum + each, 0);
    const open = strata.flatMap(({ population }, h) => (points[h]! < population ? [h] : []));
    if (left <= 0 || open.length === 0) return points;
    // Those that have less than their share of what is to be had get it first.
    const pixels = open.reduce((sum, h) => sum + strata[h]!.population, 0);
    const held = open.reduce((sum, h) => sum + points[h]!, 0);
    const wants = open.map((h) => Math.max(0, ((held + left) * strata[h]!.population) / pixels - points[h]!));
    const wanted = wants.reduce((sum, want) => sum + want, 0);
    const parts = wants.map((want) => (want * left) / wanted);
    const given = parts.map(Math.floor);
    const over = left - given.reduce((sum, each) => sum + each, 0);
    const byRemainder = parts.map((part, i) => [part - Math.floor(part), i] as const).sort((a, b) => b[0] - a[0]);
    for (const [, i] of byRemainder.slice(0, over)) given[i]! += 1;
    for (const [i, h] of open.entries()) points[h] = Math.min(strata[h]!.population, points[h]! + given[i]!);
  }
}
