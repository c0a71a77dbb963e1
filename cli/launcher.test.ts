/** On a Node that is too old the program goes on with the one that comes along, as if it had been called with that. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('./planimeter.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'planimeter-launcher-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Makes the first Node that loads it an old one; on a strange platform no other is there. */
const OLD = join(folder, 'old.cjs');
writeFileSync(
  OLD,
  `if (!process.env.SEEN) Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } });
   if (process.env.STRANGE) Object.defineProperty(process, 'platform', { value: 'plan9' });
   process.env.SEEN = '1';`,
);
const own = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
const started = (...args: string[]) => spawn(process.execPath, ['-r', OLD, PROGRAM, ...args], { cwd: folder });

test.runIf(own)('output and exit status are those of the newer Node', async () => {
  const run = spawnSync(process.execPath, ['-r', OLD, PROGRAM, 'sreve'], { encoding: 'utf8' });
  expect(run).toMatchObject({ status: 2, stderr: expect.stringContaining('Did you mean serve?') });
});

test.runIf(own)('a signal reaches it, and the service stops gracefully, once', async () => {
  const child = started('serve', '--port', '0', '--data', join(folder, 'data'));
  const ended = once(child, 'exit');
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      log += chunk;
      if (/http:\/\/127/.test(log)) resolve();
    });
    child.on('exit', (code) => reject(new Error(`serve ended with status ${code}: ${log}`)));
  });
  // As from a terminal and from npm that passes it on.
  child.kill('SIGINT');
  child.kill('SIGINT');
  expect(await ended).toEqual([0, null]);
});

test('without such a Node it says what to do', async () => {
  const child = spawn(process.execPath, ['-r', OLD, PROGRAM, 'serve'], { env: { ...process.env, STRANGE: '1' } });
  const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect(stderr).toMatch(/^planimeter needs Node 24\.2 or newer; this is Node 20\.19\.0\./);
  expect(status).toBe(1);
});
