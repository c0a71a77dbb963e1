/** A person signs in, shares a map by a link and signs out; somebody without a token sees that map alone. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeTown } from '../synthetic/town/town.ts';
import { CHROMIUM_FLAGS, findChromium } from './support/browser.ts';
import { startJob, upload, waitForJob, waitForScene } from './support/client.ts';
import { type Served, serve, stopAll } from './support/serve.ts';

const executablePath = findChromium();
const { SHARING_PICTURES: pictures } = process.env;

const CLIPBOARD = 'navigator.clipboard.readText()';

/** Clicks on the map where a feature is drawn and nothing lies over it. */
async function selectFeature(page: Page): Promise<void> {
  await page.locator('body[data-idle="true"]').waitFor({ timeout: 60_000 });
  const at = await page.waitForFunction(`(() => {
    const { map } = window.planimeter;
    const canvas = map.getCanvas();
    for (let y = 40; y < innerHeight - 40; y += 20) {
      for (let x = 40; x < innerWidth - 40; x += 20) {
        if (document.elementFromPoint(x, y) !== canvas) continue;
        if (map.queryRenderedFeatures([x, y], { layers: ['landuse-fill'] }).length > 0) return { x, y };
      }
    }
    return null;
  })()`);
  const { x, y } = (await at.jsonValue()) as { x: number; y: number };
  await page.mouse.click(x, y);
  await page.getByTestId('inspector').waitFor();
}

/** As a page, to somebody who has not signed in. */
async function expectOpensForAnyone(link: string): Promise<void> {
  const response = await fetch(link, { headers: { Accept: 'text/html' }, redirect: 'manual' });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
}

describe.skipIf(!executablePath)('a shared link', () => {
  let folder: string;
  let service: Served;
  let browser: Browser;
  let token: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-sharing-'));
    const { image } = await writeTown(join(folder, 'town'), { seed: 5, width: 600, height: 500, gsdMetres: 0.5 });
    service = await serve(join(folder, 'data'));
    const scene = await upload(service.url, image);
    await waitForScene(service.url, scene);
    const job = await waitForJob(service.url, (await startJob(service.url, scene)).id);
    expect(job.state).toBe('done');
    const made = await fetch(`${service.url}/tokens`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'me', role: 'admin' }),
    });
    ({ token } = (await made.json()) as { token: string });
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  test('is made, looked at and revoked', { timeout: 180_000 }, async () => {
    const mine = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    const page = await mine.newPage();
    await page.goto(service.url);
    await page.fill('#token', token);
    await page.click('button');
    await page.getByText('Share', { exact: true }).click();
    await page.getByTestId('share').click();
    const link = await page.getByTestId('link').inputValue();
    expect(link).toMatch(/\/shared\/[\w-]{43}\/$/);

    await mine.grantPermissions(['clipboard-read', 'clipboard-write']);
    await selectFeature(page);
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.getByText('This link opens for people who can sign in here', { exact: false }).waitFor();
    expect(await page.evaluate(CLIPBOARD)).toMatch(`${service.url}/collections/`);
    await page.getByTestId('share-feature').click();
    const featureLink = await page.getByTestId('for-others').getByTestId('link').inputValue();
    expect(featureLink).toMatch(/\/shared\/[\w-]{43}\/collections\/\w+\/items\/[\w-]{36}$/);
    await expectOpensForAnyone(featureLink);
    if (pictures) await page.screenshot({ path: `${pictures}/mine.png` });

    for (const { name, ...look } of [
      { name: 'light', viewport: { width: 1280, height: 800 }, colorScheme: 'light' as const },
      { name: 'phone', viewport: { width: 390, height: 844 }, colorScheme: 'dark' as const },
    ]) {
      const theirs = await (await browser.newContext(look)).newPage();
      const troubles: string[] = [];
      theirs.on('pageerror', (error) => troubles.push(error.message));
      theirs.on('response', (response) => {
        if (response.status() >= 400) troubles.push(`${response.status()} ${response.url()}`);
        if (!response.url().startsWith(link) && response.url().startsWith('http')) troubles.push(response.url());
      });
      await theirs.goto(link);
      await theirs.getByText('Download', { exact: true }).waitFor();
      await theirs.locator('body[data-idle="true"]').waitFor({ timeout: 60_000 });
      if (pictures) await theirs.screenshot({ path: `${pictures}/${name}.png` });
      for (const hidden of ['drop', 'settings', 'sharing', 'sign-out', 'prove', 'scene-list']) {
        expect(await theirs.getByTestId(hidden).isVisible(), hidden).toBe(false);
      }
      expect(troubles).toEqual([]);
      await theirs.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await selectFeature(theirs);
      await theirs.getByRole('button', { name: 'Copy link' }).click();
      await theirs.getByRole('button', { name: 'Link copied' }).waitFor();
      expect(await theirs.getByTestId('for-others').count()).toBe(0);
      const copied = (await theirs.evaluate(CLIPBOARD)) as string;
      expect(copied).toMatch(`${link}collections/`);
      await expectOpensForAnyone(copied);
      await theirs.close();
    }

    await page.getByText('Revoke').last().click();
    await page.getByText('Revoked. The link no longer works.').waitFor();
    expect((await fetch(`${link}jobs`)).status).toBe(404);
    await page.getByTestId('sign-out').click();
    await page.waitForURL('**/session');
    expect(await mine.cookies()).toEqual([]);
  });
});
