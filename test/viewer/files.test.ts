/** Files that come into the viewer: several at once, with what lies beside them, once more, and after a refusal. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { JobJson, SceneJson } from '../../server/api/index.ts';
import { writeTown } from '../../synthetic/town/town.ts';
import { CHROMIUM_FLAGS, findChromium } from '../support/browser.ts';
import { getJson, upload, waitForScene } from '../support/client.ts';
import { writePatches } from '../support/scene.ts';
import { type Served, serve, stopAll } from '../support/serve.ts';

const executablePath = findChromium();

const UTM_33N =
  'PROJCS["WGS 84 / UTM zone 33N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],' +
  'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],' +
  'PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",15],PARAMETER["scale_factor",0.9996],' +
  'PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1],AUTHORITY["EPSG","32633"]]';

describe.skipIf(!executablePath)('files in the viewer', () => {
  let folder: string;
  let service: Served;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-files-'));
    service = await serve(join(folder, 'data'));
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
  }, 60_000);
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(service.url);
    await page.getByTestId('drop').waitFor();
  });
  afterEach(() => page.close());
  afterAll(async () => {
    await browser?.close();
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  const file = (name: string) => join(folder, name);
  const choose = (...names: string[]) => page.getByTestId('file-input').setInputFiles(names.map(file));
  const scenes = () => getJson<SceneJson[]>(`${service.url}/scenes`);
  async function writeImage(name: string, gray: number): Promise<void> {
    const colour = [gray, gray, gray] as const;
    await writePatches(file(name), { width: 200, height: 168 }, [{ x: 96, y: 80, side: 20, colour }]);
  }

  test('three images at once are three scenes, mapped all; what is none is named', { timeout: 180_000 }, async () => {
    for (const [seed, name] of ['one.tif', 'two.tif', 'three.tif'].entries()) {
      // What hardly looks like imagery would not be mapped unasked.
      const { image } = await writeTown(file(`town-${seed}`), { seed, width: 400, height: 300, gsdMetres: 0.5 });
      await copyFile(image, file(name));
    }
    await writeFile(file('notes.pdf'), '%PDF-1.7');
    await writeFile(file('four.tfw'), '0.5\n0\n0\n-0.5\n0\n0\n');
    let go = () => {};
    const held = new Promise<void>((resolve) => (go = resolve));
    await page.route(/\/uploads$/, async (route) => {
      await held;
      await route.continue();
    });
    await choose('one.tif', 'two.tif', 'notes.pdf', 'three.tif', 'four.tfw');
    await page.getByTestId('upload-progress').getByText('one.tif').waitFor();
    expect(await page.getByTestId('waiting').allTextContents()).toEqual(
      ['two.tif', 'three.tif'].map((name) => `${name}Waiting to be sent`),
    );
    await page.getByText('“notes.pdf” does not start with a TIFF header', { exact: false }).waitFor();
    await page.getByText('“four.tfw” describes an image that is not there', { exact: false }).waitFor();
    const inside = (await page.locator('.panel-body').boundingBox())!;
    const remove = (await page.getByRole('button', { name: 'Do not send two.tif' }).boundingBox())!;
    expect(remove.x + remove.width).toBeLessThanOrEqual(inside.x + inside.width);
    go();
    await expect
      .poll(async () => (await scenes()).map(({ name }) => name).sort(), { timeout: 30_000 })
      .toEqual(['one.tif', 'three.tif', 'two.tif']);
    const mapped = async () => (await getJson<JobJson[]>(`${service.url}/jobs`)).map(({ state }) => state);
    await expect.poll(mapped, { timeout: 120_000 }).toEqual(['done', 'done', 'done']);
    expect(await page.locator('.scene-title').textContent()).toBe('one.\u200btif');
    expect(await page.getByTestId('uploads').count()).toBe(0);
  });

  test('what lies beside an image is dropped with it', { timeout: 90_000 }, async () => {
    await sharp({ create: { width: 160, height: 120, channels: 3, background: '#567' } })
      .tiff()
      .toFile(file('bare.tif'));
    await writeFile(file('bare.TFW'), '0.5\n0\n0\n-0.5\n500000.25\n5399999.75\n');
    await writeFile(file('bare.prj'), UTM_33N);
    await writeFile(file('bare.tif.ovr'), 'pyramids');
    const dropped = await Promise.all(
      ['bare.TFW', 'bare.tif.ovr', 'bare.tif', 'bare.prj'].map(async (name) => [
        name,
        (await readFile(file(name))).toString('base64'),
      ]),
    );
    await page.evaluate(`(() => {
      const transfer = new DataTransfer();
      for (const [name, content] of ${JSON.stringify(dropped)}) {
        transfer.items.add(new File([Uint8Array.from(atob(content), (each) => each.charCodeAt(0))], name));
      }
      dispatchEvent(new DragEvent('drop', { dataTransfer: transfer }));
    })()`);
    const found = async () => (await scenes()).find(({ name }) => name === 'bare.tif');
    await expect.poll(async () => (await found())?.state, { timeout: 60_000 }).toBe('ready');
    expect(await found()).toMatchObject({ srs: 'EPSG:32633', width: 160, height: 120 });
    expect((await found())!.gsd_m).toBeCloseTo(0.5, 2);
    expect(await page.getByTestId('problem').count()).toBe(0);
  });

  test('an image that is here under another name is told, and renamed where that is wanted', {
    timeout: 90_000,
  }, async () => {
    await writeImage('first.tif', 77);
    await copyFile(file('first.tif'), file('second.tif'));
    const id = await upload(service.url, file('first.tif'));
    await waitForScene(service.url, id);
    await choose('second.tif');
    const known = page.getByTestId('known');
    await known.waitFor();
    expect(await known.textContent()).toContain('This image is here already as “first.tif”.');
    await known.getByRole('button', { name: 'Rename it to second.tif' }).click();
    await known.waitFor({ state: 'detached' });
    expect((await getJson<SceneJson>(`${service.url}/scenes/${id}`)).name).toBe('second.tif');
    expect(await page.locator('.scene-title').textContent()).toBe('second.\u200btif');
    await choose('second.tif');
    await page.getByText('“second.tif” is here already.', { exact: false }).waitFor();
    expect((await scenes()).filter(({ sha256 }) => sha256 === undefined)).toEqual([]);
  });

  test('what was told of an earlier file does not stay over the next', { timeout: 90_000 }, async () => {
    const problems = () => page.getByTestId('problem').count();
    await writeFile(file('broken.tif'), Buffer.concat([Buffer.from('II*\0'), Buffer.alloc(2000)]));
    await writeFile(file('no.tif'), 'no image');
    await writeImage('good.tif', 140);
    await choose('broken.tif');
    await page.getByTestId('problem').waitFor(); // of the scene, which the service refused
    await choose('no.tif');
    await page.locator('[data-testid=problem][data-code=not_a_tiff]').first().waitFor();
    let go = () => {};
    const held = new Promise<void>((resolve) => (go = resolve));
    await page.route(/\/uploads$/, async (route) => {
      await held;
      await route.continue();
    });
    await choose('good.tif');
    await page.getByTestId('upload-progress').waitFor();
    expect(await problems()).toBe(0);
    go();
    await page.locator('.scene-title', { hasText: 'good' }).waitFor();
    expect(await problems()).toBe(0);
  });
});
