/** Crossings: found wherever there is one, in time that follows the number of positions. */
import type { Position } from 'geojson';
import { describe, expect, test } from 'vitest';
import { findCrossing } from './find-crossing.ts';

const ring = (...points: Position[]): Position[] => [...points, points[0]!];
const box = (west: number, south: number, side: number) =>
  ring([west, south], [west + side, south], [west + side, south + side], [west, south + side]);

test.each<[string, Position[][]]>([
  ['a square', [box(0, 0, 1)]],
  ['holes', [box(0, 0, 9), box(1, 1, 1), box(3, 3, 2)]],
  ['a hole that touches a side with a corner', [box(0, 0, 9), ring([0, 4], [2, 3], [2, 5])]],
  ['two holes that share a corner', [box(0, 0, 9), box(1, 1, 1), box(2, 2, 1)]],
  ['a ring that touches itself', [ring([0, 0], [1, 1], [2, 0], [2, 2], [1, 1], [0, 2])]],
  ['repeated positions', [ring([0, 0], [0, 0], [1, 0], [1, 0], [1, 1])]],
  ['an area without an extent', [ring([1, 1], [1, 1], [1, 1])]],
  ['a line', [[[0, 0], [1, 1], [2, 0]]]], // biome-ignore format: positions
])('%s does not cross', (_, chains) => {
  expect(findCrossing(chains)).toBeNull();
});

test.each<[string, Position[][], Position]>([
  ['a bow tie', [ring([0, 0], [1, 1], [1, 0], [0, 1])], [0.5, 0.5]],
  ['one that has a position where it crosses', [ring([0, 0], [1, 1], [2, 2], [2, 0], [1, 1], [0, 2])], [1, 1]],
  ['a corner through a side', [box(0, 0, 9), ring([0, 4], [2, 3], [2, 5], [0, 4.5], [-1, 4.2])], [0, 4]],
  ['a hole that leaves its outline', [box(0, 0, 9), ring([8, 4], [10, 4], [10, 5], [8, 5])], [9, 4]],
  ['a spike', [ring([0, 0], [5, 0], [2, 0], [2, 2])], [2, 0]],
  ['parts that share a side', [box(0, 0, 1), box(1, 0, 1)], [1, 0]],
  ['a line through itself', [[[0, 0], [2, 2], [2, 0], [0, 2]]], [1, 1]], // biome-ignore format: positions
])('%s: the place', (_, chains, place) => {
  const found = findCrossing(chains);
  expect([found?.[0], found?.[1]]).toEqual([expect.closeTo(place[0]!, 9), expect.closeTo(place[1]!, 9)]);
});

test('sides too short to be told apart are refused where they are many', () => {
  const knot = Array.from({ length: 1000 }, (_, i): Position => [(i % 2) * 1e-15, (i % 3) * 1e-15]);
  expect(findCrossing([ring(...knot)])).not.toBeNull();
});

test('random rings: as comparing all sides with all others says', () => {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 48271) >>> 0) % 2147483647;
    return state % below;
  };
  let crossed = 0;
  for (let round = 0; round < 3000; round++) {
    const count = 3 + random(6);
    // On few places, so that touching and lying on one another are common; and on many.
    const grid = round % 2 === 0 ? 5 : 1_000_000;
    const points = ring(...Array.from({ length: count }, (): Position => [random(grid) / 8, random(grid) / 8]));
    const expected = sidesCross(points);
    crossed += expected ? 1 : 0;
    if (expected) expect(findCrossing([points]), JSON.stringify(points)).not.toBeNull();
    else if (grid > 5) expect(findCrossing([points]), JSON.stringify(points)).toBeNull();
  }
  expect(crossed).toBeGreaterThan(1000);
});

/** Whether two sides have a place in common that is an end of neither, or more than a place. */
function sidesCross(points: readonly Position[]): boolean {
  const turn = (a: Position, b: Position, c: Position) =>
    Math.sign((b[0]! - a[0]!) * (c[1]! - a[1]!) - (b[1]! - a[1]!) * (c[0]! - a[0]!));
  const sides = points.slice(1).map((to, i) => [points[i]!, to] as const);
  return sides.some(([a, b], i) =>
    sides.slice(i + 1).some(([c, d]) => turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0),
  );
}

describe('shapes whose sides all lie side by side', () => {
  const SIDES = 40_000;
  /** Teeth that lean, so that the boxes around all of them overlap. */
  const comb = (lean: number): Position[] => {
    const teeth = Array.from({ length: SIDES / 4 }, (_, i): Position[] => {
      const x = i * 4;
      return [[x, 0], [x + lean, 1e6], [x + lean + 1, 1e6], [x + 1, 0]]; // biome-ignore format: a tooth
    });
    return [...teeth.flat(), [SIDES, -1], [0, -1]].map(([x, y]) => [x! / 1e5, y! / 1e5]);
  };
  const spiral = (): Position[] => {
    const turns = Array.from({ length: SIDES / 2 }, (_, i) => [Math.cos(i / 20), Math.sin(i / 20), i / 20] as const);
    return [
      ...turns.map(([x, y, r]): Position => [(x * (1 + r)) / 1000, (y * (1 + r)) / 1000]),
      ...turns.map(([x, y, r]): Position => [(x * (2 + r)) / 1000, (y * (2 + r)) / 1000]).reverse(),
    ];
  };

  test.each([
    ['an upright comb', comb(0)],
    ['a leaning comb', comb(SIDES * 4)],
    ['a lying comb', comb(SIDES).map(([x, y]): Position => [y!, x!])],
    ['a spiral', spiral()],
  ])('%s does not cross, and with one corner moved it does', (_, points) => {
    expect(findCrossing([ring(...points)])).toBeNull();
    const moved = points.with(SIDES / 2, [0.0001, -90]);
    expect(findCrossing([ring(...moved)])).not.toBeNull();
  });
});
