/**
 * Images elsewhere through real processes: the service by HTTP, the command line over HTTPS, and S3 by a server of
 * PyPI (moto).
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium as playwright } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { JobReport, PreflightJson, SceneJson, ServiceJson } from '../server/api/index.ts';
import { parseRemoteHosts } from '../server/remote/policy.ts';
import { createRemoteReader } from '../server/remote/reader.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { ingest } from '../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../tiler/ingest/validate-source.ts';
import { CHROMIUM_FLAGS, findChromium } from './support/browser.ts';
import { getJson, startJob, waitForJob, waitForScene } from './support/client.ts';
import { pythonWithMoto } from './support/python.ts';
import { type FileServer, serveFiles } from './support/range-server.ts';
import { serve, stopAll } from './support/serve.ts';

const PROGRAM = fileURLToPath(new URL('../cli/planimeter.js', import.meta.url));
const run = promisify(execFile);
const chromium = findChromium();

let folder: string;
let cog: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-elsewhere-'));
  const { image } = await writeTown(folder, { seed: 12, width: 520, height: 400, gsdMetres: 0.5 });
  await ingest(image, join(folder, 'cog.tif'), DEFAULT_INGEST_LIMITS, () => {});
  cog = await readFile(join(folder, 'cog.tif'));
});
afterEach(stopAll);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function withServer<T>(
  work: (server: FileServer) => Promise<T>,
  tls?: { key: string; cert: string },
): Promise<T> {
  const server = await serveFiles(tls);
  server.files.set('/town.tif', { bytes: cog, etag: '"1"' });
  try {
    return await work(server);
  } finally {
    await server.close();
  }
}

test('the service reads a scene where it lies, shows, maps, proves and forgets it', { timeout: 180_000 }, () =>
  withServer(async (server) => {
    const hosts = `http://127.0.0.1:${server.port},127.0.0.1`;
    const { url } = await serve(join(folder, 'data'), undefined, { PLANIMETER_REMOTE_HOSTS: hosts });
    expect(await getJson<ServiceJson>(`${url}/service`)).toMatchObject({ remote_imagery: true });
    if (chromium) await addInViewer(url, server.url('/town.tif'));
    const asked = await fetch(`${url}/scenes`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ url: server.url('/town.tif') }),
    });
    expect(asked.status).toBe(202);
    const scene = await waitForScene(url, ((await asked.json()) as SceneJson).id);
    expect((await getJson<SceneJson[]>(`${url}/scenes`)).length).toBe(1);
    expect(scene).toMatchObject({ state: 'ready', url: server.url('/town.tif'), name: 'town.tif', valid_share: 1 });
    const judged = await getJson<PreflightJson>(`${url}/scenes/${scene.id}/preflight`);
    expect([judged.size, judged.content.kind]).toEqual([cog.length, 'imagery']);
    const picture = await fetch(tileAt(url, scene));
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/png']);
    const job = await waitForJob(url, (await startJob(url, scene.id)).id);
    expect(job.problem).toBeNull();
    expect(job.report!.ledger.done).toBe(260 * 200);
    const proof = await fetch(`${url}/jobs/${job.id}/prove`, { method: 'POST' });
    expect(await proof.json()).toMatchObject({ differing: 0 });

    const figures = await (await fetch(`${url}/metrics`)).text();
    const [, received] = /^planimeter_remote_bytes_total (\d+)$/m.exec(figures)!;
    expect(Number(received) / cog.length).toBeGreaterThan(0.9);
    expect(Number(received) / cog.length).toBeLessThan(1.2);

    // Another file in its place: what was not read yet cannot be had.
    server.files.set('/town.tif', { bytes: Buffer.concat([cog, Buffer.alloc(9)]), etag: '"2"' });
    expect((await fetch(`${url}/scenes/${scene.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(tileAt(url, scene))).status).toBe(404);
  }),
);

/** As a person does it, who sees the map in the end. */
async function addInViewer(url: string, image: string): Promise<void> {
  const browser = await playwright.launch({ executablePath: chromium!, args: CHROMIUM_FLAGS });
  try {
    const page = await browser.newPage();
    await page.goto(url);
    const address = page.getByTestId('address');
    await address.fill('https://example.com/x.tif');
    await address.press('Enter');
    await page.getByText('Reading from this address is not allowed').waitFor();
    await address.fill(image);
    await address.press('Enter');
    await page.getByTestId('legend').waitFor({ timeout: 120_000 });
    await page.getByTestId('class-building').waitFor();
    expect(await address.inputValue()).toBe('');
  } finally {
    await browser.close();
  }
}

function tileAt(url: string, { id, bbox }: SceneJson): string {
  const [west, south, east, north] = bbox!;
  const zoom = 17;
  const x = Math.floor((((west + east) / 2 + 180) / 360) * 2 ** zoom);
  const latitude = (((south + north) / 2) * Math.PI) / 180;
  const y = Math.floor(((1 - Math.asinh(Math.tan(latitude)) / Math.PI) / 2) * 2 ** zoom);
  return `${url}/imagery/${id}/${zoom}/${x}/${y}.png`;
}

/** A certificate for localhost, or null (said loudly) where there is no openssl. */
function certificate(): { key: string; cert: string; path: string } | null {
  const [key, path] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  try {
    execFileSync('openssl', [...args, ...names, '-keyout', key, '-out', path], { stdio: 'ignore' });
    const read = (file: string) => execFileSync('cat', [file], { encoding: 'utf8' });
    return { key: read(key), cert: read(path), path };
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    console.error('SKIPPED: no openssl to make a certificate with');
    return null;
  }
}

test('the command line inspects and maps by HTTPS, and is not led into the local network', {
  timeout: 180_000,
}, async () => {
  const tls = certificate();
  if (!tls) return;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: tls.path };
  const planimeter = (...args: string[]) => run(process.execPath, [PROGRAM, ...args], { cwd: folder, env });
  const refusal = (...args: string[]) =>
    planimeter(...args).then(
      () => null,
      (error: { code: number; stderr: string }) => ({ ...JSON.parse(error.stderr), status: error.code }),
    );
  await withServer(async (server) => {
    const url = server.url('/town.tif', 'localhost');
    const there = JSON.parse((await planimeter('inspect', url, '--json')).stdout);
    const here = JSON.parse((await planimeter('inspect', 'cog.tif', '--json')).stdout);
    for (const name of ['size', 'width', 'bands', 'dtype', 'srs', 'gsd_m', 'footprint', 'rendering', 'findings']) {
      expect(there[name], name).toEqual(here[name]);
    }
    if (process.env.PLANIMETER_FULL === '1') {
      const segmented = await planimeter('segment', url, 'there.geojson', '--json');
      const { ledger, assumptions } = JSON.parse(segmented.stdout) as JobReport;
      expect(ledger.done).toBe(260 * 200);
      expect(assumptions.find(({ code }) => code === 'read_in_place')?.value).toMatchObject({ url, etag: '"1"' });
    }

    server.meddle = ({ url: path }, response) =>
      path === '/away.tif' && !!response.writeHead(302, { location: server.url('/town.tif', '127.0.0.1') }).end();
    const away = server.url('/away.tif', 'localhost');
    expect(await refusal('inspect', away, '--json')).toMatchObject({ status: 3, code: 'remote_forbidden' });
    const missing = server.url('/nothing.tif?token=hidden', 'localhost');
    const refused = await refusal('segment', missing, 'x.geojson', '--json');
    expect(refused).toMatchObject({ status: 3, code: 'remote_unreachable' });
    expect(JSON.stringify(refused)).not.toContain('hidden');
  }, tls);
});

/** A bucket with an object, and a user whose signatures are checked from then on. Prints the user's key. */
const MOTO = `
import json, sys, boto3
endpoint, path = sys.argv[1:]
clients = dict(endpoint_url=endpoint, region_name='eu-central-1', aws_access_key_id='x', aws_secret_access_key='y')
s3, iam = boto3.client('s3', **clients), boto3.client('iam', **clients)
s3.create_bucket(Bucket='maps', CreateBucketConfiguration=dict(LocationConstraint='eu-central-1'))
s3.put_object(Bucket='maps', Key='a b/town+1.tif', Body=open(path, 'rb').read())
iam.create_user(UserName='reader')
allow = dict(Effect='Allow', Action='s3:*', Resource='*')
iam.put_user_policy(UserName='reader', PolicyName='read', PolicyDocument=json.dumps(dict(Version='2012-10-17', Statement=[allow])))
key = iam.create_access_key(UserName='reader')['AccessKey']
print(json.dumps(dict(AWS_ACCESS_KEY_ID=key['AccessKeyId'], AWS_SECRET_ACCESS_KEY=key['SecretAccessKey'])))
`;
const MOTO_ACTIONS = 5;

test('objects of S3 are read with signed requests', { timeout: 180_000 }, async () => {
  const python = pythonWithMoto();
  if (!python) return;
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const moto = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
    env: { ...process.env, INITIAL_NO_AUTH_ACTION_COUNT: String(MOTO_ACTIONS) },
  });
  try {
    await answering(`${endpoint}/moto-api/`);
    const made = await run(python, ['-c', MOTO, endpoint, join(folder, 'cog.tif')]);
    const place = { AWS_ENDPOINT_URL_S3: endpoint, AWS_REGION: 'eu-central-1', AWS_SESSION_TOKEN: undefined };
    const env = { ...process.env, ...place, ...JSON.parse(made.stdout) };
    const address = 's3://maps/a b/town+1.tif';
    const policy = parseRemoteHosts('s3://maps');
    const reader = createRemoteReader(policy, { env });
    const etag = expect.stringMatching(/^"\w+"$/);
    expect(await reader.look(address)).toMatchObject({ url: 's3://maps/a%20b/town+1.tif', bytes: cog.length, etag });
    await expect(reader.look('s3://other/a.tif')).rejects.toMatchObject({ code: 'remote_forbidden' });
    await expect(reader.look('s3://maps/none.tif')).rejects.toMatchObject({ code: 'remote_unreachable' });
    const stranger = createRemoteReader(policy, { env: { ...env, AWS_SECRET_ACCESS_KEY: 'wrong' } });
    const refused = { code: 'remote_unreachable', message: expect.stringContaining('403') };
    await expect(stranger.look(address)).rejects.toMatchObject(refused);
    const { stdout } = await run(process.execPath, [PROGRAM, 'inspect', address, '--json'], { env, cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ width: 520, height: 400, srs: 'EPSG:32633' });
  } finally {
    moto.kill('SIGKILL');
  }
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answering(url: string): Promise<void> {
  while (!(await fetch(url).catch(() => null))) await new Promise((resolve) => setTimeout(resolve, 100));
}
