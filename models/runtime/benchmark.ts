/** How fast a network runs on a device of this machine, by weights, chip size and batch; and which way is the fastest. */

import { chipBands, isDetector, type Network, type Precision } from '../registry.ts';
import { type Device, type DeviceChoice, sumsInt8Exactly } from './device.ts';
import { type NetworkSession, openNetwork } from './session.ts';

export interface ChipSpeed {
  precision: Precision;
  /** Side of a chip with its halo, and of its core, pixels. */
  chip: number;
  core: number;
  /** Chips in one run. */
  batch: number;
  milliseconds: number;
  mpx_s: number;
  core_mpx_s: number;
}

export interface NetworkSpeed {
  device: Device;
  speeds: ChipSpeed[];
}

const CPU_CORES = [512, 1024];
/** A GPU is idle with small chips; its memory is what ends the row. */
const GPU_CORES = [512, 1024, 2048];
const GPU_BATCHES = [1, 2, 4, 8];
const RUNS = 3;
/** Of one size of chip; what would take longer is not tried. */
const MAX_TRIAL_MS = 10_000;

/**
 * The median of a few runs for each way that the device allows. Networks of one size are run at that. Throws TypeError
 * for detection networks, and as `openNetwork` does.
 */
export async function benchNetwork(network: Network, device: DeviceChoice = 'cpu'): Promise<NetworkSpeed> {
  if (isDetector(network)) throw new TypeError(`"${network.id}" draws boxes`);
  const session = await openNetwork(network, { device });
  const used = session.device;
  const speeds = await benchSession(session, network, 'fp32');
  if (network.int8 && used === 'cpu' && sumsInt8Exactly()) {
    speeds.push(...(await benchSession(await openNetwork(network, { precision: 'int8' }), network, 'int8')));
  }
  return { device: used, speeds };
}

/** Closes the session. */
async function benchSession(session: NetworkSession, network: Network, precision: Precision): Promise<ChipSpeed[]> {
  const { stride, halo, chip } = network;
  const upTo = (core: number) => Math.ceil(core / stride) * stride;
  const sizes = session.device === 'cpu' ? CPU_CORES : GPU_CORES;
  const cores = chip === undefined ? sizes.map(upTo) : [Math.floor((chip - 2 * halo) / stride) * stride];
  const batches = session.device === 'cpu' || !session.inferBatch ? [1] : GPU_BATCHES;
  const speeds: ChipSpeed[] = [];
  const last = () => speeds[speeds.length - 1];
  try {
    for (const [core, batch] of cores.flatMap((core) => batches.map((batch) => [core, batch] as const))) {
      const side = core + 2 * halo;
      const pixels = batch * side ** 2;
      const expected = speeds.length > 0 ? (RUNS * pixels) / last().mpx_s / 1000 : 0;
      if (expected > MAX_TRIAL_MS) continue;
      const milliseconds = await medianRun(session, side, chipBands(network), batch).catch((error: unknown) => {
        if (speeds.length === 0) throw error;
        return null; // out of memory
      });
      if (milliseconds === null) break;
      const speed = (pixelsRun: number) => Number((pixelsRun / milliseconds / 1000).toFixed(3));
      speeds.push({
        precision,
        chip: side,
        core,
        batch,
        milliseconds: Math.round(milliseconds),
        mpx_s: speed(pixels),
        core_mpx_s: speed(batch * core ** 2),
      });
    }
  } finally {
    await session.close();
  }
  return speeds;
}

async function medianRun(session: NetworkSession, side: number, bands: number, batch: number): Promise<number> {
  const pixels = Uint8Array.from({ length: side * side * bands }, (_, i) => (i * 7919) >> 4);
  const chips = new Array<Uint8Array>(batch).fill(pixels);
  const run = () => (batch === 1 ? session.infer(pixels, side, side) : session.inferBatch!(chips, side, side));
  await run(); // the first run is slow
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[RUNS >> 1];
}

/** Larger chips and batches cost memory, and eight bits a little accuracy: they are taken where they gain this much. */
const WORTH = 1.1;

/** Of speeds in the order in which they were measured. */
export function fastest(speeds: readonly ChipSpeed[]): ChipSpeed {
  return speeds.reduce((best, each) => (each.core_mpx_s > best.core_mpx_s * WORTH ? each : best));
}
