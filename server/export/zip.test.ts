import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterEach, expect, test, vi } from 'vitest';
import { fromBufferPromise } from 'yauzl';
import { zipOf } from './zip.ts';

afterEach(() => vi.useRealTimers());

test('the same texts and files give the same bytes on any day, as many as announced', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-zip-'));
  try {
    const path = join(folder, 'x');
    await writeFile(path, 'of a file');
    const write = () => zipOf({ 'a.txt': 'ä' }, { 'b.bin': path });
    const first = await write();
    const bytes = await buffer(first.stream);
    expect(bytes.length).toBe(Number(first.bytes));
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(2031, 5, 1) });
    await writeFile(path, 'of a file');
    expect((await buffer((await write()).stream)).equals(bytes)).toBe(true);
    const found: [string, string][] = [];
    const zip = await fromBufferPromise(bytes);
    for await (const entry of zip.eachEntry()) {
      found.push([entry.fileName, await text(await zip.openReadStreamPromise(entry))]);
    }
    expect(found).toEqual([
      ['a.txt', 'ä'],
      ['b.bin', 'of a file'],
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
