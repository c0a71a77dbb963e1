/** A job summed up: a park, a lake, four blocks of a crossroads, and buildings of which one is large. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { lineWkb, polygonWkb } from '../../../test/support/geometry.ts';
import { addDoneJob, addScene, GEOTRANSFORM, MODEL, reportOf } from '../../../test/support/http-service.ts';
import { NOWHERE, square, testInterface } from '../../../test/support/http-suite.ts';
import { apply, type Geotransform } from '../../../tiler/crs/geotransform.ts';
import type { Database } from '../../store/database/database.ts';
import { insertFeatures, publishJob } from '../../store/tables/features.ts';
import { insertJob } from '../../store/tables/jobs.ts';

type Point = [number, number];
const at = (x: number, y: number): Point => apply([...GEOTRANSFORM] as Geotransform, x, y);
const box = (x: number, y: number, width: number, height = width): Point[] => [at(x, y), at(x, y + height), at(x + width, y + height), at(x + width, y)]; // biome-ignore format: one line

/** In pixels of half a metre, of a scene of 2000. */
const LAND: [string, Point[]][] = [
  ['vegetation', box(0, 0, 2000, 900)],
  ['water', box(0, 900, 2000, 100)],
  ['other', box(0, 1000, 2000, 900)],
  ['building', box(0, 1900, 100)],
  ['other', box(100, 1900, 1900, 100)],
];
/** A window of streets with a cross in it; one that ends, and one that runs out of the image. */
const NODES: Point[] = [[400, 1200], [800, 1200], [1200, 1200], [400, 1500], [800, 1500], [1200, 1500], [400, 1800], [800, 1800], [1200, 1800], [1500, 1500], [0, 1500]]; // biome-ignore format: one line
const STREETS = [[0, 1], [1, 2], [3, 4], [4, 5], [6, 7], [7, 8], [0, 3], [3, 6], [1, 4], [4, 7], [2, 5], [5, 8], [5, 9], [3, 10]]; // biome-ignore format: pairs
const HOUSES = [[420, 1220, 20], [460, 1220, 24], [500, 1220, 22], [420, 1260, 20], [460, 1260, 18], [500, 1260, 20], [820, 1520, 21], [860, 1520, 200], [1700, 1100, 20]]; // biome-ignore format: one line

async function addTown(db: Database, scene: string): Promise<{ job: string; hall: string }> {
  const job = randomUUID();
  await insertJob(db, { id: job, scene, model: MODEL.id, parameters: {} });
  const row = (collection: string, name: string, wkb: Uint8Array, properties = {}) => ({
    ...{ id: randomUUID(), collection, class: name, score: 0.9, wkb, properties },
  });
  const houses = HOUSES.map(([x, y, side]) => row('buildings', 'building', polygonWkb(box(x!, y!, side!))));
  await insertFeatures(db, { id: job, epsg: 32640 }, [
    ...LAND.map(([name, ring]) => row('landuse', name, polygonWkb(ring))),
    ...houses,
    ...STREETS.map(([from, to], i) =>
      row('roads', 'road', lineWkb([at(...NODES[from!]!), at(...NODES[to!]!)]), {
        ...{ from_node: from, to_node: to, width_m: i % 2 === 0 ? 5 : 12 },
      }),
    ),
  ]);
  await publishJob(db, job, { ...reportOf(job, scene), counts: { buildings: houses.length } });
  return { job, hall: houses[7]!.id };
}

testInterface('the summary', (its) => {
  test('says how much is built, of blocks, landmarks, roads and what lies around', async () => {
    const scene = await addScene(its.db);
    const { job, hall } = await addTown(its.db, scene);
    const { status, body } = await its.get(`/jobs/${job}/summary`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      job,
      built_up: { resolution: 10, buildings: HOUSES.length },
      blocks: { count: 4, left_out: 0, floors: null },
      roads: { junctions: 5, dead_ends: 1, cut_off: 1, nodes: 11, betweenness_from: 11 },
      surroundings: { radius_m: 300, buildings: HOUSES.length },
    });
    expect(body.mapped_m2).toBeCloseTo(1e6, -4);
    expect(body.built_up.built_up_m2 / 2500).toBeCloseTo(1, 2);
    expect(body.built_up.built_up_share).toBeCloseTo(body.built_up.built_up_m2 / body.mapped_m2, 8);
    expect(body.built_up.buildings_per_km2).toBeCloseTo(HOUSES.length / (body.mapped_m2 / 1e6), 4);
    expect(body.built_up.cells_mapped).toBeLessThan(body.built_up.cells);
    expect(body.blocks.area_m2 / (800 * 600 * 0.25)).toBeCloseTo(1, 2);
    expect(
      body.blocks.building_m2 / (HOUSES.slice(0, 8).reduce((sum, [, , side]) => sum + side! ** 2, 0) / 4),
    ).toBeCloseTo(1, 2);
    expect(body.landmarks[0]).toMatchObject({ id: hall, reasons: [{ reason: 'area' }] });
    const widths = body.roads.by_width as { from_m: number; below_m: number }[];
    expect(widths.map(({ from_m, below_m }) => [from_m, below_m])).toEqual([[3, 6], [10, 16]]); // biome-ignore format: pairs
    const [first, second] = body.roads.by_width;
    expect(first.length_m + second.length_m).toBeCloseTo(body.roads.length_m, 6);
    expect(body.roads.main[0].betweenness).toBeGreaterThan(body.roads.main[4].betweenness - 1e-12);
    expect(body.surroundings.green.mean).toBeGreaterThan(0);
    expect(body.surroundings.near_water).toBeGreaterThan(0);
  });

  test('its rows are there as CSV and GeoJSON', async () => {
    const scene = await addScene(its.db);
    const { job } = await addTown(its.db, scene);
    const rows = { blocks: 4, roads: STREETS.length, surroundings: HOUSES.length };
    for (const table of ['cells', 'blocks', 'landmarks', 'roads', 'surroundings'] as const) {
      const path = `/jobs/${job}/summary/${table}`;
      const { status, body } = await its.get(`${path}.geojson`);
      expect(status, table).toBe(200);
      expect(body.features.length, table).toBeGreaterThan(0);
      if (table in rows) expect(body.features.length).toBe(rows[table as keyof typeof rows]);
      const answer = await fetch(`${its.service.address}${path}.csv`);
      expect(answer.headers.get('content-disposition')).toContain(`dubai-${table}.csv`);
      const lines = (await answer.text()).trim().split('\r\n');
      expect(lines.length, table).toBe(body.features.length + 1);
      expect(lines[0]!.split(',').slice(2), table).toEqual(Object.keys(body.features[0].properties).slice(1));
    }
  });

  test('of what the network has no class for, nothing is claimed', async () => {
    const scene = await addScene(its.db);
    const { job } = await addTown(its.db, scene);
    const classes = [{ name: 'building', value: 1, color: '#ff0000' }];
    await its.db.query(`UPDATE planimeter.jobs SET report = report || $2::jsonb WHERE id = $1`, [
      job,
      JSON.stringify({ classes }),
    ]);
    expect((await its.get(`/jobs/${job}/summary`)).body).toMatchObject({
      not_told: ['road', 'vegetation', 'water'],
      surroundings: { green: { mean: null }, water: { mean: null }, without_green: null, near_water: null },
    });
    const { body } = await its.get(`/jobs/${job}/summary/surroundings.geojson`);
    expect(body.features[0].properties).toMatchObject({ green_share: null, water_share: null });
  });

  test('a job that found nothing has a summary too; one that is not done has none', async () => {
    const scene = await addScene(its.db);
    const { job } = await addDoneJob(its.db, scene, [square(0, 0)]);
    expect((await its.get(`/jobs/${job}/summary`)).body).toMatchObject({
      ...{ landmarks: [], blocks: { count: 0, building_coverage: null }, roads: { length_m: 0, by_width: [] } },
      surroundings: { buildings: 0, green: { mean: null } },
    });
    expect((await its.get(`/jobs/${job}/summary/roads.geojson`)).body.features).toEqual([]);
    expect((await its.get(`/jobs/${job}/summary/trees.csv`)).status).toBe(404);
    expect((await its.get(`/jobs/${NOWHERE}/summary`)).status).toBe(404);
    const queued = (await its.post('/jobs', { scene })).body.id;
    expect((await its.get(`/jobs/${queued}/summary`)).status).toBe(409);
  });
});
