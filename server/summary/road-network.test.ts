/** Betweenness against its definition: every pair's shortest ways, found by looking at all paths. */
import { expect, test } from 'vitest';
import { seeded } from '../../test/support/geometry.ts';
import { betweennessOf, degreesOf, type Road, widthClass } from './road-network.ts';

const road = (from: number, to: number, lengthM = 1): Road => ({
  id: `${from}-${to}`,
  from,
  to,
  lengthM,
  widthM: null,
});

test('of a line, the middle carries most; a loop and a road that is longer than the way round carry none', async () => {
  const roads = [road(7, 1), road(1, 2), road(2, 9), road(2, 2), road(1, 2, 5)];
  const { shares, sources, nodes } = await betweennessOf(roads);
  // Of six pairs of four nodes.
  expect([...shares].map((share) => share * 6)).toEqual([3, 4, 3, 0, 0].map((ways) => expect.closeTo(ways, 9)));
  expect([sources, nodes]).toEqual([4, 4]);
  expect([...degreesOf(roads)]).toEqual([[7, 1], [1, 3], [2, 5], [9, 1]]); // biome-ignore format: pairs
});

test('the same as by looking at all ways, on networks of any kind', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const random = seeded(seed);
    const nodes = 3 + Math.floor(5 * random());
    const roads = Array.from({ length: nodes + Math.floor(4 * random()) }, () =>
      road(Math.floor(nodes * random()), Math.floor(nodes * random()), 1 + Math.floor(3 * random())),
    );
    const { shares } = await betweennessOf(roads);
    const expected = byAllWays(roads);
    for (const [i, share] of shares.entries()) expect(share, `seed ${seed}, road ${i}`).toBeCloseTo(expected[i]!, 9);
  }
});

function byAllWays(roads: readonly Road[]): number[] {
  const shares = roads.map(() => 0);
  const nodes = [...degreesOf(roads).keys()];
  let pairs = 0;
  for (const from of nodes) {
    for (const to of nodes) {
      if (from === to) continue;
      let best: number[][] = [];
      let shortest = Number.POSITIVE_INFINITY;
      const walk = (at: number, way: number[], seen: Set<number>, length: number) => {
        if (at === to) {
          if (length < shortest) [best, shortest] = [[], length];
          if (length === shortest) best.push(way);
          return;
        }
        for (const [i, { from: a, to: b, lengthM }] of roads.entries()) {
          const next = a === at ? b : b === at ? a : null;
          if (next !== null && !seen.has(next)) walk(next, [...way, i], new Set([...seen, next]), length + lengthM);
        }
      };
      walk(from, [], new Set([from]), 0);
      if (best.length === 0) continue;
      pairs++;
      for (const way of best) for (const i of way) shares[i]! += 1 / best.length;
    }
  }
  return shares.map((share) => share / Math.max(1, pairs));
}

test('classes of width', () => {
  expect([null, 0, 2.9, 3, 9.99, 16, 40].map(widthClass)).toEqual([null, 0, 0, 1, 2, 4, 4]);
});
