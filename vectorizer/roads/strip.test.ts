/** A network drawn in strips and joined is the one drawn of the whole map. */
import { expect, test } from 'vitest';
import {
  circle,
  paintRoads,
  type Strip as Road,
  random,
  roughen,
  surfaceOf,
} from '../../test/support/generated/painted-roads.ts';
import { cutInto, drawInStrips, graphOf } from '../../test/support/generated/road-strips.ts';
import { apls } from './apls.ts';
import { createRoadJoiner } from './join.ts';
import { type RoadNetwork, roadNetwork } from './network.ts';
import { drawRoadStrip, type RoadTotals, STRIP_NODES } from './strip.ts';
import { strokeLengths } from './strokes.ts';

const WIDTH = 400;
const HEIGHT = 576;
const CUTTING = { rows: 192, margin: 96 };
const OPTIONS = { pixelMetres: 1 };
/** The second line between two strips. */
const LINE = 384;

const road = (width: number, ...points: [number, number][]): Road => ({ width, points });

function drawBoth(roads: readonly Road[], change?: (classes: Uint8Array) => void) {
  const classes = paintRoads(WIDTH, HEIGHT, roads);
  change?.(classes);
  const map = { width: WIDTH, height: HEIGHT, classes, scores: new Uint8Array(classes.length).fill(204) };
  return {
    map,
    whole: roadNetwork(surfaceOf(WIDTH, HEIGHT, classes), OPTIONS),
    strips: drawInStrips(map, CUTTING, OPTIONS),
  };
}

function totalsOf({ nodes, edges, components, report }: RoadNetwork): RoadTotals {
  const degrees: Record<number, number> = {};
  for (const { degree } of nodes) degrees[degree] = (degrees[degree] ?? 0) + 1;
  return { nodes: nodes.length, edges: edges.length, components, degrees, report };
}

const order = (values: readonly number[]) =>
  values
    .slice(0, 4)
    .map((value) => value.toFixed(1).padStart(6))
    .join();

/** What is the same of an edge whichever end it starts from and however its node is numbered. */
function measures(network: Pick<RoadNetwork, 'edges'>, streets: ArrayLike<number>): number[][] {
  return network.edges
    .map(({ points, lengthMetres, widthMetres, score, bridgedMetres }, i) => {
      const [x0, y0, x1, y1] = [points[0], points[1], points[points.length - 2], points[points.length - 1]];
      const ends = y0 < y1 || (y0 === y1 && x0 < x1) ? [x0, y0, x1, y1] : [x1, y1, x0, y0];
      return [...ends, lengthMetres, widthMetres, 100 * score, bridgedMetres, streets[i]];
    })
    .sort((a, b) => order(a).localeCompare(order(b)));
}

function expectSame({ whole, strips }: Pick<ReturnType<typeof drawBoth>, 'whole' | 'strips'>, what = ''): void {
  const { report, ...counts } = strips.totals;
  const { report: wholeReport, ...wholeCounts } = totalsOf(whole);
  expect(counts, what).toEqual(wholeCounts);
  expect({ ...report, lengthMetres: 0 }, what).toEqual({ ...wholeReport, lengthMetres: 0 });
  expect(Math.abs(report.lengthMetres - wholeReport.lengthMetres), what).toBeLessThan(
    0.001 * wholeReport.lengthMetres + 0.5,
  );
  const found = measures(
    strips,
    strips.edges.map(({ streetMetres }) => streetMetres),
  );
  const expected = measures(whole, strokeLengths(whole.edges, 1));
  for (const [i, values] of expected.entries()) {
    for (const [k, value] of values.entries()) {
      expect(Math.abs(found[i][k] - value), `${what}: ${found[i]} for ${values}`).toBeLessThan(1.2 + 0.005 * value);
    }
  }
  expect(apls(whole, graphOf(strips.edges)), what).toBeGreaterThan(0.995);
}

const arms = (x: number, y: number, radius: number) =>
  [0, 1, 2, 3].map((k) => {
    const [dx, dy] = [Math.cos(0.2 + (k * Math.PI) / 2), Math.sin(0.2 + (k * Math.PI) / 2)];
    return road(7, [x + radius * dx, y + radius * dy], [x + 160 * dx, y + 160 * dy]);
  });

test.each<[string, Road[]]>([
  ['a road across both lines', [road(9, [120, 20], [230, 560])]],
  ['a road along a line', [road(8, [20, LINE], [380, LINE])]],
  ['a road along a line with odd width', [road(9, [20, LINE + 0.5], [380, LINE + 0.5])]],
  ['a road that winds about a line', [road(9, ...wave(LINE, 6, 5))]],
  [
    'a motorway at a small angle',
    [road(14, [5, LINE - 9], [395, LINE + 11]), road(14, [5, LINE + 9], [395, LINE + 29])],
  ],
  ['a crossing on a line', [road(12, [20, LINE], [380, LINE]), road(9, [200, 220], [215, 550])]],
  ['a T that hangs on a line', [road(12, [20, LINE], [380, LINE]), road(8, [200, LINE], [230, 560])]],
  ['a crossing beside a line', [road(12, [20, LINE - 20], [380, LINE + 16]), road(9, [200, 220], [180, 550])]],
  ['a roundabout across a line', [road(7, ...circle(200, LINE, 18)), ...arms(200, LINE, 18)]],
  ['a ring across a line', [road(8, ...circle(200, LINE, 80))]],
  ['a gap across a line', [road(9, [190, 220], [200, LINE - 9]), road(9, [201, LINE + 9], [210, 560])]],
  [
    'a side road led across a line',
    [road(12, [20, LINE - 12], [380, LINE - 12]), road(8, [200, LINE + 4], [200, 560])],
  ],
  ['a road that ends just beyond a line', [road(9, [180, 220], [180, LINE + 5]), road(9, [260, 220], [260, LINE - 5])]],
  ['a short road on a line', [road(8, [180, LINE - 20], [190, LINE + 20])]],
  ['a plaza on a line', [road(8, [20, 350], [380, 350]), road(60, [170, LINE], [230, LINE])]],
])('%s', (_, roads) => {
  expectSame(drawBoth(roads));
});

function wave(y: number, height: number, waves: number): [number, number][] {
  return Array.from({ length: 120 }, (_, k) => [
    20 + 3 * k,
    y + 0.3 + height * Math.sin((k * waves * 2 * Math.PI) / 120),
  ]);
}

test('a ring that no strip sees whole is one closed edge', () => {
  const { whole, strips } = drawBoth([road(8, ...circle(200, 288, 170))]);
  expect(strips.edges).toHaveLength(1);
  const [{ from, to, points, lengthMetres, streetMetres }] = strips.edges;
  expect(to).toBe(from);
  expect([points.at(-2), points.at(-1)]).toEqual([points[0], points[1]]);
  expect(Math.abs(lengthMetres - whole.edges[0].lengthMetres)).toBeLessThan(1);
  expect(streetMetres).toBe(lengthMetres);
  expect(strips.totals).toMatchObject({ nodes: 1, edges: 1, components: 1, degrees: { 2: 1 } });
});

test('random roads with rough borders, gaps and specks', () => {
  for (let seed = 1; seed <= 12; seed++) {
    const next = random(seed);
    const place = (): [number, number] => [20 + 360 * next(), 20 + 536 * next()];
    const both = drawBoth(
      Array.from({ length: 8 }, () => road(5 + 8 * next(), place(), place(), place())),
      (classes) => {
        roughen(WIDTH, HEIGHT, classes, 2, 0.2, seed);
        for (let k = 0; k < 1500; k++) {
          const i = Math.floor(next() * classes.length);
          classes[i] = classes[i] === 2 ? 0 : 2;
        }
      },
    );
    const { whole, strips } = both;
    expect(apls(whole, graphOf(strips.edges)), `seed ${seed}`).toBeGreaterThan(0.99);
    expect(strips.totals.components, `seed ${seed}`).toBe(whole.components);
    expect(strips.totals.degrees[1], `seed ${seed}`).toBeLessThanOrEqual(totalsOf(whole).degrees[1]);
    expect(Math.abs(strips.totals.report.lengthMetres / whole.report.lengthMetres - 1)).toBeLessThan(0.002);
    const turned = drawInStrips(both.map, CUTTING, OPTIONS, (list) => list.toReversed());
    expect(turned).toEqual(strips);
  }
});

test('totals are those of the edges', () => {
  const { strips } = drawBoth([
    road(9, ...wave(LINE, 20, 4)),
    road(9, [120, 20], [230, 560]),
    road(7, [20, 90], [380, 500]),
  ]);
  const degrees = new Map<number, number>();
  for (const { from, to } of strips.edges) {
    for (const node of [from, to]) degrees.set(node, (degrees.get(node) ?? 0) + 1);
  }
  const counts: Record<number, number> = {};
  for (const degree of degrees.values()) counts[degree] = (counts[degree] ?? 0) + 1;
  expect(strips.totals).toMatchObject({ nodes: degrees.size, edges: strips.edges.length, degrees: counts });
  for (const node of degrees.keys()) expect(node).toBeLessThan(3 * STRIP_NODES);
});

test('a map of one strip is the network of the whole map', () => {
  const roads = [road(9, [120, 20], [230, 560]), road(12, [20, 300], [380, 250])];
  const { whole, map } = drawBoth(roads);
  const { edges, totals } = drawInStrips(map, { rows: HEIGHT, margin: 96 }, OPTIONS);
  expect(edges.map(({ streetMetres, ...edge }) => edge)).toEqual(whole.edges);
  expect(edges.map(({ streetMetres }) => streetMetres)).toEqual([...strokeLengths(whole.edges, 1)]);
  expect(totals).toEqual(totalsOf(whole));
});

test('a side without its other one ends at the line', () => {
  const { map } = drawBoth([road(9, [120, 20], [230, 560])]);
  const [first, second] = cutInto(map, { rows: 288 });
  const draw = (strip: typeof first, classes: Uint8Array) =>
    drawRoadStrip(
      { strip, width: WIDTH, height: HEIGHT, top: 0, rows: HEIGHT, classes, scores: map.scores },
      { road: 2, blocked: [] },
      OPTIONS,
    );
  const joiner = createRoadJoiner(OPTIONS);
  expect(joiner.append(first, draw(first, map.classes).open)).toEqual([]);
  const edges = joiner.append(second, draw(second, new Uint8Array(map.classes.length)).open);
  expect(edges).toHaveLength(1);
  expect(Math.max(...edges[0].points)).toBeCloseTo(288.3, 1);
  expect(joiner.finish()).toMatchObject({ nodes: 2, edges: 1, components: 1, degrees: { 1: 2 } });
});

test('strips out of order or missing are refused', () => {
  const { map } = drawBoth([road(9, [120, 20], [230, 560])]);
  const [first, second] = cutInto(map, { rows: 288 });
  const { open } = drawRoadStrip({ ...map, strip: first, top: 0, rows: HEIGHT }, { road: 2, blocked: [] }, OPTIONS);
  const joiner = createRoadJoiner(OPTIONS);
  expect(() => joiner.append(second, open)).toThrow(RangeError);
  joiner.append(first, open);
  expect(() => joiner.finish()).toThrow(RangeError);
});
