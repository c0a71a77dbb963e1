/** What the viewer shows of jobs: the map of one that runs, and parts that failed. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { frailNetwork } from '../models/onnx/test-frail.ts';
import { addNetwork } from '../server/networks.ts';
import { writePatches } from '../server/test-scene.ts';
import { writeTown } from '../tiler/town/town.ts';
import { CHROMIUM_FLAGS, findChromium } from './browser.ts';
import { upload, waitForScene } from './client.ts';
import { type Served, serve, stopAll } from './serve.ts';

declare const window: {
  planimeter: { map: { getLayer(id: string): unknown; queryRenderedFeatures(options: object): unknown[] } };
};

const executablePath = findChromium();

describe.skipIf(!executablePath)('the viewer and its jobs', () => {
  let folder: string;
  let service: Served;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-viewer-jobs-'));
    await writeFile(join(folder, 'frail.onnx'), frailNetwork());
    await addNetwork(join(folder, 'data'), join(folder, 'frail.onnx'), { said: { gsdMetres: 0.5 } });
    service = await serve(join(folder, 'data'));
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  async function readyScene(name: string, colour: readonly [number, number, number]): Promise<string> {
    const image = join(folder, name);
    await writePatches(image, { width: 200, height: 168 }, [{ x: 100, y: 80, side: 2, colour }]);
    const scene = await upload(service.url, image);
    await waitForScene(service.url, scene);
    return scene;
  }

  test('a running job shows the map so far, and then its features', { timeout: 180_000 }, async () => {
    const { image } = await writeTown(join(folder, 'town'), { seed: 5, width: 500, height: 3000, gsdMetres: 0.5 });
    const scene = await upload(service.url, image);
    await waitForScene(service.url, scene);
    const page = await browser.newPage({ viewport: { width: 1000, height: 800 } });
    await page.goto(`${service.url}/#scene=${scene}`);
    await page.getByTestId('begin').click();
    await page.waitForResponse((response) => {
      return /\/classes\/.*png/.test(response.url()) && response.status() === 200;
    });
    const drawn = () => page.evaluate(() => ['live', 'landuse-fill'].map((id) => !!window.planimeter.map.getLayer(id)));
    expect(await drawn()).toEqual([true, false]);
    await page.getByTestId('legend').waitFor({ timeout: 120_000 });
    await expect.poll(drawn).toEqual([false, true]);
    await page.close();
  });

  const ask = (scene: string, model: string) =>
    fetch(`${service.url}/jobs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ scene, model }),
    });

  test('what could not be computed is hatched, named and may be tried again', { timeout: 120_000 }, async () => {
    const scene = await readyScene('failing.tif', [255, 0, 0]);
    await ask(scene, 'frail');
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${service.url}/#scene=${scene}`);
    const finding = page.getByTestId('job-finding');
    await finding.waitFor({ timeout: 60_000 });
    expect(await finding.textContent()).toMatch(/chips? could not be computed: \d.*% of the map is missing/);
    expect(await page.getByTestId('failed').textContent()).toMatch(/Not computed.*m²/);
    await page.waitForFunction(() => {
      const { map } = window.planimeter;
      return map.getLayer('failed-fill') && map.queryRenderedFeatures({ layers: ['failed-fill'] }).length > 0;
    });
    const asked = page.waitForResponse((response) => response.url().endsWith('/retry'));
    await finding.getByRole('button').click();
    expect((await asked).status()).toBe(202);
    await page.close();
  });
});
