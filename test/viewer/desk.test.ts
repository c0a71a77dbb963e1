/** The viewer as the place where people work all day: its languages, and what they look for, measure and sort there. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forward } from 'mgrs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ItemsJson, JobJson, PointJson, SceneJson } from '../../server/api/index.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { CHROMIUM_FLAGS, findChromium } from '../support/browser.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from '../support/client.ts';
import { type Served, serve, stopAll } from '../support/serve.ts';

declare const window: {
  planimeter: {
    map: {
      queryRenderedFeatures(point: undefined, options: { layers: string[] }): { properties: { area_m2?: number } }[];
    };
  };
};

const executablePath = findChromium();

describe.skipIf(!executablePath)('the desk', () => {
  let folder: string;
  let service: Served;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-desk-'));
    const { image } = await writeTown(join(folder, 'town'), { seed: 9, width: 600, height: 500, gsdMetres: 0.5 });
    service = await serve(join(folder, 'data'));
    const scene = await upload(service.url, image);
    await waitForScene(service.url, scene);
    expect((await waitForJob(service.url, (await startJob(service.url, scene)).id)).state).toBe('done');
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  /** A page whose errors and requests are kept. */
  async function openPage(look: BrowserContextOptions = {}, hash = '') {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, ...look })).newPage();
    const troubles: string[] = [];
    const requests: string[] = [];
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(service.url + hash);
    await page.getByTestId('legend').waitFor();
    return { page, troubles, requests };
  }
  const languageOf = (page: Page) => page.evaluate('document.documentElement.lang');

  test('speaks the language of the browser, and the one that is chosen', async () => {
    const { page, troubles, requests } = await openPage({ locale: 'zh-CN' });
    const chinese = () => requests.filter((url) => /\/zh-[^/]*\.js$/.test(url)).length;
    expect([await languageOf(page), chinese()]).toEqual(['zh-CN', 1]);
    await page.getByText('植被', { exact: true }).waitFor();
    await page.getByRole('button', { name: '显示整幅影像' }).waitFor();
    // What the service refuses is told in the page's language, over its own words.
    const cut = join(folder, 'cut.tif');
    await writeFile(cut, 'II*\0 and no more');
    await page.getByTestId('file-input').setInputFiles(cut);
    const problem = page.locator('[data-testid=problem][data-code=damaged_tiff]');
    expect(await problem.locator('h2').textContent()).toBe('TIFF 已损坏或不完整');
    expect(await problem.locator('[lang=en]').textContent()).toMatch(/[a-z]{3,} [a-z]{2,}/);
    await problem.getByRole('button', { name: '移除' }).click();

    await page.getByTestId('language-en').click();
    await page.getByText('Vegetation', { exact: true }).waitFor();
    await page.reload();
    await page.getByText('Vegetation', { exact: true }).waitFor();
    expect([await languageOf(page), chinese()]).toEqual(['en', 1]);
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  const hash = async (page: Page, name: string) => new URLSearchParams(new URL(page.url()).hash.slice(1)).get(name);
  /** The buttons that take tools in hand are there once the map is. */
  const take = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).press('Enter');

  test('finds positions, images and features, and the link shows them again', async () => {
    const { page, troubles } = await openPage();
    const { bbox, id } = (await getJson<SceneJson[]>(`${service.url}/scenes`)).find(({ state }) => state === 'ready')!;
    const [lon, lat] = [(bbox![0] + bbox![2]) / 2, (bbox![1] + bbox![3]) / 2];
    await take(page, 'Find');
    const text = page.getByTestId('find-text');
    const found = page.getByTestId('find').getByRole('listitem');
    await text.fill(forward([lon, lat], 5).toLowerCase());
    await found.getByText('MGRS · in image.tif').waitFor();
    await text.press('Enter');
    await expect.poll(() => page.evaluate('window.planimeter.map.getZoom()')).toBeGreaterThan(16.9);
    const [atLon, atLat] = (await hash(page, 'at'))!.split(',').map(Number);
    expect([atLon, atLat]).toEqual([expect.closeTo(lon, 4), expect.closeTo(lat, 4)]);
    const { x, y } = await getJson<PointJson>(`${service.url}/scenes/${id}/point?lon=${lon}&lat=${lat}`);
    await text.fill(`${x} ${y}`);
    await found.getByText('EPSG:32633 · in image.tif').waitFor();
    await text.fill('EPSG:99999 1 1');
    await page.getByTestId('find').getByText('EPSG:99999 is not known here.', { exact: false }).waitFor();
    await text.fill('IMAGE');
    await found.getByText('image.tif', { exact: true }).waitFor();

    const { features } = await getJson<ItemsJson>(`${service.url}/collections/buildings/items?limit=1`);
    await text.fill(features[0]!.id.slice(0, 13));
    await found.filter({ hasText: 'Buildings' }).getByRole('button').press('Enter');
    await page.getByTestId('inspector').getByText(features[0]!.id).waitFor();
    expect(await hash(page, 'feature')).toBe(`buildings/${features[0]!.id}`);
    await page.reload();
    await page.getByTestId('inspector').getByText(features[0]!.id).waitFor();
    await page.keyboard.press('Escape');
    await page.getByTestId('find').waitFor({ state: 'hidden' });
    await page.keyboard.press('Escape');
    await page.getByTestId('inspector').waitFor({ state: 'hidden' });
    expect(await hash(page, 'feature')).toBeNull();
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  test('measures and looks at points by keyboard alone, and the link holds what was set', async () => {
    const { page, troubles } = await openPage();
    await page.locator('body[data-idle="true"]').waitFor({ timeout: 60_000 });
    await take(page, 'Measure');
    const card = page.getByTestId('measure');
    await card.waitFor();
    await page.locator('.maplibregl-canvas:focus').waitFor();
    const middle = () => page.evaluate('window.planimeter.map.getCenter().toString()');
    const still = () => expect.poll(() => page.evaluate('window.planimeter.map.isMoving()')).toBe(false);
    await still();
    await page.keyboard.press('Enter');
    for (const move of ['ArrowRight', 'ArrowDown']) {
      const before = await middle();
      await page.keyboard.press(move);
      await expect.poll(middle).not.toBe(before);
      await still();
      await page.keyboard.press('Enter');
    }
    await card.getByText('Area', { exact: true }).waitFor();
    const told = await card.textContent();
    const corners = (await hash(page, 'line'))!.split(';');
    expect(corners).toHaveLength(3);
    await page.keyboard.press('Backspace');
    await card.getByText('Area', { exact: true }).waitFor({ state: 'detached' });
    await page.keyboard.press('Enter');
    await page.reload();
    await expect.poll(() => card.textContent()).toBe(told);

    await take(page, 'Look at a point');
    await page.getByTestId('point-middle').press('Enter');
    const point = page.getByTestId('point');
    await point.getByText('Class', { exact: true }).waitFor();
    const [lon, lat] = (await hash(page, 'at'))!.split(',').map(Number);
    const [job] = await getJson<JobJson[]>(`${service.url}/jobs`);
    const known = await getJson<PointJson>(
      `${service.url}/scenes/${job!.scene}/point?lon=${lon}&lat=${lat}&job=${job!.id}`,
    );
    const facts = await point.textContent();
    expect(facts).toContain(`EPSG:32633${known.x.toFixed(2)}, ${known.y.toFixed(2)}`);
    expect(facts?.toLowerCase()).toContain(`class${known.map!.class}`);
    for (const { value } of known.pixel!.bands) expect(facts).toContain(String(value));
    expect(troubles).toEqual([]);
    await page.context().close();
  });

  test('lists, sorts and filters features; map, counts and downloads follow, and the link keeps it', async () => {
    const { page, troubles } = await openPage();
    await page.locator('body[data-idle="true"]').waitFor({ timeout: 60_000 });
    await take(page, 'Table');
    const table = page.getByTestId('table');
    const [job] = await getJson<JobJson[]>(`${service.url}/jobs`);
    const items = (query: Record<string, string>) =>
      getJson<ItemsJson>(
        `${service.url}/collections/buildings/items?${new URLSearchParams({ job: job!.id, ...query })}`,
      );
    const all = (await items({ limit: '1000', sortby: '-area_m2' })).features;
    const rows = table.locator('tbody tr');
    const shownIds = () => table.locator('.row-button').allTextContents();
    const short = (features: ItemsJson['features']) => features.map(({ id }) => id.slice(0, 8));
    await expect.poll(shownIds).toEqual(short(all.slice(0, 50)));
    expect(all.length).toBeGreaterThan(50);
    await table.getByRole('button', { name: 'More rows' }).press('Enter');
    await expect.poll(shownIds).toEqual(short(all));
    await table.getByRole('button', { name: 'Score' }).press('Enter');
    await table.locator('th[aria-sort=descending]', { hasText: 'Score' }).waitFor();
    const byScore = (await items({ limit: '50', sortby: '-score' })).features;
    await expect.poll(shownIds).toEqual(short(byScore));

    // A range of the histogram, by keyboard.
    for (let step = 0; step < 9; step++) await page.getByTestId('range-least').press('ArrowRight');
    for (let step = 0; step < 6; step++) await page.getByTestId('range-most').press('ArrowLeft');
    const [, least, most] = /^area_m2:([\d.]+)\.\.([\d.]+)$/.exec((await hash(page, 'filter'))!)!.map(Number);
    const within = all.filter(({ properties: { area_m2 } }) => area_m2! >= least! && area_m2! <= most!);
    expect(within.length).toBeGreaterThan(0);
    expect(within.length).toBeLessThan(all.length);
    await page.getByTestId('table-sums').getByText(`${within.length} features`).waitFor();
    const filter = `area_m2 >= ${least} AND area_m2 <= ${most}`;
    await expect.poll(shownIds).toEqual(short((await items({ filter, sortby: '-score', limit: '50' })).features));
    const drawn = () =>
      page.evaluate(() =>
        window.planimeter.map
          .queryRenderedFeatures(undefined, { layers: ['buildings-fill'] })
          .map(({ properties }) => properties),
      );
    await expect
      .poll(async () =>
        (await drawn()).every(
          ({ area_m2 }) => area_m2 === undefined || (area_m2 >= least! - 0.1 && area_m2 <= most! + 0.1),
        ),
      )
      .toBe(true);

    // A row shows its feature, and a feature of the map its row.
    await table.locator('.row-button').nth(1).press('Enter');
    await page
      .getByTestId('inspector')
      .getByText((await shownIds())[1]!, { exact: false })
      .waitFor();
    await rows.nth(1).and(page.locator('[data-chosen]')).waitFor();
    await table.locator('.row-button').nth(1).press('ArrowDown');
    await page.keyboard.press('Enter');
    await rows.nth(2).and(page.locator('[data-chosen]')).waitFor();

    // What is downloaded is what is counted.
    await page.getByText('Download', { exact: true }).click();
    await page.getByLabel('What to download').selectOption('buildings');
    const link = await page.getByRole('link', { name: 'GeoJSON', exact: false }).last().getAttribute('href');
    const file = await getJson<ItemsJson>(service.url + link);
    expect(short(file.features).sort()).toEqual(short(within).sort());

    await page.reload();
    await page.getByTestId('table-sums').getByText(`${within.length} features`).waitFor();
    await table.locator('th[aria-sort=descending]', { hasText: 'Score' }).waitFor();
    await table.getByRole('button', { name: 'Clear the filter' }).press('Enter');
    await page.getByTestId('table-sums').getByText(`${all.length} features`).waitFor();
    expect(await hash(page, 'filter')).toBeNull();
    await table.getByRole('button', { name: 'Close' }).press('Enter');
    await table.waitFor({ state: 'hidden' });
    expect(troubles).toEqual([]);
    await page.context().close();
  });
});
