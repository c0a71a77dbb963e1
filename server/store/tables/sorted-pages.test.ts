/** Pages sorted by several properties, with ties, nulls and ids that two jobs share, against a plain sort. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { polygonWkb, rectangle, seeded } from '../../../test/support/geometry.ts';
import type { FeatureJson, JobReport } from '../../api/index.ts';
import type { Database } from '../database/database.ts';
import { type FeatureRow, insertFeatures, publishJob } from './features.ts';
import { MOST_SORT_KEYS, queryItems, SORTABLES, type SortKey } from './items.ts';
import { insertJob } from './jobs.ts';
import { insertScene, updateScene } from './scenes.ts';

const COLLECTION = 'sorted';
const PROPERTIES = ['class', 'score', 'area_m2', 'width_m', 'orientation_deg', 'captured_at', 'review', 'id', 'job'];

describe.each(testEngines())('on $name', ({ open }) => {
  let db: Database;
  let drop: () => Promise<void>;
  /** In the order of ids, then of jobs as they were made. */
  let all: FeatureJson[];

  beforeAll(async () => {
    ({ db, drop } = await open());
    const random = seeded(22);
    const some = <T>(...values: T[]): T => values[Math.floor(values.length * random())]!;
    const ids = Array.from({ length: 30 }, () => randomUUID());
    for (const capturedAt of ['2020-05-01T12:00:00', null]) {
      const [scene, job] = [randomUUID(), randomUUID()];
      await insertScene(db, { id: scene, name: 'a', upload: null, sha256: scene, bytes: 1 });
      await updateScene(db, scene, { report: { capturedAt } as never });
      await insertJob(db, { id: job, scene, model: 'm', parameters: {} });
      const rows = ids.map((id): FeatureRow => {
        const [x, side] = [10 * random(), some(0.001, 0.002)];
        const review = some({}, { review: 'accepted' }, { review: 'rejected' });
        const width = some({}, { width_m: 3 }, { width_m: 4.25 }, { width_m: 1e-7 });
        return {
          ...{ id, collection: COLLECTION, class: some('a', 'b', 'c'), score: some(0.1, 0.5, 0.9) },
          properties: { ...review, ...width, ...some({}, { orientation_deg: some(0, 12.3, 89.9) }) },
          wkb: polygonWkb(rectangle(x, 0, x + side, side)),
        };
      });
      await insertFeatures(db, { id: job, epsg: 4326 }, rows);
      await publishJob(db, job, {} as JobReport);
    }
    all = (await queryItems(db, COLLECTION, { limit: 100 })).features;
    expect(all.length).toBe(60);
  });
  afterAll(() => drop());

  const propertyOf = ({ id, properties }: FeatureJson, name: string): string | number | undefined =>
    name === 'id' ? id : (properties as unknown as Record<string, string | number | undefined>)[name];

  /** Stable, so that what is equal stays in the order of ids and jobs; what has no value comes last. */
  function sorted(keys: readonly SortKey[]): FeatureJson[] {
    return all.toSorted((a, b) => {
      for (const { property, descending } of keys) {
        const [left, right] = [propertyOf(a, property), propertyOf(b, property)];
        if (left === right) continue;
        if (left === undefined || right === undefined) return left === undefined ? 1 : -1;
        return left < right === descending ? 1 : -1;
      }
      return 0;
    });
  }
  const names = (features: readonly FeatureJson[]) => features.map(({ id, properties }) => `${id}/${properties.job}`);

  test('every feature stands on one page, where a plain sort has it', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = seeded(seed);
      const keys = Array.from(
        { length: 1 + Math.floor(4 * random()) },
        (): SortKey => ({
          property: PROPERTIES[Math.floor(PROPERTIES.length * random())]!,
          descending: random() < 0.5,
        }),
      );
      const said = `seed ${seed}: ${JSON.stringify(keys)}`;
      const expected = names(sorted(keys));
      const limit = 1 + Math.floor(25 * random());
      const found: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await queryItems(db, COLLECTION, { limit, after, sort: keys });
        expect(page.matched, said).toBe(60);
        found.push(...names(page.features));
        if (page.next === null) break;
        after = page.next;
      }
      expect(found, said).toEqual(expected);
      const offset = Math.floor(70 * random());
      const { features } = await queryItems(db, COLLECTION, { limit, offset, sort: keys });
      expect(names(features), `${said}, offset ${offset}`).toEqual(expected.slice(offset, offset + limit));
    }
  }, 60_000);

  test('a page of another order, more properties than the limit, and unknown ones are refused', async () => {
    const by = (...properties: string[]): SortKey[] => properties.map((property) => ({ property, descending: false }));
    const { next } = await queryItems(db, COLLECTION, { limit: 1, sort: by('class', 'score') });
    for (const sort of [[], by('class'), by('score', 'class'), by('class', 'score', 'id')]) {
      await expect(queryItems(db, COLLECTION, { limit: 1, after: next!, sort })).rejects.toThrow('page is not known');
    }
    await expect(queryItems(db, COLLECTION, { limit: 1, sort: by('class', 'colour') })).rejects.toThrow(
      /sorted by .*captured_at.*, not by "colour"/,
    );
    const many = SORTABLES.slice(0, MOST_SORT_KEYS + 1);
    await expect(queryItems(db, COLLECTION, { limit: 1, sort: by(...many) })).rejects.toThrow('at most 8');
    const twice = await queryItems(db, COLLECTION, {
      limit: 60,
      sort: [...by('class'), { property: 'class', descending: true }],
    });
    expect(names(twice.features)).toEqual(names(sorted(by('class'))));
  });
});
