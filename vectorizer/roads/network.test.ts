import { expect, test } from 'vitest';
import {
  circle,
  paintRoads,
  random,
  roughen,
  type Strip,
  surfaceOf,
} from '../../test/support/generated/painted-roads.ts';
import { type RoadNetwork, type RoadOptions, roadNetwork } from './network.ts';
import { contains } from './surface.ts';
import { traceBorder } from './surface-outline.ts';

const SIZE = 400;
const OUTLINE = { minPieceArea: 60, minHoleArea: 75, maxNarrowHoleArea: 75, stride: 1, counted: { from: 0, to: SIZE } };

function draw(strips: readonly Strip[], options: Partial<RoadOptions> = {}, change?: (classes: Uint8Array) => void) {
  const classes = paintRoads(SIZE, SIZE, strips);
  change?.(classes);
  return roadNetwork(surfaceOf(SIZE, SIZE, classes), { pixelMetres: 1, ...options });
}

const degrees = ({ nodes }: RoadNetwork) => nodes.map(({ degree }) => degree).sort();
const strip = (width: number, ...points: [number, number][]): Strip => ({ width, points });
const isNear = (value: number, expected: number, share: number) =>
  expect(Math.abs(value / expected - 1), `${value} for ${expected}`).toBeLessThan(share);

test.each([
  [3, 0],
  [7, 0.3],
  [12, Math.PI / 4],
  [20, 1.2],
])('a straight road %d px wide at %d rad is one edge of its length and width', (width, angle) => {
  const [dx, dy] = [150 * Math.cos(angle), 150 * Math.sin(angle)];
  const network = draw([strip(width, [200 - dx, 200 - dy], [200 + dx, 200 + dy])]);
  expect(degrees(network)).toEqual([1, 1]);
  isNear(network.edges[0].lengthMetres, 300, 0.02);
  expect(Math.abs(network.edges[0].widthMetres - width)).toBeLessThan(1);
  expect(network.edges[0].points.length).toBeLessThanOrEqual(6);
  expect(network.edges[0].score).toBeCloseTo(0.8, 2);
  expect(network.components).toBe(1);
});

test('a bend keeps its length', () => {
  const points = circle(200, 200, 120).slice(0, 33);
  const network = draw([strip(9, ...points)]);
  expect(degrees(network)).toEqual([1, 1]);
  isNear(network.edges[0].lengthMetres, Math.PI * 120, 0.02);
});

test('roads that leave the map end on its edge', () => {
  const network = draw([strip(9, [-20, 100], [420, 180])]);
  const ends = network.nodes.map(({ x }) => x).sort((a, b) => a - b);
  expect(ends[0]).toBeLessThan(0.5);
  expect(ends[1]).toBeGreaterThan(SIZE - 0.5);
  isNear(network.edges[0].lengthMetres, Math.hypot(400, (400 * 80) / 440), 0.02);
});

test.each([0, 0.4, 0.9])('a T at %d rad is one junction on the straight through road', (angle) => {
  const network = draw([
    strip(14, [20, 200], [380, 200]),
    strip(8, [200, 200], [200 + 150 * Math.sin(angle), 200 + 150 * Math.cos(angle)]),
  ]);
  expect(degrees(network)).toEqual([1, 1, 1, 3]);
  const junction = network.nodes.find(({ degree }) => degree === 3);
  expect(Math.hypot((junction?.x ?? 0) - 200, (junction?.y ?? 0) - 200)).toBeLessThan(3);
  const total = network.edges.reduce((sum, { lengthMetres }) => sum + lengthMetres, 0);
  isNear(total, 510, 0.02);
});

test.each([0, 0.3, 0.8, 1])('a crossing turned by %d is one junction of four', (skew) => {
  const network = draw([strip(12, [20, 200], [380, 200]), strip(12, [200 - 150 * skew, 50], [200 + 150 * skew, 350])]);
  expect(degrees(network)).toEqual([1, 1, 1, 1, 4]);
  const junction = network.nodes.find(({ degree }) => degree === 4);
  expect(Math.hypot((junction?.x ?? 0) - 200, (junction?.y ?? 0) - 200)).toBeLessThan(2.5);
});

test('a roundabout keeps its ring', () => {
  const arms = [0, 1, 2, 3].map((k) => {
    const [dx, dy] = [Math.cos((k * Math.PI) / 2), Math.sin((k * Math.PI) / 2)];
    return strip(7, [200 + 18 * dx, 200 + 18 * dy], [200 + 160 * dx, 200 + 160 * dy]);
  });
  const network = draw([strip(7, ...circle(200, 200, 18)), ...arms]);
  expect(degrees(network)).toEqual([1, 1, 1, 1, 3, 3, 3, 3]);
  expect(network.edges).toHaveLength(8);
  expect(network.components).toBe(1);
  const ring = network.edges.filter(
    ({ from, to }) => network.nodes[from].degree === 3 && network.nodes[to].degree === 3,
  );
  isNear(
    ring.reduce((sum, { lengthMetres }) => sum + lengthMetres, 0),
    2 * Math.PI * 18,
    0.2,
  );
});

test('a roundabout keeps its ring around an island no larger than a crown, a crown over a road makes none', () => {
  const arms = [0, 1, 2, 3].map((k) => {
    const [dx, dy] = [Math.cos((k * Math.PI) / 2), Math.sin((k * Math.PI) / 2)];
    return strip(7, [200 + 7.5 * dx, 200 + 7.5 * dy], [200 + 160 * dx, 200 + 160 * dy]);
  });
  const network = draw([strip(7, ...circle(200, 200, 7.5)), ...arms]);
  expect(degrees(network)).toEqual([1, 1, 1, 1, 3, 3, 3, 3]);
  const crowned = draw([strip(11, [20, 200], [380, 200])], {}, hole(196, 196, 8, 8));
  expect(crowned.edges).toHaveLength(1);
});

test('a ring without a junction is one closed edge', () => {
  const network = draw([strip(8, ...circle(200, 200, 100))]);
  expect(network.edges).toHaveLength(1);
  expect(network.edges[0].from).toBe(network.edges[0].to);
  isNear(network.edges[0].lengthMetres, 2 * Math.PI * 100, 0.02);
});

/** Clears a rectangle of the surface. */
const hole = (x0: number, y0: number, width: number, height: number) => (classes: Uint8Array) => {
  for (let y = y0; y < y0 + height; y++) classes.fill(0, y * SIZE + x0, y * SIZE + x0 + width);
};

test('a hole that is narrow in its road makes no loop, a median and an island do', () => {
  const wide = [strip(40, [20, 200], [380, 200])];
  expect(draw(wide, {}, hole(195, 195, 16, 9)).edges).toHaveLength(1);
  expect(draw(wide, {}, hole(190, 190, 20, 20)).edges.length).toBeGreaterThan(2);
  expect(draw(wide, {}, hole(150, 198, 80, 4)).edges.length).toBeGreaterThan(2);
});

test('the carriageways of a dual road stay two lines', () => {
  const network = draw([strip(8, [20, 190], [380, 190]), strip(8, [20, 202], [380, 202])]);
  expect(network.edges).toHaveLength(2);
  expect(network.components).toBe(2);
});

test('a plaza is no road, and one on a road grows no spider', () => {
  expect(draw([strip(80, [160, 200], [240, 200])]).edges).toEqual([]);
  const network = draw([strip(8, [20, 200], [380, 200]), strip(60, [170, 230], [230, 230])]);
  expect(network.edges.length).toBeLessThanOrEqual(3);
  expect(network.components).toBe(1);
});

test('a gap under trees is bridged, one filled by a house or turning away is not', () => {
  const gap: Strip[] = [strip(9, [20, 200], [190, 200]), strip(9, [210, 200], [380, 200])];
  const bridged = draw(gap);
  expect(degrees(bridged)).toEqual([1, 1]);
  expect(bridged.report.bridges).toBe(1);
  expect(Math.abs(bridged.edges[0].bridgedMetres - 20)).toBeLessThan(4);
  isNear(bridged.edges[0].lengthMetres, 360, 0.02);
  const house = (classes: Uint8Array) => {
    for (let y = 190; y < 210; y++) classes.fill(1, y * SIZE + 195, y * SIZE + 205);
  };
  expect(draw(gap, {}, house).components).toBe(2);
  const roof = (classes: Uint8Array) => {
    for (let y = 190; y < 210; y++) classes.fill(1, y * SIZE + 196, y * SIZE + 202);
  };
  expect(draw(gap, {}, roof).components).toBe(1);
  expect(draw(gap, { maxGapMetres: 10 }).components).toBe(2);
  expect(draw([strip(9, [20, 200], [190, 200]), strip(9, [205, 215], [205, 380])]).components).toBe(2);
});

test('a side road that stops short of its main road is led onto it', () => {
  const network = draw([strip(12, [20, 200], [380, 200]), strip(8, [200, 218], [200, 380])]);
  expect(degrees(network)).toEqual([1, 1, 1, 3]);
  expect(network.report.snappedEnds).toBe(1);
});

test('specks, small holes and rough borders change neither topology nor length', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const angle = random(seed)() * Math.PI;
    const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
    const strips = [
      strip(12, [200 - 170 * dx, 200 - 170 * dy], [200 + 170 * dx, 200 + 170 * dy]),
      strip(9, [200, 200], [200 - 150 * dy, 200 + 150 * dx]),
    ];
    const network = draw(strips, {}, (classes) => {
      roughen(SIZE, SIZE, classes, 3, 0.3, seed);
      const next = random(seed + 1000);
      for (let k = 0; k < 800; k++) {
        const i = Math.floor(next() * SIZE * SIZE);
        classes[i] = classes[i] === 2 ? 0 : 2;
      }
    });
    expect(degrees(network), `seed ${seed}`).toEqual([1, 1, 1, 3]);
    const total = network.edges.reduce((sum, { lengthMetres }) => sum + lengthMetres, 0);
    // The rough ends themselves reach up to three pixels further out or in.
    expect(Math.abs(total / 490 - 1), `seed ${seed}: ${total}`).toBeLessThan(0.025);
    for (const { widthMetres } of network.edges) expect(widthMetres, `seed ${seed}`).toBeGreaterThan(7.5);
  }
});

test('lines stay on the surface but for their gaps, and the same input gives the same network', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const next = random(seed);
    const end = (): [number, number] => [20 + 360 * next(), 20 + 360 * next()];
    const classes = paintRoads(
      SIZE,
      SIZE,
      Array.from({ length: 7 }, () => strip(5 + 8 * next(), end(), end(), end())),
    );
    roughen(SIZE, SIZE, classes, 2, 0.2, seed);
    const surface = surfaceOf(SIZE, SIZE, classes);
    const { filled } = traceBorder(surface.road, OUTLINE);
    const network = roadNetwork(surface, { pixelMetres: 1 });
    expect(roadNetwork(surface, { pixelMetres: 1 })).toEqual(network);
    for (const { points, bridgedMetres, from, to } of network.edges) {
      expect([points[0], points[1]]).toEqual([network.nodes[from].x, network.nodes[from].y]);
      expect([points.at(-2), points.at(-1)]).toEqual([network.nodes[to].x, network.nodes[to].y]);
      if (bridgedMetres > 0) continue;
      for (let i = 2; i < points.length; i += 2) {
        const length = Math.hypot(points[i] - points[i - 2], points[i + 1] - points[i - 1]);
        for (let s = 0.5; s < length; s += 0.5) {
          const x = points[i - 2] + (s / length) * (points[i] - points[i - 2]);
          const y = points[i - 1] + (s / length) * (points[i + 1] - points[i - 1]);
          // The border is smoothed, so a pixel's width is granted.
          const near = [-1, 0, 1].some((dx) => [-1, 0, 1].some((dy) => contains(filled, x + dx, y + dy)));
          expect(near, `seed ${seed}: ${x}, ${y}`).toBe(true);
        }
      }
    }
  }
});

test('an empty map has no roads', () => {
  const network = draw([]);
  expect(network).toMatchObject({ nodes: [], edges: [], components: 0 });
});

test('bands that do not fill the map are refused', () => {
  expect(() => surfaceOf(SIZE, SIZE, new Uint8Array(SIZE * (SIZE - 1)))).toThrow(RangeError);
});

test.each([0, 30, 60, 90, 135])(
  'widths and lengths are those of the ground where pixels are not square, at %d°',
  (angle) => {
    const sides = { x: 0.3, y: 0.5 };
    const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
    const classes = new Uint8Array(SIZE * SIZE);
    for (let i = 0; i < classes.length; i++) {
      // Metres from the middle: a road of 7 by 80 m.
      const east = (0.5 + (i % SIZE) - SIZE / 2) * sides.x;
      const south = (0.5 + Math.floor(i / SIZE) - SIZE / 2) * sides.y;
      if (Math.abs(east * cos + south * sin) < 40 && Math.abs(south * cos - east * sin) < 3.5) classes[i] = 2;
    }
    const options = { pixelMetres: Math.sqrt(sides.x * sides.y), pixelSidesMetres: sides };
    const { edges } = roadNetwork(surfaceOf(SIZE, SIZE, classes), options);
    expect(edges).toHaveLength(1);
    isNear(edges[0].widthMetres, 7, 0.1);
    isNear(edges[0].lengthMetres, 80, 0.05);
  },
);
