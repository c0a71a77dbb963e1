/** A statement of a request that runs away is ended by PostgreSQL, and said so; exports and changes take their time. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import {
  addDoneJob,
  addScene,
  fetchJson,
  startService,
  type TestFeature,
  type TestService,
} from '../../../test/support/http-service.ts';
import { DEFAULT_LIMITS } from '../../operations/quotas.ts';

const STATEMENT_SECONDS = 2;
/** So many areas of so many corners, compared with so many others, keep PostgreSQL busy for longer by far. */
const [FEATURES, CORNERS, COMPARED] = [100, 2000, 60];

const STAR: TestFeature = {
  ...{ collection: 'landuse', class: 'water' },
  rings: [
    Array.from({ length: CORNERS }, (_, i) => {
      const [radius, angle] = [i % 2 === 0 ? 900 : 500, (-2 * Math.PI * i) / CORNERS];
      return [1000 + radius * Math.cos(angle), 1000 + radius * Math.sin(angle)] as [number, number];
    }),
  ],
};

describe.each(testEngines().filter(({ name }) => name === 'postgresql'))('on $name', ({ open }) => {
  let opened: Awaited<ReturnType<typeof open>>;
  let service: TestService;
  let job: string;
  beforeAll(async () => {
    opened = await open();
    service = await startService(opened.db, { limits: { ...DEFAULT_LIMITS, statementSeconds: STATEMENT_SECONDS } });
    const scene = await addScene(opened.db);
    ({ job } = await addDoneJob(opened.db, scene, new Array(FEATURES).fill(STAR)));
  });
  afterAll(async () => {
    await service.close();
    await opened.drop();
  });

  /** All areas overlap all of these, each a little narrower than the one before. */
  async function runawayFilter(): Promise<string> {
    const [box] = await opened.db.query<{ x: number; y: number; width: number; south: number }>(
      `SELECT (ST_XMin(e) + ST_XMax(e)) / 2 AS x, (ST_YMin(e) + ST_YMax(e)) / 2 AS y, ST_XMax(e) - ST_XMin(e) AS width,
              ST_YMin(e) - 0.001 AS south FROM (SELECT ST_Extent(geom) AS e FROM planimeter.features) AS t`,
    );
    const { x, y, width, south } = box!;
    const strips = Array.from({ length: COMPARED }, (_, i) => {
      const [west, east] = [x - width / 4 + i * 1e-6, x + width / 4].map((each) => each.toFixed(6));
      const [top, bottom] = [y.toFixed(6), south.toFixed(6)];
      return `POLYGON((${west} ${bottom},${east} ${bottom},${east} ${top},${west} ${top},${west} ${bottom}))`;
    });
    return strips.map((strip) => `S_OVERLAPS(geometry,${strip})`).join(' AND ');
  }

  test('a filter that keeps the database busy is ended, and the connections go on', async () => {
    const filter = new URLSearchParams({ filter: await runawayFilter() });
    const address = `${service.address}/collections/landuse/items`;
    const { status, body } = await fetchJson(`${address}?${filter}`);
    expect([status, body.code]).toEqual([504, 'query_too_slow']);
    expect(body.detail).toContain('within 2 seconds');
    const running = `SELECT query FROM pg_stat_activity
      WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()`;
    await expect.poll(() => opened.db.query(running)).toEqual([]); // it ends a little after its answer
    for (let i = 0; i < 12; i++) expect((await fetchJson(`${address}?limit=3`)).body.features).toHaveLength(3);
  });

  test('exports, changes and work that is nobody’s request are not ended', async () => {
    const slow = 'SELECT pg_sleep(0.3)';
    const own = opened.db.within({ workspace: 'default' }, { statementSeconds: 0.1 });
    await expect(own.query(slow)).rejects.toMatchObject({ code: 'query_too_slow' });
    await own.query(slow, [], { unlimited: true });
    await own.transaction((q) => q.query(slow));
    await opened.db.within({ workspace: 'default' }).query(slow);
    await opened.db.query(slow);
    await expect(own.query(slow, [], { prepared: true })).rejects.toMatchObject({ code: 'query_too_slow' });
    expect((await fetchJson(`${service.address}/jobs/${job}/export.geojson`)).body.features).toHaveLength(FEATURES);
  });
});
