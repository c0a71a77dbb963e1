/**
 * A place is taught in a real browser: two people paint on one image, and its map becomes better while the old one is seen
 * (with PLANIMETER_FULL=1); and a finger paints on a phone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobJson, LabelsJson, ModelJson } from '../../server/api/index.ts';
import { randomStream } from '../../synthetic/town/noise.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { utmToLonLat } from '../../synthetic/town/utm.ts';
import { apply, type Geotransform } from '../../tiler/crs/geotransform.ts';
import { openRaster } from '../../tiler/geotiff/raster.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import { createTiffWriter } from '../../tiler/geotiff/write-tiff.ts';
import { CHROMIUM_FLAGS, findChromium } from '../support/browser.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from '../support/client.ts';
import { type Served, serve, stopAll } from '../support/serve.ts';

declare const planimeter: {
  map: {
    project(at: [number, number]): { x: number; y: number };
    getCenter(): { lng: number; lat: number };
    getSource(id: string): unknown;
  };
};
declare const document: { body: { dataset: { idle?: string } }; documentElement: { scrollWidth: number } };
declare const innerWidth: number;

const executablePath = findChromium();
const CLASSES = ['other', 'building', 'road', 'vegetation', 'water'];
const SIZE = { width: 480, height: 400, gsdMetres: 1 };
const LABELS = 100;
/** Of them by mouse, in one browser. */
const OWN = 5;

describe.skipIf(!executablePath)('teaching in the viewer', () => {
  let folder: string;
  let service: Served;
  let browser: Browser;
  let scene: string;
  let truth: Uint8Array;
  let geotransform: Geotransform;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-viewer-teach-'));
    const town = await writeTown(join(folder, 'town'), { seed: 21, ...SIZE });
    const raster = await openRaster(town.image);
    const { pixels } = await raster.read(0, wholeOf(raster));
    geotransform = raster.geotransform;
    await raster.close();
    // In colours that the network has not learnt.
    const strange = new Uint8Array(pixels.length);
    for (let i = 0; i < pixels.length; i += 3) {
      strange.set([255 - pixels[i + 1]!, pixels[i + 2]!, 255 - pixels[i]!], i);
    }
    const image = join(folder, 'Strange town.tif');
    const writer = await createTiffWriter(image, {
      ...{ width: SIZE.width, height: SIZE.height, bands: 3, compression: 'deflate' as const },
      ...{ epsg: 32633, geotransform, overviews: 'average' as const },
    });
    await writer.writeRows(SIZE.height, strange);
    await writer.finish();
    const map = await openRaster(town.truth);
    truth = new Uint8Array((await map.read(0, wholeOf(map))).pixels);
    await map.close();
    service = await serve(join(folder, 'data'));
    scene = await upload(service.url, image);
    await waitForScene(service.url, scene);
    const { id } = await startJob(service.url, scene, {}, 'landuse-fcn');
    expect((await waitForJob(service.url, id)).state).toBe('done');
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  }, 240_000);
  afterAll(async () => {
    await browser?.close();
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  async function openPage(look: BrowserContextOptions = {}) {
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, ...look })).newPage();
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(error.message));
    await page.goto(`${service.url}/#scene=${scene}`);
    await page.getByTestId('legend').waitFor();
    await page.waitForFunction(() => document.body.dataset.idle === 'true');
    return { page, troubles };
  }
  const openTool = async (page: Page) => {
    await page.getByTestId('teach').locator('summary').first().click();
    await page.getByTestId('paint-bar').waitFor({ state: 'attached' });
  };
  const degreesAt = (x: number, y: number) => utmToLonLat(33, ...apply(geotransform, x + 0.5, y + 0.5));
  /** Whether the surrounding pixels are of the class, too. */
  const isWithin = (x: number, y: number, code: number) =>
    [-3, 0, 3].every((dy) => [-3, 0, 3].every((dx) => truth[(y + dy) * SIZE.width + x + dx] === code));
  const labels = async () => (await getJson<LabelsJson>(`${service.url}/scenes/${scene}/labels`)).features;

  /** Places in the free part of a map, each with its class; the classes in turn. */
  function places(count: number, seed: number): { center: [number, number]; code: number }[] {
    const { next } = randomStream(seed);
    const found: { center: [number, number]; code: number }[] = [];
    while (found.length < count) {
      const code = found.length % CLASSES.length;
      const [x, y] = [20, 60].map((edge, i) => edge + Math.floor(next() * ((i ? SIZE.height : SIZE.width) - 2 * edge)));
      if (isWithin(x!, y!, code)) found.push({ center: degreesAt(x!, y!) as [number, number], code });
    }
    return found;
  }

  /** Short strokes by mouse. */
  async function paint(page: Page, count: number, seed: number): Promise<void> {
    for (const { center, code } of places(count, seed)) {
      await page.keyboard.press(String(code + 1));
      const { x, y } = await page.evaluate((at) => planimeter.map.project(at), center);
      await page.mouse.move(x - 3, y);
      await page.mouse.down();
      await page.mouse.move(x + 3, y);
      await page.mouse.up();
    }
  }

  /** What a third person brings. */
  async function bring(count: number, seed: number): Promise<void> {
    const features = places(count, seed).map(({ center, code }) => ({
      ...{ type: 'Feature', geometry: { type: 'Point', coordinates: center }, properties: { class: CLASSES[code] } },
    }));
    const response = await fetch(`${service.url}/scenes/${scene}/labels`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/geo+json' },
      body: JSON.stringify({ type: 'FeatureCollection', features }),
    });
    expect(response.status).toBe(201);
  }

  const long = process.env.PLANIMETER_FULL === '1';
  test.skipIf(!long)(
    'two people paint, one undoes; the network is taught and maps the place while the old map is seen',
    {
      timeout: 240_000,
    },
    async () => {
      const [ada, bob] = await Promise.all([openPage(), openPage({ locale: 'zh-CN' })]);
      await openTool(ada.page);
      await openTool(bob.page);
      await paint(ada.page, OWN, 1);
      await paint(bob.page, 1, 2);
      await bring(LABELS - OWN - 1, 3);
      await expect.poll(async () => (await labels()).length).toBe(LABELS);
      // Each sees those of both.
      await ada.page.getByText(`${LABELS} labels on this image, ${OWN} drawn here just now`).waitFor();
      await bob.page.getByText(`本影像共有 ${LABELS} 个样本标注`).waitFor();
      const [stroke] = await labels();
      expect(stroke).toMatchObject({ geometry: { type: 'LineString' }, properties: { class: 'other' } });
      expect(stroke!.properties.width_m).toBeGreaterThan(2);
      expect(stroke!.properties.width_m).toBeLessThan(20);

      // A class that the network does not have, a dot of it by keyboard, and that taken back.
      await ada.page.getByTestId('teach').getByText('Add a class').first().click();
      await ada.page.getByTestId('class-name').fill('pool');
      await ada.page.getByTestId('add-class').click();
      const pool = ada.page.getByTestId('paint-bar').getByRole('button', { name: 'Pool' });
      expect(await pool.getAttribute('aria-pressed')).toBe('true');
      await ada.page.locator('.maplibregl-canvas').focus();
      await ada.page.keyboard.press('Enter');
      await expect.poll(async () => (await labels()).at(-1)!.properties.class).toBe('pool');
      expect((await labels()).at(-1)!.geometry.type).toBe('Point');
      await ada.page.keyboard.press('Control+z');
      await expect.poll(async () => (await labels()).length).toBe(LABELS);
      await bob.page.getByText(`本影像共有 ${LABELS} 个样本标注`).waitFor();

      await ada.page.getByLabel('Name of the network').fill('Strange town, taught');
      await ada.page.getByTestId('begin-teaching').click();
      const taught = ada.page.getByTestId('taught');
      await taught.waitFor({ timeout: 120_000 });
      expect(await taught.textContent()).toMatch(/The network knows this place better now.*points\).*95 % interval/);
      expect(await taught.locator('tbody tr').count()).toBe(CLASSES.length);
      expect(await ada.page.locator('.paint-places .button').count()).toBe(5);
      const before = await ada.page.evaluate(() => planimeter.map.getCenter());
      await ada.page.locator('.maplibregl-canvas').focus();
      await ada.page.keyboard.press('n');
      await expect.poll(() => ada.page.evaluate(() => planimeter.map.getCenter())).not.toEqual(before);

      const models = await getJson<ModelJson[]>(`${service.url}/models`);
      expect(models.find(({ id }) => id === 'strange-town-taught')).toMatchObject({ name: 'Strange town, taught' });
      await ada.page.getByTestId('map-with').click();
      await ada.page.getByTestId('paint-bar').waitFor({ state: 'detached' });
      expect(await ada.page.evaluate(() => planimeter.map.getSource('features') !== undefined)).toBe(true);
      await ada.page.getByTestId('legend').waitFor();
      const jobs = await getJson<JobJson[]>(`${service.url}/jobs?scene=${scene}`);
      expect(jobs.find(({ model }) => model === 'strange-town-taught')?.state).toBe('done');
      expect([...ada.troubles, ...bob.troubles]).toEqual([]);
      await Promise.all([ada.page.context().close(), bob.page.context().close()]);
    },
  );

  test('on a phone the sheet makes room, and a finger paints', { timeout: 60_000 }, async () => {
    const { page, troubles } = await openPage({
      viewport: { width: 390, height: 844 },
      hasTouch: true,
      isMobile: true,
    });
    await openTool(page);
    const bar = page.getByTestId('paint-bar');
    await bar.waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    await bar.getByRole('button', { name: 'Water' }).click();
    const before = (await labels()).length;
    await page.touchscreen.tap(195, 300);
    await expect.poll(async () => (await labels()).length).toBe(before + 1);
    expect((await labels()).at(-1)).toMatchObject({ geometry: { type: 'Point' }, properties: { class: 'water' } });
    await bar.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(async () => (await labels()).length).toBe(before);
    expect(troubles).toEqual([]);
    await page.context().close();
  });
});
