/** The compute process may die at any moment: the map is the same, and only what was under way is computed again. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapRequest, townScene } from '../../test/support/mapped-scene.ts';
import { tinyNetwork } from '../../test/support/networks/tiny-network.ts';
import { openRaster } from '../../tiler/geotiff/raster.ts';
import { planStrips } from '../../vectorizer/strips.ts';
import { ChildCrash } from './child-process.ts';
import { chipLimitMs, startCompute } from './compute.ts';

let folder: string;
const compute = startCompute();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-compute-'));
});
afterAll(async () => {
  await compute.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Process ids of child processes that this process has started. */
function childPids(entry: 'compute-entry' | 'draw-entry'): number[] {
  const rows = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' }).split(
    '\n',
  );
  return rows.filter((row) => row.includes(entry)).map((row) => Number.parseInt(row, 10));
}

/** Kills drawing processes as they start, for one that has started draws a small map in no time. */
async function killAsTheyCome(kills: number): Promise<void> {
  const killed = new Set<number>();
  while (killed.size < kills) {
    for (const pid of childPids('draw-entry').filter((each) => !killed.has(each))) {
      process.kill(pid, 'SIGKILL');
      killed.add(pid);
    }
    await sleep(1);
  }
}

test('a process that is killed costs what was under way, and the map has the same bytes', {
  timeout: 60_000,
}, async () => {
  const network = await tinyNetwork(folder);
  const scene = await townScene(folder, 3, 400, 300);
  const whole = await mapRequest(folder, scene, network, { core: 16 });
  await compute.map(whole, {});
  const killed = await mapRequest(folder, scene, network, { core: 16 });
  const kills = [60, 200];
  const done: number[] = [];
  const result = await compute.map(killed, {
    onProgress: ({ chips }) => {
      done.push(chips);
      if (chips < (kills[0] ?? Number.POSITIVE_INFINITY)) return;
      kills.shift();
      for (const pid of childPids('compute-entry')) process.kill(pid, 'SIGKILL');
    },
  });
  expect(kills).toEqual([]);
  expect(result.ledger).toEqual({ done: 400 * 300, nodata: 0, outside: 0, failed: 0, pending: 0 });
  for (const path of ['classesPath', 'scoresPath'] as const) {
    expect(await readFile(killed[path])).toEqual(await readFile(whole[path]));
  }
  expect(done.at(-1)).toBe(25 * 19);
  const journal = await readFile(join(killed.chipCachePath, 'journal.ndjson'), 'utf8');
  const begun = journal.split('\n').filter((line) => line.startsWith('{"begin"')).length;
  expect(begun, 'chips that were begun').toBeLessThanOrEqual(25 * 19 + 2 * 2); // two at a time
});

test('drawing begins again in another process', { timeout: 60_000 }, async () => {
  const network = await tinyNetwork(folder);
  const mapped = await mapRequest(folder, await townScene(folder, 3, 400, 300), network, { core: 16 });
  await compute.map(mapped, {});
  const trace = async (name: string, kills: number) => {
    const size = { width: 400, height: 300 };
    const request = {
      layers: [{ y: 0, classesPath: mapped.classesPath, scoresPath: mapped.scoresPath }],
      ...{ size, strip: planStrips(size)[0], geotransform: mapped.grid.geotransform, nodata: 255 },
      ...{ featuresPath: join(folder, name), openPath: join(folder, 'open') },
      ...{ pixelMetres: { x: 1, y: 1 }, minAreaM2: 10, toleranceMetres: 0.5 },
      codes: { building: 1, road: 2, water: null },
    };
    await compute.stop();
    await Promise.all([compute.drawStrip(request, {}), killAsTheyCome(kills)]);
    return readFile(request.featuresPath);
  };
  expect(await trace('killed', 4)).toEqual(await trace('whole', 0));
  await expect(trace('killed too often', 5)).rejects.toBeInstanceOf(ChildCrash);
});

const DRIVER = '/usr/lib/chromium/vk_swiftshader_icd.json';
if (!existsSync(DRIVER))
  console.error(`SKIPPED: the webgpu path, for there is no ${DRIVER} (Debian's package chromium)`);

test('a named device that is not here is a problem with its reason', { timeout: 60_000 }, async () => {
  const network = await tinyNetwork(folder);
  const scene = await townScene(folder, 3, 64, 64);
  const request = await mapRequest(folder, scene, network, { run: { device: 'cuda:63' } });
  await expect(compute.map(request, {})).rejects.toMatchObject({
    code: 'device_unavailable',
    message: expect.stringMatching(/cuda:63 cannot be used: .+--device cpu/),
  });
});

test.skipIf(!existsSync(DRIVER))('webgpu gives the bytes of the CPU but for ties', { timeout: 120_000 }, async () => {
  const network = await tinyNetwork(folder);
  const scene = await townScene(folder, 3, 64, 64);
  const onCpu = await mapRequest(folder, scene, network, { core: 64 });
  await compute.map(onCpu, {});
  const environment = { VK_DRIVER_FILES: DRIVER, LD_LIBRARY_PATH: '/usr/lib/chromium', XDG_RUNTIME_DIR: folder };
  const before = { ...process.env };
  Object.assign(process.env, environment);
  const other = startCompute();
  try {
    const onGpu = await mapRequest(folder, scene, network, { core: 64, run: { device: 'webgpu' } });
    const result = await other.map(onGpu, {});
    expect(result.device).toBe('webgpu');
    console.log(`webgpu: ${result.fallbackNodes} nodes fell back to the CPU`);
    const [a, b, scores] = await Promise.all(
      [onCpu.classesPath, onGpu.classesPath, onCpu.scoresPath].map(async (path) => {
        const raster = await openRaster(path);
        const { pixels } = await raster.read(0, { x: 0, y: 0, width: 64, height: 64 });
        await raster.close();
        return pixels;
      }),
    );
    // With three classes a tie within 2/255 has a best score of at most (255 + 2) / 2.
    for (let i = 0; i < a.length; i++) if (scores[i] > 129) expect(b[i], `pixel ${i}`).toBe(a[i]);
  } finally {
    await other.stop();
    for (const name of Object.keys(environment)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
});

test('how long a chip may take is set by the environment', () => {
  expect(chipLimitMs({})).toBe(1_800_000);
  expect(chipLimitMs({ PLANIMETER_MAX_CHIP_SECONDS: '90' })).toBe(90_000);
  for (const wrong of ['0', '-1', 'long', '1e9']) {
    expect(() => chipLimitMs({ PLANIMETER_MAX_CHIP_SECONDS: wrong })).toThrow('PLANIMETER_MAX_CHIP_SECONDS');
  }
});
