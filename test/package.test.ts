/** The package: what npm packs, and with PLANIMETER_FULL=1 what it does in an empty folder, installed read-only. */
import { type ChildProcess, execFileSync, type SpawnSyncOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JobReport } from '../server/api/index.ts';
import { writeTown } from '../synthetic/town/town.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** Who may write nowhere but where the test lets him; only root can become him. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

test('npm packs the program with its data and its viewer, and nothing else', { timeout: 120_000 }, () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd: ROOT, encoding: 'utf8' });
  const [{ files }] = JSON.parse(output) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  const here = (folder: string, kind: RegExp) =>
    readdirSync(join(ROOT, folder)).flatMap((name) => (kind.test(name) ? [`dist/${folder}/${name}`] : []));
  const shipped = readdirSync(join(ROOT, 'models')).filter((name) => existsSync(join(ROOT, 'models', name, 'CARD.md')));
  expect(paths).toEqual(
    expect.arrayContaining([
      ...['package.json', 'README.md', 'LICENSE', 'cli/planimeter.js', 'dist/package.json', 'dist/cli/main.js'],
      ...here('server/store/migrations', /\.sql$/),
      ...shipped.flatMap((id) => here(`models/${id}`, /\.(onnx|json)$/)),
      'dist/tiler/geotiff/codecs/codecs.wat',
      'dist/web/dist/index.html',
      'dist/web/dist/licences.md',
    ]),
  );
  expect(paths.some((path) => /^dist\/web\/dist\/assets\/inter-.*\.woff2$/.test(path))).toBe(true);
  expect(paths.filter((path) => /\.test\.|\.ts$|\.py$|^dist\/(test|bench|web\/src)\//.test(path))).toEqual([]);
});

test('it is run by the Node that it asks for', () => {
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(manifest.engines.node)!;
  const launcher = readFileSync(join(ROOT, 'cli/planimeter.js'), 'utf8');
  expect(launcher).toContain(`major > ${major} || (major === ${major} && minor >= ${minor})`);
});

describe.skipIf(process.env.PLANIMETER_FULL !== '1')('the package, installed read-only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'planimeter-package-'));
  const install = join(folder, 'install');
  /** Where it is called: the only place that it may write to. */
  const own = join(folder, 'own');
  const program = join(install, 'node_modules/.bin/planimeter');
  // No home, no cache, and a Node that is too old where there is one: what npx gives without a shell's settings.
  const options = {
    cwd: own,
    env: { PATH: `/usr/bin:/bin:${dirname(process.execPath)}`, HOME: '/nonexistent' },
    ...NOBODY,
  };
  const planimeter = (...args: string[]) =>
    spawnSync(program, args, { ...options, encoding: 'utf8', timeout: 300_000 } satisfies SpawnSyncOptions);

  beforeAll(async () => {
    mkdirSync(install);
    mkdirSync(own);
    execFileSync('npm', ['pack', '--pack-destination', folder], { cwd: ROOT });
    execFileSync('npm', ['init', '-y'], { cwd: install });
    const tarball = join(folder, `planimeter-${manifest.version}.tgz`);
    execFileSync('npm', ['install', '--ignore-scripts', '--prefer-offline', tarball], { cwd: install });
    await writeTown(join(own, 'town'), { seed: 3, width: 260, height: 260, gsdMetres: 0.5 });
    execFileSync('chmod', ['-R', 'a-w,a+rX', install]);
    execFileSync('chmod', ['a+rx', folder]);
    if (NOBODY.uid) chownSync(own, NOBODY.uid, NOBODY.gid);
  }, 600_000);
  afterAll(() => {
    execFileSync('chmod', ['-R', 'u+w', install]);
    rmSync(folder, { recursive: true, force: true });
  });

  test('--version and doctor', { timeout: 300_000 }, () => {
    expect(planimeter('--version')).toMatchObject({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
    const { stdout } = planimeter('doctor', '--json');
    const wrong = (JSON.parse(stdout) as { name: string; ok: boolean }[]).filter(({ ok }) => !ok);
    expect(wrong.filter(({ name }) => name !== 'port')).toEqual([]);
  });

  test('segment, and nothing is left beside its output', { timeout: 300_000 }, () => {
    const before = readdirSync(own);
    const run = planimeter('segment', 'town/image.tif', 'out.gpkg', '--json');
    expect(run.status, run.stderr).toBe(0);
    expect((JSON.parse(run.stdout) as JobReport).counts.landuse).toBeGreaterThan(0);
    expect(readdirSync(own).filter((name) => !before.includes(name))).toEqual(['out.gpkg']);
  });

  test('serve, with the viewer, until it is told to stop', { timeout: 300_000 }, async () => {
    const child = spawn(program, ['serve', '--port', '0'], { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'exit');
    try {
      const url = await addressOf(child);
      expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok' });
      const page = await (await fetch(url, { headers: { Accept: 'text/html' } })).text();
      const [, script] = /<script type="module"[^>]* src="\.\/(assets\/[^"]+)"/.exec(page)!;
      expect((await fetch(`${url}/${script}`)).status).toBe(200);
    } finally {
      child.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
  });
});

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr!.on('data', (chunk) => {
      text += chunk;
      const address = /http:\/\/127[\d.]+:\d+/.exec(text);
      if (address) resolve(address[0]);
    });
    child.on('exit', (code) => reject(new Error(`serve ended with status ${code}: ${text}`)));
  });
}
