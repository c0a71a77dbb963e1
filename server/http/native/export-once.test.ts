/** Downloads that are given up: when the last who waits for a file has gone, no more is asked of the database, and nothing lies about. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { addDoneJob, addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import type { Database } from '../../store/database/database.ts';
import { openDatabase } from '../../store/database/open-database.ts';

const SQUARE: [number, number][] = [
  [0, 0],
  [0, 9],
  [9, 9],
];
/** More than a page of rows holds. */
const FEATURES = 600;

let db: Database;
let service: TestService;
let job: string;
/** Pages of rows that were asked for; none is given before `open`. */
let pages = 0;
let gate = Promise.withResolvers<void>();

beforeAll(async () => {
  db = await openDatabase({});
  const slow: Database = {
    ...db,
    within: (scope) => {
      const own = db.within(scope);
      return {
        ...own,
        query: async (sql, ...rest) => {
          if (/AS geometry\s+FROM planimeter\.features/.test(sql)) {
            pages++;
            await gate.promise;
          }
          return own.query(sql, ...rest);
        },
      };
    },
  };
  service = await startService(slow);
  const scene = await addScene(db);
  const features = new Array(FEATURES).fill({ collection: 'landuse', class: 'water', rings: [SQUARE] });
  ({ job } = await addDoneJob(db, scene, features));
});
beforeEach(() => {
  pages = 0;
  gate = Promise.withResolvers<void>();
});
afterAll(async () => {
  await service.close();
  await db.close();
});

const address = (ending: string) => `${service.address}/jobs/${job}/export.${ending}`;
const lying = () => readdir(join(service.folder, 'jobs', job, 'exports')).catch(() => []);

/** A request that has been given up, once the file it wanted is being written. */
async function giveUp(ending: string): Promise<void> {
  const client = new AbortController();
  const asked = fetch(address(ending), { signal: client.signal });
  asked.catch(() => {});
  await vi.waitFor(() => expect(pages).toBe(1), 20_000);
  expect(await lying()).not.toEqual([]);
  client.abort();
  await expect(asked).rejects.toThrow();
}

test.each(['fgb', 'shp.zip', 'gpkg', 'parquet', 'csv', 'geojson'])('%s is written no further', async (ending) => {
  const before = (await lying()).filter((name) => !name.includes(ending));
  await giveUp(ending);
  // The service learns of it when it next looks at the connection.
  await new Promise((resolve) => setTimeout(resolve, 50));
  gate.resolve();
  await vi.waitFor(async () => expect(await lying()).toEqual(before), 20_000);
  expect(pages).toBe(1);
});

test('who else waits gets the whole file, and so does who comes after it was given up', async () => {
  const waiting = fetch(address('geojsonl'));
  await giveUp('geojsonl');
  gate.resolve();
  const lines = (text: string) => text.trimEnd().split('\n').length;
  expect(lines(await (await waiting).text())).toBe(FEATURES);

  pages = 0;
  gate = Promise.withResolvers<void>();
  await giveUp('fgb');
  const next = fetch(address('fgb'));
  gate.resolve();
  expect((await (await next).arrayBuffer()).byteLength).toBeGreaterThan(FEATURES * 100);
  expect((await lying()).sort()).toEqual(['landuse.fgb', 'landuse.geojsonl']);
});
