/** Points of a map looked at in a real browser: by keyboard on a desk, by fingers on a phone; and what comes of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobAccuracyJson, JobJson, SampleJson } from '../../server/api/index.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { apply, invert } from '../../tiler/crs/geotransform.ts';
import { transformKnown } from '../../tiler/crs/known-systems.ts';
import { openRaster } from '../../tiler/geotiff/raster.ts';
import { wholeOf } from '../../tiler/geotiff/window.ts';
import { CHROMIUM_FLAGS, findChromium } from '../support/browser.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from '../support/client.ts';
import { type Served, serve, stopAll } from '../support/serve.ts';

declare const document: {
  activeElement: { getAttribute(name: string): string | null } | null;
  documentElement: { scrollWidth: number };
};
declare const innerWidth: number;

const executablePath = findChromium();
/** As few as a sample may have; sixty with the long suites. */
const POINTS = process.env.PLANIMETER_FULL === '1' ? '60' : '30';
const SIZE = { width: 600, height: 500 };
/** Keys of the classes in the order of the network: other, building, road, vegetation, water. */
const CLASSES = ['other', 'building', 'road', 'vegetation', 'water'];

describe.skipIf(!executablePath)('how good a map is, in the viewer', () => {
  let folder: string;
  let service: Served;
  let browser: Browser;
  let scene: string;
  let job: JobJson;
  let there: (lon: number, lat: number) => string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-viewer-accuracy-'));
    const { image, truth } = await writeTown(join(folder, 'town'), { seed: 11, ...SIZE, gsdMetres: 0.5 });
    const raster = await openRaster(truth);
    const { pixels } = await raster.read(0, wholeOf(raster));
    await raster.close();
    const inverse = invert(raster.geotransform);
    there = (lon, lat) => {
      const [x, y] = apply(inverse, ...transformKnown([[lon, lat]], 4326, raster.epsg!)![0]!).map(Math.floor);
      return CLASSES[pixels[y! * SIZE.width + x!]!]!;
    };
    service = await serve(join(folder, 'data'));
    scene = await upload(service.url, image);
    await waitForScene(service.url, scene);
    job = await waitForJob(service.url, (await startJob(service.url, scene)).id);
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  async function openPage(options: Parameters<Browser['newPage']>[0]): Promise<{ page: Page; troubles: string[] }> {
    const page = await browser.newPage(options);
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
    await page.goto(`${service.url}/#scene=${scene}`);
    await page.getByTestId('legend').waitFor();
    await page.locator('[data-testid="accuracy"] summary').click();
    return { page, troubles };
  }

  const shot = async (page: Page, name: string) => {
    const { PLANIMETER_SCREENSHOTS: place } = process.env;
    if (place) await page.screenshot({ path: join(place, `${name}.png`) });
  };
  const shownPoint = (page: Page) => page.locator('.review-map').getAttribute('data-point').then(Number);
  const pointAfter = (page: Page, number: number) =>
    expect.poll(() => page.locator('.review-map').getAttribute('data-point')).not.toBe(String(number));

  let points: [number, number][];
  const answerOf = (number: number) => CLASSES.indexOf(there(...points[number - 1]!));

  test('a person looks at points by keyboard alone, without seeing the map', { timeout: 300_000 }, async () => {
    const { page, troubles } = await openPage({ viewport: { width: 1280, height: 800 } });
    await page.getByTestId('accuracy').getByLabel('Points', { exact: true }).fill(POINTS);
    await page.getByTestId('draw-sample').click();
    await page.getByTestId('review-points').waitFor();
    const [sample] = await getJson<SampleJson[]>(`${service.url}/jobs/${job.id}/samples`);
    const path = `${service.url}/jobs/${job.id}/samples/${sample!.id}`;
    const plots = await getJson<{ features: { geometry: { coordinates: [number, number] } }[] }>(
      `${path}/plots.geojson`,
    );
    points = plots.features.map(({ geometry }) => geometry.coordinates);
    await page.getByTestId('accuracy').getByLabel('Your name').fill('Ada');
    await shot(page, 'panel-before');

    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.getByTestId('review-points').focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.review-map[data-idle="1"]');
    expect(await shownPoint(page)).toBe(1);
    await shot(page, 'review-desk');
    const many = points.length - 5;
    for (let number = 1; number <= many; number++) {
      await page.keyboard.press(number === 4 ? '0' : String(answerOf(number) + 1));
      await pointAfter(page, number);
    }
    // Back to the last one, which is shown with what was said, and answered once more.
    await page.keyboard.press('ArrowLeft');
    expect(await shownPoint(page)).toBe(many);
    expect(await page.locator('.review-choice[aria-pressed="true"]').textContent()).toMatch(
      new RegExp(CLASSES[answerOf(many)]!, 'i'),
    );
    await page.keyboard.press(String(answerOf(many) + 1));
    await pointAfter(page, many);
    expect(asked.filter((each) => /\/(tiles|classes|scores|accuracy)\b/.test(each))).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByTestId('accuracy').getByText(`${many} of ${points.length} points looked at`).waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? null)).toBe(
      'review-points',
    );
    expect(troubles).toEqual([]);
    await page.close();
  });

  test('the rest by fingers on a phone, and then areas with their intervals', { timeout: 300_000 }, async () => {
    const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
    const { page, troubles } = await openPage({ ...phone, colorScheme: 'dark' });
    await page.getByTestId('accuracy').getByLabel('Your name').fill('Ben');
    await page.getByTestId('review-points').tap();
    await page.waitForSelector('.review-map[data-idle]');
    await shot(page, 'review-phone');
    for (let answered = 0; answered < points.length; answered++) {
      const number = await shownPoint(page);
      await page.locator('.review-choice').nth(answerOf(number)).tap();
      const ended = page.getByText('There is nothing left');
      await expect.poll(async () => (await ended.isVisible()) || (await shownPoint(page)) !== number).toBe(true);
      if (await ended.isVisible()) break;
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    await page.getByRole('button', { name: 'Close' }).last().tap();
    const result = page.getByTestId('accuracy-result');
    await result.waitFor();
    expect(await result.textContent()).toMatch(/Overall accuracy: \d[\d.]* \(\d[\d.]* to \d[\d.]*\) %/);
    await result.scrollIntoViewIfNeeded();
    await shot(page, 'result-phone');
    expect(troubles).toEqual([]);
    await page.close();

    const accuracy = await getJson<JobAccuracyJson>(`${service.url}/jobs/${job.id}/accuracy`);
    expect(accuracy.answered + accuracy.cannot_tell).toBe(points.length);
    expect(accuracy.agreement.agreed).toBe(accuracy.agreement.points);
    expect(accuracy.overall_accuracy.value).toBeGreaterThan(0.5);

    const { page: desk } = await openPage({ viewport: { width: 1280, height: 900 } });
    await desk.getByTestId('accuracy-result').getByText('In words, for a report').click();
    await desk.getByText('95 % confidence interval').first().waitFor();
    await shot(desk, 'result-desk');
    await desk.close();
  });
});
