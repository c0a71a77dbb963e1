/** Heavy requests have lanes, of one caller and of all together; others are not held up by them. */
import type { Response as Answer } from 'express';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { testEngines } from '../../../test/support/databases.ts';
import { addDoneJob, addScene, startService, type TestService } from '../../../test/support/http-service.ts';
import { square } from '../../../test/support/http-suite.ts';
import { DEFAULT_LIMITS } from '../../operations/quotas.ts';
import type { ConfinedDatabase, Database } from '../../store/database/database.ts';
import { createToken } from '../../store/tables/tokens.ts';
import type { AppContext } from './app-context.ts';
import { createHeavyLanes, whileWaitedFor } from './heavy-lanes.ts';

const PROOF = { seed: 1, windows: 1, pixels: 9, differing: 0, max_score_delta: 0 };

let opened: { db: Database; drop(): Promise<void> };
let service: TestService;
let job: string;
/** Ends the proofs that are under way. */
let prove: (() => void)[];

const hangs: AppContext['prove'] = () => new Promise((resolve) => prove.push(() => resolve(PROOF)));

beforeAll(async () => {
  opened = await testEngines()[0]!.open();
  const limits = { ...DEFAULT_LIMITS, heavyRequestsOfOne: 2, heavyRequests: 3 };
  service = await startService(opened.db, { limits, prove: hangs });
  ({ job } = await addDoneJob(opened.db, await addScene(opened.db), [square(0, 0)]));
});
beforeEach(() => {
  prove = [];
});
afterAll(async () => {
  await service.close();
  await opened.drop();
});

const token = async () => (await createToken(opened.db, { name: 'a', role: 'admin', workspace: 'default' })).token;

function ask(bearer: string, path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(service.address + path, { ...init, headers: { Authorization: `Bearer ${bearer}` } });
}

const proof = (bearer: string, signal?: AbortSignal) =>
  ask(bearer, `/jobs/${job}/prove`, { method: 'POST', ...(signal && { signal }) });

/** So many are under way. */
const running = (count: number) => expect.poll(() => prove.length).toBe(count);

async function refusal(response: Response): Promise<unknown> {
  const { code, detail } = (await response.json()) as { code: string; detail: string };
  return { status: response.status, code, detail, retryAfter: response.headers.get('retry-after') };
}

const refused = (detail: string) => ({
  ...{ status: 429, code: 'too_many_heavy', retryAfter: '5' },
  detail: expect.stringContaining(detail),
});

test('a few of one caller, a few of all together; light ones pass', async () => {
  const [first, second] = [await token(), await token()];
  const under = [proof(first), proof(first)];
  await running(2);
  expect(await refusal(await proof(first))).toEqual(refused('2 requests of yours'));
  const filtered = `/collections/landuse/items?filter=${encodeURIComponent('area_m2 > 1')}`;
  for (const path of [
    '/collections/landuse/aggregate',
    `/jobs/${job}/export.geojson`,
    filtered,
    '/stac/search',
    '/collections/landuse/items?sortby=area_m2',
    '/collections/landuse/items?limit=5000',
  ]) {
    expect(await refusal(await ask(first, path)), path).toEqual(refused('2 requests of yours'));
  }
  expect((await ask(first, '/collections/landuse/items')).status).toBe(200);
  expect((await ask(second, filtered)).status).toBe(200);
  under.push(proof(second));
  await running(3);
  expect(await refusal(await proof(second))).toEqual(refused('3 requests that take long'));
  for (const end of prove) end();
  for (const each of await Promise.all(under)) expect(each.status).toBe(200);
  expect((await ask(first, filtered)).status).toBe(200);
});

test('a caller who goes away holds the lanes for as long as the work goes on', async () => {
  const caller = await token();
  const away = new AbortController();
  const under = [proof(caller, away.signal), proof(caller, away.signal)];
  await running(2);
  away.abort();
  for (const each of under) await expect(each).rejects.toThrow();
  expect(await refusal(await proof(caller))).toEqual(refused('2 requests of yours'));
  prove[0]!();
  await expect.poll(async () => (await ask(caller, '/collections/landuse/aggregate')).status).toBe(200);
  prove[1]!();
});

test('links leave half of the lanes to others', () => {
  const lanes = createHeavyLanes({ ...DEFAULT_LIMITS, heavyRequests: 4, heavyRequestsOfOne: 2 });
  const leave = ['a', 'b'].map((id) => lanes.enter({ id, job: 'j' }));
  expect(() => lanes.enter({ id: 'c', job: 'j' })).toThrow('2 requests by links');
  for (const id of ['d', 'e']) lanes.enter({ id });
  expect(() => lanes.enter({ id: 'f' })).toThrow('4 requests');
  leave[0]!();
  lanes.enter({ id: 'c', job: 'j' });
});

test('no statement begins when nobody waits, or when all have taken too long together; but for what is unlimited', async () => {
  const asked: string[] = [];
  const query = async (sql: string) => {
    asked.push(sql);
    return [];
  };
  const response = { destroyed: false };
  const within = (seconds: number) =>
    whileWaitedFor({ query } as unknown as ConfinedDatabase, response as unknown as Answer, seconds);
  await within(1).query('waited for');
  await expect(within(-1).query('late')).rejects.toMatchObject({ code: 'query_too_slow' });
  await within(-1).query('export', [], { unlimited: true });
  response.destroyed = true;
  await expect(within(1).query('gone')).rejects.toMatchObject({ code: 'conflict' });
  expect(asked).toEqual(['waited for', 'export']);
});
