/** How fast a network runs on this machine, for chips of several sizes: all pixels, and those of the core alone. */
import { chipBands, isDetector, type Network } from './registry.ts';
import { openNetwork } from './runtime.ts';

export interface ChipSpeed {
  /** Side of a chip with its halo, and of its core, pixels. */
  chip: number;
  core: number;
  milliseconds: number;
  mpx_s: number;
  core_mpx_s: number;
}

const CORES = [256, 512, 1024];
const RUNS = 3;

/** The median of a few runs a size. Networks of one size are run at that. Throws TypeError for detection networks. */
export async function benchNetwork(network: Network): Promise<ChipSpeed[]> {
  if (isDetector(network)) throw new TypeError(`"${network.id}" draws boxes`);
  const { stride, halo, chip } = network;
  const upTo = (core: number) => Math.ceil(core / stride) * stride;
  const cores = chip === undefined ? CORES.map(upTo) : [Math.floor((chip - 2 * halo) / stride) * stride];
  const session = await openNetwork(network);
  const speeds: ChipSpeed[] = [];
  try {
    for (const core of cores) {
      const side = core + 2 * halo;
      const pixels = Uint8Array.from({ length: side * side * chipBands(network) }, (_, i) => (i * 7919) >> 4);
      const times: number[] = [];
      await session.infer(pixels, side, side); // the first run is slow
      for (let run = 0; run < RUNS; run++) {
        const started = performance.now();
        await session.infer(pixels, side, side);
        times.push(performance.now() - started);
      }
      const milliseconds = times.sort((a, b) => a - b)[RUNS >> 1];
      const speed = (pixelsAlong: number) => Number((pixelsAlong ** 2 / milliseconds / 1000).toFixed(3));
      speeds.push({
        chip: side,
        core,
        milliseconds: Math.round(milliseconds),
        mpx_s: speed(side),
        core_mpx_s: speed(core),
      });
    }
  } finally {
    await session.close();
  }
  return speeds;
}
