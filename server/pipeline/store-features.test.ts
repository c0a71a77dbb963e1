/** From a class map to rows of the database: what PostGIS says of the regions, and regions that are stored in pieces. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { vectorizeMap as vectorizeFile } from '../../test/support/features-of-map.ts';
import {
  type ClassMap,
  NODATA,
  noiseMap,
  smoothMap,
  urbanMap,
  vectorizeMap,
} from '../../test/support/generated/generated-maps.ts';
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { regionToWkb } from '../../vectorizer/wkb.ts';
import type { Database } from '../store/database/database.ts';
import { beginStoring, countFeatures, insertFeatures, publishJob } from '../store/tables/features.ts';
import { queryItems } from '../store/tables/items.ts';
import { insertJob, totalsOf } from '../store/tables/jobs.ts';
import { insertScene } from '../store/tables/scenes.ts';
import { writeFeaturesFile } from '../tracing/features-file.ts';
import { placingOf } from './place-shapes.ts';
import { type InsertRows, intoDatabase, storeFeatures } from './store-features.ts';
import type { ToDegrees } from './to-degrees.ts';

describe.each(testEngines())('features of a class map on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  let folder: string;
  beforeAll(async () => {
    ({ db, drop } = await open());
    folder = await mkdtemp(join(tmpdir(), 'planimeter-store-'));
  });
  afterAll(async () => {
    await drop();
    await rm(folder, { recursive: true, force: true });
  });

  test('PostGIS finds every simplified region valid, and no gap or overlap', async () => {
    for (let seed = 0; seed < 15; seed++) {
      const { map, options } = caseOfSeed(seed);
      const { regions } = await vectorizeMap(map, options);
      const wkb = regions.map((region) => Buffer.from(regionToWkb(region, [500000, 0.3, 0.1, 4000000, 0.1, -0.3])));
      const offsets: number[] = [];
      for (let i = 0, at = 1; i < wkb.length; at += wkb[i++].length) offsets.push(at);
      const [{ invalid, area, together, count }] = await db.query<Record<string, number | string | null>>(
        `WITH regions AS (
           SELECT ST_GeomFromWKB(substring($1::bytea FROM start FOR length)) AS geom
             FROM unnest($2::integer[], $3::integer[]) AS place (start, length)
         )
         SELECT min(CASE WHEN NOT ST_IsValid(geom) THEN ST_IsValidReason(geom) END) AS invalid,
                sum(ST_Area(geom)) AS area, ST_Area(ST_Union(geom)) AS together, count(*)::integer AS count
           FROM regions`,
        [Buffer.concat(wkb), offsets, wkb.map(({ length }) => length)],
      );
      expect({ seed, invalid, count }).toEqual({ seed, invalid: null, count: regions.length });
      expect(Number(together) / Number(area), `seed ${seed}`).toBeCloseTo(1, 9);
      const isFull = !map.classes.includes(NODATA);
      if (isFull) expect(Number(area) / (map.classes.length * 0.1), `seed ${seed}`).toBeCloseTo(1, 6);
    }
  });

  test('of two processes that store a job, the one that began first can do no more', async () => {
    await insertScene(db, { id: 'twice', name: 'twice', upload: null, sha256: '00', bytes: 1 });
    await insertJob(db, { id: 'twice', scene: 'twice', model: 'none', parameters: {} });
    const path = join(folder, 'three.bin');
    const square = Buffer.from(
      regionToWkb({ rings: [Float64Array.of(0, 0, 9, 0, 9, 9, 0, 9, 0, 0)] }, [500_000, 1, 0, 4_000_000, 0, -1]),
    );
    const line = {
      collection: 'landuse',
      level: 0,
      class: 1,
      score: 0.5,
      wkb: square,
      properties: {},
    };
    await writeFeaturesFile(path, [1, 2, 3].map((place) => ({ ...line, place: `${place}` }))); // biome-ignore format: one line
    const job = { id: 'twice', epsg: 32631, classNames: new Map() };
    const store = async () => {
      const turn = await beginStoring(db, job.id);
      return {
        turn,
        counts: await storeFeatures(intoDatabase(db), { ...job, turn }, path, new AbortController().signal),
      };
    };
    const [first, second] = [await store(), await store()];
    const report = {} as Parameters<typeof publishJob>[2];
    await expect(publishJob(db, 'twice', report, first.turn)).rejects.toMatchObject({ code: 'conflict' });
    const row = { id: randomUUID(), collection: 'landuse', class: 'x', score: 1, wkb: square };
    await expect(insertFeatures(db, { ...job, turn: first.turn }, [row])).rejects.toMatchObject({ code: 'conflict' });
    await publishJob(db, 'twice', report, second.turn);
    expect((await queryItems(db, 'landuse', { job: 'twice', limit: 10 })).features).toHaveLength(3);
  });

  test('of an attempt that ends between its parts, or within one, nothing is left to the next', async () => {
    const id = 'broken off';
    await insertScene(db, { id, name: id, upload: null, sha256: '00', bytes: 1 });
    await insertJob(db, { id, scene: id, model: 'none', parameters: {} });
    const part = async (name: string, from: number, count: number) => {
      const path = join(folder, name);
      const squares = Array.from({ length: count }, (_, i) => {
        const rings = [Float64Array.of(0, 0, 0, 9, 9, 9, 9, 0, 0, 0)];
        const wkb = regionToWkb({ rings }, [500_000 + 10 * (from + i), 1, 0, 4_000_000, 0, -1]);
        const place = `${from + i}`;
        return { collection: 'landuse', level: 0, class: 1, score: 0.5, place, wkb, properties: {} };
      });
      await writeFeaturesFile(path, squares);
      return path;
    };
    const [first, second] = [await part('first.bin', 0, 1500), await part('second.bin', 1500, 2500)];
    const grid = { ...{ epsg: 32631, width: 50_000, height: 10 }, geotransform: [500_000, 1, 0, 4_000_000, 0, -1] satisfies Geotransform }; // biome-ignore format: one line
    const placing = await placingOf(db, grid, 0.1);
    const store = (turn: string, path: string, insert = intoDatabase(db), signal = new AbortController().signal) =>
      storeFeatures(insert, { id, turn, epsg: 32631, classNames: new Map(), placing }, path, signal);
    const visible = async () => (await queryItems(db, 'landuse', { job: id, limit: 5 })).matched;

    const broken = await beginStoring(db, id);
    await store(broken, first);
    const killed = new AbortController();
    const once: InsertRows = async (...given) => {
      await intoDatabase(db)(...given);
      killed.abort();
    };
    await expect(store(broken, second, once, killed.signal)).rejects.toThrow();
    expect(await countFeatures(db, id)).toBeGreaterThan(1500);
    expect(await visible()).toBe(0);

    const turn = await beginStoring(db, id);
    expect(await countFeatures(db, id)).toBe(0);
    await expect(store(broken, second)).rejects.toMatchObject({ code: 'conflict' });
    const counts = [await store(turn, second), await store(turn, first), await store(turn, first)]; // one of them again
    expect(counts.map(({ landuse }) => landuse)).toEqual([2500, 1500, 1500]);
    expect([await countFeatures(db, id), await visible()]).toEqual([4000, 0]);
    await publishJob(db, id, {} as Parameters<typeof publishJob>[2], turn);
    expect(await visible()).toBe(4000);
  });

  test('a region of very many vertices is stored in pieces, each of them a feature, and measured as one', async () => {
    const map = largeRegion();
    const classesPath = join(folder, 'classes.tif');
    await writeClasses(classesPath, map);
    const featuresPath = join(folder, 'features.bin');
    const { landuse, features } = await vectorizeFile({
      ...{ classesPath, scoresPath: null, featuresPath, pixelMetres: { x: 1, y: 1 } },
      ...{ minAreaM2: 0, toleranceMetres: 0, codes: { building: null, road: null, water: null } },
    });
    expect([landuse.in_pieces, landuse.pieces > 4]).toEqual([1, true]);
    const scene = `scene of ${map.width}`;
    await insertScene(db, { id: scene, name: scene, upload: null, sha256: '00', bytes: 1 });
    await insertJob(db, { id: 'pieces', scene, model: 'none', parameters: {} });
    const job = { id: 'pieces', turn: await beginStoring(db, 'pieces'), epsg: 32631, classNames: new Map() };
    const counts = await storeFeatures(intoDatabase(db), job, featuresPath, new AbortController().signal);
    expect(features).toBe(landuse.regions - 1 + landuse.pieces);
    expect(counts.landuse).toBe(features);
    await publishJob(db, 'pieces', { counts } as unknown as Parameters<typeof publishJob>[2]);

    const [sums] = await db.query<Record<string, number | boolean>>(
      `SELECT count(*)::integer AS pieces, count(DISTINCT id)::integer AS ids,
              count(DISTINCT properties->>'region')::integer AS regions, bool_and(ST_IsValid(geom)) AS valid,
              sum(area_m2) AS area, sum(perimeter_m) AS perimeter, sum(ST_Perimeter(geom::geography)) AS with_cuts,
              ST_Area(ST_Union(geom)::geography) AS union_area, max(ST_NPoints(geom))::integer AS points
         FROM planimeter.features WHERE collection = 'landuse' AND properties ? 'region'`,
    );
    const { whole, perimeter } = await largestOf(map);
    expect(sums).toMatchObject({ pieces: landuse.pieces, ids: landuse.pieces, regions: 1, valid: true });
    expect(sums!.points).toBeLessThan(11_000);
    expect(Number(sums!.area) / whole).toBeCloseTo(1, 2); // metres of the projection are not quite those of the ground
    expect(Number(sums!.union_area) / Number(sums!.area)).toBeCloseTo(1, 9);
    expect(Number(sums!.perimeter) / perimeter).toBeCloseTo(1, 2);
    expect(Number(sums!.with_cuts) / perimeter).toBeGreaterThan(1.05);
    const items = await queryItems(db, 'landuse', { job: 'pieces', limit: 5000 });
    expect(items.features.filter(({ properties }) => 'region' in properties).length).toBe(landuse.pieces);
    expect(items.matched).toBe(counts.landuse);
  });

  test('land use covers what was mapped once: its areas sum to it; coarser levels are no features', async () => {
    for (let seed = 0; seed < 4; seed++) {
      const map = seed % 2 === 0 ? urbanMap(seed, 640, 200) : smoothMap(seed, 640, 200, 4, { nodata: false });
      const full = seed % 2 === 0 ? map : withEmptyBlock(map);
      const id = `cover ${seed}`;
      const classesPath = join(folder, `${id}.tif`);
      await writeClasses(classesPath, full);
      const featuresPath = join(folder, `${id}.bin`);
      const { features, levels } = await vectorizeFile({
        ...{ classesPath, scoresPath: null, featuresPath, pixelMetres: { x: 1, y: 1 } },
        ...{ minAreaM2: 20, toleranceMetres: 1, codes: { building: 1, road: 2, water: 3 } },
      });
      expect(levels.length).toBeGreaterThan(1);
      await insertScene(db, { id, name: id, upload: null, sha256: `${seed}`, bytes: 1 });
      await insertJob(db, { id, scene: id, model: 'none', parameters: {} });
      const classNames = new Map([1, 2, 3, 4].map((code) => [code, `class ${code}`]));
      const job = { id, turn: await beginStoring(db, id), epsg: 32631, classNames };
      const counts = await storeFeatures(intoDatabase(db), job, featuresPath, new AbortController().signal);
      expect(
        Object.values(counts).reduce((sum, count) => sum + count, 0),
        id,
      ).toBe(features);
      const report = await publishJob(db, id, { counts } as unknown as Parameters<typeof publishJob>[2]);
      const { totals, collections } = await totalsOf(db, id);
      const found = Object.fromEntries(collections.map((each) => [each.id, each.count]));
      expect({ buildings: 0, roads: 0, landuse: 0, ...found }, id).toEqual(counts);
      expect(Object.fromEntries(totals.map((total) => [total.class, total.area_m2]))).toEqual(report.areas_m2);
      const [ground] = await db.query<{ area_m2: number }>(
        `SELECT ST_Area(ST_Transform(ST_GeomFromText($1, 32631), 4326)::geography) AS area_m2`,
        [mappedWkt(full)],
      );
      const sum = totals.reduce((area, { area_m2 }) => area + area_m2, 0);
      expect(sum / ground!.area_m2, id).toBeCloseTo(1, 6);
      expect(totals.reduce((share, total) => share + total.share, 0)).toBeCloseTo(1, 12);
    }
  });

  test('what is placed and measured here is what PostGIS makes of it', async () => {
    const map = noiseMap(6, 240, 200, 4, 0.02);
    const classesPath = join(folder, 'known.tif');
    await writeClasses(classesPath, map);
    const featuresPath = join(folder, 'known.bin');
    await vectorizeFile({
      ...{ classesPath, scoresPath: null, featuresPath, pixelMetres: { x: 1, y: 1 } },
      ...{ minAreaM2: 8, toleranceMetres: 1, codes: { building: 1, road: 2, water: 3 } },
    });
    const grid = { ...map, epsg: 32631, geotransform: [500_000, 1, 0, 4_000_000, 0, -1] satisfies Geotransform };
    const placing = await placingOf(db, grid, 0.01);
    const features = async (id: string, toDegrees: ToDegrees | null) => {
      await insertScene(db, { id, name: id, upload: null, sha256: id, bytes: 1 });
      await insertJob(db, { id, scene: id, model: 'none', parameters: {} });
      const turn = await beginStoring(db, id);
      const job = { id, turn, epsg: 32631, classNames: new Map(), placing: { ...placing, toDegrees } };
      await storeFeatures(intoDatabase(db), job, featuresPath, new AbortController().signal);
      return db.query<Record<string, number | string>>(
        `SELECT level, collection, class, score, area_m2, perimeter_m, length_m, properties - 'region' AS properties,
                ST_IsValid(geom) AS valid, ST_IsPolygonCCW(geom) AS ccw, ST_AsText(geom, 15) AS text
           FROM planimeter.features WHERE job = (SELECT key FROM planimeter.jobs WHERE id = $1)
          ORDER BY collection, level, ST_XMin(geom), ST_YMin(geom), area_m2, length_m`,
        [id],
      );
    };
    expect(placing.toDegrees).not.toBeNull();
    const [here, there] = [await features('here', placing.toDegrees), await features('there', null)];
    expect(here.length).toBe(there.length);
    expect(here.length).toBeGreaterThan(500);
    for (const [i, { area_m2, perimeter_m, length_m, text, ...others }] of here.entries()) {
      const other = there[i]!;
      expect({ ...other, ...others }).toEqual(other);
      expect(others).toMatchObject({ valid: true, ccw: true });
      const [found, expected] = [text, other.text].map((each) => String(each).split(/[(), ]+/));
      expect(found!.length).toBe(expected!.length);
      for (const [k, value] of found!.entries()) {
        if (k > 0 && value !== expected![k]) expect(Math.abs(Number(value) - Number(expected![k]))).toBeLessThan(1e-11);
      }
      expect(Math.abs(Number(area_m2) - Number(other.area_m2))).toBeLessThan(1e-9 * Number(other.area_m2) + 1e-3);
      for (const [ours, theirs] of [
        [perimeter_m, other.perimeter_m],
        [length_m, other.length_m],
      ]) {
        // biome-ignore format: pairs
        if (theirs === null) expect(ours).toBeNull();
        else expect(Number(ours) / Number(theirs)).toBeCloseTo(1, 8);
      }
    }
  });
});

/** Where nothing could be mapped: a block in the middle, whose corners and sides any tolerance leaves as they are. */
function withEmptyBlock({ width, height, classes }: ClassMap): ClassMap {
  const emptied = classes.map((code, pixel) => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    return x >= 100 && x < 180 && y >= 90 && y < 150 ? NODATA : code;
  });
  return { width, height, classes: emptied };
}

/** In the system of `writeClasses`. */
function mappedWkt({ width, height, classes }: ClassMap): string {
  const ring = (x0: number, y0: number, x1: number, y1: number) => {
    const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]; // biome-ignore format: a ring
    return `(${corners.map(([x, y]) => `${500_000 + x} ${4_000_000 - y}`).join(', ')})`;
  };
  const hole = classes.includes(NODATA) ? `, ${ring(100, 90, 180, 150)}` : '';
  return `POLYGON(${ring(0, 0, width, height)}${hole})`;
}

function caseOfSeed(seed: number) {
  const [width, height] = [40 + ((seed * 17) % 70), 40 + ((seed * 29) % 60)];
  const nodata = seed % 2 === 0;
  const maps: (() => ClassMap)[] = [
    () => noiseMap(seed, width, height, 2 + (seed % 5), nodata ? 0.1 : 0),
    () => smoothMap(seed, width, height, 2 + (seed % 5), { nodata, scale: 5 + (seed % 9), wrongShare: 0.03 }),
    () => urbanMap(seed, 2 * width, 2 * height),
  ];
  const options = {
    minAreaM2: [0, 4, 25][(seed >> 1) % 3],
    minWidthPixels: seed % 2,
    tolerancePixels: [0.7, 1, 2, 4][seed % 4],
    ...(seed % 5 === 0 && { pieces: { maxVertices: 40, cellPixels: 32 } }),
  };
  return { map: maps[seed % 3](), options };
}

/** Ground of class 0 with single pixels of class 1 everywhere. */
function largeRegion(): ClassMap {
  const [width, height] = [301, 290];
  const classes = Uint8Array.from({ length: width * height }, (_, pixel) => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    return Number(x % 5 === 1 && y % 4 === 1);
  });
  return { width, height, classes };
}

async function largestOf(map: ClassMap): Promise<{ whole: number; perimeter: number }> {
  const { regions } = await vectorizeMap(map);
  const largest = regions.reduce((best, region) => (region.pixels > best.pixels ? region : best));
  let perimeter = 0;
  for (const ring of largest.rings) {
    for (let i = 2; i < ring.length; i += 2) {
      perimeter += Math.abs(ring[i] - ring[i - 2]) + Math.abs(ring[i + 1] - ring[i - 1]);
    }
  }
  return { whole: largest.pixels, perimeter };
}

async function writeClasses(path: string, { width, height, classes }: ClassMap): Promise<void> {
  const writer = await createTiffWriter(path, {
    ...{ width, height, bands: 1, nodata: NODATA, overviews: 'none', compression: 'deflate' },
    ...{ geotransform: [500000, 1, 0, 4000000, 0, -1], epsg: 32631 },
  });
  await writer.writeRows(height, classes);
  await writer.finish();
}
