/** The page `/api` in a real browser: every operation of the document, nothing blocked, nothing asked of other hosts. */
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { viewerFolder } from '../server/operations/viewer-folder.ts';
import type { Database } from '../server/store/database/database.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { CHROMIUM_FLAGS, findChromium } from './support/browser.ts';
import { startService, type TestService } from './support/http-service.ts';

const executablePath = findChromium();

describe.skipIf(!executablePath)('the API reference', () => {
  let db: Database;
  let service: TestService;
  let browser: Browser;

  beforeAll(async () => {
    db = await openDatabase({});
    service = await startService(db, { viewerFolder: await viewerFolder() });
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  });
  afterAll(async () => {
    await browser.close();
    await service.close();
    await db.close();
  });

  test('shows every operation, and the policy of the service blocks none of it', async () => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    const hosts = new Set<string>();
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    await page.goto(`${service.address}/api`);
    const { paths } = (await (await fetch(`${service.address}/openapi.json`)).json()) as { paths: object };
    const operations = Object.values(paths).flatMap((path) =>
      Object.keys(path).filter((method) => method !== 'parameters'),
    );
    await expect.poll(() => page.locator('.opblock').count()).toBe(operations.length);
    await page.locator('.opblock-summary-control').first().click();
    await page.locator('.opblock.is-open .opblock-body').waitFor();
    expect(complaints).toEqual([]);
    expect([...hosts]).toEqual([new URL(service.address).host]);
  });
});
