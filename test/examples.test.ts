/** The programs of examples/, each run as its first lines say, against a service that maps a small town. */
import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobJson } from '../server/api/index.ts';
import { addNetwork } from '../server/networks/install-network.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { CHROMIUM_FLAGS, findChromium } from './support/browser.ts';
import { getJson } from './support/client.ts';
import { redNetwork } from './support/networks/red-detector.ts';
import { nodePackages } from './support/node-packages.ts';
import { pythonWithClients, pythonWithJudges } from './support/python.ts';
import { type Served, serve, stopAll } from './support/serve.ts';

const run = promisify(execFile);
const EXAMPLES = fileURLToPath(new URL('../examples/', import.meta.url));

let folder: string;
let image: string;
let service: Served;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-examples-'));
  ({ image } = await writeTown(join(folder, 'town'), { seed: 21, width: 900, height: 800, gsdMetres: 0.5 }));
  await writeFile(join(folder, 'red.onnx'), redNetwork());
  await addNetwork(join(folder, 'data'), join(folder, 'red.onnx'), { said: { gsdMetres: 0.5 } });
  service = await serve(join(folder, 'data'));
});
afterAll(async () => {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
});

/** The job of land use that is done, of the network's own parameters. */
async function doneJob(): Promise<JobJson> {
  const jobs = await getJson<JobJson[]>(`${service.url}/jobs`);
  const done = jobs.find(
    ({ state, model, parameters }) => state === 'done' && model === 'landuse-unet' && parameters.min_area_m2 === 20,
  );
  if (!done) throw new Error(`no job is done: ${JSON.stringify(jobs)}`);
  return done;
}

/** A job that was asked for, when it is done. */
async function mapWith(request: object): Promise<string> {
  const body = JSON.stringify(request);
  const headers = { 'Content-Type': 'application/json' };
  const { id } = (await (await fetch(`${service.url}/jobs`, { method: 'POST', headers, body })).json()) as JobJson;
  const events = await fetch(`${service.url}/jobs/${id}/events`);
  expect(await events.text()).toContain('"state":"done"'); // the stream ends with the job
  return id;
}

/** Whether a GeoPackage has the buildings that the job's report counts. */
async function expectBuildings(path: string): Promise<void> {
  const { counts } = (await doneJob()).report!;
  const file = new DatabaseSync(path, { readOnly: true });
  expect(file.prepare('SELECT count(*) AS count FROM buildings').get()).toEqual({ count: counts.buildings });
  file.close();
}

test('curl/map-image.sh maps an image', { timeout: 120_000 }, async () => {
  const output = join(folder, 'curl.gpkg');
  const { stdout } = await run('sh', [`${EXAMPLES}curl/map-image.sh`, service.url, image, output]);
  expect(stdout).toMatch(/^\/scenes\/[\w-]+ is ready\n\/jobs\/[\w-]+ is done\n$/);
  await expectBuildings(output);
});

test('python/map_image.py maps an image, and says why one is refused', { timeout: 120_000 }, async () => {
  const output = join(folder, 'python.gpkg');
  const { stdout } = await run('python3', [`${EXAMPLES}python/map_image.py`, service.url, image, output]);
  expect(stdout).toMatch(/^\/scenes\/[\w-]+ ready\n(.+\n)*\/jobs\/[\w-]+ done\n$/);
  await expectBuildings(output);

  const wrong = join(folder, 'wrong.tif');
  await writeFile(wrong, 'no image');
  const refused = run('python3', [`${EXAMPLES}python/map_image.py`, service.url, wrong, output]);
  await expect(refused).rejects.toThrow(/GeoTIFF/);
});

test('python/standards.py finds the scene, its map and its buildings', { timeout: 300_000 }, async () => {
  const python = pythonWithClients();
  if (!python) return;
  const { id, scene, report } = await doneJob();
  const detection = await mapWith({ scene, model: 'red' });
  const { stdout } = await run(python, [`${EXAMPLES}python/standards.py`, service.url, scene]);
  const lines = stdout.trim().split('\n');
  expect(lines[0]).toBe(`job ${id} successful`);
  expect(lines).toContain(`image.tif, mapped by landuse-unet ${service.url}/jobs/${id}/classes.tif`);
  expect(lines).toContain(`image.tif, mapped by red ${service.url}/jobs/${detection}/export.geojson?collection=all`);
  const [, count] = /^(\d+) buildings; the largest: \d+\.\d+ m²$/.exec(lines.at(-1)!) ?? [];
  expect(Number(count)).toBeGreaterThan(0);
  expect(Number(count)).toBeLessThanOrEqual(report!.counts.buildings);
});

test('python/similar_places.py finds where it looks alike', { timeout: 300_000 }, async () => {
  const python = pythonWithJudges();
  if (!python) return;
  const { scene, report } = await doneJob();
  const id = await mapWith({ scene, parameters: { features: true, min_area_m2: 30 } });
  const [x, , , y] = report!.model_grid!.geotransform!;
  const at = [x + 60, y - 50];
  const { stdout } = await run(python, [`${EXAMPLES}python/similar_places.py`, service.url, id, ...at.map(String)]);
  const places = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map(Number));
  expect(places).toHaveLength(5);
  const [[bestX, bestY, alike]] = places;
  expect([Math.abs(bestX - at[0]) < 20, Math.abs(bestY - at[1]) < 20, alike]).toEqual([true, true, 1]);
});

test('typescript/map-image.ts compiles against the document, and maps an image', { timeout: 300_000 }, async () => {
  const { dependencies, devDependencies } = JSON.parse(await readFile(`${EXAMPLES}typescript/package.json`, 'utf8'));
  const packages = Object.entries({ ...dependencies, ...devDependencies }).map((each) => each.join('@'));
  const installed = nodePackages('typescript-example', packages);
  if (!installed) return;
  const cwd = join(folder, 'typescript');
  await cp(`${EXAMPLES}typescript`, cwd, { recursive: true });
  await symlink(installed, join(cwd, 'node_modules'));
  const generate = ['--default-non-nullable=false', '--output', 'planimeter.d.ts'];
  await run(join(installed, '.bin', 'openapi-typescript'), [`${service.url}/openapi.json`, ...generate], { cwd });

  const program = await readFile(join(cwd, 'map-image.ts'), 'utf8');
  expect(program).not.toMatch(/ as (any|unknown|never|const)\b|@ts-|\w!\W/);
  await writeFile(join(cwd, 'mistyped.ts'), program.replace('limit: 3', "limit: 'three'"));
  await writeFile(join(cwd, 'misread.ts'), program.replace('properties.area_m2', 'properties.area'));
  const options = ['--strict', '--noEmit', '--allowImportingTsExtensions', '--types', 'node'];
  const modern = ['--module', 'nodenext', '--target', 'es2022'];
  // The program's own compiler is many times as fast as the one that the generator brings.
  const tsc = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url));
  const compiled = run(tsc, [...options, ...modern, 'map-image.ts', 'mistyped.ts', 'misread.ts'], { cwd });
  const { stdout: complaints } = await compiled.catch((error: { stdout: string }) => error);
  expect(complaints.match(/^\S+\.ts\(\d+,\d+\): .*/gm)).toEqual([
    expect.stringMatching(/^misread\.ts.*Property 'area' does not exist/),
    expect.stringMatching(/^mistyped\.ts.*'string' is not assignable to type 'number'/),
  ]);

  const { stdout } = await run(process.execPath, ['map-image.ts', service.url, image, 'map.gpkg'], { cwd });
  const lines = stdout.trim().split('\n');
  expect(lines[0]).toMatch(/^scene [\w-]+ is ready$/);
  expect(lines).toContainEqual(expect.stringMatching(/^job [\w-]+ is done, 100 %$/));
  const areas = lines.slice(-3).map((line) => Number(/^building (\d+\.\d+) m²$/.exec(line)?.[1]));
  expect(areas).toEqual(areas.toSorted((a, b) => b - a));
});

test('embed/index.html shows the map of a job', { timeout: 240_000 }, async () => {
  const executablePath = findChromium();
  if (!executablePath) return;
  // MapLibre is the program's own, which the example finds above its folder.
  const server = spawn(process.execPath, [`${EXAMPLES}embed/serve.ts`, service.url, '0']);
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
  try {
    const greeting = await new Promise<string>((resolve) =>
      server.stdout.once('data', (text) => resolve(String(text))),
    );
    const page = await browser.newPage({ viewport: { width: 800, height: 600 } });
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(error.message));
    const [address] = /http:\S+job=/.exec(greeting)!;
    await page.goto(`${address}${(await doneJob()).id}`);
    await page.waitForFunction(
      "window.map?.loaded() && map.queryRenderedFeatures({ layers: ['buildings'] }).length > 0",
      undefined,
      { timeout: 180_000 },
    );
    expect(troubles).toEqual([]);
  } finally {
    await browser.close();
    server.kill();
  }
});
