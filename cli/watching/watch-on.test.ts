/** The loop without mapping: what becomes of images that cannot be read, and what is said of it. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { localFileStore } from '../../server/store/files/file-store.ts';
import type { MappingTools } from '../../server/tools.ts';
import { WrongCall } from '../arguments.ts';
import { type Ledger, openLedger } from './ledger.ts';
import type { Mapping } from './map-arrival.ts';
import { watchOn } from './watch-on.ts';
import type { Found, Look, Watched } from './watched.ts';

let folder: string;
let ledger: Ledger;
let said: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-watch-on-'));
  await mkdir(join(folder, 'work'));
  ledger = openLedger(join(folder, 'ledger.sqlite'));
  said = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    said += String(chunk);
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  ledger.close();
  await rm(folder, { recursive: true });
});

const refused = (name: string, error: Error): Found => ({ name, version: '1', read: () => Promise.reject(error) });

async function watchOnce(looks: (() => Look)[], signal = new AbortController().signal): Promise<number> {
  const watched: Watched = {
    ...{ place: '/in', lookMs: 0, policy: null },
    look: async () => (looks.length > 1 ? looks.shift()! : looks[0]!)(),
    hasChanged: async () => false,
  };
  const tools = { files: localFileStore(join(folder, 'work')) } as MappingTools;
  const mapping = { staging: join(folder, 'staging') } as Mapping;
  return watchOn(tools, { watched, ledger }, mapping, { once: true, json: false, telling: true }, signal);
}

test('what is refused is said, listed and told; what waits behind it goes on', async () => {
  const bad = [
    refused('a.tif', new Problem('damaged_tiff', 'It is incomplete.')),
    refused('b\n.tif', new WrongCall('"b" cannot be read')),
  ];
  expect(await watchOnce([() => ({ whole: bad, unfinished: [] })])).toBe(2);
  expect(said).toBe('a.tif failed: It is incomplete.\nb\\n.tif failed: "b" cannot be read.\n');
  const listed = [...ledger.list('/in')].map(({ state, problem }) => [state, problem?.code]);
  expect(listed).toEqual([
    ['failed', 'damaged_tiff'],
    ['failed', 'bad_request'],
  ]);
  const told = ledger.due(0, 9).map(({ body }) => JSON.parse(body));
  expect(told).toMatchObject([
    { type: 'image.failed', data: { seq: 1, name: 'a.tif', problem: { code: 'damaged_tiff' } } },
    { type: 'image.failed', data: { seq: 2 } },
  ]);
});

test('it does not end while something is being written, and says what was taken away', async () => {
  ledger.note('/in', [refused('gone.tif', new Error())]);
  const looks = [() => ({ whole: [], unfinished: ['gone.tif'] }), () => ({ whole: [], unfinished: [] })];
  expect(await watchOnce(looks)).toBe(1);
  expect(said).toContain('gone.tif failed: "gone.tif" is not there any more.');
});

test('a place that cannot be looked at ends it where only one look was wanted', async () => {
  const blind = () => {
    throw new Problem('remote_unreachable', 'It does not answer.');
  };
  await expect(watchOnce([blind])).rejects.toMatchObject({ code: 'remote_unreachable' });
});

test('what was interrupted is not a failure', async () => {
  const stopped = new AbortController();
  const found: Found = {
    ...{ name: 'a.tif', version: '1' },
    read: async () => {
      stopped.abort();
      throw new Error('interrupted');
    },
  };
  expect(await watchOnce([() => ({ whole: [found], unfinished: [] })], stopped.signal)).toBe(0);
  expect([...ledger.list('/in')].map(({ state }) => state)).toEqual(['waiting']);
});
