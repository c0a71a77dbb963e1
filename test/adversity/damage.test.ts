/**
 * What a disk does to a stopped service: it is noticed, said with what to do, made good on request, and then as it was.
 * Only with PLANIMETER_FULL=1.
 */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ItemsJson, JobJson } from '../../server/api/index.ts';
import { openDatabase } from '../../server/store/database/open-database.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from '../support/client.ts';
import { fetchJson } from '../support/http-service.ts';
import { serve, stopAll } from '../support/serve.ts';
import { PROGRAM } from '../support/workers.ts';

const PAGE_BYTES = 8192;
const COLLECTIONS = ['buildings', 'roads', 'landuse'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-damage-'));
});
afterEach(stopAll);
afterAll(() => rm(folder, { recursive: true, force: true }));

// Takes minutes on a machine of two cores.
test.skipIf(process.env.PLANIMETER_FULL !== '1')(
  'a zeroed page, flipped bits and a file cut short',
  { timeout: 600_000 },
  async () => {
    const data = join(folder, 'data');
    const file = (key: string) => join(data, 'files', key);
    const { image } = await writeTown(join(folder, 'town'), { seed: 8, width: 1000, height: 800, gsdMetres: 0.5 });
    let { url } = await serve(data);
    const scene = await waitForScene(url, await upload(url, image));
    const job = await waitForJob(url, (await startJob(url, scene.id)).id);
    expect(job.state).toBe('done');
    const [reviewed] = (await getJson<ItemsJson>(`${url}/collections/landuse/items?job=${job.id}`)).features;
    await fetch(`${url}/collections/landuse/items/${reviewed!.id}`, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ review: 'accepted' }),
    });
    const before = await mapOf(url, job.id);
    expect(before.features.length).toBeGreaterThan(100);
    await stopAll();
    expect(doctor(data).status).toBe(0);

    await zeroPage(data, 'features', 1);
    for (const key of [`scenes/${scene.id}/working.tif`, `jobs/${job.id}/scores.tif`]) flip(file(key));
    truncateSync(file(`jobs/${job.id}/classes.tif`), statSync(file(`jobs/${job.id}/classes.tif`)).size - 1);

    ({ url } = await serve(data));
    const told = await getJson<JobJson>(`${url}/jobs/${job.id}`);
    expect([told.state, told.problem?.code, told.problem?.detail]).toEqual([
      'failed',
      'damaged',
      expect.stringMatching(/\d+ of \d+ features are not in the database any more/),
    ]);
    const after = await getJson<ItemsJson>(`${url}/collections/landuse/items?job=${job.id}&limit=1000`);
    expect(after.numberMatched).toBe(after.features.length);
    const { maxzoom, bounds } = await getJson<{ maxzoom: number; bounds: number[] }>(`${url}/imagery/${scene.id}.json`);
    const answers = [
      await fetchJson(`${url}/imagery/${scene.id}/${tileIn(bounds, maxzoom)}.png`),
      await fetchJson(`${url}/scenes/${scene.id}/image.tif`),
      await fetchJson(`${url}/jobs/${job.id}/classes.tif`),
      await fetchJson(`${url}/jobs/${job.id}/package.zip`),
    ];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(answers.map(() => [500, 'damaged']));
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/planimeter_damaged_objects\{kind="file"\} [1-9]/);
    // A job makes the working copy again before it begins.
    const other = await waitForJob(url, (await startJob(url, scene.id, { min_area_m2: 30 })).id);
    expect([other.state, other.problem]).toEqual(['done', null]);
    expect((await fetch(`${url}/scenes/${scene.id}/image.tif`)).status).toBe(200);
    await stopAll();
    flip(file(`scenes/${scene.id}/working.tif`));

    const found = doctor(data, '--json');
    expect(found.status).toBe(1);
    const { damages } = JSON.parse(found.stdout) as { damages: { kind: string; name: string }[] };
    expect(damages.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual(
      [
        `job jobs/${job.id}`,
        `job jobs/${job.id}/classes.tif`,
        `job jobs/${job.id}/scores.tif`,
        `working_copy scenes/${scene.id}/working.tif`,
      ].sort(),
    );
    const mended = doctor(data, '--repair');
    expect(mended, mended.stdout + mended.stderr).toMatchObject({ status: 0 });
    expect(mended.stdout).toContain('the same bytes as before');

    ({ url } = await serve(data));
    expect(await mapOf(url, job.id)).toEqual(before);

    // The original, too: only who has the image can help, and does by uploading it.
    await stopAll();
    flip(file(`scenes/${scene.id}/working.tif`));
    flip(file(`scenes/${scene.id}/original.tif`));
    ({ url } = await serve(data));
    const retry = () => fetchJson(`${url}/scenes/${scene.id}/retry`, { method: 'POST' });
    const { status, body } = await retry();
    expect([status, body.code, body.detail]).toEqual([500, 'damaged', expect.stringContaining('upload the same file')]);
    expect(await upload(url, image)).toBe(scene.id);
    expect((await retry()).body).toMatchObject({ same: true });
    expect((await fetch(`${url}/scenes/${scene.id}/image.tif`)).status).toBe(200);
  },
);

/** All that there is of a job, in an order that does not change. */
async function mapOf(url: string, job: string) {
  const features: ItemsJson['features'] = [];
  for (const collection of COLLECTIONS) {
    let next: string | undefined = `${url}/collections/${collection}/items?job=${job}&limit=1000`;
    while (next) {
      const page: ItemsJson = await getJson<ItemsJson>(next);
      features.push(...page.features);
      next = page.links.find(({ rel }) => rel === 'next')?.href;
    }
  }
  const map = async (name: string) => Buffer.from(await (await fetch(`${url}/jobs/${job}/${name}`)).arrayBuffer());
  return { features, classes: await map('classes.tif'), scores: await map('scores.tif') };
}

function doctor(data: string, ...more: string[]) {
  const args = [PROGRAM, 'doctor', '--deep', '--data', data, ...more];
  return spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, DATABASE_URL: '' } });
}

async function zeroPage(data: string, table: string, page: number): Promise<void> {
  const db = await openDatabase({ folder: join(data, 'database') });
  const [{ path }] = (await db.query(`SELECT pg_relation_filepath('planimeter.' || $1) AS path`, [table])) as [
    { path: string },
  ];
  await db.close();
  const file = openSync(join(data, 'database', 'database', path), 'r+');
  const was = Buffer.alloc(PAGE_BYTES);
  expect(readSync(file, was, 0, PAGE_BYTES, page * PAGE_BYTES)).toBe(PAGE_BYTES);
  expect(was.some((byte) => byte !== 0)).toBe(true);
  writeSync(file, Buffer.alloc(PAGE_BYTES), 0, PAGE_BYTES, page * PAGE_BYTES);
  closeSync(file);
}

function flip(path: string): void {
  const bytes = readFileSync(path);
  bytes[randomInt(bytes.length)]! ^= 1 << randomInt(8);
  writeFileSync(path, bytes);
}

/** Of this zoom, over the middle of a box in degrees: `z/x/y`. */
function tileIn([west, south, east, north]: number[], zoom: number): string {
  const latitude = ((south! + north!) / 2) * (Math.PI / 180);
  const x = Math.floor((((west! + east!) / 2 + 180) / 360) * 2 ** zoom);
  const y = Math.floor(((1 - Math.asinh(Math.tan(latitude)) / Math.PI) / 2) * 2 ** zoom);
  return `${zoom}/${x}/${y}`;
}
