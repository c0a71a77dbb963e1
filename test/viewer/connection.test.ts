/** A click that meets a lost connection: busy at once, done once the service is there again, and done once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobJson, SceneJson, ShareJson } from '../../server/api/index.ts';
import { CHROMIUM_FLAGS, findChromium } from '../support/browser.ts';
import { getJson, startJob, upload, waitForJob, waitForScene } from '../support/client.ts';
import { writePatches } from '../support/scene.ts';
import { type Served, serve, stopAll } from '../support/serve.ts';

const executablePath = findChromium();

describe.skipIf(!executablePath)('a lost connection', () => {
  let folder: string;
  let service: Served;
  let browser: Browser;
  let scenes = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-connection-'));
    service = await serve(join(folder, 'data'));
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  async function readyScene(): Promise<string> {
    const colour = [10 * ++scenes, 90, 90] as const;
    const image = join(folder, `image-${scenes}.tif`);
    await writePatches(image, { width: 200, height: 168 }, [{ x: 96, y: 80, side: 20, colour }]);
    const scene = await upload(service.url, image);
    await waitForScene(service.url, scene);
    return scene;
  }

  async function openScene(scene: string): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(`${service.url}/#scene=${scene}`);
    await page.locator('body[data-idle="true"]').waitFor({ timeout: 60_000 });
    return page;
  }

  /** The first such request arrives and is done, but its answer is lost. */
  async function loseAnswer(page: Page, url: RegExp, method: string): Promise<void> {
    let lost = false;
    await page.route(url, async (route) => {
      if (lost || route.request().method() !== method) return route.fallback();
      lost = true;
      await route.fetch();
      await route.abort('connectionreset');
    });
  }

  const jobsOf = (scene: string) => getJson<JobJson[]>(`${service.url}/jobs?scene=${scene}`);

  test('a map that is asked for meanwhile is made when it is back, once', { timeout: 120_000 }, async () => {
    const scene = await readyScene();
    const page = await openScene(scene);
    const begin = page.getByTestId('begin');
    await begin.waitFor();
    await page.context().setOffline(true);
    await begin.click();
    await page.locator('[data-testid=begin][aria-busy=true]').waitFor();
    await page.getByText('Connection lost. Reconnecting…').waitFor();
    await begin.click(); // a busy button does nothing
    expect(await jobsOf(scene)).toEqual([]);
    await page.context().setOffline(false);
    await page.getByTestId('legend').waitFor({ timeout: 90_000 });
    expect((await jobsOf(scene)).map(({ state }) => state)).toEqual(['done']);
    expect(await page.getByTestId('problem').count()).toBe(0);
    await page.close();
  });

  test('what was done though its answer was lost is not done twice, and no error', { timeout: 120_000 }, async () => {
    const scene = await readyScene();
    const page = await openScene(scene);
    await loseAnswer(page, /\/jobs$/, 'POST');
    await page.getByTestId('begin').click();
    await page.getByTestId('legend').waitFor({ timeout: 90_000 });
    expect(await jobsOf(scene)).toHaveLength(1);

    await loseAnswer(page, /\/scenes\/[\w-]+$/, 'DELETE');
    await page.locator(`[data-scene="${scene}"] .scene-delete`).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await page.locator('.scene-confirm').waitFor({ state: 'detached' });
    expect(await page.getByTestId('problem').count()).toBe(0);
    expect((await getJson<SceneJson[]>(`${service.url}/scenes`)).map(({ id }) => id)).not.toContain(scene);
    await page.close();
  });

  test('a job that a lost answer has taken up again is shown, and not refused', { timeout: 120_000 }, async () => {
    const scene = await readyScene();
    const job = await waitForJob(service.url, (await startJob(service.url, scene)).id);
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    // As it was when the page was loaded; meanwhile it is done.
    await page.route(/\/jobs\?scene=/, (route) => route.fulfill({ json: [{ ...job, state: 'cancelled' }] }), {
      times: 1,
    });
    await page.goto(`${service.url}/#scene=${scene}`);
    await loseAnswer(page, /\/retry$/, 'POST');
    await page.getByRole('button', { name: 'Map this image' }).click();
    await page.getByTestId('legend').waitFor();
    expect(await page.getByTestId('problem').count()).toBe(0);
    await page.close();
  });

  test('a link is made once at most: where its answer was lost, that is told', { timeout: 120_000 }, async () => {
    const scene = await readyScene();
    const job = await waitForJob(service.url, (await startJob(service.url, scene)).id);
    const shares = () => getJson<ShareJson[]>(`${service.url}/jobs/${job.id}/shares`);
    const page = await openScene(scene);
    await page.getByText('Share', { exact: true }).click();
    await loseAnswer(page, /\/shares$/, 'POST');
    await page.getByTestId('share').click();
    await page.getByText(/The connection was lost before the link arrived/).waitFor();
    expect(await shares()).toHaveLength(1);
    expect(await page.getByText(/^Created .*, valid until/).count()).toBe(1);

    await page.context().setOffline(true);
    await page.getByTestId('share').click();
    await page.locator('[data-testid=share][aria-busy=true]').waitFor();
    await page.context().setOffline(false);
    await page.getByTestId('link').waitFor();
    expect(await shares()).toHaveLength(2);
    await page.close();
  });
});
