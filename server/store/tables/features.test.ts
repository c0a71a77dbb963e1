import { randomUUID } from 'node:crypto';
import type { MultiPolygon, Polygon } from 'geojson';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import {
  ellipsoidCellM2,
  lineWkb,
  polygonWkb,
  type Ring,
  rectangle,
  seeded,
  windingOf,
} from '../../../test/support/geometry.ts';
import type { JobReport } from '../../api/index.ts';
import type { Database, Queryable } from '../database/database.ts';
import { deleteFeatures, type FeatureRow, insertFeatures, publishJob } from './features.ts';
import { getItem, listCollections, queryItems } from './items.ts';
import { deleteJob, getJob, insertJob, totalsOf, updateJob } from './jobs.ts';
import { deleteScene, insertScene } from './scenes.ts';
import { featuresInTile, type TileDetail } from './tile-features.ts';

const detail = (changes: Partial<TileDetail> = {}): TileDetail => ({
  ...{ level: 0, minAreaM2: 0, loneBuildingM2: 0, minStreetMetres: 0, roadToleranceDegrees: 0 },
  ...changes,
});

const REPORT = { counts: {} } as JobReport;

describe.each(testEngines())('features on $name', ({ open, name }) => {
  let db: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  /** A job of a scene of its own; ids are unique in the suite, so that tests do not meet. */
  async function newJob(): Promise<{ id: string; scene: string }> {
    const [id, scene] = [randomUUID(), randomUUID()];
    await insertScene(db, { id: scene, name: 'a scene', upload: null, sha256: '00', bytes: 1 });
    await insertJob(db, { id, scene, model: 'm', parameters: {} });
    return { id, scene };
  }

  function row(wkb: Uint8Array, more: Partial<FeatureRow> = {}): FeatureRow {
    return { id: randomUUID(), collection: 'buildings', class: 'building', score: 0.875, wkb, ...more };
  }

  async function publish(epsg: number, rows: FeatureRow[]): Promise<{ id: string; scene: string }> {
    const job = await newJob();
    await insertFeatures(db, { id: job.id, epsg }, rows);
    await publishJob(db, job.id, REPORT);
    return job;
  }

  const count = async (table: string) =>
    (await db.query<{ n: number }>(`SELECT count(*) AS n FROM planimeter.${table}`))[0]!.n;

  test.runIf(name === 'postgresql')('plans that connections keep are made anew once there is much more', async () => {
    const job = await newJob();
    const rows = Array.from({ length: 1000 }, (_, i) =>
      row(polygonWkb(rectangle(i, 0, i + 0.5, 1)), { collection: 'more' }),
    );
    await insertFeatures(db, { id: job.id, epsg: 4326 }, rows);
    const known = async () =>
      (
        await db.query<{ n: number }>(`SELECT reltuples AS n FROM pg_class WHERE oid = 'planimeter.features'::regclass`)
      )[0]!.n;
    const before = await known();
    await publishJob(db, job.id, REPORT);
    expect(before).toBeLessThan(1000);
    expect(await known()).toBeGreaterThanOrEqual(1000);
    await deleteJob(db, job.id);
  });

  test('are invisible until their job is published, then all there at once', async () => {
    const collection = 'before-and-after';
    const job = await newJob();
    const rows = [0, 1, 2].map((i) => row(polygonWkb(rectangle(i, 0, i + 0.5, 1)), { collection }));
    await insertFeatures(db, { id: job.id, epsg: 4326 }, rows);
    expect(await queryItems(db, collection, { limit: 10 })).toEqual({ features: [], matched: 0, next: null });
    expect(await getItem(db, collection, rows[0]!.id)).toBeNull();
    expect(await featuresInTile(db, job.id, [-10, -10, 10, 10], detail())).toEqual([]);
    expect((await listCollections(db)).map(({ id }) => id)).not.toContain(collection);
    expect(await totalsOf(db, job.id)).toEqual({ totals: [], collections: [] });

    await publishJob(db, job.id, REPORT);
    const page = await queryItems(db, collection, { limit: 10 });
    expect(page.matched).toBe(3);
    expect(page.features.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).sort());
    expect(await getItem(db, collection, rows[0]!.id)).toMatchObject({
      type: 'Feature',
      id: rows[0]!.id,
      properties: { collection, job: job.id, scene: job.scene, class: 'building', score: 0.875 },
    });
    expect((await listCollections(db)).find(({ id }) => id === collection)).toEqual({
      id: collection,
      count: 3,
      bbox: [0, 0, 2.5, 1],
      captured: null,
    });
    expect(await getJob(db, job.id)).toMatchObject({ state: 'done', report: REPORT, progress: { share: 1 } });
  });

  test('the standard collections are listed, empty or not', async () => {
    expect((await listCollections(db)).slice(0, 3).map(({ id }) => id)).toEqual(['buildings', 'roads', 'landuse']);
  });

  test('areas are geodesic: cells of the ellipsoid at any latitude', async () => {
    const random = seeded(11);
    for (let i = 0; i < 30; i++) {
      const south = random() * 160 - 80;
      const west = random() * 350 - 178;
      const [east, north] = [west + 0.01 + random(), south + 0.01 + random()];
      // A parallel is no geodesic: many short steps come close to it.
      const steps = 2000;
      const along = (lat: number, from: number, to: number): Ring =>
        Array.from({ length: steps + 1 }, (_, k) => [from + ((to - from) * k) / steps, lat]);
      const ring = [...along(south, west, east), ...along(north, east, west)];
      const one = row(polygonWkb(ring));
      await publish(4326, [one]);
      const area = (await getItem(db, 'buildings', one.id))!.properties.area_m2!;
      expect(Math.abs(area / ellipsoidCellM2(west, south, east, north) - 1), `seed 11, cell ${i}`).toBeLessThan(2e-6);
    }
  });

  test('areas are those of the ground, not those of the projection', async () => {
    const utm = row(polygonWkb(rectangle(500000, 5e6, 500100, 5000100)));
    // A square of 1 km in Web Mercator at 60° north is some 500 m wide on the ground.
    const mercator = row(polygonWkb(rectangle(0, 8399737, 1000, 8400737)));
    await publish(32640, [utm]);
    await publish(3857, [mercator]);
    // On a UTM zone's central meridian lengths are drawn 0.9996 times as long.
    expect((await getItem(db, 'buildings', utm.id))!.properties.area_m2).toBeCloseTo(10000 / 0.9996 ** 2, 2);
    const { properties, geometry } = (await getItem(db, 'buildings', mercator.id))!;
    const area = properties.area_m2!;
    const ring = (geometry as Polygon).coordinates[0]! as Ring;
    const [[west, south], [east, north]] = [ring[0]!, ring[2]!];
    expect(area / ellipsoidCellM2(west, south, east, north)).toBeCloseTo(1, 5);
    expect(area).toBeGreaterThan(240_000);
    expect(area).toBeLessThan(260_000);
  });

  test('shells come out counter-clockwise, holes clockwise, whatever came in; classes share', async () => {
    const shell = rectangle(10, 10, 11, 11);
    const hole = rectangle(10.25, 10.25, 10.75, 10.75);
    const job = await newJob();
    const rows = [
      row(polygonWkb(shell, hole), { class: 'water', collection: 'landuse' }),
      row(polygonWkb([...shell].reverse(), [...hole].reverse()), { class: 'water', collection: 'landuse' }),
      row(polygonWkb(hole)),
    ];
    await insertFeatures(db, { id: job.id, epsg: 4326 }, rows);
    await publishJob(db, job.id, REPORT);
    for (const { id } of rows.slice(0, 2)) {
      const rings = ((await getItem(db, 'landuse', id))!.geometry as Polygon).coordinates;
      expect(rings.map((ring) => Math.sign(windingOf(ring)))).toEqual([1, -1]);
    }
  });

  test('lines run as they came: from their first node to their second', async () => {
    const ends: [number, number][] = [
      [500_000, 0],
      [500_020, 5],
    ];
    const line = row(lineWkb(ends), { collection: 'roads', class: 'road' });
    const job = await publish(32631, [line]);
    const [stored] = await db.query<{ eastward: boolean }>(
      'SELECT ST_X(ST_StartPoint(geom)) < ST_X(ST_EndPoint(geom)) AS eastward FROM planimeter.features WHERE id = $1',
      [line.id],
    );
    expect(stored).toEqual({ eastward: true });
    await deleteJob(db, job.id);
  });

  test('totals are those of land use, which covers the ground once; each collection is stated by itself', async () => {
    const job = await newJob();
    const shape = (x: number, name: string, collection: string, width = 1) =>
      row(polygonWkb(rectangle(x, 0, x + width, 1)), { class: name, collection });
    await insertFeatures(db, { id: job.id, epsg: 4326 }, [
      shape(0, 'water', 'landuse', 3),
      shape(3, 'building', 'landuse'),
      shape(3, 'building', 'buildings', 2), // walls that were straightened beyond the pixels
      shape(5, 'building', 'buildings', 0.5),
    ]);
    await publishJob(db, job.id, REPORT);
    const { totals, collections } = await totalsOf(db, job.id);
    expect(totals.map(({ class: name, count, share }) => [name, count, Number(share.toFixed(3))])).toEqual([
      ['water', 1, 0.75],
      ['building', 1, 0.25],
    ]);
    const { areas_m2 } = (await getJob(db, job.id))!.report!;
    expect(Object.fromEntries(totals.map((total) => [total.class, total.area_m2]))).toEqual(areas_m2);
    const numbers = await Promise.all(
      collections.map(async ({ id, count, area_m2 }) => {
        const { features, matched } = await queryItems(db, id, { job: job.id, limit: 10 });
        const area = features.reduce((sum, { properties }) => sum + properties.area_m2!, 0);
        return [id, count, count === matched, Math.abs(area - area_m2) < 1e-3];
      }),
    );
    expect(numbers).toEqual([
      ['buildings', 2, true, true],
      ['landuse', 2, true, true],
    ]);
  });

  test('a shape that crosses itself is repaired, not refused', async () => {
    const bow: Ring = [
      [0, 0],
      [1, 1],
      [1, 0],
      [0, 1],
    ];
    const one = row(polygonWkb(bow));
    await publish(4326, [one]);
    const item = (await getItem(db, 'buildings', one.id))!;
    expect(item.geometry.type).toBe('MultiPolygon');
    expect(item.properties.area_m2! / (ellipsoidCellM2(0, 0, 1, 1) / 2)).toBeCloseTo(1, 3);
  });

  test('a shape across the antimeridian is cut there', async () => {
    // UTM zone 60 reaches to 180° at x = 833979 on the equator.
    const one = row(polygonWkb(rectangle(833000, 0, 835000, 1000)), { collection: 'dateline' });
    const job = await publish(32660, [one]);
    const item = (await getItem(db, 'dateline', one.id))!;
    expect(item.geometry.type).toBe('MultiPolygon');
    expect(item.properties.area_m2!).toBeGreaterThan(1.98e6);
    expect(item.properties.area_m2!).toBeLessThan(2e6);
    const inBbox = async (bbox: [number, number, number, number]) =>
      (await queryItems(db, 'dateline', { limit: 10, bbox })).matched;
    expect(await inBbox([179.9, -1, -179.9, 1])).toBe(1);
    expect(await inBbox([-1, -1, 1, 1])).toBe(0);
    const [part] = await featuresInTile(db, job.id, [179.9, -1, 180, 1], detail());
    expect(ringsOf(part!.wkb)).toHaveLength(1);
  });

  test.each<[string, number, [number, number], number]>([
    ['past 180°', 4326, [179.9, 180.2], 2],
    ['from 180° on', 4326, [180, 180.3], 1],
    ['from 0 to 360', 4326, [200, 200.3], 1],
    ['before −180°', 4326, [-180.2, -179.9], 2],
    ['far before −180°', 4326, [-190, -189.7], 1],
  ])('a shape %s lies within ±180°', async (name, epsg, [west, east], parts) => {
    const collection = `turned ${name}`;
    const shape = row(polygonWkb(rectangle(west, -1, east, 1)), { collection });
    await publish(epsg, [shape]);
    const { geometry, properties } = (await getItem(db, collection, shape.id))!;
    const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : (geometry as MultiPolygon).coordinates;
    expect(polygons).toHaveLength(parts);
    const lons = polygons.flat(2).map(([lon]) => lon!);
    for (const lon of lons) expect(Math.abs(lon)).toBeLessThanOrEqual(180);
    const turned = (lon: number) => lon - 360 * Math.floor((lon + 180) / 360);
    for (const end of [west, east]) {
      const nearest = Math.min(...lons.map((lon) => Math.abs(turned(lon) - turned(end))));
      expect(nearest).toBeLessThan(1e-9);
    }
    expect(properties.area_m2! / ellipsoidCellM2(0, -1, east - west, 1)).toBeCloseTo(1, 3);
  });

  test('pages hold every feature once, in order, also while others are published and deleted', async () => {
    const collection = 'paged';
    const make = (n: number) => Array.from({ length: n }, () => row(polygonWkb(rectangle(0, 0, 1, 1)), { collection }));
    const kept = make(57);
    await publish(4326, kept);
    const passing = await publish(4326, make(20));
    const seen: string[] = [];
    let after: string | undefined;
    for (let page = 0; ; page++) {
      const { features, next } = await queryItems(db, collection, { limit: 10, after });
      expect(features.length).toBeLessThanOrEqual(10);
      seen.push(...features.map(({ id }) => id));
      if (page === 1) await deleteJob(db, passing.id);
      if (page === 2) await publish(4326, make(15));
      if (!next) break;
      after = next;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual([...seen].sort());
    for (const { id } of kept) expect(seen).toContain(id);
    await expect(queryItems(db, collection, { limit: 1, after: "x' OR 1=1" })).rejects.toMatchObject({
      code: 'bad_request',
    });
  });

  test('the same feature of two jobs is on the pages twice, once for each', async () => {
    const rows = [1, 2, 3].map(() => row(polygonWkb(rectangle(0, 0, 1, 1)), { collection: 'again' }));
    const first = await publish(4326, rows);
    const second = await publish(4326, rows);
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await queryItems(db, 'again', { limit: 1, after });
      seen.push(...page.features.map((f) => `${f.id} ${f.properties.job}`));
      after = page.next ?? undefined;
    } while (after);
    const expected = rows.flatMap(({ id }) => [`${id} ${first.id}`, `${id} ${second.id}`]);
    expect(seen.sort()).toEqual(expected.sort());
    expect((await getItem(db, 'again', rows[0]!.id))!.properties.job).toBe(second.id);
  });

  test('filters by box, class, job and scene count what they show', async () => {
    const collection = 'filtered';
    const at = (x: number, name: string) => row(polygonWkb(rectangle(x, 0, x + 1, 1)), { collection, class: name });
    const one = await publish(4326, [at(0, 'water'), at(10, 'water'), at(20, 'road')]);
    await publish(4326, [at(0, 'water')]);
    const matched = async (query: Omit<Parameters<typeof queryItems>[2], 'limit'>) => {
      const { features, matched } = await queryItems(db, collection, { limit: 100, ...query });
      expect(features.length).toBe(matched);
      return matched;
    };
    expect(await matched({})).toBe(4);
    expect(await matched({ class: 'water' })).toBe(3);
    expect(await matched({ job: one.id })).toBe(3);
    expect(await matched({ scene: one.scene, class: 'water' })).toBe(2);
    expect(await matched({ bbox: [-1, -1, 0.5, 0.5] })).toBe(2);
    expect(await matched({ bbox: [0.5, 0.5, 10, 0.6], job: one.id })).toBe(2); // touching counts
    expect(await matched({ bbox: [15, -1, 5, 1] })).toBe(4 - 1); // from 15° east over the antimeridian to 5° east
    for (const hostile of ["'; DROP TABLE planimeter.features; --", "' OR '1'='1", '\\', '%']) {
      expect(await matched({ class: hostile })).toBe(0);
      expect((await queryItems(db, hostile, { limit: 1 })).matched).toBe(0);
      expect(await getItem(db, collection, hostile)).toBeNull();
    }
    await expect(matched({ class: 'a\0b' })).rejects.toMatchObject({ code: 'bad_request' });
    expect(await matched({})).toBe(4);
  });

  test('tiles hold what touches them, clipped, without the small', async () => {
    const big = row(polygonWkb(rectangle(0, 0, 10, 10)));
    const small = row(polygonWkb(rectangle(4, 4, 4.001, 4.001)));
    const far = row(polygonWkb(rectangle(20, 20, 21, 21)));
    const touching = row(polygonWkb(rectangle(6, 0, 7, 1)));
    const job = await publish(4326, [big, small, far, touching]);
    const tile = await featuresInTile(db, job.id, [3, 3, 6, 6], detail());
    expect(tile.map(({ id }) => id)).toEqual([big.id, small.id]);
    const [ring] = ringsOf(tile[0]!.wkb);
    expect(ring.every(([x, y]) => x >= 3 && x <= 6 && y >= 3 && y <= 6)).toBe(true);
    expect(tile[0]!.area_m2).toBeGreaterThan(1e12); // of the whole, not of the part
    expect(
      (await featuresInTile(db, job.id, [3, 3, 6, 6], detail({ loneBuildingM2: 1e6 }))).map(({ id }) => id),
    ).toEqual([big.id]);
    expect(await featuresInTile(db, 'no such job', [3, 3, 6, 6], detail())).toEqual([]);
  });

  test('a tile is one row, found by the place of its features alone', async () => {
    const name = 'Gebäude\n– 100 %';
    const house = row(polygonWkb(rectangle(4, 4, 4.5, 4.5)), { class: name, score: 0.87 });
    const block = row(polygonWkb(rectangle(4, 4, 5, 5)), { score: null, level: 2, properties: { buildings: 7 } });
    const land = row(polygonWkb(rectangle(3, 3, 6, 6)), { collection: 'landuse', level: 2 });
    const line = lineWkb([[3.5, 3.5], [4.5, 3.5]]); // biome-ignore format: short
    const road = row(line, { collection: 'roads', score: 0.5 });
    const job = await publish(4326, [house, block, land, road]);
    const asked: { rows: number; plan: string }[] = [];
    const watched: Queryable = {
      query: async <R>(sql: string, params?: readonly unknown[]) => {
        const rows = await db.query<R>(sql, params);
        const plan = await db.query(`EXPLAIN (FORMAT JSON) ${sql}`, params);
        asked.push({ rows: rows.length, plan: JSON.stringify(plan) });
        return rows;
      },
    };
    const tile = await featuresInTile(watched, job.id, [3, 3, 6, 6], detail({ level: 2 }));
    expect(asked).toEqual([{ rows: 1, plan: expect.not.stringContaining('features_pkey') }]);
    const areas = { area_m2: expect.any(Number), length_m: null };
    expect(tile.map(({ wkb, ...rest }) => rest)).toEqual([
      { id: null, collection: 'landuse', class: land.class, score: land.score, buildings: null, ...areas },
      { id: null, collection: 'buildings', class: block.class, score: null, buildings: 7, ...areas },
      { id: house.id, collection: 'buildings', class: name, score: 0.87, buildings: null, ...areas },
      {
        ...{ id: road.id, collection: 'roads', class: road.class, score: 0.5, buildings: null },
        ...{ area_m2: 0, length_m: expect.any(Number) },
      },
    ]);
  });

  test('a job that has ended takes no more features and is not published again', async () => {
    const job = await publish(4326, [row(polygonWkb(rectangle(0, 0, 1, 1)))]);
    const more = [row(polygonWkb(rectangle(0, 0, 1, 1)))];
    await expect(insertFeatures(db, { id: job.id, epsg: 4326 }, more)).rejects.toMatchObject({ code: 'conflict' });
    await expect(publishJob(db, job.id, REPORT)).rejects.toMatchObject({ code: 'conflict' });
    const cancelled = await newJob();
    await updateJob(db, cancelled.id, { state: 'cancelled' });
    await expect(insertFeatures(db, { id: cancelled.id, epsg: 4326 }, more)).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(insertFeatures(db, { id: 'none', epsg: 4326 }, more)).rejects.toMatchObject({ code: 'conflict' });
  });

  test('stored again after a deletion, and gone with their job or their scene', async () => {
    const rows = Array.from({ length: 2500 }, (_, i) =>
      row(polygonWkb(rectangle(i, 0, i + 1, 1)), { collection: 'gone' }),
    );
    const [one, other] = [await newJob(), await newJob()];
    const before = await count('features');
    for (const job of [one, one, other]) {
      await deleteFeatures(db, job.id);
      await insertFeatures(db, { id: job.id, epsg: 3857 }, rows);
      await publishJob(db, job.id, REPORT).catch(() => {});
      if (job === one) await updateJob(db, job.id, { state: 'queued' });
    }
    expect(await count('features')).toBe(before + 5000);
    await deleteJob(db, one.id);
    expect(await count('features')).toBe(before + 2500);
    const totals = await count('job_totals');
    await deleteScene(db, other.scene);
    expect(await count('features')).toBe(before);
    expect(await count('job_totals')).toBe(totals - 1);
    expect(await getJob(db, other.id)).toBeNull();
  });
});

/** The rings of a polygon in WKB. */
function ringsOf(wkb: Uint8Array): [number, number][][] {
  const view = new DataView(wkb.buffer, wkb.byteOffset, wkb.byteLength);
  expect([view.getUint8(0), view.getUint32(1, true)]).toEqual([1, 3]);
  let at = 9;
  return Array.from({ length: view.getUint32(5, true) }, () => {
    const count = view.getUint32(at, true);
    at += 4 + 16 * count;
    const from = at - 16 * count;
    return Array.from({ length: count }, (_, i): [number, number] => [
      view.getFloat64(from + 16 * i, true),
      view.getFloat64(from + 16 * i + 8, true),
    ]);
  });
}
