/** Behind nginx as deploy/nginx.conf sets it up: HTTPS, at the root and below a path, for programs and in a browser. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeTown } from '../synthetic/town/town.ts';
import { CHROMIUM_FLAGS, findChromium } from './support/browser.ts';
import { serve, stopAll } from './support/serve.ts';
import { PROGRAM } from './support/workers.ts';

const CONFIGURATION = fileURLToPath(new URL('../deploy/nginx.conf', import.meta.url));
const nginx = ['nginx', '/usr/sbin/nginx'].find((each) => spawnSync(each, ['-v']).status === 0);
if (!nginx) console.error("SKIPPED: behind a proxy, for there is no nginx (Debian's package nginx-light)");
const executablePath = findChromium();

describe.skipIf(!nginx).each([
  ['at the root', ''],
  ['below a path', '/planimeter'],
])('%s', (_name, path) => {
  let folder: string;
  let front: string;
  let token: string;
  let proxy: ChildProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'planimeter-proxy-'));
    const port = await freePort();
    front = `https://127.0.0.1:${port}${path}`;
    const data = join(folder, 'data');
    const made = execFileSync(
      process.execPath,
      [PROGRAM, 'tokens', 'create', 'me', '--role', 'admin', '--data', data],
      {
        encoding: 'utf8',
      },
    );
    token = /planimeter_[\w-]+/.exec(made)![0];
    const { url } = await serve(data, undefined, { PLANIMETER_PUBLIC_URL: front });
    proxy = await startNginx(folder, port, url);
  }, 120_000);
  afterAll(async () => {
    proxy?.kill();
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  });

  const ask = (address: string, init: RequestInit = {}, headers: Record<string, string> = {}) =>
    fetch(address, { redirect: 'manual', ...init, headers: { Authorization: `Bearer ${token}`, ...headers } });

  test('links, uploads, sign-in and pages have the address of the proxy', async () => {
    expect((await fetch(`${front}/scenes`)).status, 'asks for a token, on loopback too').toBe(401);
    const landing = (await (await ask(`${front}/?f=json`)).json()) as { links: { href: string }[] };
    expect(landing.links.map(({ href }) => href).filter((href) => !href.startsWith(`${front}/`))).toEqual([]);
    for (const { href } of landing.links) expect((await ask(href)).status, href).toBe(200);

    const created = await ask(
      `${front}/uploads`,
      { method: 'POST' },
      { 'Tus-Resumable': '1.0.0', 'Upload-Length': '5' },
    );
    expect(created.status).toBe(201);
    const location = new URL(created.headers.get('Location')!, `${front}/uploads`).href;
    expect(location).toMatch(`${front}/uploads/`);
    expect((await ask(location, { method: 'HEAD' }, { 'Tus-Resumable': '1.0.0' })).status).toBe(200);

    const browsers = { Accept: 'text/html' };
    const guest = await fetch(`${front}/`, { headers: browsers, redirect: 'manual' });
    expect([guest.status, guest.headers.get('Location')]).toEqual([303, `${path}/session`]);
    const signedIn = await fetch(`${front}/session`, {
      ...{ method: 'POST', redirect: 'manual', body: new URLSearchParams({ token }) },
      headers: { Origin: new URL(front).origin },
    });
    expect([signedIn.status, signedIn.headers.get('Location')]).toEqual([303, `${path}/`]);
    expect(signedIn.headers.get('Set-Cookie')).toMatch(new RegExp(`Path=${path}/;.*Secure`));
    const foreign = { method: 'DELETE', headers: { Origin: 'https://elsewhere.example' } };
    expect((await ask(`${front}/session`, foreign, foreign.headers)).status).toBe(403);

    const pages = await (await ask(`${front}/collections?f=html`, {}, browsers)).text();
    const hrefs = [...pages.matchAll(/href="([^"]+)"/g)].map(
      ([, href]) => new URL(href!.replaceAll('&amp;', '&'), front).href,
    );
    expect(hrefs.length).toBeGreaterThan(3);
    for (const href of hrefs) expect((await ask(href)).status, href).toBe(200);
    const bare = await ask(front);
    if (path) expect(new URL(bare.headers.get('Location')!, front).href).toBe(`${front}/`);
  });

  test.skipIf(!executablePath || process.env.PLANIMETER_FULL !== '1')(
    'a person signs in, uploads, maps, and shares',
    { timeout: 240_000 },
    async () => {
      const { image } = await writeTown(join(folder, 'town'), { seed: 5, width: 400, height: 300, gsdMetres: 0.5 });
      const browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS });
      try {
        const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ignoreHTTPSErrors: true });
        const page = await context.newPage();
        const failed: string[] = [];
        context.on('response', (response) => {
          if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`);
        });
        await page.goto(`${front}/`);
        await page.fill('#token', token);
        await page.click('button');
        await page.locator('input[type=file]').first().setInputFiles(image);
        await page.getByTestId('legend').waitFor({ timeout: 180_000 });
        await page.locator('body[data-idle="true"]').waitFor({ timeout: 60_000 });
        await page.getByText('Share', { exact: true }).click();
        await page.getByTestId('share').click();
        const link = await page.getByTestId('link').inputValue();
        expect(link).toMatch(`${front}/shared/`);
        const guest = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
        await guest.goto(link);
        await guest.getByTestId('legend').waitFor({ timeout: 60_000 });
        expect(failed).toEqual([]);
      } finally {
        await browser.close();
      }
    },
  );
});

/** With the file's own text, but for addresses, and what a process needs that is not the system's. */
async function startNginx(folder: string, port: number, service: string): Promise<ChildProcess> {
  const key = join(folder, 'key.pem');
  const certificate = join(folder, 'certificate.pem');
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const asked = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject];
  execFileSync('openssl', asked, { stdio: 'ignore' });
  const server = readFileSync(CONFIGURATION, 'utf8')
    .replace('listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`)
    .replaceAll('/etc/ssl/maps.example.com.pem', certificate)
    .replaceAll('/etc/ssl/private/maps.example.com.key', key)
    .replaceAll('http://127.0.0.1:8080', service)
    .replaceAll(/^( +)# (location| {2}proxy_pass|})/gm, '$1$2');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const main = join(folder, 'nginx.conf');
  mkdirSync(join(folder, 'logs'));
  writeFileSync(
    main,
    `daemon off; master_process off; pid ${join(folder, 'nginx.pid')}; error_log stderr;
events {}
http { access_log off; ${temporary.join(' ')}
${server}
}`,
  );
  const child = spawn(nginx!, ['-p', folder, '-c', main], { stdio: ['ignore', 'ignore', 'inherit'] });
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; // of a certificate that was made for this test
  for (;;) {
    if (child.exitCode !== null) throw new Error(`nginx ended with status ${child.exitCode}`);
    const answer = await fetch(`https://127.0.0.1:${port}/`).catch(() => null);
    if (answer) return child;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
