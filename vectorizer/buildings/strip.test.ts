/** Buildings drawn in strips are those of the map in one piece: each once, whole where it can be, apart from the others. */
import { expect, test } from 'vitest';
import { box, buildingsOf, emptyMap, fill, placed, SHAPES } from '../../test/support/generated/generated-buildings.ts';
import { type ClassMap, randomNumbers, smoothMap } from '../../test/support/generated/generated-maps.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import type { Strip } from '../strips.ts';
import { regularizeBuildings } from './regularize.ts';
import { type BuildingStrip, drawBuildingStrip, type StripBuilding } from './strip.ts';

const OPTIONS = { pixelMetresX: 0.5, pixelMetresY: 0.5, toleranceMetres: 0.75, minIou: 0.85 };
const BUILDING = 1;
const MARGIN = 40;
const ROWS = 100;
const [WIDTH, HEIGHT] = [200, 330];
const LINES = [100, 200];
const python = pythonWithJudges();

function stripsOf(height: number): Strip[] {
  const count = Math.floor(height / ROWS);
  return Array.from({ length: count }, (_, index) => {
    const y = index * ROWS;
    return { index, y, rows: index === count - 1 ? height - y : ROWS };
  });
}

function draw({ width, height, classes }: ClassMap, strip: Strip, marginRows = MARGIN): Promise<BuildingStrip> {
  const top = Math.max(0, strip.y - marginRows);
  const stop = Math.min(height, strip.y + strip.rows + marginRows);
  const [from, to] = [top * width, stop * width];
  const window = { strip, width, height, top, rows: stop - top };
  return drawBuildingStrip(
    { ...window, classes: classes.slice(from, to), scores: scoresOf(classes).slice(from, to) },
    { ...OPTIONS, code: BUILDING, marginRows },
  );
}

const scoresOf = (classes: Uint8Array): Uint8Array => classes.map((_, i) => 100 + (i % 101));

async function drawAll(map: ClassMap): Promise<StripBuilding[]> {
  const strips = await Promise.all(stripsOf(map.height).map((strip) => draw(map, strip)));
  return strips.flatMap(({ buildings }) => buildings);
}

/** Buildings of all shapes that nearly touch: each as far from the others as a pixel. */
function denseMap(seed: number): ClassMap {
  const random = randomNumbers(seed);
  const map = emptyMap(WIDTH, HEIGHT);
  const names = Object.keys(SHAPES);
  for (let i = 0; i < 250; i++) {
    const side = 40;
    const drawn = emptyMap(side, side);
    const shape = SHAPES[names[i % names.length]](9 + 16 * random());
    fill(drawn, placed(shape, Math.PI * random(), side / 2 + random(), side / 2 + random()), BUILDING);
    const [left, above] = [random(), random()].map((at, axis) =>
      Math.floor(at * ((axis === 0 ? WIDTH : HEIGHT) + side) - side),
    );
    const pixels = [...drawn.classes.keys()].flatMap((pixel) => {
      const [x, y] = [left + (pixel % side), above + Math.floor(pixel / side)];
      return drawn.classes[pixel] === 0 || x < 0 || y < 0 || x >= WIDTH || y >= HEIGHT ? [] : [y * WIDTH + x];
    });
    const near = (pixel: number) => [0, -1, 1, -WIDTH, WIDTH].some((step) => map.classes[pixel + step] === BUILDING);
    if (!pixels.some(near)) for (const pixel of pixels) map.classes[pixel] = BUILDING;
  }
  return map;
}

const placeOf = ({ x, y }: { x: number; y: number }) => `${x}/${y}`;
const rowsOf = ({ rings }: { rings: Float64Array[] }) => rings[0].filter((_, i) => i % 2 === 1);

test('the buildings of all strips are those of the map in one piece, in any order', async () => {
  let count = 0;
  let changed = 0;
  for (let seed = 0; seed < 30; seed++) {
    const map = denseMap(seed);
    const whole = (await buildingsOf(map)).map((region, i, all) => ({ region, i, all }));
    const shapes = regularizeBuildings(
      whole.map(({ region }) => region),
      OPTIONS,
    );
    const found = await drawAll(map);
    const backwards = [];
    for (const strip of stripsOf(map.height).reverse()) backwards.unshift(...(await draw(map, strip)).buildings);
    expect(backwards, `seed ${seed}`).toEqual(found);

    const byPlace = new Map(found.map((building) => [placeOf(building), building]));
    expect(byPlace.size, `seed ${seed}`).toBe(found.length);
    expect(found.length, `seed ${seed}`).toBe(shapes.length);
    const pixels = found.reduce((sum, building) => sum + building.pixels, 0);
    expect(pixels, `seed ${seed}`).toBe(map.classes.filter((code) => code === BUILDING).length);
    const one = await draw(map, { index: 0, y: 0, rows: HEIGHT });
    for (const [i, expected] of one.buildings.entries()) {
      const label = `seed ${seed}, ${placeOf(expected)}`;
      expect(expected, label).toMatchObject(shapes[i]);
      const building = byPlace.get(placeOf(expected));
      expect(building, label).toMatchObject({ pixels: expected.pixels, score: expected.score, cut: false });
      count++;
      if (JSON.stringify(building) === JSON.stringify(expected)) continue;
      // Beside a line the pixels of the other strip's buildings are kept clear of, not their shapes alone.
      changed++;
      const own = rowsOf(building!);
      const beside = LINES.some((y) => Math.min(...own) < y + MARGIN && Math.max(...own) > y - MARGIN);
      expect(beside && building!.kind === 'simplified', label).toBe(true);
    }
  }
  expect(changed).toBeLessThan(count / 100);
});

test('middles and counts are of the buildings', async () => {
  const map = denseMap(3);
  const { buildings, middles, report } = await draw(map, { index: 0, y: 0, rows: HEIGHT });
  const exact = await buildingsOf(map);
  expect(middles).toHaveLength(exact.length);
  for (const [i, { pixels, score, x, y }] of middles.entries()) {
    const columns = exact[i].rings[0].filter((_, j) => j % 2 === 0);
    const rows = rowsOf(exact[i]);
    expect(x).toBe((Math.min(...columns) + Math.max(...columns)) / 2);
    expect(y).toBe((Math.min(...rows) + Math.max(...rows)) / 2);
    expect({ pixels, score }).toEqual({ pixels: buildings[i].pixels, score: buildings[i].score });
  }
  const regularized = buildings.filter((building) => building.regularized).length;
  expect(report).toMatchObject({ count: exact.length, regularized, cut: 0 });
});

/** Whose strip each building is, and whether it is cut. */
async function ownersOf(map: ClassMap) {
  const strips = await Promise.all(stripsOf(map.height).map((strip) => draw(map, strip)));
  return strips.flatMap(({ buildings }, strip) =>
    buildings.map(({ x, y, pixels, rings, cut }) => ({ strip, x, y, pixels, rings: rings.length, cut })),
  );
}

test.each([
  ['across the line', [box(20, 90, 40, 110)], [{ strip: 0, x: 20, y: 90, pixels: 400, cut: false }]],
  ['down to the line', [box(20, 90, 40, 100)], [{ strip: 0, x: 20, y: 90, pixels: 200, cut: false }]],
  ['from the line on', [box(20, 100, 40, 110)], [{ strip: 1, x: 20, y: 100, pixels: 200, cut: false }]],
  [
    'with a yard across the line',
    [box(20, 85, 50, 115), box(30, 95, 40, 105)],
    [{ strip: 0, x: 20, y: 85, pixels: 800, rings: 2, cut: false }],
  ],
  ['as far as both margins go', [box(20, 61, 40, 139)], [{ strip: 0, x: 20, y: 61, pixels: 1560, cut: false }]],
  [
    'beyond the margin above',
    [box(20, 60, 40, 120)],
    [
      { strip: 0, x: 20, y: 60, pixels: 800, cut: true },
      { strip: 1, x: 20, y: 100, pixels: 400, cut: true },
    ],
  ],
  [
    'beyond the margin below',
    [box(20, 90, 40, 140)],
    [
      { strip: 0, x: 20, y: 90, pixels: 200, cut: true },
      { strip: 1, x: 20, y: 100, pixels: 800, cut: true },
    ],
  ],
  [
    'across three strips',
    [box(20, 50, 40, 250)],
    [
      { strip: 0, x: 20, y: 50, pixels: 1000, cut: true },
      { strip: 1, x: 20, y: 100, pixels: 2000, cut: true },
      { strip: 2, x: 20, y: 200, pixels: 1000, cut: true },
    ],
  ],
  ['far from any line', [box(20, 110, 40, 190)], [{ strip: 1, x: 20, y: 110, pixels: 1600, cut: false }]],
  [
    'with a cut yard',
    [box(20, 50, 60, 150), box(30, 80, 50, 120)],
    [
      { strip: 0, x: 20, y: 50, pixels: 1600, rings: 1, cut: true },
      { strip: 1, x: 20, y: 100, pixels: 400 + 400 + 1200 - 400, rings: 1, cut: true },
    ],
  ],
  ['the whole width', [box(0, 90, WIDTH, 110)], [{ strip: 0, x: 0, y: 90, pixels: 20 * WIDTH, cut: false }]],
])('a building %s', async (_, outlines, expected) => {
  // biome-ignore format: a table
  const map = emptyMap(WIDTH, HEIGHT);
  fill(map, outlines, BUILDING);
  const found = await ownersOf(map);
  expect(found).toHaveLength(expected.length);
  for (const [i, each] of expected.entries()) expect(found[i]).toMatchObject(each);
});

test("the map's edge cuts nothing: buildings at it are whole within a margin that reaches beyond it", async () => {
  const map = emptyMap(WIDTH, ROWS + MARGIN);
  fill(map, [box(20, 0, 40, ROWS + MARGIN)], BUILDING);
  const strips = [
    { index: 0, y: 0, rows: MARGIN },
    { index: 1, y: MARGIN, rows: ROWS },
  ];
  const [above, below] = await Promise.all(strips.map((strip) => draw(map, strip, MARGIN)));
  expect([above, below].map(({ report }) => [report.count, report.cut])).toEqual([
    [1, 1],
    [1, 1],
  ]); // it reaches farther down than the margin
  const [whole, nothing] = await Promise.all(strips.map((strip) => draw(map, strip, ROWS)));
  expect(whole.buildings.map(({ pixels, cut }) => [pixels, cut])).toEqual([[20 * map.height, false]]);
  expect(nothing.report.count).toBe(0);
});

test('a cut building is drawn on its side of the line', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = randomNumbers(seed);
    const map = emptyMap(WIDTH, HEIGHT);
    fill(map, placed([box(-12, -110, 12, 110)], (random() - 0.5) * 0.8, 100, 150), BUILDING);
    const found = await drawAll(map);
    expect(found.map(({ cut }) => cut)).toEqual([true, true, true]);
    for (const [i, building] of found.entries()) {
      const rows = rowsOf(building);
      expect(Math.min(...rows), `seed ${seed}`).toBeGreaterThanOrEqual(i === 0 ? 0 : LINES[i - 1]);
      expect(Math.max(...rows), `seed ${seed}`).toBeLessThanOrEqual(LINES[i] ?? HEIGHT);
    }
  }
});

test('a window without its margins is refused', async () => {
  const map = emptyMap(WIDTH, HEIGHT);
  const window = { strip: { index: 1, y: 100, rows: 100 }, width: WIDTH, height: HEIGHT, top: 100, rows: 140 };
  const classes = map.classes.slice(0, 140 * WIDTH);
  await expect(
    drawBuildingStrip({ ...window, classes, scores: classes }, { ...OPTIONS, code: BUILDING, marginRows: MARGIN }),
  ).rejects.toThrow('expected a window of rows 60 to 240, got rows 100 to 240');
});

const JUDGE = `
import json, sys, numpy, shapely
def polygon(rings): return shapely.Polygon(numpy.reshape(rings[0], (-1, 2)), [numpy.reshape(r, (-1, 2)) for r in rings[1:]])
faults = []
for case in json.load(sys.stdin):
    shapes = numpy.array([polygon(rings) for rings in case['rings']], dtype=object)
    if not shapely.is_valid(shapes).all():
        faults.append(f"seed {case['seed']}: not valid")
        continue
    pairs = shapely.STRtree(shapes).query(shapes, predicate='intersects')
    pairs = pairs[:, pairs[0] < pairs[1]]
    overlap = shapely.area(shapely.intersection(shapes[pairs[0]], shapes[pairs[1]])).max() if pairs.size else 0
    if overlap > 1e-9: faults.append(f"seed {case['seed']}: overlap of {overlap}")
print(json.dumps(faults))
`;

test.skipIf(!python)(
  'no buildings of any strips overlap, cut ones and blobs included',
  { timeout: 120_000 },
  async () => {
    const cases = [];
    let cut = 0;
    for (let seed = 0; seed < 60; seed++) {
      const blobs = () => smoothMap(seed, WIDTH, HEIGHT, 2, { scale: 5 + (seed % 9), wrongShare: 0.01 * (seed % 2) });
      const found = await drawAll(seed % 2 === 0 ? blobs() : denseMap(seed));
      cut += found.filter((building) => building.cut).length;
      cases.push({ seed, rings: found.map(({ rings }) => rings.map((ring) => [...ring])) });
    }
    expect(cut).toBeGreaterThan(100);
    expect(judge<string[]>(python!, JUDGE, cases)).toEqual([]);
  },
);
