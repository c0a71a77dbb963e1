/** The viewer over a basemap (PLANIMETER_BASEMAP) from another origin: drawn, credited, and the only other host spoken to. */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { viewerFolder } from '../server/operations/viewer-folder.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { updateScene } from '../server/store/tables/scenes.ts';
import { CHROMIUM_FLAGS, findChromium } from './support/browser.ts';
import { addScene, startService, type TestService } from './support/http-service.ts';

const executablePath = findChromium();

/** Of a basemap's tiles, which nothing else on the page has. */
const BLUE = { r: 20, g: 60, b: 220 };

describe.skipIf(!executablePath || process.env.PLANIMETER_FULL !== '1')('a basemap', () => {
  let tiles: Server;
  let origin: string;
  const asked: string[] = [];
  let service: TestService;
  let scene: string;
  let browser: Browser;

  beforeAll(async () => {
    const tile = await sharp({ create: { width: 256, height: 256, channels: 3, background: BLUE } })
      .png()
      .toBuffer();
    tiles = createServer(({ url, headers }, response) => {
      asked.push(url!);
      response.setHeader('Access-Control-Allow-Origin', headers.origin ?? '*');
      if (url === '/style.json') return response.end(JSON.stringify(style()));
      if (!url!.endsWith('.png')) return response.writeHead(404).end();
      response.setHeader('Content-Type', 'image/png').end(tile);
    }).listen(0, '127.0.0.1');
    await once(tiles, 'listening');
    origin = `http://127.0.0.1:${(tiles.address() as AddressInfo).port}`;
    const db = await openDatabase({});
    const basemap = `${origin}/style.json`;
    const about = {
      name: 'planimeter',
      version: '1',
      database: db.kind,
      device: 'cpu',
      remote_imagery: false,
    } as const;
    service = await startService(db, {
      service: { ...about, limits: { upload_bytes: 1 }, basemap },
      viewerFolder: await viewerFolder(),
      renderTile: async () => null,
    });
    scene = await addScene(db);
    await updateScene(db, scene, { attribution: 'Ada & Grace' });
    const working = service.files.path(`scenes/${scene}/working.tif`);
    await mkdir(dirname(working), { recursive: true });
    await writeFile(working, 'never read: nothing is drawn of it here');
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
    await service?.close();
    await service?.db.close();
    tiles?.close();
  });

  const style = () => ({
    version: 8,
    sources: {
      base: { type: 'raster', tiles: [`${origin}/{z}/{x}/{y}.png`], tileSize: 256, attribution: '© Basemap people' },
    },
    layers: [{ id: 'base', type: 'raster', source: 'base' }],
  });

  test('lies under the map, and both are credited', { timeout: 120_000 }, async () => {
    const page = await browser.newPage({ viewport: { width: 1000, height: 700 } });
    const troubles: string[] = [];
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
    const hosts = new Set<string>();
    page.on('request', (request) => request.url().startsWith('http') && hosts.add(new URL(request.url()).origin));
    await page.goto(`${service.address}/#scene=${scene}`);
    const credit = page.locator('.maplibregl-ctrl-attrib-inner');
    await expect.poll(() => credit.textContent()).toContain('Ada & Grace');
    expect(await credit.textContent()).toContain('© Basemap people');
    await page.waitForSelector('body[data-idle="true"]', { timeout: 60_000 });
    expect(asked.filter((url) => url.endsWith('.png')).length).toBeGreaterThan(0);
    // Right of the panel, at the edge of the window, beside the scene.
    const { data } = await sharp(await page.screenshot({ clip: { x: 900, y: 120, width: 1, height: 1 } }))
      .removeAlpha().raw().toBuffer({ resolveWithObject: true }); // biome-ignore format: one thing
    expect([...data]).toEqual(Object.values(BLUE));
    expect([...hosts].sort()).toEqual([origin, service.address].sort());
    expect(troubles).toEqual([]);
  });
});
