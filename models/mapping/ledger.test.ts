/** No silent holes: what fails is tried again, then shown; what died goes on; what nobody asked for is not computed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Problem } from '../../errors/problem.ts';
import { always, mapped, mapRequest, type TestScene, townScene } from '../../test/support/mapped-scene.ts';
import { tinyNetwork } from '../../test/support/networks/tiny-network.ts';
import type { Network } from '../registry.ts';
import type { Answer } from '../runtime/answer.ts';
import { CLASS_NODATA } from '../runtime/answer.ts';
import { type NetworkSession, openNetwork } from '../runtime/session.ts';
import { CHIP_ATTEMPTS } from './infer-chips.ts';
import type { Ledger } from './ledger.ts';

const WIDTH = 201;
const HEIGHT = 130;

let folder: string;
let network: Network;
let scene: TestScene;
let session: NetworkSession;
let whole: Awaited<ReturnType<typeof mapped>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-ledger-'));
  network = await tinyNetwork(folder);
  scene = await townScene(folder, 7, WIDTH, HEIGHT);
  session = await openNetwork(network, { threads: 1 });
  whole = await mapped(await mapRequest(folder, scene, network), always(session));
});
afterAll(async () => {
  await session.close();
  await rm(folder, { recursive: true, force: true });
});

/** The session, with `before` called ahead of each run of one chip. */
function watched(before: (pixels: Uint8Array) => void): NetworkSession & { runs: number } {
  const watching = {
    device: session.device,
    fallbackNodes: 0,
    planeCount: 0,
    runs: 0,
    async infer(pixels: Uint8Array, width: number, height: number): Promise<Answer> {
      watching.runs++;
      before(pixels);
      return session.infer(pixels, width, height);
    },
    close: async () => {},
  };
  return watching;
}

const total = (ledger: Ledger) => Object.values(ledger).reduce((a, b) => a + b, 0);

/** Fails whenever it is given what it was given at its nth run. */
function failingAt(n: number) {
  let cursed: string | null = null;
  let runs = 0;
  return (pixels: Uint8Array) => {
    const text = Buffer.from(pixels).toString('base64');
    if (++runs === n) cursed = text;
    if (text === cursed) throw new Error('the accelerator coughed');
  };
}

test('a chip that keeps failing is nodata, counted and named; all others are as they would be', async () => {
  const failing = watched(failingAt(9));
  const { result, classes } = await mapped(await mapRequest(folder, scene, network), always(failing));
  expect(failing.runs).toBe(7 * 5 + CHIP_ATTEMPTS - 1);
  const [failed] = result.chips.failed;
  expect(failed).toEqual({ x: 32, y: 32, width: 32, height: 32, reason: 'the accelerator coughed' });
  expect(result.chips).toMatchObject({ done: 34, nodata: 0, outside: 0 });
  expect(result.ledger).toEqual({ done: WIDTH * HEIGHT - 1024, nodata: 0, outside: 0, failed: 1024, pending: 0 });
  for (let i = 0; i < classes.length; i++) {
    const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
    const inFailed = x >= 32 && x < 64 && y >= 32 && y < 64;
    if (classes[i] !== (inFailed ? CLASS_NODATA : whole.classes[i])) expect.fail(`pixel ${x}, ${y} is ${classes[i]}`);
  }
});

test('a chip that fails once is computed at the second try', async () => {
  let runs = 0;
  const coughing = watched(() => {
    if (++runs === 5) throw new Error('once');
  });
  const { result, classes, scores } = await mapped(await mapRequest(folder, scene, network), always(coughing));
  expect(result.ledger).toMatchObject({ done: WIDTH * HEIGHT, failed: 0, pending: 0 });
  expect([classes, scores]).toEqual([whole.classes, whole.scores]);
});

test('where no chip can be computed there is no map but the reason', async () => {
  const broken = watched(() => {
    throw new Error('never');
  });
  await expect(mapped(await mapRequest(folder, scene, network), always(broken))).rejects.toThrow('never');
});

test('batches of any size give the same bytes, also when large ones fail', async () => {
  for (const [batch, fits] of [
    [4, 4],
    [6, 2],
    [5, 0],
  ]) {
    const sizes: number[] = [];
    const limited: NetworkSession = {
      ...session,
      async inferBatch(chips, width, height) {
        sizes.push(chips.length);
        if (chips.length > fits) throw new Error('Failed to allocate memory');
        return session.inferBatch!(chips, width, height);
      },
    };
    const { classes, scores } = await mapped(await mapRequest(folder, scene, network, { batch }), always(limited));
    expect([classes, scores], `batch ${batch}`).toEqual([whole.classes, whole.scores]);
    expect(sizes[0]).toBe(batch);
    expect(
      sizes.slice(fits === batch ? 0 : 4).every((size) => size <= Math.max(fits, 3)),
      `${sizes}`,
    ).toBe(true);
  }
});

test('a run that stopped goes on where it was, with the same bytes', async () => {
  const request = await mapRequest(folder, scene, network);
  let runs = 0;
  const stopping = watched(() => {
    if (++runs > 11) throw new Problem('interrupted', 'Enough.');
  });
  await expect(mapped(request, always(stopping))).rejects.toThrow('Enough.');
  const rest = watched(() => {});
  const { result, classes, scores } = await mapped(request, always(rest));
  expect(rest.runs).toBe(35 - 11);
  expect(result.ledger).toMatchObject({ done: WIDTH * HEIGHT, pending: 0 });
  expect([classes, scores]).toEqual([whole.classes, whole.scores]);
  // Another network's answers are not taken for this one's.
  const other = await tinyNetwork(folder, { seed: 2 });
  const afresh = await mapped({ ...request, network: other });
  expect(afresh.result.chips.done).toBe(35);
  expect(afresh.classes).not.toEqual(whole.classes);
});

test('a chip over which the process dies is given up, the chips that were under way with it are not', async () => {
  const request = await mapRequest(folder, scene, network);
  let killer: string | null = null;
  let deaths = 0;
  const dying = (): NetworkSession => {
    let [runs, dead] = [0, false];
    return {
      ...session,
      async infer(pixels, width, height) {
        const text = Buffer.from(pixels as Uint8Array).toString('base64');
        if (++runs === 9) killer ??= text;
        if (text === killer) dead = true;
        const answer = await session.infer(pixels, width, height);
        await setImmediate();
        if (dead) throw new Problem('interrupted', 'Nothing is recorded any more.');
        return answer;
      },
    };
  };
  for (;;) {
    const run = await mapped(request, always(dying())).catch((error: Problem) => error);
    if (run instanceof Problem && ++deaths <= CHIP_ATTEMPTS) continue;
    expect(deaths).toBe(CHIP_ATTEMPTS);
    const reason = 'The process that computed it died.';
    expect(run).toMatchObject({ result: { chips: { done: 34, failed: [{ x: 32, y: 32, reason }] } } });
    return;
  }
});

test('an area of interest clips the map without changing any pixel, and nothing outside is computed', async () => {
  const star = Float64Array.from([20.2, 70, 60, 20.7, 75.5, 64, 150, 80, 71, 90.3, 40, 120]);
  const box = Float64Array.from([150, 100, 199, 100, 199, 128, 150, 128]);
  for (const core of [16, 32, 100]) {
    const counting = watched(() => {});
    const request = await mapRequest(folder, scene, network, { core, area: [star, box] });
    const { result, classes } = await mapped(request, always(counting));
    let inside = 0;
    for (let i = 0; i < classes.length; i++) {
      const [x, y] = [(i % WIDTH) + 0.5, Math.floor(i / WIDTH) + 0.5];
      const wanted = contains(star, x, y) || contains(box, x, y);
      inside += Number(wanted);
      if (classes[i] !== (wanted ? whole.classes[i] : CLASS_NODATA)) expect.fail(`core ${core}, pixel ${x}, ${y}`);
    }
    expect(inside).toBeGreaterThan(2000);
    expect(result.ledger).toEqual({ done: inside, nodata: 0, outside: WIDTH * HEIGHT - inside, failed: 0, pending: 0 });
    expect(total(result.ledger)).toBe(WIDTH * HEIGHT);
    expect(counting.runs).toBe(result.chips.done);
    if (core === 16) expect(counting.runs).toBeLessThan(50);
  }
  const elsewhere = await mapRequest(folder, scene, network, { area: [box.map((each) => each + 300)] });
  await expect(mapped(elsewhere, always(session))).rejects.toMatchObject({ code: 'aoi_outside' });
});

/** Even-odd by a ray to the right, as in every textbook. */
function contains(ring: Float64Array, x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 2; i < ring.length; j = i, i += 2) {
    const [xi, yi, xj, yj] = [ring[i], ring[i + 1], ring[j], ring[j + 1]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}
