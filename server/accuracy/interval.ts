/**
 * 95 % intervals of shares that are estimated from a stratified sample.
 *
 * The estimate ± 1.96 standard errors covers far less than 95 % where few answers are wrong, and says ± 0 where none is:
 * classes of 1 % of the ground are mostly missed. Instead, the shares of each stratum get intervals of their own (Jeffreys';
 * Brown, Cai and DasGupta 2001, Statistical Science 16(2), 101–133), and these are put together by the method of variance
 * estimates recovery (Zou and Donner 2008, Statistics in Medicine 27(10), 1693–1702; Zou, Huang and Zhang 2009,
 * Computational Statistics & Data Analysis 53(4), 1080–1085). Ratios are solved as Fieller (1954) does: a share is inside
 * where the interval of right − share·(right + wrong) holds 0.
 */
import { betaQuantile } from './beta.ts';

export interface Margins {
  lower: number;
  upper: number;
}

/**
 * The answers of a stratum about a share: of what is asked about, `right` and `wrong` ones; others are about something
 * else. What cannot be in the stratum, since the map is known, has no margin: 0 of 50 then is none.
 */
export interface Part {
  /** Of the ground. */
  weight: number;
  population: number;
  points: number;
  right: number;
  wrong: number;
  can: { right: boolean; wrong: boolean; other: boolean };
}

const TAIL = 0.025;
const HALVINGS = 60;

/**
 * Jeffreys' interval of `count` of `points`, of which there are `population` in all. What was drawn without putting back
 * tells more: as if there were points / (1 − points / population).
 */
export function jeffreys(count: number, points: number, population = Number.POSITIVE_INFINITY): Margins {
  const key = `${count} ${points} ${population}`;
  const known = remembered.get(key);
  if (known) return known;
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  const interval = jeffreysOf(count, points, population);
  remembered.set(key, interval);
  return interval;
}

/** The same few counts are asked for by every figure of a table. */
const remembered = new Map<string, Margins>();
const MAX_REMEMBERED = 10_000;

function jeffreysOf(count: number, points: number, population: number): Margins {
  const share = count / points;
  if (points >= population) return { lower: share, upper: share };
  const more = 1 / (1 - points / population);
  const [hits, misses] = [count * more + 0.5, (points - count) * more + 0.5];
  return {
    lower: count === 0 ? 0 : betaQuantile(TAIL, hits, misses),
    upper: count === points ? 1 : betaQuantile(1 - TAIL, hits, misses),
  };
}

/** Weighted shares of right and wrong ones. */
export function partsOf(parts: readonly Part[]): { right: number; wrong: number } {
  const sum = (of: (part: Part) => number) =>
    parts.reduce((total, part) => total + (part.weight * of(part)) / part.points, 0);
  return { right: sum(({ right }) => right), wrong: sum(({ wrong }) => wrong) };
}

/** The interval of right / (right + wrong), of which one at least is there. */
export function shareInterval(parts: readonly Part[]): Margins {
  const { right, wrong } = partsOf(parts);
  const value = right / (right + wrong);
  const places = parts.map(placed);
  /** The end of the interval of right − share·(right + wrong), its upper one with sign 1. */
  const end = (share: number, sign: 1 | -1): number => {
    const [up, down] = sign === 1 ? (['above', 'below'] as const) : (['below', 'above'] as const);
    const squares = places.map(({ right, wrong, correlation }) => {
      const [a, b] = [(1 - share) * right[up], share * wrong[down]];
      return a * a + b * b - 2 * correlation * a * b;
    });
    return (1 - share) * right - share * wrong + sign * Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
  };
  return {
    lower: firstWhere(0, value, (share) => end(share, -1) <= 0),
    upper: firstWhere(value, 1, (share) => end(share, 1) < 0),
  };
}

/** The least share for which something holds that holds for all above it. */
function firstWhere(low: number, high: number, holds: (share: number) => boolean): number {
  let [from, to] = [low, high];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (from + to) / 2;
    if (holds(middle)) to = middle;
    else from = middle;
  }
  return to;
}

/** How far the weighted shares of a stratum may lie below and above what was found, and how they go together. */
function placed({ weight, population, points, right, wrong, can }: Part) {
  const reach = (count: number, possible: boolean) => {
    if (!possible) return { below: 0, above: 0 };
    const { lower, upper } = jeffreys(count, points, population);
    return { below: weight * (count / points - lower), above: weight * (upper - count / points) };
  };
  const [a, b] = [right / points, wrong / points];
  // Of two counts of a multinomial sample; where there is nothing else, one is what the other leaves.
  const together = a < 1 && b < 1 ? -Math.sqrt((a * b) / ((1 - a) * (1 - b))) : 0;
  return {
    right: reach(right, can.right),
    wrong: reach(wrong, can.wrong),
    correlation: can.other ? together : -1,
  };
}
