/** A service that other machines reach asks for tokens, which the command line makes. */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../server/store/database/open-database.ts';
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

test('what others named is shown by a terminal, and not obeyed', async () => {
  const db = await openDatabase({ folder: join(folder, 'database') });
  const name = 'a\x1b[2J\x9b1m\u202eb\nc';
  await db.query(
    `INSERT INTO planimeter.tokens (id, name, workspace, role, sha256) VALUES ($1, $2, 'default', 'admin', 'x')`,
    [randomUUID(), name],
  );
  await db.close();
  const shown = planimeter('tokens', 'list', '--data', folder).stdout;
  expect(shown).toContain('a\\u001b[2J\\u009b1m\\u202eb\\nc\n');
  expect(shown).not.toMatch(/[[\p{Bidi_Control}\p{Cc}]--[\n]]/v);
  const json = planimeter('tokens', 'list', '--data', folder, '--json').stdout;
  expect(json).not.toMatch(/[[\p{Bidi_Control}\p{Cc}]--[\n]]/v);
  expect(JSON.parse(json)).toContainEqual(expect.objectContaining({ name }));
  // In errors, too; and a new one cannot have such a name.
  const created = planimeter('tokens', 'create', name, '--data', folder);
  expect(created).toMatchObject({ status: 3, stderr: expect.stringContaining('in one line') });
  expect(planimeter('inspect', '/nowhere/\x1b[31m.tif').stderr).toContain('\\u001b[31m');
}, 120_000);
