/** The main job as a person does it: a real browser, a file dropped in, the map watched, a building clicked. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ItemsJson, JobJson, SceneJson } from '../../server/api/index.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { CHROMIUM_FLAGS, findChromium } from '../support/browser.ts';
import { getJson } from '../support/client.ts';
import { type Served, serve, stopAll } from '../support/serve.ts';

declare const window: {
  planimeter: {
    map: {
      project(lngLat: [number, number]): { x: number; y: number };
      isMoving(): boolean;
      getZoom(): number;
      jumpTo(to: { center: [number, number]; zoom: number }): void;
      getLayer(id: string): unknown;
      queryRenderedFeatures(point: { x: number; y: number } | undefined, options: { layers: string[] }): unknown[];
    };
  };
};

const executablePath = findChromium();

describe.skipIf(!executablePath)('the viewer', () => {
  let folder: string;
  let image: string;
  let service: Served;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-viewer-'));
    ({ image } = await writeTown(join(folder, 'town'), { seed: 31, width: 1200, height: 1000, gsdMetres: 0.5 }));
    service = await serve(join(folder, 'data'));
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  /** A page that fails the test when it logs an error or speaks to another host. */
  async function openPage(size: { width: number; height: number }): Promise<{ page: Page; troubles: string[] }> {
    const page = await browser.newPage({ viewport: size });
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
    page.on('request', (request) => {
      const { protocol, host } = new URL(request.url());
      if (protocol.startsWith('http') && host !== new URL(service.url).host) troubles.push(`request to ${host}`);
    });
    await page.goto(service.url);
    return { page, troubles };
  }

  test('upload, watch, see polygons, click one', { timeout: 180_000 }, async () => {
    const { page, troubles } = await openPage({ width: 1280, height: 800 });
    await page.getByTestId('drop').waitFor();
    await page.getByTestId('demo').waitFor();
    await page.getByTestId('file-input').setInputFiles(image);
    await page.getByTestId('legend').waitFor({ timeout: 120_000 });
    await page.getByTestId('class-building').waitFor();
    await page.waitForSelector('body[data-idle="true"]', { timeout: 60_000 });

    const { features } = await getJson<ItemsJson>(`${service.url}/collections/buildings/items?limit=1000`);
    const largest = features.sort((a, b) => b.properties.area_m2! - a.properties.area_m2!)[0];
    const inside = pointInside(largest.geometry.coordinates[0] as [number, number][]);
    // The map may have been idle before it heard of the features.
    await page.waitForFunction((lngLat) => {
      const { map } = window.planimeter;
      if (map.isMoving() || !map.getLayer('buildings-fill')) return false;
      return map.queryRenderedFeatures(map.project(lngLat), { layers: ['buildings-fill'] }).length > 0;
    }, inside);
    const at = await page.evaluate((lngLat) => window.planimeter.map.project(lngLat), inside);
    await page.mouse.click(at.x, at.y);
    const inspector = page.getByTestId('inspector');
    await inspector.waitFor();
    const text = await inspector.textContent();
    expect(text).toMatch(/building/i);
    expect(text).toMatch(/m²|ha/);
    expect(text).toMatch(/%/);
    const accept = page.getByTestId('review-accepted');
    await accept.click();
    await page.locator('[data-testid=review-accepted][aria-pressed=true]').waitFor();
    const accepted = await getJson<ItemsJson>(
      `${service.url}/collections/buildings/items?filter=${encodeURIComponent(`review = 'accepted'`)}`,
    );
    expect(accepted.features.map(({ id }) => id)).toEqual([largest.id]);
    await page.keyboard.press('Escape');
    await inspector.waitFor({ state: 'hidden' });

    // Only what the network was surest of.
    const buildings = () =>
      page.evaluate(
        () => window.planimeter.map.queryRenderedFeatures(undefined, { layers: ['buildings-fill'] }).length,
      );
    const all = await buildings();
    await page.getByTestId('least-score').fill('95');
    await expect.poll(buildings).toBeLessThan(all);
    await page.getByTestId('least-score').fill('0');
    await expect.poll(buildings).toBe(all);

    // How sure the network was, over the map.
    const drawn = page.waitForResponse((answer) => answer.ok() && /\/scores\/\d+\/\d+\/\d+\.png$/.test(answer.url()));
    await page.getByTestId('certainty').check();
    await drawn;
    const scored = () => page.evaluate(() => window.planimeter.map.getLayer('scores') !== undefined);
    expect(await scored()).toBe(true);
    await page.getByTestId('certainty').uncheck();
    await expect.poll(scored).toBe(false);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test('another map with other bands: what was understood is shown, set, seen and run', {
    timeout: 120_000,
  }, async () => {
    const { page, troubles } = await openPage({ width: 1280, height: 900 });
    await page.getByTestId('settings').click();
    const preflight = page.getByTestId('preflight');
    await preflight.locator('#preflight-red').waitFor();
    expect(await preflight.textContent()).toMatch(/landuse-unet maps .*building.* and suits pixels of 0\.5 m/);
    const seen = page.waitForRequest((request) => /\/imagery\/.*[?&]bands=3(,|%2C)2(,|%2C)1/.test(request.url()));
    await preflight.locator('#preflight-red').selectOption('3');
    await preflight.locator('#preflight-blue').selectOption('1');
    await seen;
    await page.getByTestId('begin').click();
    await preflight.waitFor({ state: 'hidden' });
    await page.getByTestId('legend').waitFor({ timeout: 90_000 });
    const [job] = await getJson<JobJson[]>(`${service.url}/jobs`);
    expect([job.state, job.parameters.bands]).toEqual(['done', [3, 2, 1]]);
    const place = page.getByTestId('place-summary');
    await place.locator('summary').click();
    await place.getByText(/^\d+ buildings stand here/).waitFor();
    const zoom = await page.evaluate(() => window.planimeter.map.getZoom());
    await place.locator('.landmark').first().click();
    await expect.poll(() => page.evaluate(() => window.planimeter.map.getZoom())).toBeGreaterThan(zoom);
    await place.locator('summary').click();
    await page.getByText('Report', { exact: true }).click();
    await page.getByTestId('prove').click();
    await page.getByText(/^8 windows, 0 pixels of [\d,]+ differ$/).waitFor({ timeout: 60_000 });
    await page.getByText('Attribution and licence', { exact: true }).click();
    await page.getByLabel('Attribution', { exact: true }).fill('© Ada & Grace');
    await page.getByTestId('rights-save').click();
    await page.locator('.maplibregl-ctrl-attrib-inner', { hasText: '© Ada & Grace' }).waitFor();
    await page.getByText('Download', { exact: true }).click();
    const link = await page.getByRole('link', { name: /GeoPackage/ }).getAttribute('href');
    const file = await fetch(service.url + link);
    expect([file.status, (await file.text()).slice(0, 15)]).toEqual([200, 'SQLite format 3']);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test('a file that is no image is refused with its reason, on a phone', { timeout: 120_000 }, async () => {
    const { page, troubles } = await openPage({ width: 390, height: 844 });
    const wrong = join(folder, 'holiday.tif');
    await writeFile(wrong, 'no image at all');
    await page.getByTestId('file-input').setInputFiles(wrong);
    const problem = page.getByTestId('problem');
    await problem.waitFor();
    expect(await problem.getAttribute('data-code')).toBe('not_a_tiff');
    const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await page.evaluate(overflow)).toBe(0);

    // From afar, what is drawn stands for many features: who taps it is brought nearer.
    const { bbox } = (await getJson<SceneJson[]>(`${service.url}/scenes`)).find(({ state }) => state === 'ready')!;
    const middle: [number, number] = [(bbox![0] + bbox![2]) / 2, (bbox![1] + bbox![3]) / 2];
    await page.waitForFunction((center) => {
      const { map } = window.planimeter;
      if (map.getZoom() !== 13) map.jumpTo({ center, zoom: 13 });
      return (
        map.getLayer('landuse-fill') && map.queryRenderedFeatures(map.project(center), { layers: ['landuse-fill'] })[0]
      );
    }, middle);
    const at = await page.evaluate((center) => window.planimeter.map.project(center), middle);
    await page.mouse.click(at.x, at.y);
    await page.waitForFunction(() => window.planimeter.map.getZoom() === 15);
    expect(troubles).toEqual([]);
    await page.close();
  });
});

/** A point well inside a ring: the middle of the widest horizontal cut near its centre. */
function pointInside(ring: [number, number][]): [number, number] {
  const latitudes = ring.map(([, latitude]) => latitude);
  const latitude = (Math.min(...latitudes) + Math.max(...latitudes)) / 2 + 1e-9;
  const crossings = ring
    .slice(1)
    .flatMap(([x1, y1], i) => {
      const [x0, y0] = ring[i];
      return y0 < latitude === y1 < latitude ? [] : [x0 + ((latitude - y0) / (y1 - y0)) * (x1 - x0)];
    })
    .sort((a, b) => a - b);
  const cuts = crossings.flatMap((west, i) => (i % 2 === 0 ? [[west, crossings[i + 1]]] : []));
  const [west, east] = cuts.sort((a, b) => b[1] - b[0] - (a[1] - a[0]))[0];
  return [(west + east) / 2, latitude];
}
