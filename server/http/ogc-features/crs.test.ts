import type { Polygon } from 'geojson';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addDoneJob, addScene, fetchJson, startService, type TestService } from '../../../test/support/http-service.ts';
import type { FeatureJson } from '../../api/index.ts';
import type { Database } from '../../store/database/database.ts';

const CRS84 = 'http://www.opengis.net/def/crs/OGC/1.3/CRS84';
const epsg = (code: number) => `http://www.opengis.net/def/crs/EPSG/0/${code}`;
const SIDE = 10;

describe.each(testEngines())('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  let service: TestService;
  let ids: string[];

  beforeAll(async () => {
    ({ db, drop } = await open());
    service = await startService(db);
    const scene = await addScene(db);
    const square = (x: number): [number, number][][] => [
      [
        [x, 0],
        [x, SIDE],
        [x + SIDE, SIDE],
        [x + SIDE, 0],
      ],
    ];
    const rings = [0, 100].map((x) => ({ collection: 'landuse', class: 'water', rings: square(x) }));
    ({ ids } = await addDoneJob(db, scene, rings));
  });
  afterAll(async () => {
    await service.close();
    await drop();
  });

  const items = (query: Record<string, string>) =>
    fetchJson(`${service.address}/collections/landuse/items?${new URLSearchParams(query)}`);
  const ringOf = ({ geometry }: FeatureJson) => (geometry as Polygon).coordinates[0] as [number, number][];

  test('a collection names its systems, of which the zone of its scene is one', async () => {
    const { body } = await fetchJson(`${service.address}/collections/landuse`);
    expect(body.crs).toEqual([CRS84, epsg(4326), epsg(3857), epsg(32640)]);
    expect(body.storageCrs).toBe(CRS84);
  });

  test('items come in the system asked for, with its axes, and say which it is', async () => {
    const plain = await items({});
    expect(plain.headers.get('content-crs')).toBe(`<${CRS84}>`);
    const swapped = await items({ crs: epsg(4326) });
    expect(swapped.headers.get('content-crs')).toBe(`<${epsg(4326)}>`);
    const [lon, lat] = ringOf(plain.body.features[0])[0]!;
    expect(ringOf(swapped.body.features[0])[0]).toEqual([lat, lon]);

    const mercator = ringOf((await items({ crs: epsg(3857) })).body.features[0]);
    const radius = 6378137;
    expect(mercator[0]![0]).toBeCloseTo((lon * Math.PI * radius) / 180, 1);
    expect(mercator[0]![1]).toBeCloseTo(Math.asinh(Math.tan((lat * Math.PI) / 180)) * radius, 1);

    const one = await fetchJson(
      `${service.address}/collections/landuse/items/${ids[0]}?${new URLSearchParams({ crs: epsg(32640) })}`,
    );
    expect(one.headers.get('content-crs')).toBe(`<${epsg(32640)}>`);
    const xs = ringOf(one.body).map(([x]) => x);
    // Of pixels of half a metre; as found, but for the millimetres of degrees.
    expect(Math.max(...xs) - Math.min(...xs)).toBeCloseTo(SIDE * 0.5, 2);
  });

  test('a box in another system finds what lies in it, and no more', async () => {
    const zone = (await items({ crs: epsg(32640) })).body.features as FeatureJson[];
    const swapped = (await items({ crs: epsg(4326) })).body.features as FeatureJson[];
    for (const [features, code] of [
      [zone, 32640],
      [swapped, 4326],
    ] as const) {
      for (const feature of features) {
        const xs = ringOf(feature).map(([x]) => x);
        const ys = ringOf(feature).map(([, y]) => y);
        const box = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)].join(',');
        const found = await items({ bbox: box, 'bbox-crs': epsg(code) });
        expect(
          found.body.features.map(({ id }: FeatureJson) => id),
          `EPSG:${code}`,
        ).toEqual([feature.id]);
        expect(found.body.numberMatched).toBe(1);
      }
    }
    const [x, y] = ringOf(zone[0]!)[0]!;
    const far = await items({ bbox: `${x + 5000},${y},${x + 5100},${y + 100}`, 'bbox-crs': epsg(32640) });
    expect(far.body.numberMatched).toBe(0);
  });

  test.each([
    { crs: epsg(2056) },
    { crs: 'EPSG:4326' },
    { bbox: '1,2,3', 'bbox-crs': epsg(3857) },
    { bbox: '5,5,1,1', 'bbox-crs': epsg(3857) },
    { bbox: '1e300,1e300,1e301,1e301', 'bbox-crs': epsg(32640) },
  ])('%o is refused', async (query) => {
    expect(await items(query)).toMatchObject({ status: 400, body: { code: 'bad_request' } });
  });

  test('pages keep the system', async () => {
    const { body } = await items({ crs: epsg(3857), limit: '1' });
    expect(body.features).toHaveLength(1);
    expect(body.links.find(({ rel }: { rel: string }) => rel === 'next').href).toContain(
      encodeURIComponent(epsg(3857)),
    );
  });
});
