/**
 * Backup and restore as docs/operator.md tells it: what is restored has the same scenes, jobs, features, maps and tokens.
 * On PostgreSQL by pg_dump and pg_restore while the service runs, by a plain login into a prepared database; embedded by
 * a copy of the folder of a stopped service.
 */
import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { ItemsJson, JobJson, SceneJson } from '../server/api/index.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from './support/client.ts';
import { testEngines } from './support/databases.ts';
import { kill, serve, stopAll } from './support/serve.ts';
import { PROGRAM } from './support/workers.ts';

const postgresql = testEngines().find(({ name }) => name === 'postgresql');
const dumps = spawnSync('pg_dump', ['--version']).status === 0 && spawnSync('pg_restore', ['--version']).status === 0;
if (postgresql && !dumps) console.error('SKIPPED: backup by pg_dump, for there is none (Debian: postgresql-client)');

let folder: string;
let image: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-backup-'));
  ({ image } = await writeTown(join(folder, 'town'), { seed: 3, width: 500, height: 400, gsdMetres: 0.5 }));
});
afterEach(stopAll);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** All that a user would miss. */
async function inventory(url: string) {
  const scenes = await getJson<SceneJson[]>(`${url}/scenes`);
  const jobs = await getJson<JobJson[]>(`${url}/jobs`);
  const features: Record<string, unknown> = {};
  for (const collection of ['buildings', 'roads', 'landuse']) {
    features[collection] = (await getJson<ItemsJson>(`${url}/collections/${collection}/items?limit=10000`)).features;
  }
  const maps: Record<string, string> = {};
  for (const { id } of jobs) {
    for (const map of ['classes.tif', 'scores.tif']) {
      const answer = await fetch(`${url}/jobs/${id}/${map}`);
      expect(answer.status, map).toBe(200);
      maps[`${id}/${map}`] = createHash('sha256')
        .update(Buffer.from(await answer.arrayBuffer()))
        .digest('hex');
    }
  }
  const stripped = JSON.stringify({ scenes, jobs, features }).replaceAll(url, '');
  return { ...(JSON.parse(stripped) as { scenes: SceneJson[]; jobs: JobJson[] }), maps };
}

async function work(url: string) {
  const scene = await waitForScene(url, await upload(url, image));
  expect((await waitForJob(url, (await startJob(url, scene.id)).id)).state).toBe('done');
  const before = await inventory(url);
  expect(before.jobs).toHaveLength(1);
  expect(Object.keys(before.maps)).toHaveLength(2);
  return before;
}

/** What was restored goes on working. */
async function goesOn(url: string, scene: string): Promise<void> {
  expect((await waitForJob(url, (await startJob(url, scene, { min_area_m2: 30 })).id)).state).toBe('done');
}

test.skipIf(process.env.PLANIMETER_FULL !== '1')(
  'embedded: stop, copy the folder, start on the copy',
  { timeout: 180_000 },
  async () => {
    const service = await serve(join(folder, 'data'));
    const before = await work(service.url);
    await stopAll();
    await cp(join(folder, 'data'), join(folder, 'copy'), { recursive: true });
    const restored = await serve(join(folder, 'copy'));
    expect(await inventory(restored.url)).toEqual(before);
    await goesOn(restored.url, before.scenes[0]!.id);
  },
);

test.skipIf(!postgresql || !dumps)(
  'PostgreSQL: pg_dump, then the files; pg_restore',
  { timeout: 240_000 },
  async () => {
    const from = await postgresql!.open();
    const to = await plainDatabase(from.url!);
    try {
      const storeOf = (name: string) => ({ PLANIMETER_STORE: pathToFileURL(join(folder, name)).href });
      const service = await serve(join(folder, 'pg-data'), from.url, storeOf('pg-store'));
      const before = await work(service.url);
      const dump = join(folder, 'planimeter.dump');
      // The database first: files come before their rows, so each row of the dump has its files in the copy.
      run('pg_dump', '--format=custom', '--schema=planimeter*', `--file=${dump}`, from.url!);
      // What happens meanwhile is not in the backup, and its files do no harm.
      const late = await startJob(service.url, before.scenes[0]!.id, { min_area_m2: 40 });
      expect((await waitForJob(service.url, late.id)).state).toBe('done');
      await cp(join(folder, 'pg-store'), join(folder, 'pg-copy'), { recursive: true });
      await kill(service);

      to.prepare();
      run('pg_restore', '--no-owner', '--no-acl', '--exit-on-error', `--dbname=${to.url}`, dump);
      expect(await doctorOfDatabase(to.url!)).toMatchObject({
        ok: true,
        message: expect.stringMatching(/kept apart$/),
      });
      const restored = await serve(join(folder, 'pg-other'), to.url, storeOf('pg-copy'));
      expect(await inventory(restored.url)).toEqual(before);
      await goesOn(restored.url, before.scenes[0]!.id);
    } finally {
      await stopAll();
      to.drop();
      await from.drop();
    }
  },
);

/** An empty database of a login that is nothing special; `prepare` runs what the doctor prints, as docs/operator.md says. */
async function plainDatabase(server: string) {
  const name = `plain_${randomUUID().slice(0, 8)}`;
  const psql = (url: string, ...more: string[]) =>
    run('psql', '--quiet', '--set=ON_ERROR_STOP=1', `--dbname=${url}`, ...more);
  psql(server, `--command=CREATE ROLE ${name} LOGIN`, `--command=CREATE DATABASE ${name} OWNER ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const admin = url.href;
  url.username = name;
  return {
    url: url.href,
    prepare() {
      const file = join(folder, 'prepare.sql');
      const env = { ...process.env, DATABASE_URL: url.href };
      const { stdout } = spawnSync(process.execPath, [PROGRAM, 'doctor', '--sql'], { encoding: 'utf8', env });
      writeFileSync(file, stdout);
      psql(admin, `--file=${file}`);
    },
    drop: () => psql(server, `--command=DROP DATABASE ${name} WITH (FORCE)`, `--command=DROP ROLE ${name}`),
  };
}

async function doctorOfDatabase(url: string): Promise<unknown> {
  const args = [PROGRAM, 'doctor', '--json', '--data', folder];
  const { stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, DATABASE_URL: url, PORT: '0' },
  });
  return (JSON.parse(stdout) as { name: string }[]).find(({ name }) => name === 'database');
}

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status, program).toBe(0);
}
