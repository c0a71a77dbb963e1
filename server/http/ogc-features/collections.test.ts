/** OGC API – Features: collections, their pages of items, and what is refused. */
import { describe, expect, test } from 'vitest';
import { addDoneJob, addScene, fetchJson } from '../../../test/support/http-service.ts';
import { NOWHERE, square, testInterface } from '../../../test/support/http-suite.ts';
import type { FeatureJson, Link } from '../../api/index.ts';

testInterface('collections', (its) => {
  const { get } = its;

  describe('collections', () => {
    test('are described with their extents', async () => {
      const scene = await addScene(its.db);
      await addDoneJob(its.db, scene, [square(100, 100)]);
      const { body } = await get('/collections');
      expect(body.collections.map((collection: { id: string }) => collection.id)).toEqual([
        'buildings',
        'roads',
        'landuse',
      ]);
      expect(body.collections[2].title).toBe('Land use');
      expect(body.collections[1].description).toContain('Centre lines');
      const [west, south, east, north] = body.collections[2].extent.spatial.bbox[0];
      expect(east - west).toBeCloseTo(1e-4, 5);
      expect(north - south).toBeCloseTo(9e-5, 5);
      expect(body.collections[0].extent).toBeUndefined();
      expect((await get('/collections/landuse')).body).toEqual(body.collections[2]);
      const link = body.collections[2].links.find(({ rel }: Link) => rel === 'items').href;
      expect((await fetchJson(link)).body.numberMatched).toBe(1);
    });

    test('page through all of their items once, whatever the size of a page', async () => {
      const scene = await addScene(its.db);
      const squares = Array.from({ length: 25 }, (_, i) => square((i % 5) * 40, Math.floor(i / 5) * 40));
      const { ids } = await addDoneJob(its.db, scene, squares);
      for (const limit of [1, 7, 24, 25, 100]) {
        const seen: string[] = [];
        let address: string | undefined =
          `${its.service.address}/collections/landuse/items?limit=${limit}&class=vegetation`;
        while (address) {
          const { body, headers }: Awaited<ReturnType<typeof fetchJson>> = await fetchJson(address);
          expect(headers.get('content-type')).toContain('application/geo+json');
          expect(body).toMatchObject({ type: 'FeatureCollection', numberMatched: 25 });
          expect(body.numberReturned).toBe(body.features.length);
          seen.push(...body.features.map((feature: FeatureJson) => feature.id));
          address = body.links.find(({ rel }: Link) => rel === 'next')?.href;
        }
        expect(seen).toEqual([...ids].sort());
      }
    });

    test('give a page of thousands in portions, all of it', async () => {
      const scene = await addScene(its.db);
      const squares = Array.from({ length: 2500 }, (_, i) => square((i % 50) * 25, Math.floor(i / 50) * 25));
      const { ids } = await addDoneJob(its.db, scene, squares);
      const { body } = await get('/collections/landuse/items?limit=2300');
      expect([body.numberMatched, body.numberReturned]).toEqual([2500, 2300]);
      const next = await fetchJson(body.links.find(({ rel }: Link) => rel === 'next').href);
      const seen = [...body.features, ...next.body.features].map((feature) => feature.id);
      expect(seen.slice(0, 2400)).toEqual([...ids].sort().slice(0, 2400));
      expect((await get('/collections/landuse/items?limit=99999')).body.numberReturned).toBe(2500);
    });

    test('are filtered by box, class, job and scene', async () => {
      const scene = await addScene(its.db);
      const { job, ids } = await addDoneJob(its.db, scene, [
        square(0, 0, 'water'),
        square(1000, 1000, 'vegetation'),
        square(1000, 1000, 'building', 'buildings'),
      ]);
      const found = async (query: string) => {
        const { body } = await get(`/collections/landuse/items?${query}`);
        return body.features.map((feature: FeatureJson) => feature.id);
      };
      const feature = (await get(`/collections/landuse/items/${ids[1]}`)).body;
      const [lon, lat] = feature.geometry.coordinates[0][0];
      const box = [lon - 1e-4, lat - 1e-4, lon + 1e-4, lat + 1e-4];
      expect(await found(`bbox=${box}`)).toEqual([ids[1]]);
      expect(await found(`bbox=${box[0]},${box[1]},-5,${box[2]},${box[3]},5`)).toEqual([ids[1]]);
      expect(await found('bbox=170,-80,-170,80')).toEqual([]);
      expect(await found('class=water')).toEqual([ids[0]]);
      expect(await found(`job=${job}&scene=${scene}`)).toHaveLength(2);
      expect(await found(`job=${NOWHERE}`)).toEqual([]);
      expect(await found(`datetime=2020-01-01T00:00:00Z/..`)).toHaveLength(2);
    });

    test('are passed over by offset, as clients that count pages ask', async () => {
      const scene = await addScene(its.db);
      const { ids } = await addDoneJob(
        its.db,
        scene,
        [0, 1, 2, 3, 4].map((i) => square(30 * i, 0)),
      );
      const sorted = [...ids].sort();
      const seen: string[] = [];
      for (let offset = 0; offset < 6; offset += 2) {
        const { body } = await get(`/collections/landuse/items?limit=2&offset=${offset}`);
        expect(body.numberMatched).toBe(5);
        seen.push(...body.features.map(({ id }: FeatureJson) => id));
      }
      expect(seen).toEqual(sorted);
      const { body } = await get('/collections/landuse/items?limit=2&offset=1&sortby=class,-area_m2');
      const next = body.links.find(({ rel }: Link) => rel === 'next').href;
      expect(next).not.toContain('offset');
      const following = (await fetchJson(next)).body.features.map(({ id }: FeatureJson) => id);
      const first = body.features.map(({ id }: FeatureJson) => id);
      expect(new Set([...first, ...following]).size).toBe(4);
      expect((await get(`/collections/landuse/items?offset=5`)).body).toMatchObject({
        numberReturned: 0,
        numberMatched: 5,
      });
      expect(await get(`/collections/landuse/items?f=html&offset=1`, {}).catch(() => null)).toBeNull(); // no JSON
    });

    test('give features as RFC 7946 has them', async () => {
      const scene = await addScene(its.db);
      const hole: [number, number][] = [
        [5, 5],
        [10, 5],
        [10, 10],
        [5, 10],
      ];
      const shape = square(0, 0);
      const { job, ids } = await addDoneJob(its.db, scene, [{ ...shape, rings: [shape.rings[0], hole] }]);
      const { headers, body } = await get(`/collections/landuse/items/${ids[0]}`);
      expect(headers.get('content-type')).toContain('application/geo+json');
      expect(body).toMatchObject({ type: 'Feature', id: ids[0] });
      expect(body.properties).toMatchObject({ collection: 'landuse', job, scene, class: 'vegetation', score: 0.75 });
      expect(body.properties.area_m2).toBeCloseTo((400 - 25) * 0.25, 0);
      const [shell, inner] = body.geometry.coordinates;
      expect(ringArea(shell)).toBeGreaterThan(0);
      expect(ringArea(inner)).toBeLessThan(0);
    });

    test.each([
      'bbox=a,b,c',
      'bbox=1,2,3',
      'bbox=1,2,3,4,5',
      'bbox=1,,3,4',
      'bbox=1,2,3,NaN',
      'bbox=0,10,1,5',
      'bbox=-181,0,1,5',
      'bbox=1,2,3,4&bbox=1,2,3,4',
      'limit=-1',
      'limit=0',
      'limit=1.5',
      'limit=many',
      'limit=',
      'offset=-1',
      'offset=100001',
      'offset=x',
      'offset=1&after=x',
      'sortby=',
      'sortby=class,',
      'sortby=class,colour',
      'after=x',
      'after=%00',
      'class=%00',
      'job=x',
      'datetime=yesterday',
      'f=xml',
      'colour=red',
    ])('refuse items?%s', async (query) => {
      const { status, headers, body } = await get(`/collections/landuse/items?${query}`);
      expect(status).toBe(400);
      expect(headers.get('content-type')).toContain('application/problem+json');
      expect(body).toMatchObject({ code: 'bad_request', detail: expect.stringMatching(/\.$/) });
    });
  });
});

/** Twice the signed area of a ring, positive counter-clockwise. */
function ringArea(ring: [number, number][]): number {
  return ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i][0] * y - x * ring[i][1], 0);
}
