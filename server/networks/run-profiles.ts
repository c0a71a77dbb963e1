/** What was measured of networks on this machine, remembered in the user's cache folder from job to job. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { cpus, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Network, stitchesExactly } from '../../models/registry.ts';
import { type ChipSpeed, fastest } from '../../models/runtime/benchmark.ts';
import type { DeviceChoice } from '../../models/runtime/device.ts';
import { DEFAULT_RUN, type Run, type RunChooser } from '../../models/runtime/run-profile.ts';
import { VERSION } from '../content-ids.ts';
import { benchInSandbox } from '../processes/network-sandbox.ts';

interface Measurements {
  /** Pixels a second of jobs, halo counted, by what was run. */
  speeds: Record<string, number>;
  /** By network, device and machine. */
  runs: Record<string, Run>;
}

/** Networks that were added, and what cannot be measured, are run in the usual way. */
export function createRunChooser(): RunChooser {
  const choices = new Map<string, Promise<Run>>();
  return (network, device) => {
    if (network.adapter || !stitchesExactly(network)) return Promise.resolve(DEFAULT_RUN);
    const key = keyOf(network, device);
    const unmeasurable = () => DEFAULT_RUN; // the job will say what is wrong
    const choice =
      choices.get(key) ??
      measuredRun(network, device).then(
        (run) => run ?? measureRun(network, device).then(({ run }) => run, unmeasurable),
      );
    choices.set(key, choice);
    return choice;
  };
}

const keyOf = ({ sha256, int8 }: Network, device: DeviceChoice): string =>
  [sha256, int8?.sha256, device, cpus()[0]?.model, cpus().length, VERSION].join(' ');

/** What was measured of a network on a device, if anything was. */
export const measuredRun = async (network: Network, device: DeviceChoice): Promise<Run | undefined> =>
  (await measurements()).runs[keyOf(network, device)];

/** Measures a network on a device, and remembers the fastest way. Throws why it cannot be run. */
export async function measureRun(network: Network, device: DeviceChoice): Promise<{ speeds: ChipSpeed[]; run: Run }> {
  const { speeds, device: used } = await benchInSandbox(network, device);
  const { precision, core, batch } = fastest(speeds);
  const core_mpx_s: Run['core_mpx_s'] = {};
  for (const each of speeds) core_mpx_s[each.precision] = Math.max(core_mpx_s[each.precision] ?? 0, each.core_mpx_s);
  const run: Run = { device: used, precision, core, batch, core_mpx_s };
  await remember((all) => {
    all.runs[keyOf(network, device)] = run;
  });
  return { speeds, run };
}

const file = (): string =>
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'planimeter', 'measurements.json');

/** What is known; a file that cannot be read is as none. */
async function measurements(): Promise<Measurements> {
  try {
    return { speeds: {}, runs: {}, ...(JSON.parse(await readFile(file(), 'utf8')) as Partial<Measurements>) };
  } catch {
    return { speeds: {}, runs: {} };
  }
}

/** Pixels a second, halo counted, of earlier jobs, by the SHA-256 of what was run. */
export const measuredSpeeds = async (): Promise<Record<string, number>> => (await measurements()).speeds;

/** Too few pixels tell more of the start than of the speed. */
const FEWEST_PIXELS = 1e6;

/** Remembers the speed of a job that is over. */
export async function rememberSpeed(sha256: string, pixels: number, milliseconds: number): Promise<void> {
  if (pixels < FEWEST_PIXELS || milliseconds <= 0) return;
  await remember((all) => {
    all.speeds[sha256] = Math.round((pixels / milliseconds) * 1000);
  });
}

/** Where it cannot be written it is not: all of this can be measured again. */
async function remember(change: (all: Measurements) => void): Promise<void> {
  try {
    const all = await measurements();
    change(all);
    const partial = `${file()}.${process.pid}`;
    await mkdir(dirname(file()), { recursive: true });
    await writeFile(partial, JSON.stringify(all));
    await rename(partial, file());
  } catch {
    // a folder that is full or not ours
  }
}
