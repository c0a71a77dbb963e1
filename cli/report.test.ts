/** `planimeter report`: of a job of a data folder and of its package, the same sheet. */
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startService } from '../server/service.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { startJob, upload, waitForJob, waitForScene } from '../test/support/client.ts';
import { run } from './report.ts';

const FULL = process.env.PLANIMETER_FULL === '1';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-report-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const file = (name: string) => join(folder, name);

/** Returns what is printed. */
async function report(...args: string[]): Promise<string> {
  let said = '';
  const hear = (chunk: unknown) => {
    said += String(chunk);
    return true;
  };
  const spies = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockImplementation(hear));
  try {
    await run(args);
    return said;
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** What is read, without what a package does not know: when the job was finished. */
const wordsOf = (html: string) =>
  html
    .slice(html.indexOf('<main>'))
    .replace(/<image[^>]*>/g, '')
    .replace(/<dt>Finished<\/dt><dd>[^<]*<\/dd>\n/, '');

test.skipIf(!FULL)(
  'the sheet of a job, of the service and of its package say the same',
  { timeout: 900_000 },
  async () => {
    const { image } = await writeTown(file('town'), { seed: 5, width: 400, height: 300, gsdMetres: 1 });
    await rename(image, file('a <b> & c.tif'));
    const service = await startService({ host: '127.0.0.1', port: 0, dataFolder: file('data'), device: 'cpu' });
    const { url } = service;
    const scene = await waitForScene(url, await upload(url, file('a <b> & c.tif')));
    const { id } = await waitForJob(url, (await startJob(url, scene.id)).id);
    const zip = await fetch(`${url}/jobs/${id}/package.zip`);
    await writeFile(file('job.zip'), new Uint8Array(await zip.arrayBuffer()));
    const page = await (await fetch(`${url}/jobs/${id}/sheet.html`)).text();
    await service.stop();

    expect(await report(id, file('job.html'), '--data', file('data'))).toContain(`job.html: ${scene.name}`);
    const html = await readFile(file('job.html'), 'utf8');
    expect(html).toContain(`<dd>${id}</dd>`);
    expect(html).toContain(`<dt>SHA-256 of classes.tif</dt>`);
    expect(wordsOf(page)).toBe(wordsOf(html).replace(/<dt>Its licence.*\n/, '')); // which the command reads
    expect(html.match(/<image/g), 'imagery, and classes over it').toHaveLength(2);
    expect(html).toContain('Buildings per km²');

    await rename(file('a <b> & c.tif'), file(scene.name)); // as the service calls it
    expect(await report(file('job.zip'), file('package.html'))).not.toContain('without its image');
    expect(wordsOf(await readFile(file('package.html'), 'utf8'))).toBe(wordsOf(html));

    await rm(file(scene.name));
    const bare = await report(file('job.zip'), file('bare.pdf'), '--paper', 'A3', '--title', 'A town');
    expect(bare).toContain('without its image');
    expect((await readFile(file('bare.pdf'))).subarray(0, 5).toString()).toBe('%PDF-');

    await writeFile(file('other.tif'), 'no image');
    const other = report(file('job.zip'), file('a.pdf'), '--image', file('other.tif'));
    await expect(other).rejects.toMatchObject({ code: 'bad_request' });
    await expect(report('00000000', file('a.pdf'), '--data', file('data'))).rejects.toMatchObject({
      code: 'not_found',
    });
  },
);

test('wrong calls are said before any work', async () => {
  await expect(report('id', file('a.docx'))).rejects.toThrow('must end in .pdf or .html');
  await expect(report('id', file('a.pdf'), '--paper', 'A5')).rejects.toThrow('--paper takes A4 or A3');
  await expect(report('id', file('a.pdf'), '--image', 'a.tif')).rejects.toThrow('--image is for packages');
  await expect(report(file('none.zip'), file('a.pdf'))).rejects.toThrow('cannot be read');
});
