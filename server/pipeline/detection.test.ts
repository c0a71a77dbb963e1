/** A detection network over a scene: every object is a feature, once, where it is, also across the edges of chips. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VectorTile } from '@mapbox/vector-tile';
import type { Polygon } from 'geojson';
import { PbfReader } from 'pbf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findNetwork, networkFolders } from '../../models/registry.ts';
import { startService } from '../../test/support/http-service.ts';
import { RED_CELL, redNetwork } from '../../test/support/networks/red-detector.ts';
import { GSD_M, mapped, sceneOf, writePatches } from '../../test/support/scene.ts';
import { apply } from '../../tiler/crs/geotransform.ts';
import { withEphemeralEngine } from '../ephemeral-engine.ts';
import { addNetwork } from '../networks/install-network.ts';
import { transformPoints } from '../store/tables/georeference.ts';
import { queryItems } from '../store/tables/items.ts';
import { mercatorX, mercatorY } from '../tiles/web-mercator.ts';

const [WIDTH, HEIGHT] = [200, 168];
/** West, north, east and south of the area of interest, in pixels: between the middles of cells. */
const AREA = [17, 25, 97, 81] as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-detection-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function redCells(): { x: number; y: number }[] {
  const cells: { x: number; y: number }[] = [];
  for (let row = 0; row < HEIGHT / RED_CELL; row++) {
    for (let column = 0; column < WIDTH / RED_CELL; column++) {
      if ((row * 7 + column * 3) % 5 !== 0 || (row + column) % 2 === 0) continue;
      cells.push({ x: column * RED_CELL, y: row * RED_CELL });
    }
  }
  return cells;
}

const isInArea = ({ x, y }: { x: number; y: number }): boolean => {
  const [west, north, east, south] = AREA;
  const [centreX, centreY] = [x + RED_CELL / 2, y + RED_CELL / 2];
  return centreX > west && centreX < east && centreY > north && centreY < south;
};

test('objects of a scene become features of the collection objects', async () => {
  const network = join(folder, 'red.onnx');
  await writeFile(network, redNetwork());
  const added = await addNetwork(folder, network, { said: { gsdMetres: GSD_M } });
  expect(added).toMatchObject({ task: 'detection', findings: [] });
  expect(added.classes.map(({ name }) => name)).toEqual(['red']);
  const red = redCells();
  const image = join(folder, 'scene.tif');
  const patches = red.map((at) => ({ ...at, side: RED_CELL, colour: [250, 40, 40] as const }));
  await writePatches(image, { width: WIDTH, height: HEIGHT }, patches);

  await withEphemeralEngine(async (open) => {
    const tools = await open();
    const scene = await sceneOf(tools, image);
    const found = await findNetwork('red', networkFolders(folder));
    const whole = await mapped(tools, scene, found);
    expect(whole.counts.objects).toBe(red.length);
    expect(whole.ledger).toEqual({ done: WIDTH * HEIGHT, nodata: 0, outside: 0, failed: 0, pending: 0 });
    const { features } = await queryItems(tools.db, 'objects', { job: whole.job, limit: 1000 });
    expect(features.length).toBe(red.length);
    for (const { properties } of features) {
      expect(properties).toMatchObject({ class: 'red' });
      expect(properties.area_m2).toBeCloseTo((RED_CELL * GSD_M) ** 2, 0);
    }

    // Of an area of interest: those whose centre is inside, as they were.
    const [west, north, east, south] = AREA;
    const corners: [number, number][] = [
      [west, north],
      [west, south],
      [east, south],
      [east, north],
    ];
    const placed = corners.map(([x, y]) => apply(scene.report.geotransform, x, y));
    const ring = await transformPoints(tools.db, placed, scene.epsg, 4326);
    const aoi = { type: 'Polygon', coordinates: [[...ring, ring[0]]] };
    const part = await mapped(tools, scene, found, { aoi });
    const inside = await queryItems(tools.db, 'objects', { job: part.job, limit: 1000 });
    const places = (some: typeof features) => some.map(({ geometry }) => JSON.stringify(geometry)).sort();
    const expected = features.filter(({ geometry }) => {
      const [[lon, lat]] = [centre(geometry as Polygon)];
      const [lons, lats] = [ring.map(([x]) => x), ring.map(([, y]) => y)];
      return lon > Math.min(...lons) && lon < Math.max(...lons) && lat > Math.min(...lats) && lat < Math.max(...lats);
    });
    expect(expected.length).toBe(red.filter(isInArea).length);
    expect(places(inside.features)).toEqual(places(expected));
    expect(part.ledger).toMatchObject({ done: (east - west) * (south - north), failed: 0, pending: 0 });
    expect(Object.values(part.ledger).reduce((a, b) => a + b)).toBe(WIDTH * HEIGHT);
    expect(part.chips!.outside).toBeGreaterThan(0);
    await expect(mapped(tools, scene, found, { aoi: { ...aoi, coordinates: [elsewhere] } })).rejects.toMatchObject({
      code: 'aoi_outside',
    });

    const service = await startService(tools.db, { files: tools.files });
    try {
      const z = 17;
      const [lon, lat] = [(scene.bbox[0] + scene.bbox[2]) / 2, (scene.bbox[1] + scene.bbox[3]) / 2];
      const [x, y] = [Math.floor(mercatorX(lon) * 2 ** z), Math.floor(mercatorY(lat) * 2 ** z)];
      const response = await fetch(`${service.address}/tiles/${whole.job}/${z}/${x}/${y}.mvt`);
      const { layers } = new VectorTile(new PbfReader(new Uint8Array(await response.arrayBuffer())));
      expect(Object.keys(layers)).toEqual(['objects']);
      const { properties } = layers.objects.feature(0);
      expect(properties).toMatchObject({ class: 'red', id: expect.any(String) });
      expect(properties.score).toBeGreaterThan(0.5);
    } finally {
      await service.close();
    }
  });
}, 120_000);

const elsewhere = [
  [100, 10],
  [101, 10],
  [101, 11],
  [100, 10],
];

const centre = ({ coordinates: [ring] }: Polygon): [number, number] => [
  (Math.min(...ring.map(([x]) => x)) + Math.max(...ring.map(([x]) => x))) / 2,
  (Math.min(...ring.map(([, y]) => y)) + Math.max(...ring.map(([, y]) => y))) / 2,
];
