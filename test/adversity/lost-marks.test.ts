/**
 * Marks and empty files that programs which copy or synchronise folders leave out: each is taken away from the data of
 * a service that holds something, one at a time and all at once, and nothing is lost. Only with PLANIMETER_FULL=1.
 */
import { once } from 'node:events';
import { readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ItemsJson, JobJson, SceneJson } from '../../server/api/index.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from '../support/client.ts';
import { serve, startServing, stopAll } from '../support/serve.ts';

const wanted = process.env.PLANIMETER_FULL === '1';

let folder: string;
let data: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-marks-'));
  data = join(folder, 'data');
});
afterEach(stopAll);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function inventory(url: string) {
  const scenes = await getJson<SceneJson[]>(`${url}/scenes`);
  const jobs = await getJson<JobJson[]>(`${url}/jobs`);
  const { numberMatched } = await getJson<ItemsJson>(`${url}/collections/landuse/items?limit=1`);
  const maps = await Promise.all(jobs.map(async ({ id }) => (await fetch(`${url}/jobs/${id}/classes.tif`)).status));
  return {
    scenes: scenes.map(({ id, state }) => `${id} ${state}`),
    jobs: jobs.map(({ id }) => id),
    numberMatched,
    maps,
  };
}

const found = () =>
  readdirSync(data, { recursive: true, withFileTypes: true }).map((entry) => join(entry.parentPath, entry.name));
/** All that is empty, and the marks. */
function left(): string[] {
  const marks = /\/(database\.ready|planimeter\.json|store-id|\.mirrored|lock\.(json|sqlite))$/;
  return found().filter((path) => {
    const state = statSync(path);
    return state.isDirectory() ? readdirSync(path).length === 0 : state.size === 0 || marks.test(path);
  });
}
const isTable = (path: string) => /\/base\/\d+\/\d+$/.test(path);

test.skipIf(!wanted)('nothing is lost for want of a mark or of what is empty', { timeout: 1_200_000 }, async () => {
  const { image } = await writeTown(join(folder, 'town'), { seed: 3, width: 500, height: 400, gsdMetres: 0.5 });
  const first = await serve(data);
  const scene = await waitForScene(first.url, await upload(first.url, image));
  expect((await waitForJob(first.url, (await startJob(first.url, scene.id)).id)).state).toBe('done');
  const before = await inventory(first.url);
  expect(before.numberMatched).toBeGreaterThan(0);
  await stopAll();

  const tables = left().filter(isTable);
  expect(tables.length).toBeGreaterThan(50);
  // Of the tables one stands for all: each start takes its time.
  const each = [...left().filter((path) => !isTable(path)), tables[0]!].map((path) => [path]);
  const database = join(data, 'database', 'database');
  const both = [join(data, 'database', 'database.ready'), join(database, 'planimeter.json')];
  for (const taken of [...each, left().filter((path) => path !== both[1])]) {
    for (const path of taken) rmSync(path, { recursive: true, force: true });
    const { url } = await serve(data);
    expect(await inventory(url), taken.map((path) => relative(data, path)).join(' ')).toEqual(before);
    await stopAll();
  }

  for (const path of both) rmSync(path);
  const refused = startServing(data, {});
  const gone = once(refused.process, 'exit');
  await expect(refused.url).rejects.toThrow(/status 1: [\s\S]*put aside/);
  await gone;
  const aside = readdirSync(dirname(database)).find((name) => name.startsWith('database-'));
  renameSync(join(dirname(database), aside!), database);
  expect(await inventory((await serve(data)).url)).toEqual(before);
});
