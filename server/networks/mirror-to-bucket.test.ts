/** Networks of a fleet whose machines share a bucket alone (moto, a mock of AWS). */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listNetworks } from '../../models/registry.ts';
import { startMoto } from '../../test/support/moto.ts';
import { s3FileStore } from '../store/files/s3-files.ts';
import { mirrorNetworks, publishNetwork, withdrawNetwork } from './mirror-to-bucket.ts';

test('what one machine adds all have, in its newest form, until it is removed', { timeout: 60_000 }, async () => {
  const moto = await startMoto();
  if (!moto) return;
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-mirror-'));
  try {
    const machine = (name: string) => ({
      files: s3FileStore('s3://maps/fleet', { folder: join(folder, name, 'store'), env: moto.env }),
      models: join(folder, name, 'models'),
    });
    const [here, there] = [machine('here'), machine('there')];
    const write = async (models: string, id: string, text: string) => {
      await mkdir(join(models, id), { recursive: true });
      await writeFile(join(models, id, `${id}.onnx`), `weights ${text}`);
      await writeFile(join(models, id, 'manifest.json'), text);
    };
    await mirrorNetworks(there.files, there.models);
    await write(here.models, 'crops', 'one');
    await write(there.models, 'mine', 'never published');
    await publishNetwork(here.files, here.models, 'crops');
    for (const text of ['one', 'two']) {
      await write(here.models, 'crops', text);
      await publishNetwork(here.files, here.models, 'crops');
      await mirrorNetworks(there.files, there.models);
      await mirrorNetworks(here.files, here.models);
      for (const { models } of [here, there]) {
        expect(await readFile(join(models, 'crops', 'crops.onnx'), 'utf8')).toBe(`weights ${text}`);
      }
    }
    expect((await readdir(there.models)).sort()).toEqual(['crops', 'mine']);
    await withdrawNetwork(there.files, 'crops');
    for (const { files, models } of [here, there]) await mirrorNetworks(files, models);
    const withdrawn = expect.stringMatching(/^\.withdrawn-crops-\d{4}-/);
    expect(await readdir(here.models)).toEqual([withdrawn]);
    expect((await readdir(there.models)).sort()).toEqual([withdrawn, 'mine']);
    expect(await listNetworks([here.models]), 'it is not looked at').toEqual([]);

    await write(there.models, 'crops', 'of this machine alone');
    await write(here.models, 'crops', 'three');
    await publishNetwork(here.files, here.models, 'crops');
    await mirrorNetworks(there.files, there.models);
    const replaced = (await readdir(there.models)).find((name) => name.startsWith('.replaced-crops-'));
    expect(await readFile(join(there.models, replaced!, 'manifest.json'), 'utf8')).toBe('of this machine alone');
  } finally {
    moto.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
