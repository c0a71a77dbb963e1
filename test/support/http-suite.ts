/** The interface on each database, empty before each test, with the words that the tests of the routes share. */
import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import type { Database } from '../../server/store/database/database.ts';
import { testEngines } from './databases.ts';
import { fetchJson, startService, type TestFeature, type TestService } from './http-service.ts';

export interface Interface {
  db: Database;
  service: TestService;
  get(path: string, init?: RequestInit): ReturnType<typeof fetchJson>;
  post(path: string, body?: unknown): ReturnType<typeof fetchJson>;
  remove(path: string): Promise<Response>;
}

export const NOWHERE = '00000000-0000-4000-8000-000000000000';

/** `db` and `service` of what is handed on are there once a test runs. */
export function testInterface(title: string, define: (its: Interface) => void): void {
  describe.each(testEngines())(`${title} on $name`, ({ open }) => {
    let drop: () => Promise<void>;
    const get: Interface['get'] = (path, init) => fetchJson(its.service.address + path, init);
    const post: Interface['post'] = (path, body) => {
      const headers = { 'Content-Type': 'application/json' };
      return get(path, { method: 'POST', ...(body !== undefined && { headers, body: JSON.stringify(body) }) });
    };
    const remove: Interface['remove'] = (path) => fetch(its.service.address + path, { method: 'DELETE' });
    const its = { get, post, remove } as Interface;

    beforeAll(async () => {
      const { db, drop: dropIt } = await open();
      drop = dropIt;
      its.db = db;
    });
    beforeEach(async () => {
      await its.db.query('DELETE FROM planimeter.scenes');
      its.service = await startService(its.db);
    });
    afterEach(() => its.service.close());
    afterAll(() => drop());
    define(its);
  });
}

/** A square of the scene, 20 pixels a side. */
export const square = (x: number, y: number, name = 'vegetation', collection = 'landuse'): TestFeature => ({
  collection,
  class: name,
  rings: [[[x, y], [x, y + 20], [x + 20, y + 20], [x + 20, y]]], // biome-ignore format: a ring
});
