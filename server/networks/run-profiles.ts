/** What was measured of networks on this machine, remembered in the user's cache folder from job to job. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { cpus, homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import { type Network, stitchesExactly } from '../../models/registry.ts';
import { type ChipSpeed, fastest } from '../../models/runtime/benchmark.ts';
import type { Device, DeviceChoice } from '../../models/runtime/device.ts';
import type { Precision } from '../../models/runtime/session.ts';
import { VERSION } from '../content-ids.ts';
import type { JobParameters } from '../pipeline/job-parameters.ts';
import { benchInSandbox } from '../processes/network-sandbox.ts';

/** How a network is run. */
export interface Run {
  /** That it was measured on. */
  device?: Device;
  precision: Precision;
  /** Side of a chip's core in model pixels: large cores waste less on halos, small ones need less memory. */
  core: number;
  /** Chips at a time. */
  batch: number;
  /** The fastest of each precision, core pixels; empty where nothing was measured. */
  core_mpx_s: Partial<Record<Precision, number>>;
}

/** What is right on most CPUs (`bench/infer.ts`). */
export const DEFAULT_RUN: Run = { precision: 'fp32', core: 1024, batch: 1, core_mpx_s: {} };

interface Measurements {
  /** Pixels a second of jobs, halo counted, by what was run. */
  speeds: Record<string, number>;
  /** By network, device and machine. */
  runs: Record<string, Run>;
}

/** The fastest way to run a network on a device: measured when first asked, remembered from then on. */
export type RunChooser = (network: Network, device: DeviceChoice) => Promise<Run>;

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

/**
 * The parameters with the precision that the job will run in, which its answer depends on: the one asked for, or the
 * fastest on the device. Throws `bad_request` for one that the network does not have.
 */
export async function settlePrecision(
  parameters: JobParameters,
  network: Network,
  device: DeviceChoice,
  chooseRun: RunChooser,
): Promise<JobParameters> {
  if (parameters.precision === 'int8' && !network.int8) {
    throw new Problem('bad_request', `"${network.id}" has no 8-bit weights; leave "precision" out.`);
  }
  if (!network.int8 || parameters.precision) return parameters;
  return { ...parameters, precision: (await chooseRun(network, parameters.device ?? device)).precision };
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
