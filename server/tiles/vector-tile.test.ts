import { gzipSync } from 'node:zlib';
import { classifyRings, VectorTile } from '@mapbox/vector-tile';
import { PbfReader } from 'pbf';
import { expect, test } from 'vitest';
import { polygonWkb } from '../../test/support/geometry.ts';
import type { TileFeature } from '../store/tables/tile-features.ts';
import { EXTENT } from './tile-grid.ts';
import { MAX_TILE_BYTES } from './tile-of-job.ts';
import { encodeVectorTile, MAX_FEATURES_WITH_IDS } from './vector-tile.ts';
import { tileBbox } from './web-mercator.ts';

const TILE = { z: 16, x: 42_800, y: 27_900 };

/** Degrees of a point given in the units of the tile's grid. */
function degrees([x, y]: readonly [number, number], tile = TILE): [number, number] {
  const side = 2 ** tile.z;
  const lon = ((tile.x + x / EXTENT) / side) * 360 - 180;
  const lat = (Math.atan(Math.sinh(Math.PI * (1 - (2 * (tile.y + y / EXTENT)) / side))) * 180) / Math.PI;
  return [lon, lat];
}

function feature(rings: (readonly [number, number])[][], collection = 'landuse'): TileFeature {
  const coordinates = rings.map((ring) => ring.map((point) => degrees(point)));
  return featureOf(coordinates, collection);
}

function featureOf(coordinates: [number, number][][], collection = 'landuse'): TileFeature {
  return {
    id: 'a',
    collection,
    class: 'water',
    score: 0.5,
    area_m2: 12.34,
    length_m: null,
    buildings: null,
    wkb: polygonWkb(...coordinates),
  };
}

const decode = (bytes: Uint8Array) => new VectorTile(new PbfReader(bytes)).layers;

/** The rings of all features of a layer, closed. */
function rings(bytes: Uint8Array, layer = 'landuse'): [number, number][][] {
  const decoded = decode(bytes)[layer];
  return Array.from({ length: decoded.length }, (_, i) => decoded.feature(i).loadGeometry()).flatMap((geometry) =>
    geometry.map((ring) => ring.map(({ x, y }): [number, number] => [x, y])),
  );
}

test('a feature without a score carries none', async () => {
  const ring: [number, number][] = [
    [100, 100],
    [100, 300],
    [300, 300],
    [100, 100],
  ];
  const bytes = await encodeVectorTile(TILE, [{ ...feature([ring]), score: null }]);
  expect(decode(bytes!).landuse.feature(0).properties).toEqual({ id: 'a', class: 'water', area_m2: 12.3 });
});

test('what is encoded is decoded: layers, properties, shells and holes', async () => {
  const shell = [
    [100, 100],
    [100, 300],
    [300, 300],
    [300, 100],
  ] as const;
  const hole = [
    [150, 150],
    [200, 150],
    [200, 200],
  ] as const;
  const encoded = await encodeVectorTile(TILE, [
    feature([[...shell], [...hole]]),
    feature([[...shell].reverse()], 'buildings'),
  ])!;
  const bytes = encoded!;
  const layers = decode(bytes);
  expect(Object.keys(layers)).toEqual(['landuse', 'buildings']);
  expect([layers.landuse.version, layers.landuse.extent]).toEqual([2, EXTENT]);
  const decoded = layers.landuse.feature(0);
  expect(decoded.properties).toEqual({ id: 'a', class: 'water', score: 0.5, area_m2: 12.3 });
  // Shells are found by their orientation, whichever way round they came.
  for (const layer of ['landuse', 'buildings']) {
    const polygons = classifyRings(layers[layer].feature(0).loadGeometry());
    expect(polygons.map((polygon) => polygon.length)).toEqual([layer === 'landuse' ? 2 : 1]);
    expect(polygons[0][0]).toHaveLength(5);
    expect(shoelace(polygons[0][0].map(({ x, y }) => [x, y]))).toBe(2 * 200 * 200);
  }
  expect(new Set(rings(bytes)[0].map(String))).toEqual(new Set(shell.map(String)));
});

test('the corners of a tile lie at the corners of its extent', async () => {
  const [west, south, east, north] = tileBbox(TILE);
  const corners: [number, number][] = [
    [west, north],
    [west, south],
    [east, south],
    [east, north],
    [west, north],
  ];
  const bytes = (await encodeVectorTile(TILE, [featureOf([corners.slice(0, 4)])]))!;
  const expected = ['0,0', `0,${EXTENT}`, `${EXTENT},${EXTENT}`, `${EXTENT},0`];
  expect(new Set(rings(bytes)[0].map(String))).toEqual(new Set(expected));
});

test('what has no area on the grid of the tile is left out', async () => {
  const tiny = [
    [10.1, 10.1],
    [10.2, 10.1],
    [10.2, 10.3],
  ] as [number, number][];
  const thin = [
    [10, 10],
    [500, 10.1],
    [900, 10.2],
  ] as [number, number][];
  expect(await encodeVectorTile(TILE, [])).toBeNull();
  expect(await encodeVectorTile(TILE, [feature([tiny]), feature([thin])])).toBeNull();
});

test('blocks have their number of buildings and no id, and so have features of crowded tiles no id', async () => {
  const square = [[10, 10], [10, 60], [60, 60], [60, 10]] as [number, number][]; // biome-ignore format: short
  const house = feature([square], 'buildings');
  const block = { ...house, id: null, buildings: 7 };
  const properties = async (features: TileFeature[]) =>
    decode((await encodeVectorTile(TILE, features))!).buildings.feature(0).properties;
  expect(await properties([block])).toEqual({ class: 'water', buildings: 7 });
  expect(await properties([house])).toHaveProperty('id');
  const crowd = new Array<TileFeature>(MAX_FEATURES_WITH_IDS + 1).fill(house);
  expect(await properties(crowd)).toEqual({ class: 'water', score: 0.5, area_m2: 12 });
});

test('as many buildings as can be seen by themselves in one tile stay under half a megabyte', async () => {
  // 512 pixels a side, a fifth of them built up, by buildings of 2 to 8 pixels at any angle.
  const houses = Array.from({ length: 10_500 }, (_, i) => {
    const [x, y] = [4000 * hash(i, 1), 4000 * hash(i, 2)];
    const [side, turn] = [8 * Math.sqrt(2 + 6 * hash(i, 3)), Math.PI * hash(i, 4)];
    const ring = [0, 1, 2, 3].map((corner): [number, number] => {
      const angle = turn + (corner * Math.PI) / 2;
      return [x + side * Math.SQRT1_2 * Math.cos(angle), y + side * Math.SQRT1_2 * Math.sin(angle)];
    });
    return { ...feature([ring], 'buildings'), score: hash(i, 5), area_m2: 1000 * hash(i, 6) };
  });
  const bytes = (await encodeVectorTile(TILE, houses))!;
  expect(decode(bytes).buildings.length).toBeGreaterThan(10_400);
  expect(gzipSync(bytes, { level: 5 }).length).toBeLessThan(MAX_TILE_BYTES);
});

test('thousands of features are encoded with turns for others in between', async () => {
  const features = Array.from({ length: 20 }, (_, seed) => coverage(seed + 1))
    .flat()
    .map((ring) => feature([ring]));
  let turns = 0;
  let encoding = true;
  const count = () => {
    turns++;
    if (encoding) setImmediate(count);
  };
  setImmediate(count);
  const started = performance.now();
  expect(await encodeVectorTile(TILE, features)).not.toBeNull();
  encoding = false;
  expect(turns).toBeGreaterThan((performance.now() - started) / 100);
});

test('neighbours share their borders on the grid, to the last unit', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const bytes = (await encodeVectorTile(
      TILE,
      coverage(seed).map((ring) => feature([ring])),
    ))!;
    const edges = new Map<string, number>();
    let area = 0;
    for (const ring of rings(bytes)) {
      area += shoelace(ring);
      for (const [i, end] of ring.slice(1).entries()) {
        const [from, to] = [String(ring[i]), String(end)];
        edges.set(`${from} ${to}`, (edges.get(`${from} ${to}`) ?? 0) + 1);
      }
    }
    const alone = [...edges].filter(([edge, count]) => {
      const [from, to] = edge.split(' ');
      return count !== edges.get(`${to} ${from}`);
    });
    // The rim of the coverage is a square with straight sides.
    const onRim = ([edge]: [string, number]) => {
      const [x0, y0, x1, y1] = edge.split(/[ ,]/).map(Number);
      return (x0 === x1 && (x0 === 0 || x0 === 4000)) || (y0 === y1 && (y0 === 0 || y0 === 4000));
    };
    expect(
      alone.filter((edge) => !onRim(edge)),
      `seed ${seed}`,
    ).toEqual([]);
    expect(area, `seed ${seed}`).toBe(2 * 4000 * 4000);
  }
});

/** A square of 4000 units cut into 20 × 20 cells whose corners and sides are bent at random, as rings. */
function coverage(seed: number): [number, number][][] {
  const cells = 20;
  const side = 4000 / cells;
  const bend = (column: number, row: number, salt: number) => (hash(seed, column, row, salt) - 0.5) * side * 0.4;
  const node = (column: number, row: number): [number, number] => {
    const inside = (i: number) => i > 0 && i < cells;
    return [
      column * side + (inside(column) ? bend(column, row, 1) : 0),
      row * side + (inside(row) ? bend(column, row, 2) : 0),
    ];
  };
  /** A border from one node to another, some points long, the same whoever asks for it. */
  const border = (a: [number, number], b: [number, number], column: number, row: number, salt: number) => {
    const [[ax, ay], [bx, by]] = [node(...a), node(...b)];
    const straight = (ax === bx && ax % 4000 === 0) || (ay === by && ay % 4000 === 0);
    return Array.from({ length: 5 }, (_, i): [number, number] => {
      const t = i / 5;
      const off = straight || i === 0 ? 0 : (hash(seed, column, row, salt + i) - 0.5) * side * 0.1;
      return [ax + t * (bx - ax) + off, ay + t * (by - ay) + off];
    }).concat([[bx, by]]);
  };
  const across = (column: number, row: number) => border([column, row], [column + 1, row], column, row, 10);
  const down = (column: number, row: number) => border([column, row], [column, row + 1], column, row, 20);
  return Array.from({ length: cells * cells }, (_, i) => {
    const [column, row] = [i % cells, Math.floor(i / cells)];
    return [
      ...down(column, row).slice(0, -1),
      ...across(column, row + 1).slice(0, -1),
      ...down(column + 1, row)
        .reverse()
        .slice(0, -1),
      ...across(column, row).reverse().slice(0, -1),
    ];
  });
}

/** Uniform in 0..1, from integers. */
function hash(...parts: number[]): number {
  let h = 2166136261;
  for (const part of parts) {
    h = Math.imul(h ^ part, 16777619);
    h = Math.imul(h ^ (h >>> 13), 0x5bd1e995);
  }
  return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
}

function shoelace(ring: readonly (readonly number[])[]): number {
  return ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i][0] * y - x * ring[i][1], 0);
}
