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
import { drawRoadStrip, type OpenPart, type RoadTotals, STRIP_NODES } from './strip.ts';
import { streetLengths, streetsOf } from './strokes.ts';

const WIDTH = 400;
const HEIGHT = 576;
const CUTTING = { rows: 192, margin: 128 };
const OPTIONS = { pixelMetres: 1 };
/** The second line between two strips. */
const LINE = 384;

const lengthsOf = ({ edges }: RoadNetwork) => streetLengths(edges, streetsOf(edges, 1, new Set()));
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
  const expected = measures(whole, lengthsOf(whole));
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

test.each([
  { pixelMetres: 1, widths: [5, 13], margin: 128 },
  // Roads that bridge gaps and grow spurs as long as the margin: the strips do not see them as the whole map does.
  { pixelMetres: 0.25, widths: [8, 26], margin: 256 },
])('random roads with rough borders, gaps and specks, $pixelMetres m', ({ pixelMetres, widths, margin }) => {
  for (let seed = 110; seed < 118; seed++) {
    const next = random(seed);
    const place = (): [number, number] => [20 + 360 * next(), 20 + 536 * next()];
    const width = () => widths[0] + (widths[1] - widths[0]) * next();
    const classes = paintRoads(
      WIDTH,
      HEIGHT,
      Array.from({ length: 9 }, () => road(width(), place(), place(), place())),
    );
    roughen(WIDTH, HEIGHT, classes, 2, 0.25, seed);
    for (let k = 0; k < 2500; k++) {
      const i = Math.floor(next() * classes.length);
      classes[i] = classes[i] === 2 ? 0 : 2;
    }
    const map = { width: WIDTH, height: HEIGHT, classes, scores: new Uint8Array(classes.length).fill(204) };
    const whole = roadNetwork(surfaceOf(WIDTH, HEIGHT, classes), { pixelMetres });
    const cutting = { rows: 192, margin };
    const strips = drawInStrips(map, cutting, { pixelMetres });
    const { nodes, edges, components, degrees, report } = strips.totals;
    const expected = totalsOf(whole);
    expect({ nodes, edges, components, degrees }, `seed ${seed}`).toEqual({
      nodes: expected.nodes,
      edges: expected.edges,
      components: expected.components,
      degrees: expected.degrees,
    });
    expect(apls(whole, graphOf(strips.edges), { unitMetres: pixelMetres }), `seed ${seed}`).toBeGreaterThan(0.99);
    expect(Math.abs(report.lengthMetres / whole.report.lengthMetres - 1), `seed ${seed}`).toBeLessThan(0.005);
    expect(drawInStrips(map, cutting, { pixelMetres }, (list) => list.toReversed())).toEqual(strips);
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
  expect(edges.map(({ streetMetres }) => streetMetres)).toEqual([...lengthsOf(whole)]);
  expect(totals).toEqual(totalsOf(whole));
});

test('ends that are apart by less than half of the road are one edge, others end at the line', () => {
  const strips = cutInto({ height: HEIGHT }, { rows: 288 });
  const draw = (strip: (typeof strips)[number], roads: Road[]) => {
    const classes = paintRoads(WIDTH, HEIGHT, roads);
    const map = { width: WIDTH, height: HEIGHT, classes, scores: new Uint8Array(classes.length).fill(204) };
    return drawRoadStrip({ ...map, strip, top: 0, rows: HEIGHT }, { road: 2, blocked: [] }, OPTIONS);
  };
  const upper = [road(16, [100, 20], [100, 560]), road(9, [300, 20], [300, 560]), road(9, [311, 20], [311, 560])];
  const joiner = createRoadJoiner(OPTIONS);
  joiner.append(strips[0], draw(strips[0], upper).open);
  const edges = joiner.append(strips[1], draw(strips[1], [road(16, [106, 20], [106, 560])]).open);
  expect(edges.map(({ lengthMetres }) => Math.round(lengthMetres / 20))).toEqual([27, 13, 13]);
  expect(joiner.finish()).toMatchObject({ nodes: 6, edges: 3, components: 3, degrees: { 1: 6 } });
});

test('two ends of one side within a road, without any of the other, go on into each other', () => {
  const [first, second] = cutInto({ height: HEIGHT }, { rows: 288 });
  const nothing = drawRoadStrip(
    { strip: first, width: 4, height: HEIGHT, top: 0, rows: HEIGHT, ...emptyMap(4) },
    { road: 2, blocked: [] },
    OPTIONS,
  ).open;
  const part = (x: number, start: number): OpenPart => {
    const points = { x: [x, x], y: [100, 288.3], radius: [4, 4], scores: [1, 1] };
    return { ...points, start, end: 'below', component: start };
  };
  const joiner = createRoadJoiner(OPTIONS);
  joiner.append(first, { ...nothing, parts: [part(50, 1), part(53, 2)] });
  const [edge, ...others] = joiner.append(second, nothing);
  expect(others).toEqual([]);
  expect([edge.from, edge.to]).toEqual([1, 2]);
  expect(joiner.finish()).toMatchObject({ edges: 1, components: 1 });
});

const emptyMap = (width: number) => ({
  classes: new Uint8Array(width * HEIGHT),
  scores: new Uint8Array(width * HEIGHT),
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
