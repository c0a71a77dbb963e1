import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Polygon } from 'geojson';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addDoneJob, addScene, fetchJson, startService, type TestService } from '../../../test/support/http-service.ts';
import { pythonWithJudges } from '../../../test/support/python.ts';
import type { Database } from '../../store/database/database.ts';

/** Cut by shapely in degrees; a degree's size there is that of the WGS 84 ellipsoid's radii of curvature. */
const SHAPELY = `
import json, sys, math, shapely
from shapely.geometry import shape
features, zones = json.load(sys.stdin)
def area(g):
    if g.is_empty: return 0
    phi = math.radians(g.centroid.y); a, e2 = 6378137.0, 0.0066943799901413165
    w = 1 - e2 * math.sin(phi) ** 2
    return g.area * math.radians(1) ** 2 * (a * (1 - e2) / w ** 1.5) * (a / w ** 0.5) * math.cos(phi)
print(json.dumps([[sum(area(shape(f).intersection(shape(z))) for f in features), area(shape(z))] for z in zones]))
`;

/** The same with the cells of H3's own library for Python. */
const HEXAGONS = `
import json, sys, math, shapely, h3
from shapely.geometry import shape, Polygon
features, resolution, named = json.load(sys.stdin)
def area(g):
    if g.is_empty: return 0
    phi = math.radians(g.centroid.y); a, e2 = 6378137.0, 0.0066943799901413165
    w = 1 - e2 * math.sin(phi) ** 2
    return g.area * math.radians(1) ** 2 * (a * (1 - e2) / w ** 1.5) * (a / w ** 0.5) * math.cos(phi)
shapes = [shape(f) for f in features]
ring = lambda cell: Polygon([(lon, lat) for lat, lon in h3.cell_to_boundary(cell)])
near = {cell for f in shapes for lon, lat in f.exterior.coords for cell in h3.grid_disk(h3.latlng_to_cell(lat, lon, resolution), 25)}
held = sorted(cell for cell in near if any(ring(cell).intersection(f).area > 0 for f in shapes))
print(json.dumps({'cells': held, 'areas': [[sum(area(f.intersection(ring(c))) for f in shapes), area(ring(c))] for c in named]}))
`;

/** Beside this process, which has to answer. */
async function askPython<Answer>(python: string, script: string, input: unknown): Promise<Answer> {
  const asked = promisify(execFile)(python, ['-c', script]);
  asked.child.stdin!.end(JSON.stringify(input));
  return JSON.parse((await asked).stdout);
}

// Made before anything is asked of the service, which answers nothing meanwhile.
const judges = pythonWithJudges();

describe.each(testEngines())('sums on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  let service: TestService;
  let job: string;

  beforeAll(async () => {
    ({ db, drop } = await open());
    service = await startService(db);
    const square = (x: number, y: number, side: number, name: string) => ({
      ...{ collection: 'landuse', class: name },
      rings: [
        [
          [x, y],
          [x, y + side],
          [x + side, y + side],
          [x + side, y],
        ],
      ] as [number, number][][],
    });
    const squares = [square(0, 0, 100, 'water'), square(200, 0, 200, 'road'), square(500, 500, 50, 'water')];
    ({ job } = await addDoneJob(db, await addScene(db), squares));
  });
  afterAll(async () => {
    await service.close();
    await drop();
  });

  const address = (query = '') => `${service.address}/collections/landuse/aggregate${query}`;
  const send = (body: unknown, query = '') =>
    fetchJson(address(query), {
      method: 'POST',
      headers: { 'Content-Type': 'application/geo+json' },
      body: JSON.stringify(body),
    });
  const layer = (...zones: unknown[]) => ({
    type: 'FeatureCollection',
    features: zones.map((geometry) => ({ type: 'Feature', properties: {}, geometry })),
  });
  const box = (west: number, south: number, east: number, north: number): Polygon => ({
    type: 'Polygon',
    coordinates: [
      [
        [west, south],
        [east, south],
        [east, north],
        [west, north],
        [west, south],
      ],
    ],
  });

  test('by class: number, area and share; of one job', async () => {
    const { status, body } = await fetchJson(address(`?job=${job}`));
    expect(status).toBe(200);
    expect(body.classes.map(({ class: name, count }: { class: string; count: number }) => [name, count])).toEqual([
      ['road', 1],
      ['water', 2],
    ]);
    const [road, water] = body.classes;
    expect(road.area_m2 / water.area_m2).toBeCloseTo(200 ** 2 / (100 ** 2 + 50 ** 2), 4);
    expect(road.share + water.share).toBeCloseTo(1, 12);
    const nobody = '00000000-0000-4000-8000-000000000000';
    expect((await fetchJson(address(`?job=${nobody}`))).body).toEqual({ classes: [] });
  });

  test('by polygon: features are cut at its border, as shapely cuts them', async () => {
    const { body: items } = await fetchJson(`${service.address}/collections/landuse/items`);
    const features: Polygon[] = items.features.map(({ geometry }: { geometry: Polygon }) => geometry);
    const [lons, lats] = [0, 1].map((axis) => features.flatMap((f) => f.coordinates[0]!.map((p) => p[axis]!)));
    const [west, east, south, north] = [Math.min(...lons!), Math.max(...lons!), Math.min(...lats!), Math.max(...lats!)];
    const middle = west + 0.37 * (east - west);
    const zones = [
      box(west - 0.001, south - 0.001, middle, north + 0.001),
      box(middle, south - 0.001, east + 0.001, north + 0.001),
      box(west, north - 0.0003, middle, north),
      box(10, 10, 10.001, 10.001),
    ];
    const { status, body } = await send(layer(...zones));
    expect(status).toBe(200);
    const areaIn = (zone: number) =>
      body.zones[zone].classes.reduce((sum: number, each: { area_m2: number }) => sum + each.area_m2, 0);
    expect(body.zones.map(({ zone }: { zone: number }) => zone)).toEqual([0, 1, 2, 3]);
    expect(body.zones[3].classes).toEqual([]);
    // Nothing is lost or counted twice between the two halves.
    const { body: all } = await fetchJson(address());
    const whole = all.classes.reduce((sum: number, each: { area_m2: number }) => sum + each.area_m2, 0);
    expect((areaIn(0) + areaIn(1)) / whole).toBeCloseTo(1, 6);

    const python = pythonWithJudges();
    if (!python) return;
    const run = spawnSync(python, ['-c', SHAPELY], { input: JSON.stringify([features, zones]), encoding: 'utf8' });
    expect(run.status, run.stderr).toBe(0);
    for (const [zone, [inside, area]] of (JSON.parse(run.stdout) as [number, number][]).entries()) {
      expect(body.zones[zone].area_m2 / area).toBeCloseTo(1, 5);
      expect(areaIn(zone) - inside).toBeCloseTo(0, 1);
    }
  });

  test('by hexagon: cells are those of H3, and nothing is lost or counted twice between them', async () => {
    const { body: items } = await fetchJson(`${service.address}/collections/landuse/items`);
    const features: Polygon[] = items.features.map(({ geometry }: { geometry: Polygon }) => geometry);
    const { body: all } = await fetchJson(address());
    type Sum = { class: string; area_m2: number };
    const areaOf = (classes: Sum[], name?: string) =>
      classes.reduce((sum, each) => sum + (name === undefined || each.class === name ? each.area_m2 : 0), 0);
    const python = judges;
    for (const resolution of [4, 9, 11, 13]) {
      const { status, body } = await fetchJson(address(`?hex=${resolution}`));
      expect(status).toBe(200);
      type Cell = { cell: string; area_m2: number; classes: (Sum & { share: number })[]; geometry: Polygon };
      const cells: Cell[] = body.zones;
      for (const name of ['water', 'road']) {
        const within = cells.reduce((sum, { classes }) => sum + areaOf(classes, name), 0);
        expect(within / areaOf(all.classes, name)).toBeCloseTo(1, 6);
      }
      if (!python) continue;
      const judged = await askPython<{ cells: string[]; areas: [number, number][] }>(python, HEXAGONS, [
        features,
        resolution,
        cells.map(({ cell }) => cell),
      ]);
      expect(cells.map(({ cell }) => cell)).toEqual(judged.cells);
      for (const [i, [inside, area]] of judged.areas.entries()) {
        if (resolution >= 9) expect(cells[i]!.area_m2 / area).toBeCloseTo(1, 4);
        expect(areaOf(cells[i]!.classes) - inside).toBeCloseTo(0, 1);
      }
    }
    expect((await fetchJson(address(`?hex=9&job=00000000-0000-4000-8000-000000000000`))).body).toEqual({ zones: [] });
  });

  test('by the polygons of another collection, and by some of them', async () => {
    const { body } = await fetchJson(address('?zones=landuse'));
    // Three squares apart: each holds itself.
    expect(body.zones).toHaveLength(3);
    for (const { of_class, classes, area_m2 } of body.zones) {
      expect(classes).toEqual([expect.objectContaining({ class: of_class, count: 1 })]);
      expect(classes[0].area_m2).toBeCloseTo(area_m2, 9);
    }
    const roads = await fetchJson(address(`?zones=landuse&zones-filter=${encodeURIComponent("class = 'road'")}`));
    expect(roads.body.zones.map(({ of_class }: { of_class: string }) => of_class)).toEqual(['road']);
    expect((await fetchJson(address('?zones=buildings'))).body).toEqual({ zones: [] });
    expect((await fetchJson(address('?zones=x'))).status).toBe(404);
  });

  test.each([
    'hex=16',
    'hex=x',
    'hex=15',
    'hex=5&zones=landuse',
    'zones-filter=score>0',
    'zones=landuse&zones-filter=(',
  ])('%s is refused', async (query) => {
    expect(await fetchJson(address(`?${query}`))).toMatchObject({ status: 400, body: { code: 'bad_request' } });
  });

  test('the filters of items leave out what is not to be counted', async () => {
    const { body: items } = await fetchJson(`${service.address}/collections/landuse/items?class=road`);
    const review = (said: string | null) =>
      fetchJson(`${service.address}/collections/landuse/items/${items.features[0].id}`, {
        method: 'PATCH',
        headers: { 'Content-Type': 'application/merge-patch+json' },
        body: JSON.stringify({ review: said }),
      });
    expect((await review('rejected')).status).toBe(200);
    const world = layer(box(54, 24, 56, 26));
    const counts = async (query: string) => {
      const whole = (await fetchJson(address(query))).body.classes;
      const within = (await send(world, query)).body.zones[0].classes;
      const [numbers, inZone] = [whole, within].map((classes) =>
        Object.fromEntries(classes.map(({ class: name, count }: { class: string; count: number }) => [name, count])),
      );
      expect(inZone, query).toEqual(numbers);
      return numbers;
    };
    expect(await counts('')).toEqual({ road: 1, water: 2 });
    expect(await counts('?review=not-rejected')).toEqual({ water: 2 });
    expect(await counts('?review=rejected')).toEqual({ road: 1 });
    expect(await counts(`?filter=${encodeURIComponent('area_m2 > 1000')}`)).toEqual({ road: 1, water: 1 });
    const json = JSON.stringify({ op: '<', args: [{ property: 'area_m2' }, 1000] });
    expect(await counts(`?filter-lang=cql2-json&filter=${encodeURIComponent(json)}`)).toEqual({ water: 1 });
    expect(await counts('?class=road')).toEqual({ road: 1 });
    expect(await counts('?datetime=1999-01-01/..')).toEqual({ road: 1, water: 2 }); // their image does not say when
    for (const wrong of [
      'filter=(',
      'review=x',
      'datetime=x',
      'filter-crs=x',
      `filter=${encodeURIComponent('area_m2 * 1e308 > 1')}`,
    ]) {
      expect(await send(world, `?${wrong}`), wrong).toMatchObject({ status: 400, body: { code: 'bad_request' } });
    }
    const listed = await fetchJson(`${service.address}/collections/landuse/items?review=rejected`);
    expect(listed.body).toMatchObject({ numberMatched: 1, features: [{ properties: { class: 'road' } }] });
    await review(null);
  });

  test('zones come back with what they were sent with', async () => {
    const [one, two, three] = [0, 1, 2].map((i) => box(54 + i, 24, 55 + i, 25));
    const features = [
      { type: 'Feature', id: 'a', properties: { name: 'Mitte', inhabitants: 7 }, geometry: one },
      { type: 'Feature', id: 12, properties: null, geometry: two },
      { type: 'Feature', properties: { id: 'x' }, geometry: three },
    ];
    const { body } = await send({ type: 'FeatureCollection', features });
    expect(body.zones).toMatchObject([
      { zone: 0, id: 'a', properties: { name: 'Mitte', inhabitants: 7 } },
      { zone: 1, id: 12 },
      { zone: 2, properties: { id: 'x' } },
    ]);
    expect(body.zones[1]).not.toHaveProperty('properties');
    expect(body.zones[2]).not.toHaveProperty('id');
  });

  test('a zone that comes apart into thousands of pieces is measured once', async () => {
    const teeth = Array.from({ length: 2490 }, (_, i) => [
      [i / 2490, 1],
      [(i + 0.25) / 2490, 2],
      [(i + 0.5) / 2490, 2],
      [(i + 0.75) / 2490, 1],
    ]).flat();
    const geometry = { type: 'Polygon', coordinates: [[...teeth, [1, 0], [0, 0], [0, 1]]] };
    const layer = { type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry }] };
    const { status, body } = await fetchJson(`${service.address}/collections/landuse/aggregate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(layer),
    });
    expect([status, body.code], 'not "query_too_slow"').toEqual([200, undefined]);
    expect(body.zones[0].area_m2).toBeGreaterThan(1e10);
  }, 60_000);

  test('a body that is too large hears how large it may be', async () => {
    const { status, body } = await fetchJson(`${service.address}/collections/landuse/aggregate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(' '.repeat(4 * 2 ** 20)),
    });
    expect([status, body.code, body.detail]).toEqual([413, 'too_large', expect.stringContaining('4194304 bytes')]);
  });

  test('a zone that crosses itself is named, with the place', async () => {
    const star = Array.from({ length: 401 }, (_, i) => (2 * Math.PI * i * 199) / 401).map((a) => [
      Math.cos(a),
      Math.sin(a),
    ]);
    const zones = layer(box(0, 0, 1, 1), { type: 'Polygon', coordinates: [[...star, star[0]]] });
    const { status, body } = await send(zones);
    expect(status).toBe(400);
    expect(body.detail).toMatch(/^Feature 1 .* crosses itself at -?0\.\d+, -?0\.\d+; mend it with ST_MakeValid/);
  });

  test('the example in docs/sums.md runs', async () => {
    const python = pythonWithJudges();
    if (!python) return;
    const page = await readFile(new URL('../../../docs/sums.md', import.meta.url), 'utf8');
    const script = /```python\n(.*?)```/s.exec(page)![1]!;
    const file = join(service.folder, 'zones.geojson');
    await writeFile(file, JSON.stringify(layer(box(54, 24, 56, 26))));
    // Beside this process, which has to answer.
    const env = { ...process.env, PYTHONUTF8: '1' };
    const { stdout } = await promisify(execFile)(python, ['-c', script, service.address, file], { env });
    expect(stdout).toMatch(/^zone 0: \d+ m²\n {2}road +1 +\d+\.\d m² +0\.0%\n {2}water +2 /);
  });

  test.each([
    ['nothing', {}],
    ['no polygons', layer()],
    ['a point', layer({ type: 'Point', coordinates: [1, 2] })],
    ['an open ring', layer({ ...box(0, 0, 1, 1), coordinates: [box(0, 0, 1, 1).coordinates[0]!.slice(0, 4)] })],
    ['a ring that crosses itself', layer({ ...box(0, 0, 1, 1), coordinates: [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]] })], // biome-ignore format: a bow tie
    ['metres', layer(box(326000, 2784000, 326100, 2784100))],
    ['too many', layer(...Array.from({ length: 1001 }, () => box(0, 0, 1, 1)))],
  ])('%s is refused', async (_, body) => {
    expect(await send(body)).toMatchObject({ status: 400, body: { code: 'bad_request' } });
  });
});
