/** The viewer as the place where people work all day: its languages, and what they look for, measure and sort there. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeTown } from '../../synthetic/town/town.ts';
import { CHROMIUM_FLAGS, findChromium } from '../support/browser.ts';
import { startJob, upload, waitForJob, waitForScene } from '../support/client.ts';
import { type Served, serve, stopAll } from '../support/serve.ts';

const executablePath = findChromium();

describe.skipIf(!executablePath)('the desk', () => {
  let folder: string;
  let service: Served;
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-desk-'));
    const { image } = await writeTown(join(folder, 'town'), { seed: 31, width: 700, height: 600, gsdMetres: 0.5 });
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
});
