/** What the viewer shows of jobs: the map of one that runs, parts that failed, and boxes around objects. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addNetwork } from '../../server/networks/install-network.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { CHROMIUM_FLAGS, findChromium } from '../support/browser.ts';
import { upload, waitForScene } from '../support/client.ts';
import { frailNetwork } from '../support/networks/crashing-network.ts';
import { redNetwork } from '../support/networks/red-detector.ts';
import { writePatches } from '../support/scene.ts';
import { type Served, serve, stopAll } from '../support/serve.ts';

declare const window: {
  planimeter: {
    map: {
      getLayer(id: string): unknown;
      isMoving(): boolean;
      project(lngLat: number[]): { x: number; y: number };
      queryRenderedFeatures(options: object): { geometry: { coordinates: number[][][] } }[];
    };
  };
};

const executablePath = findChromium();

describe.skipIf(!executablePath)('the viewer and its jobs', () => {
  let folder: string;
  let service: Served;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-viewer-jobs-'));
    for (const [name, bytes] of Object.entries({ frail: frailNetwork(), red: redNetwork() })) {
      await writeFile(join(folder, `${name}.onnx`), bytes);
      await addNetwork(join(folder, 'data'), join(folder, `${name}.onnx`), { said: { gsdMetres: 0.5 } });
    }
    service = await serve(join(folder, 'data'));
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  /** With a red patch. */
  async function readyScene(name: string, side: number, colour: readonly [number, number, number]): Promise<string> {
    const image = join(folder, name);
    await writePatches(image, { width: 200, height: 168 }, [{ x: 96, y: 80, side, colour }]);
    const scene = await upload(service.url, image);
    await waitForScene(service.url, scene);
    return scene;
  }

  test('a running job shows the map so far, and then its features', { timeout: 180_000 }, async () => {
    const { image } = await writeTown(join(folder, 'town'), { seed: 5, width: 400, height: 6600, gsdMetres: 0.5 });
    const scene = await upload(service.url, image);
    await waitForScene(service.url, scene);
    const page = await browser.newPage({ viewport: { width: 1000, height: 800 } });
    await page.goto(`${service.url}/#scene=${scene}`);
    const isPartOfMap = /\/classes\/.*png/;
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.getByTestId('begin').click();
    await page.waitForResponse((response) => isPartOfMap.test(response.url()) && response.status() === 200);
    expect(asked.some((url) => /\/tiles\//.test(url))).toBe(false);
    const drawn = () => page.evaluate(() => ['live', 'landuse-fill'].map((id) => !!window.planimeter.map.getLayer(id)));
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
    const scene = await readyScene('failing.tif', 2, [255, 0, 0]);
    await ask(scene, 'frail');
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${service.url}/#scene=${scene}`);
    const finding = page.locator('[data-testid="job-finding"][data-code="chips_failed"]');
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

  test('objects are boxes with class and score, counted in the legend, and can be clicked', {
    timeout: 120_000,
  }, async () => {
    const scene = await readyScene('objects.tif', 8, [250, 40, 40]);
    await ask(scene, 'red');
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${service.url}/#scene=${scene}`);
    const legend = page.getByTestId('legend');
    await legend.waitFor({ timeout: 60_000 });
    expect(await legend.textContent()).toMatch(/^1\s*object\s*found/);
    const boxAt = () =>
      page.evaluate(() => {
        const { map } = window.planimeter;
        if (map.isMoving() || !map.getLayer('objects-fill')) return null;
        const [box] = map.queryRenderedFeatures({ layers: ['objects-fill'] });
        const [label] = map.queryRenderedFeatures({ layers: ['objects-label'] });
        if (!box || !label) return null;
        const corners = box.geometry.coordinates[0].map((at) => map.project(at));
        const middle = (values: number[]) => (Math.min(...values) + Math.max(...values)) / 2;
        return { x: middle(corners.map(({ x }) => x)), y: middle(corners.map(({ y }) => y)) };
      });
    await expect.poll(boxAt).not.toBeNull();
    const { x, y } = (await boxAt())!;
    await page.mouse.click(x, y);
    const inspector = page.getByTestId('inspector');
    await inspector.waitFor();
    expect(await inspector.textContent()).toMatch(/Red.*m².*%.*Objects/);
    await page.getByText('Download', { exact: true }).click();
    expect(await page.getByRole('link').allTextContents()).toEqual(
      expect.not.arrayContaining([expect.stringContaining('Class map')]),
    );
    expect(await page.getByRole('combobox', { name: 'What to download' }).textContent()).toContain('Objects (1)');
    await page.close();
  });
});
