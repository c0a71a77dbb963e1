import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type Child, ChildCrash, type ChildOptions, createChild, runOnce } from './child-process.ts';

const entry = fileURLToPath(new URL('../../test/support/child-entry.ts', import.meta.url));
const LIMITS = { name: 'test', entry, memoryBytes: 512 * 2 ** 20 };

let child: Child | null = null;
const create = (options: Partial<ChildOptions> = {}): Child => {
  child = createChild({ ...LIMITS, ...options });
  return child;
};
afterEach(() => child?.stop());

test('answers with progress, results, problems and errors', async () => {
  const { run } = create();
  const progress: string[] = [];
  const bytes = Uint8Array.of(1, 2, 3);
  expect(await run('echo', bytes, { onProgress: (value: string) => progress.push(value) })).toEqual(bytes);
  expect(progress).toEqual(['half']);
  await expect(run('refuse', null)).rejects.toMatchObject({ code: 'empty_raster', message: 'Nothing in it.' });
  await expect(run('fail', null)).rejects.toThrow('a mistake');
});

test('a cancelled task ends at once, and the next one runs', async () => {
  const { run } = create();
  const control = new AbortController();
  const beside = run('sleep', 60_000);
  const spinning = run('spin', null, { signal: control.signal });
  await new Promise((resolve) => setTimeout(resolve, 500));
  control.abort();
  const next = run('echo', 'next'); // while the first is still dying
  await expect(spinning).rejects.toMatchObject({ code: 'interrupted' });
  await expect(beside).rejects.toBeInstanceOf(ChildCrash); // its work was not cancelled
  expect(await next).toBe('next');
});

test('a crash fails the tasks under way, and the next one runs', async () => {
  const { run } = create();
  const sleeping = run('sleep', 60_000);
  const dying = run('die', null);
  await expect(dying).rejects.toBeInstanceOf(ChildCrash);
  await expect(sleeping).rejects.toBeInstanceOf(ChildCrash);
  expect(await run('echo', 1)).toBe(1);
});

test('a task for a child that has just died fails as a crash does, and the next one runs', async () => {
  const { run } = create();
  const pid = await run<number>('pid', null);
  process.kill(pid, 'SIGKILL');
  while (readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2] !== 'Z'); // dead, and nobody could tell us yet
  await expect(run('echo', 1)).rejects.toBeInstanceOf(ChildCrash);
  expect(await run('echo', 2)).toBe(2);
});

test.each([{}, { confine: { read: [], write: [] } }])(
  'a child whose parent is killed ends in the middle of its work: %j',
  async (confinement) => {
    const script = `import { createChild } from ${JSON.stringify(new URL('./child-process.ts', import.meta.url).href)};
      const { run } = createChild(${JSON.stringify({ ...LIMITS, ...confinement })});
      console.log(await run('pid'));
      run('spin');`;
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = Number(String((await once(parent.stdout, 'data'))[0]));
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await expect.poll(() => isAlive(pid)).toBe(false);
  },
);

test('over its time or its memory a task is ended with a problem', async () => {
  await expect(runOnce({ ...LIMITS, wallMs: 700 }, 'spin', null)).rejects.toMatchObject({
    code: 'limit_exceeded',
    message: expect.stringContaining('0.7 seconds'),
  });
  await expect(create().run('spin', null, { stillMs: 700 })).rejects.toMatchObject({
    code: 'limit_exceeded',
    message: expect.stringContaining('did not go on for the limit of 0.7 seconds'),
  });
  await expect(runOnce(LIMITS, 'eat', null)).rejects.toMatchObject({
    code: 'limit_exceeded',
    message: expect.stringContaining('512 MiB'),
  });
});

test('a confined child reads and writes only what it may, and gets no secrets', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-child-'));
  const file = (name: string) => join(folder, name);
  process.env.DATABASE_URL ??= 'postgresql://somebody:secret@nowhere/db';
  try {
    await writeFile(file('mine.txt'), 'mine');
    await writeFile(file('other.txt'), 'other');
    const { run } = create({ confine: { read: [file('mine.txt')], write: [file('out')] } });
    expect(await run('read', file('mine.txt'))).toBe('mine');
    await expect(run('read', file('other.txt'))).rejects.toThrow(/access|permission/i);
    await expect(run('write', file('other.txt'))).rejects.toThrow(/access|permission/i);
    await expect(run('spawn', null)).rejects.toThrow(/access|permission/i);
    await run('write', file('out'));
    expect(existsSync(file('out'))).toBe(true);
    expect(await run('environment', null)).not.toContain('DATABASE_URL');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a child that hardly got a processor is not slow: the machine is busy', async () => {
  const { run } = create({ wallMs: 3000, waitsItsTurn: true });
  await expect(run('sleep', 60_000)).rejects.toMatchObject({ code: 'busy', retryAfterSeconds: 60 });
});

test('a child that waits its turn may take longer than its wall time', async () => {
  const { run } = create({ wallMs: 2000, waitsItsTurn: true });
  expect(await run('sleep', 2500)).toBe('slept');
});
