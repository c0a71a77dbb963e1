/**
 * Coverages with long shared edges anywhere on the globe: placed here or by PostGIS they close, stay where they were in
 * every system that features are offered in, and have the areas of the rings that are published, by outside judges.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../test/support/databases.ts';
import { polygonWkb, type Ring, seeded } from '../../test/support/geometry.ts';
import { judge, pythonWithGeodesy } from '../../test/support/python.ts';
import { apply, type Geotransform } from '../../tiler/crs/geotransform.ts';
import type { Database } from '../store/database/database.ts';
import { insertFeatures } from '../store/tables/features.ts';
import { transformPoints } from '../store/tables/georeference.ts';
import { insertJob } from '../store/tables/jobs.ts';
import { insertScene } from '../store/tables/scenes.ts';
import { type Placing, placeShape, placingOf } from './place-shapes.ts';

type Point = [number, number];

interface Place {
  name: string;
  epsg: number;
  geotransform: Geotransform;
  /** Pixels. */
  size: [number, number];
  /** Systems beside longitude and latitude that its features are offered in. */
  offered: number[];
  /** Cut there: shapes are not neighbours edge by edge any more. */
  cut?: boolean;
}

const PLACES: Place[] = [
  { name: 'UTM at 60°, 10 m', epsg: 32632, geotransform: [300_000, 10, 0, 6_700_000, 0, -10], size: [10_980, 300], offered: [3857, 32632] }, // biome-ignore format: a table
  { name: 'UTM south, turned', epsg: 32750, geotransform: [400_000, 0.3, 0.1, 9_040_000, 0.1, -0.3], size: [40_000, 30_000], offered: [3857, 32750] }, // biome-ignore format: a table
  { name: 'UTM across the antimeridian', epsg: 32660, geotransform: [780_000, 10, 0, 200_000, 0, -10], size: [10_000, 5_000], offered: [], cut: true }, // biome-ignore format: a table
  { name: 'Lambert', epsg: 2154, geotransform: [600_000, 5, 0, 6_900_000, 0, -5], size: [20_000, 20_000], offered: [3857] }, // biome-ignore format: a table
  { name: 'equal area of Europe', epsg: 3035, geotransform: [4_000_000, 10, 0, 3_500_000, 0, -10], size: [10_000, 10_000], offered: [3857] }, // biome-ignore format: a table
  { name: 'Web Mercator', epsg: 3857, geotransform: [1_000_000, 10, 0, 9_000_000, 0, -10], size: [10_000, 10_000], offered: [3857] }, // biome-ignore format: a table
  { name: 'polar, beside the pole', epsg: 3413, geotransform: [-900_000, 20, 0, -800_000, 0, -20], size: [10_000, 10_000], offered: [] }, // biome-ignore format: a table
  { name: 'degrees at 70°', epsg: 4326, geotransform: [20, 1e-4, 0, 70.5, 0, -5e-5], size: [12_000, 12_000], offered: [3857] }, // biome-ignore format: a table
  { name: 'degrees across the antimeridian', epsg: 4326, geotransform: [179.6, 1e-4, 0, -16, 0, -1e-4], size: [8_000, 4_000], offered: [], cut: true }, // biome-ignore format: a table
];

const SEEDS = process.env.PLANIMETER_FULL ? 12 : 1;
/** Of each face's area: how far the stored one may be from that of its published rings. */
const AREA_AGREES = 1e-6;

describe.each(testEngines())('the globe on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  const python = pythonWithGeodesy();
  beforeAll(async () => {
    ({ db, drop } = await open());
  });
  afterAll(() => drop());

  test.each(PLACES)('$name', async (place) => {
    const grid = { ...place, width: place.size[0], height: place.size[1] };
    const metres = metresOfPixel(place) / 4;
    const placing = await placingOf(db, grid, metres);
    const coverages: Stored[][] = [];
    for (let seed = 0; seed < SEEDS; seed++) {
      const faces = jitteredFaces(seed, place);
      const here = await store(place, faces, placing);
      const there = await store(place, faces, { ...placing, toDegrees: null });
      expect(
        there.map(({ points }) => points),
        `seed ${seed}`,
      ).toEqual(here.map(({ points }) => points));
      coverages.push(here, there);
    }
    for (const stored of place.cut ? [] : coverages) expect(await offEdges(stored, place)).toBeLessThan(metres);
    if (!python) return;
    const geometries = coverages.map((stored) => stored.map(({ geometry }) => geometry));
    for (const [i, found] of judge<Judged[]>(python, JUDGE, geometries).entries()) {
      const note = `seed ${Math.floor(i / 2)}, placed ${i % 2 === 0 ? 'here' : 'by PostGIS'}`;
      expect([note, found.valid, place.cut || found.closed]).toEqual([note, true, true]);
      for (const [face, { area_m2 }] of coverages[i]!.entries()) {
        expect(Math.abs(area_m2 / found.areas[face]! - 1), `${note}, face ${face}`).toBeLessThan(AREA_AGREES);
      }
      const whole = coverages[i]!.reduce((sum, { area_m2 }) => sum + area_m2, 0);
      expect(Math.abs(found.union / whole - 1), note).toBeLessThan(AREA_AGREES);
    }
  });

  interface Stored {
    area_m2: number;
    points: number;
    geometry: { type: string; coordinates: unknown };
  }

  /** In the order of the faces. */
  async function store({ epsg }: Place, faces: readonly Ring[], placing: Placing): Promise<Stored[]> {
    const id = randomUUID();
    await insertScene(db, { id, name: id, upload: null, sha256: id, bytes: 1 });
    await insertJob(db, { id, scene: id, model: 'none', parameters: {} });
    const rows = faces.map((ring) => ({
      ...{ id: randomUUID(), collection: 'landuse', class: 'x', score: null },
      ...placeShape(polygonWkb(ring), placing),
    }));
    await insertFeatures(db, { id, epsg }, rows);
    const stored = await db.query<Stored & { id: string }>(
      `SELECT id, area_m2, ST_NPoints(geom) AS points, ST_AsGeoJSON(geom, 15)::json AS geometry
         FROM planimeter.features WHERE job = (SELECT key FROM planimeter.jobs WHERE id = $1)`,
      [id],
    );
    return rows.map((row) => stored.find((each) => each.id === row.id)!);
  }

  /**
   * Metres of the ground between the middles of stored edges, straight in degrees or in an offered system, and the
   * straight lines of the scene through their ends.
   */
  async function offEdges(stored: readonly Stored[], { epsg, offered }: Place): Promise<number> {
    const rings = stored.map(({ geometry }) => (geometry.coordinates as Point[][])[0]!);
    const ends = rings.flatMap((ring) => ring.slice(1).flatMap((to, i) => [ring[i]!, to]));
    const inScene = await transformPoints(db, ends, 4326, epsg);
    const truth = await transformPoints(db, middlesOf(inScene), epsg, 4326);
    let most = 0;
    for (const srid of [4326, ...offered]) {
      const middles = middlesOf(await transformPoints(db, ends, 4326, srid));
      const drawn = await transformPoints(db, middles, srid, 4326);
      for (const [i, [lon, lat]] of truth.entries()) {
        const parallel = Math.cos((lat * Math.PI) / 180) * METRES_PER_DEGREE;
        const [east, north] = [turned(drawn[i]![0] - lon) * parallel, (drawn[i]![1] - lat) * METRES_PER_DEGREE];
        const [from, to] = [ends[2 * i]!, ends[2 * i + 1]!];
        const along = [turned(to[0] - from[0]) * parallel, (to[1] - from[1]) * METRES_PER_DEGREE] as const;
        // Across the edge: along it a system may count as it likes.
        most = Math.max(most, Math.abs(east * along[1] - north * along[0]) / Math.hypot(...along));
      }
    }
    return most;
  }
});

const METRES_PER_DEGREE = 111_320;
const turned = (degrees: number): number => ((((degrees + 540) % 360) + 360) % 360) - 180;
const middlesOf = (ends: readonly Point[]): Point[] =>
  Array.from({ length: ends.length / 2 }, (_, i) => {
    const [[x0, y0], [x1, y1]] = [ends[2 * i]!, ends[2 * i + 1]!];
    return [(x0 + x1) / 2, (y0 + y1) / 2];
  });

function metresOfPixel({ epsg, geotransform }: Place): number {
  const side = Math.hypot(geotransform[1], geotransform[4]);
  return epsg === 4326 ? side * METRES_PER_DEGREE * Math.cos((geotransform[3] * Math.PI) / 180) : side;
}

const CELLS = 3;

/** Faces of a grid whose inner nodes are moved about: every edge is long, and belongs to two faces or the rim. */
function jitteredFaces(seed: number, { geotransform, size: [width, height] }: Place): Ring[] {
  const random = seeded(seed);
  const node = (column: number, row: number): Point => {
    const inner = column > 0 && column < CELLS && row > 0 && row < CELLS;
    const [dx, dy] = inner ? [random() - 0.5, random() - 0.5] : [0, 0];
    const at = [(column + 0.6 * dx) / CELLS, (row + 0.6 * dy) / CELLS] as const;
    return apply(geotransform, Math.round(at[0] * width), Math.round(at[1] * height));
  };
  const nodes = Array.from({ length: CELLS + 1 }, (_, row) =>
    Array.from({ length: CELLS + 1 }, (_, column) => node(column, row)),
  );
  return Array.from({ length: CELLS ** 2 }, (_, i): Ring => {
    const [column, row] = [i % CELLS, Math.floor(i / CELLS)];
    const ring = [
      nodes[row]![column]!,
      nodes[row + 1]![column]!,
      nodes[row + 1]![column + 1]!,
      nodes[row]![column + 1]!,
    ];
    // Neighbours run through their border in any order.
    const first = Math.floor(random() * 4);
    return [...ring.slice(first), ...ring.slice(0, first)];
  });
}

interface Judged {
  valid: boolean;
  closed: boolean;
  /** m² on the ellipsoid, of each and of their union. */
  areas: number[];
  union: number;
}

const JUDGE = `
import json, sys
import shapely
from geographiclib.geodesic import Geodesic
from shapely.geometry import shape

def area(geometry):
    total = 0
    for polygon in getattr(geometry, 'geoms', [geometry]):
        for i, ring in enumerate([polygon.exterior, *polygon.interiors]):
            measured = Geodesic.WGS84.Polygon()
            for x, y in list(ring.coords)[:-1]:
                measured.AddPoint(y, x)
            total += (-1 if i else 1) * abs(measured.Compute(False, True)[2])
    return total

def judged(coverage):
    shapes = [shape(each) for each in coverage]
    return {
        'valid': bool(all(each.is_valid for each in shapes)),
        'closed': bool(shapely.coverage_is_valid(shapes)),
        'areas': [area(each) for each in shapes],
        'union': area(shapely.union_all(shapes)),
    }

print(json.dumps([judged(each) for each in json.load(sys.stdin)]))
`;
