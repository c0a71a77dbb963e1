import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createUploadFinisher, type UploadInfo } from './finish-upload.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

test('an upload that is written down while others are counted counts, too', async () => {
  const uploadFolder = await mkdtemp(join(tmpdir(), 'uploads-'));
  folders.push(uploadFolder);
  const infos = new Map<string, UploadInfo>([['known', { id: 'known', size: 1 }]]);
  await writeFile(join(uploadFolder, 'known.json'), '');
  let whileCounting = async () => {};
  const get = async (id: string) => {
    await whileCounting();
    return infos.get(id);
  };
  const tools = { uploadFolder } as unknown as Parameters<typeof createUploadFinisher>[0];
  const finisher = createUploadFinisher(tools, { get, set: async () => {} });

  await finisher.reserve({ id: 'early', workspace: 'default', bytes: 300 }, async () => {});
  whileCounting = async () => {
    infos.set('early', { id: 'early', size: 300 });
    await writeFile(join(uploadFolder, 'early.json'), '');
    finisher.release('early');
  };
  const seen: unknown[] = [];
  await finisher.reserve({ id: 'late', workspace: 'default', bytes: 300 }, async (underWay) => {
    seen.push(underWay);
  });
  expect(seen).toEqual([{ bytes: 301, scenes: 2 }]);
});
