/** The fastest way to run a network is measured once, and a job says what it took. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { findNetwork, type Network } from '../../models/registry.ts';
import { type ChipSpeed, fastest } from '../../models/runtime/benchmark.ts';
import { sumsInt8Exactly } from '../../models/runtime/device.ts';
import { DEFAULT_RUN } from '../../models/runtime/run-profile.ts';
import { parseParameters } from '../pipeline/job-parameters.ts';
import { settlePrecision } from '../pipeline/settle-precision.ts';
import { createRunChooser } from './run-profiles.ts';

let folder: string;
let network: Network;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-cache-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  network = await findNetwork('landuse-unet');
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterAll(() => vi.unstubAllEnvs());

test('each precision and size is measured once, and remembered by the next process', { timeout: 60_000 }, async () => {
  const chooseRun = createRunChooser();
  const [first, again] = await Promise.all([chooseRun(network, 'cpu'), chooseRun(network, 'cpu')]);
  expect(again).toBe(first);
  expect(first.core_mpx_s.fp32).toBeGreaterThan(0);
  // Elsewhere 8-bit sums may saturate, so they are not measured.
  if (sumsInt8Exactly()) expect(first.core_mpx_s.int8).toBeGreaterThan(0);
  else expect(first.precision).toBe('fp32');
  const file = join(folder, 'planimeter/measurements.json');
  const { runs } = JSON.parse(await readFile(file, 'utf8')) as { runs: Record<string, typeof first> };
  expect(Object.values(runs)).toEqual([first]);
  expect(await createRunChooser()(network, 'cpu')).toEqual(first);
});

test('a job takes what is fastest here, unless it says which', async () => {
  const slowFloats = async () => ({ ...DEFAULT_RUN, precision: 'int8' as const });
  const settled = (given: object) => settlePrecision(parseParameters(given), network, 'cpu', slowFloats);
  expect((await settled({})).precision).toBe('int8');
  expect((await settled({ precision: 'fp32' })).precision).toBe('fp32');
  expect(() => parseParameters({ precision: 'fp8' })).toThrow('precision');
  const { int8: _, ...floats } = network;
  const asked = settlePrecision(parseParameters({ precision: 'int8' }), floats, 'cpu', slowFloats);
  await expect(asked).rejects.toMatchObject({ code: 'bad_request' });
  expect(await settlePrecision(parseParameters({}), floats, 'cpu', slowFloats)).not.toHaveProperty('precision');
});

test('larger chips and 8-bit weights are taken where they gain a tenth', () => {
  const speed = (precision: 'fp32' | 'int8', core: number, core_mpx_s: number): ChipSpeed => ({
    precision,
    core,
    core_mpx_s,
    chip: core,
    batch: 1,
    milliseconds: 1,
    mpx_s: 1,
  });
  const small = speed('fp32', 512, 1);
  expect(fastest([small, speed('fp32', 1024, 1.05), speed('int8', 512, 1.09)])).toBe(small);
  expect(fastest([small, speed('fp32', 1024, 1.2), speed('int8', 512, 1.5)])).toMatchObject({ precision: 'int8' });
});
