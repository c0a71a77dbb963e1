import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clockSkewSeconds, probeFileStore } from '../server/store/files/probe-file-store.ts';
import { startMoto } from '../test/support/moto.ts';

const PROGRAM = fileURLToPath(new URL('./planimeter.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'planimeter-doctor-'));
let moto: Awaited<ReturnType<typeof startMoto>>;
let busy: Server;
beforeAll(async () => {
  moto = await startMoto();
  // Some other program, whose clock is an hour behind.
  busy = createServer((_request, response) => {
    response.setHeader('Date', new Date(Date.now() - 3600_000).toUTCString());
    response.end('hello');
  });
  busy.listen(0, '127.0.0.1');
  await once(busy, 'listening');
}, 180_000);
afterAll(() => {
  moto?.stop();
  busy.close();
  rmSync(folder, { recursive: true, force: true });
});

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function doctor(env: Record<string, string>, data: string) {
  const child = spawn(process.execPath, [PROGRAM, 'doctor', '--json', '--data', data], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [status]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  const checks = JSON.parse(output) as { name: string; ok: boolean; message: string }[];
  return { status, ...Object.fromEntries(checks.map(({ name, ...check }) => [name, check])) } as Record<
    string,
    unknown
  >;
}

test('what is well, with a bucket', async ({ skip }) => {
  if (!moto) return skip();
  const port = await freePort();
  const found = await doctor(
    { ...moto.env, PLANIMETER_STORE: 's3://maps/doctor', PORT: String(port) },
    join(folder, 'data'),
  );
  expect(found).toMatchObject({
    network: { ok: true, message: expect.stringContaining('providers here: ') },
    database: { ok: true, message: expect.stringMatching(/PostGIS 3\..*clocks agree, workspaces are kept apart$/) },
    store: { ok: true, message: expect.stringMatching(/written, read and deleted; its clock is within \d s/) },
    port: { ok: true, message: `${port} on 127.0.0.1 is free` },
  });
  const listing = await (await fetch(`${moto.env.AWS_ENDPOINT_URL}/maps?list-type=2&prefix=doctor`)).text();
  expect(listing).not.toContain('<Key>');
});

test('what is not, and what to do', async () => {
  const data = join(folder, 'open');
  mkdirSync(data);
  chmodSync(data, 0o777);
  const PORT = String(portOf(busy));
  const DATABASE_URL = 'postgresql://me:hunter22@127.0.0.1:1/maps';
  writeFileSync(join(folder, 'file'), '');
  const PLANIMETER_STORE = `file://${folder}/file`;
  const found = await doctor({ DATABASE_URL, PORT, PLANIMETER_STORE }, data);
  expect(found).toMatchObject({
    status: 1,
    database: {
      ok: false,
      message: expect.stringMatching(/is PostgreSQL running at 127.0.0.1:1, does the database "maps"/),
    },
    'data folder': { ok: false, message: expect.stringContaining('chmod o-w') },
    store: { ok: false, message: expect.stringContaining('rights of the folder') },
    port: { ok: false, message: expect.stringContaining('another program listens') },
  });
  expect(JSON.stringify(found)).not.toContain('hunter22');
});

test('a clock that is off is seen', async ({ skip }) => {
  expect(await clockSkewSeconds(`http://127.0.0.1:${portOf(busy)}`)).toBeCloseTo(3600, -1);
  if (!moto) return skip();
  Object.assign(process.env, moto.env);
  const off = { ...moto.env, AWS_ENDPOINT_URL: `http://127.0.0.1:${portOf(busy)}` };
  await expect(probeFileStore(folder, 's3://maps/doctor', off)).rejects.toThrow("s ahead of the store's; set it");
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}
