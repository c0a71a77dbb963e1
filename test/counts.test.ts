/** One number a collection, whoever says it: the demo, the report, the interface, every export, and the viewer. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CollectionJson, ItemsJson, JobJson } from '../server/api/index.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { CHROMIUM_FLAGS, findChromium } from './support/browser.ts';
import { getJson } from './support/client.ts';
import { testEngines } from './support/databases.ts';
import { serve, stopAll } from './support/serve.ts';

const PROGRAM = fileURLToPath(new URL('../cli/planimeter.js', import.meta.url));
const executablePath = findChromium();

let folder: string;
let image: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-counts-'));
  // Wide enough for features of coarser levels, which are no items.
  ({ image } = await writeTown(join(folder, 'town'), { seed: 8, width: 1100, height: 400, gsdMetres: 0.5 }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(stopAll);

describe.each(testEngines())('the counts of a job on $name', ({ name, open }) => {
  let databaseUrl: string | undefined;
  let drop: () => Promise<void>;
  beforeAll(async () => ({ url: databaseUrl, drop } = await open()));
  afterAll(() => drop());

  test('are the same everywhere', { timeout: 300_000 }, async () => {
    const data = join(folder, `data-${name}`);
    const env = { ...process.env, PLANIMETER_DATA: data, PORT: '0', ...(databaseUrl && { DATABASE_URL: databaseUrl }) };
    const { stdout: told } = await promisify(execFile)(process.execPath, [PROGRAM, 'demo', image, '--once'], { env });
    const { url } = await serve(data, databaseUrl);
    const [job] = (await getJson<JobJson[]>(`${url}/jobs`)) as [JobJson];
    const { counts, areas_m2, geometry } = job.report!;
    expect(geometry!.levels.length).toBeGreaterThan(1);
    expect(Object.values(counts).every((count) => count > 0)).toBe(true);

    expect(told).toContain(
      `${counts.landuse} areas of land use, ${counts.buildings} buildings, ${counts.roads} stretches of road`,
    );
    const rows = [...told.matchAll(/^(\w+) +(\d+) +[\d.]+ ha$/gm)];
    expect(rows.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(counts.landuse);

    expect(Object.fromEntries(job.collections.map(({ id, count }) => [id, count]))).toEqual(counts);
    expect(job.totals.reduce((sum, { count }) => sum + count, 0)).toBe(counts.landuse);
    expect(Object.fromEntries(job.totals.map((total) => [total.class, total.area_m2]))).toEqual(areas_m2);
    expect(geometry!.features).toBe(Object.values(counts).reduce((sum, count) => sum + count, 0));
    expect([job.progress.done, job.progress.stage]).toEqual([job.progress.total, job.progress.stage]);

    const { collections } = await getJson<{ collections: CollectionJson[] }>(`${url}/collections`);
    for (const { id } of collections) {
      const items = await getJson<ItemsJson>(`${url}/collections/${id}/items?limit=10000`);
      expect([id, items.numberMatched, items.features.length]).toEqual([id, counts[id], counts[id]]);
      const { classes } = await getJson<{ classes: { count: number }[] }>(`${url}/collections/${id}/aggregate`);
      expect([id, classes.reduce((sum, { count }) => sum + count, 0)]).toEqual([id, counts[id]]);
      const area = items.features.reduce((sum, { properties }) => sum + (properties.area_m2 ?? 0), 0);
      expect(job.collections.find((each) => each.id === id)!.area_m2).toBeCloseTo(area, 3);
    }

    const download = async (ending: string) => {
      const response = await fetch(`${url}/jobs/${job.id}/export.${ending}`);
      expect(response.status).toBe(200);
      return Buffer.from(await response.arrayBuffer());
    };
    const tally = (found: readonly string[]) => {
      const groups = Map.groupBy(found, (collection) => collection);
      return Object.fromEntries([...groups].map(([collection, { length }]) => [collection, length]));
    };
    const { features } = JSON.parse((await download('geojson?collection=all')).toString()) as ItemsJson;
    expect(tally(features.map(({ properties }) => properties.collection))).toEqual(counts);
    const lines = (await download('csv?collection=all')).toString().trim().split(/\r?\n/);
    expect(lines.length - 1).toBe(geometry!.features);
    const gpkg = join(folder, `${name}.gpkg`);
    await writeFile(gpkg, await download('gpkg'));
    const sqlite = new DatabaseSync(gpkg, { readOnly: true });
    const layers = Object.keys(counts).map((layer) => {
      const row = sqlite.prepare(`SELECT count(*) AS n FROM "${layer}"`).get() as { n: number };
      return [layer, row.n];
    });
    sqlite.close();
    expect(Object.fromEntries(layers)).toEqual(counts);

    const { properties } = await getJson<{ properties: Record<string, unknown> }>(
      `${url}/stac/collections/class-maps/items/${job.id}`,
    );
    expect(properties['planimeter:counts']).toEqual(counts);

    if (!executablePath) return;
    const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
      await page.goto(url);
      const number = (count: number) => count.toLocaleString('en');
      await page
        .getByTestId('legend')
        .getByText(`mapped · ${number(counts.landuse)} areas`)
        .waitFor();
      for (const { class: each, count } of job.totals) {
        const row = await page.getByTestId(`class-${each}`).textContent();
        expect(row).toContain(`${number(count)} area${count === 1 ? '' : 's'}`);
      }
      const others = (await page.getByTestId('collections').textContent())!;
      expect(others).toMatch(new RegExp(`Buildings${number(counts.buildings)} · .*Roads${number(counts.roads)}$`));
      await page.getByText('Download', { exact: true }).click();
      const choices = await page.locator('.download-choice option').allTextContents();
      expect(choices.slice(1)).toEqual([
        `Buildings (${number(counts.buildings)})`,
        `Land use (${number(counts.landuse)})`,
        `Roads (${number(counts.roads)})`,
      ]);
    } finally {
      await browser.close();
    }
  });
});
