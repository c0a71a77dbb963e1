import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { VectorTile } from '@mapbox/vector-tile';
import { PbfReader } from 'pbf';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import {
  addDoneJob,
  addScene,
  fetchJson,
  startService,
  type TestFeature,
  type TestService,
} from '../../../test/support/http-service.ts';
import { sparsePath } from '../../../tiler/geotiff/write-tiff.ts';
import type { FeatureJson } from '../../api/index.ts';
import { updateJob } from '../../store/tables/jobs.ts';
import { getScene } from '../../store/tables/scenes.ts';
import { EXTENT } from '../../tiles/tile-grid.ts';
import { mercatorX, mercatorY } from '../../tiles/web-mercator.ts';

describe.each(testEngines())('tiles on $name', ({ open }) => {
  let database: Awaited<ReturnType<typeof open>>;
  let service: TestService;
  let scene: string;
  let bbox: [number, number, number, number];
  let middle: [number, number];

  beforeAll(async () => {
    database = await open();
  });
  beforeEach(async () => {
    await database.db.query('DELETE FROM planimeter.scenes');
    service = await startService(database.db);
    scene = await addScene(database.db);
    await storeFile(`scenes/${scene}/working.tif`);
    bbox = (await getScene(database.db, scene))!.bbox!;
    middle = [(bbox[0] + bbox[2]) / 2, (bbox[1] + bbox[3]) / 2];
  });
  afterEach(() => service.close());
  afterAll(() => database.drop());

  const storeFile = async (key: string) => {
    await mkdir(dirname(service.files.path(key)), { recursive: true });
    await writeFile(service.files.path(key), 'a raster');
    await service.files.put(key);
  };
  const tileAt = (z: number, [lon, lat]: readonly number[]) => {
    return { z, x: Math.floor(mercatorX(lon) * 2 ** z), y: Math.floor(mercatorY(lat) * 2 ** z) };
  };
  const vectorTile = async (job: string, { z, x, y }: ReturnType<typeof tileAt>) => {
    const response = await fetch(`${service.address}/tiles/${job}/${z}/${x}/${y}.mvt`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { response, layers: new VectorTile(new PbfReader(bytes)).layers };
  };

  describe('of features', () => {
    test('are described by TileJSON', async () => {
      const { job } = await addDoneJob(database.db, scene, coverage());
      const { body } = await fetchJson(`${service.address}/tiles/${job}.json`);
      expect(body).toMatchObject({ tilejson: '3.0.0', bounds: bbox, minzoom: 13, maxzoom: 18 });
      expect(body.vector_layers.map(({ id }: { id: string }) => id)).toEqual([
        'landuse',
        'roads',
        'buildings',
        'objects',
      ]);
      const { x, y } = tileAt(16, middle);
      const address = body.tiles[0].replace('{z}', '16').replace('{x}', x).replace('{y}', y);
      expect((await fetch(address)).status).toBe(200);
    });

    test('hold the polygons that were stored, to half a unit of the grid', async () => {
      const { job, ids } = await addDoneJob(database.db, scene, coverage());
      const tile = tileAt(14, middle);
      const { response, layers } = await vectorTile(job, tile);
      expect(response.headers.get('content-type')).toBe('application/vnd.mapbox-vector-tile');
      const { landuse } = layers;
      expect(landuse.length).toBe(ids.length);
      const { body } = await fetchJson(`${service.address}/collections/landuse/items?limit=200`);
      const items = new Map<string, FeatureJson>(body.features.map((item: FeatureJson) => [item.id, item]));
      const scale = EXTENT * 2 ** tile.z;
      let farthest = 0;
      let compared = 0;
      for (let i = 0; i < landuse.length; i++) {
        const decoded = landuse.feature(i);
        const stored = items.get(decoded.properties.id as string)!;
        expect(decoded.properties.class).toBe(stored.properties.class);
        expect(decoded.properties.area_m2!).toBeCloseTo(stored.properties.area_m2!, 0);
        const vertices = decoded.loadGeometry()[0];
        for (const [lon, lat] of stored.geometry.coordinates[0] as [number, number][]) {
          const [px, py] = [mercatorX(lon) * scale - tile.x * EXTENT, mercatorY(lat) * scale - tile.y * EXTENT];
          // Beyond the tile's buffer the polygon is cut off.
          if (Math.max(Math.abs(px - EXTENT / 2), Math.abs(py - EXTENT / 2)) > EXTENT / 2 + 60) continue;
          compared++;
          const distances = vertices.map(({ x, y }) => Math.max(Math.abs(x - px), Math.abs(y - py)));
          farthest = Math.max(farthest, Math.min(...distances));
        }
      }
      expect(compared).toBeGreaterThan(100);
      expect(farthest).toBeLessThanOrEqual(0.5 + 1e-6);
    });

    test('share borders between neighbours where tiles cut through them', async () => {
      const { job } = await addDoneJob(database.db, scene, coverage(40));
      const { z, x, y } = tileAt(18, middle);
      const steps = [-1, 0, 1];
      let inside = 0;
      for (const tile of steps.flatMap((dx) => steps.map((dy) => ({ z, x: x + dx, y: y + dy })))) {
        const { landuse } = (await vectorTile(job, tile)).layers;
        const edges = new Set<string>();
        for (let i = 0; i < landuse.length; i++) {
          for (const ring of landuse.feature(i).loadGeometry()) {
            for (const [j, end] of ring.slice(1).entries()) edges.add(`${ring[j].x},${ring[j].y} ${end.x},${end.y}`);
          }
        }
        for (const edge of edges) {
          const [from, to] = edge.split(' ');
          if (![from, to].every((point) => point.split(',').every((value) => +value >= 0 && +value <= EXTENT)))
            continue;
          expect(edges, `${edge} of ${JSON.stringify(tile)}`).toContain(`${to} ${from}`);
          inside++;
        }
      }
      expect(inside).toBeGreaterThan(100);
    });

    test('leave out what is too small to see, and are empty outside of the scene', async () => {
      const { job, ids } = await addDoneJob(database.db, scene, [...coverage(), tinySquare(1000, 1000)]);
      const shown = async (z: number) => (await vectorTile(job, tileAt(z, middle))).layers.landuse.length;
      expect(await shown(14)).toBe(ids.length - 1);
      const near = (await vectorTile(job, tileAt(18, middle))).layers.landuse;
      const found = Array.from({ length: near.length }, (_, i) => near.feature(i).properties.id);
      expect(found).toContain(ids.at(-1));
      for (const { z, x, y } of [tileAt(14, [0, 0]), tileAt(5, middle), tileAt(24, [10, 10])]) {
        expect((await fetch(`${service.address}/tiles/${job}/${z}/${x}/${y}.mvt`)).status).toBe(204);
      }
    });

    test('are compressed for those who accept it, and not sent twice', async () => {
      const { job } = await addDoneJob(database.db, scene, coverage());
      const { z, x, y } = tileAt(15, middle);
      const address = `${service.address}/tiles/${job}/${z}/${x}/${y}.mvt`;
      const plain = await fetch(address, { headers: { 'Accept-Encoding': 'identity' } });
      const packed = await fetch(address, { headers: { 'Accept-Encoding': 'gzip' } });
      expect([plain.headers.get('content-encoding'), packed.headers.get('content-encoding')]).toEqual([null, 'gzip']);
      expect(new Uint8Array(await packed.arrayBuffer())).toEqual(new Uint8Array(await plain.arrayBuffer()));
      expect(packed.headers.get('vary')).toContain('Accept-Encoding');
      expect(packed.headers.get('cache-control')).toContain('immutable');
      const again = await fetch(address, { headers: notNew(packed) });
      expect(again.status).toBe(304);
    });

    test('of a job that is not done are empty and not kept', async () => {
      const headers = { 'Content-Type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify({ scene }) };
      const { id } = (await fetchJson(`${service.address}/jobs`, init)).body;
      const { response } = await vectorTile(id, tileAt(15, middle));
      expect([response.status, response.headers.get('cache-control')]).toEqual([204, 'no-store']);
      expect((await fetchJson(`${service.address}/tiles/${id}.json`)).body.code).toBe('conflict');
    });
  });

  describe('of imagery', () => {
    const imagery = (path: string, init?: RequestInit) => fetch(`${service.address}/imagery/${scene}/${path}`, init);

    test('are described by TileJSON', async () => {
      const { body } = await fetchJson(`${service.address}/imagery/${scene}.json`);
      expect(body).toMatchObject({ tilejson: '3.0.0', bounds: bbox, minzoom: 13, maxzoom: 18 });
      expect(body.tiles[0]).toBe(`${service.address}/imagery/${scene}/{z}/{x}/{y}.webp`);
    });

    test.each([
      ['webp', '', 256, 'image/webp'],
      ['png', '', 256, 'image/png'],
      ['jpg', '@2x', 512, 'image/jpeg'],
    ])('come as %s%s', async (format, density, size, type) => {
      const { z, x, y } = tileAt(17, middle);
      const response = await imagery(`${z}/${x}/${y}${density}.${format}`);
      expect(response.headers.get('content-type')).toBe(type);
      expect(await response.text()).toBe(`fake ${format} of ${size} pixels`);
      const [{ path, controlGrid }] = service.rendered;
      expect(path).toBe(service.files.path(`scenes/${scene}/working.tif`));
      expect(controlGrid.x).toHaveLength((controlGrid.cells + 1) ** 2);
      // The tile lies around the middle of the scene, 500 m from its left side.
      expect(Math.min(...controlGrid.x)).toBeLessThan(326_505);
      expect(Math.max(...controlGrid.x)).toBeGreaterThan(326_495);
      const again = await imagery(`${z}/${x}/${y}${density}.${format}`, { headers: notNew(response) });
      expect(again.status).toBe(304);
      expect(service.rendered).toHaveLength(1);
    });

    test('are empty outside of the scene, without rendering', async () => {
      const { z, x, y } = tileAt(17, [0, 0]);
      expect((await imagery(`${z}/${x}/${y}.png`)).status).toBe(204);
      expect((await imagery('0/0/0.png')).status).toBe(204);
      expect(service.rendered).toEqual([]);
    });

    test.each([
      ['bands=3,2,1', { bands: [3, 2, 1] }],
      ['bands=2', { bands: [2, 2, 2] }],
      ['stretch=percentile', { stretch: 'percentile' }],
      [
        'bands=1,1,3&stretch=0,3000',
        {
          bands: [1, 1, 3],
          stretch: [
            [0, 3000],
            [0, 3000],
            [0, 3000],
          ],
        },
      ],
      [
        'stretch=0,1,2,3,5,-4.5',
        {
          stretch: [
            [0, 1],
            [2, 3],
            [5, -4.5],
          ],
        },
      ],
    ])('show other bands and stretches: %s', async (query, view) => {
      const { body } = await fetchJson(`${service.address}/imagery/${scene}.json?${query}`);
      const { z, x, y } = tileAt(17, middle);
      const address = body.tiles[0].replace('{z}', z).replace('{x}', x).replace('{y}', y);
      const response = await fetch(address);
      expect(response.status).toBe(200);
      expect(service.rendered[0].view).toEqual(view);
      expect(response.headers.get('etag')).not.toBe((await imagery(`${z}/${x}/${y}.webp`)).headers.get('etag'));
    });

    test.each([
      'bands=0,1,2',
      'bands=1,2,4',
      'bands=1,2',
      'bands=',
      'bands=red',
      'bands=1&bands=2',
      'stretch=',
      'stretch=1',
      'stretch=1,1',
      'stretch=1,2,3',
      'stretch=0,Infinity',
      'stretch=0,1,2,3,4,',
      'stretch=constructor',
      'band=1',
    ])('refuse %s', async (query) => {
      const { z, x, y } = tileAt(17, middle);
      for (const path of [`${scene}.json`, `${scene}/${z}/${x}/${y}.png`]) {
        const { body } = await fetchJson(`${service.address}/imagery/${path}?${query}`);
        expect(body).toMatchObject({ status: 400, code: 'bad_request' });
      }
      expect(service.rendered).toEqual([]);
    });

    test('are enlarged by two zooms at most', async () => {
      const at = ({ z, x, y }: ReturnType<typeof tileAt>) => imagery(`${z}/${x}/${y}.png`);
      expect((await at(tileAt(20, middle))).status).toBe(200);
      expect((await at(tileAt(21, middle))).status).toBe(404);
    });

    test('of a scene that is not read yet are a conflict', async () => {
      const waiting = await addScene(database.db, { ready: false });
      for (const path of ['.json', '/0/0/0.png']) {
        expect((await fetchJson(`${service.address}/imagery/${waiting}${path}`)).body.code).toBe('conflict');
      }
    });
  });

  describe.each(['classes', 'scores'])('of %s', (map) => {
    test('are described by TileJSON, and kept once the job is done', async () => {
      const { job } = await addDoneJob(database.db, scene, []);
      await storeFile(`jobs/${job}/${map}.tif`);
      const { body } = await fetchJson(`${service.address}/jobs/${job}/${map}.json`);
      expect(body).toMatchObject({ tilejson: '3.0.0', bounds: bbox, minzoom: 13, maxzoom: 18 });
      const { z, x, y } = tileAt(17, middle);
      const address = body.tiles[0].replace('{z}', z).replace('{x}', x).replace('{y}', y);
      const response = await fetch(address);
      expect(response.headers.get('content-type')).toBe('image/png');
      expect(response.headers.get('cache-control')).toContain('max-age');
      const [{ path, palette }] = service.rendered;
      expect(path).toBe(service.files.path(`jobs/${job}/${map}.tif`));
      expect(palette!.get(1)).toEqual(map === 'classes' ? [0xcc, 0x44, 0x44, 255] : [68, 2, 85, 255]);
      expect((await fetch(address, { headers: notNew(response) })).status).toBe(304);
      expect(service.rendered).toHaveLength(1);
    });

    test('of a running job are asked for again each time; of a waiting one they are empty', async () => {
      const headers = { 'Content-Type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify({ scene }) };
      const { id } = (await fetchJson(`${service.address}/jobs`, init)).body;
      const { z, x, y } = tileAt(17, middle);
      const tile = (headers = {}) => fetch(`${service.address}/jobs/${id}/${map}/${z}/${x}/${y}@2x.webp`, { headers });
      expect((await tile()).status).toBe(204);
      expect(service.rendered).toEqual([]);
      await updateJob(database.db, id, { state: 'running' });
      const first = await tile();
      expect([first.status, first.headers.get('cache-control')]).toEqual([200, 'private, no-cache']);
      expect((await tile(notNew(first))).status).toBe(304);
      expect(service.rendered.map(({ size }) => size)).toEqual([512, 512]);
      // Where the map is being written, it is drawn again only when more of it is there.
      const growing = sparsePath(service.files.path(`jobs/${id}/${map}.tif`));
      await mkdir(dirname(growing), { recursive: true });
      await writeFile(growing, 'one row');
      const part = await tile();
      expect((await tile(notNew(part))).status).toBe(304);
      expect(service.rendered).toHaveLength(3);
      await utimes(growing, 1, 1);
      expect((await tile(notNew(part))).status).toBe(200);
      // In shards, the finished ones and those that grow are drawn together.
      const shard = (file: string) => service.files.path(`jobs/${id}/shards/${file}`);
      const shards = [shard(`0/${map}.tif`), shard(`2/${map}.tif.growing`)];
      for (const path of [...shards, shard('2/other.tif')]) {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, 'a shard');
      }
      const parts = await tile();
      expect(service.rendered.at(-1)?.shards).toEqual(shards);
      expect((await tile(notNew(parts))).status).toBe(304);
      await utimes(shards[1], 1, 1);
      expect((await tile(notNew(parts))).status).toBe(200);
    });
  });

  test('of a map whose network was removed have the colours that it had', async () => {
    const { job } = await addDoneJob(database.db, scene, []);
    await database.db.query(
      `UPDATE planimeter.jobs SET model = 'removed', report = jsonb_set(report, '{classes}', $2::jsonb) WHERE id = $1`,
      [job, JSON.stringify([{ value: 1, name: 'shed', color: '#123456' }])],
    );
    await storeFile(`jobs/${job}/classes.tif`);
    const { z, x, y } = tileAt(17, middle);
    expect((await fetch(`${service.address}/jobs/${job}/classes/${z}/${x}/${y}.png`)).status).toBe(200);
    expect(service.rendered.at(-1)!.palette!.get(1)).toEqual([0x12, 0x34, 0x56, 255]);
  });

  test.each([
    ['a zoom beyond all', '99/0/0'],
    ['a huge zoom', '999999999999999999999/0/0'],
    ['a column beyond the last', '3/8/0'],
    ['a row beyond the last', '3/0/8'],
    ['a huge row', '3/0/1e9'],
    ['a negative column', '3/-1/0'],
    ['a fraction', '3/1.5/0'],
    ['a word', 'z/x/y'],
    ['nothing', '3/%20/0'],
  ])('are refused for %s', async (_what, address) => {
    const { job } = await addDoneJob(database.db, scene, []);
    const paths = [
      `tiles/${job}/${address}.mvt`,
      `imagery/${scene}/${address}.png`,
      `jobs/${job}/classes/${address}.png`,
    ];
    for (const path of paths) {
      const { status, body } = await fetchJson(`${service.address}/${path}`);
      expect([status, body.code]).toEqual([400, 'bad_request']);
    }
  });

  test.each(['0/0/0.gif', '0/0/0@3x.png', '0/0/0@2x@2x.png', '0/0/0.constructor', '0/0/0.png?size=9'])(
    'are refused as %s',
    async (path) => {
      const { body } = await fetchJson(`${service.address}/imagery/${scene}/${path}`);
      expect(body).toMatchObject({ status: 400, code: 'bad_request' });
    },
  );
});

/** Headers of somebody who has this answer; without the second one, fetch would ask for a new one. */
function notNew(response: Response): Record<string, string> {
  return { 'If-None-Match': response.headers.get('etag')!, 'Cache-Control': 'max-age=0' };
}

/** The scene cut into cells with bent corners that neighbours share. */
function coverage(cells = 12): TestFeature[] {
  const side = 2000 / cells;
  const bend = (column: number, row: number) => {
    const inside = column > 0 && column < cells && row > 0 && row < cells;
    return inside ? (((column * 7919 + row * 104_729) % 101) / 101 - 0.5) * side * 0.4 : 0;
  };
  const node = (column: number, row: number): [number, number] => {
    return [column * side + bend(column, row), row * side + bend(row, column)];
  };
  const classes = ['other', 'vegetation', 'water'];
  return Array.from({ length: cells * cells }, (_, i) => {
    const [column, row] = [i % cells, Math.floor(i / cells)];
    const ring = [node(column, row), node(column, row + 1), node(column + 1, row + 1), node(column + 1, row)];
    return { collection: 'landuse', class: classes[i % 3], rings: [ring] };
  });
}

function tinySquare(x: number, y: number): TestFeature {
  const ring: [number, number][] = [
    [x, y],
    [x, y + 2],
    [x + 2, y + 2],
    [x + 2, y],
  ];
  return { collection: 'landuse', class: 'water', rings: [ring] };
}
