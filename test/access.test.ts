/** A service that other machines reach asks for tokens, which the command line makes. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve, stopAll } from './support/serve.ts';

const PROGRAM = fileURLToPath(new URL('../cli/planimeter.js', import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-access-'));
});
afterAll(async () => {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
});

const planimeter = (...args: string[]) => spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });

test('beyond loopback nobody is let in without a token', async () => {
  const refused = planimeter('serve', '--host', '0.0.0.0', '--port', '0', '--data', folder);
  expect(refused).toMatchObject({ status: 3, stderr: expect.stringContaining('planimeter tokens create') });

  expect(planimeter('tokens', 'list', '--data', folder).stdout).toContain('no tokens');
  const made = planimeter('tokens', 'create', 'me', '--role', 'admin', '--data', folder, '--json');
  const { id, token } = JSON.parse(made.stdout) as { id: string; token: string };
  expect(planimeter('tokens', 'list', '--data', folder).stdout).toContain(id);

  const { url } = await serve(folder, undefined, { HOST: '0.0.0.0' });
  const here = url.replace('0.0.0.0', '127.0.0.1');
  const status = async (headers = {}) => (await fetch(`${here}/scenes`, { headers })).status;
  expect(await status()).toBe(401);
  expect(await status({ Authorization: `Bearer ${token}` })).toBe(200);
  const locked = planimeter('tokens', 'revoke', id, '--data', folder);
  expect(locked).toMatchObject({ status: 3, stderr: expect.stringContaining('in use') });
  await stopAll();
  expect(planimeter('tokens', 'revoke', id, '--data', folder).status).toBe(0);
  expect(planimeter('tokens', 'revoke', 'x', '--data', folder).status).toBe(2);
}, 120_000);
