/** Runs a network on chips: uint8 RGB in, per pixel the class and the probability of it out (both uint8). */
import * as ort from 'onnxruntime-node';
import { Problem } from '../tiler/problem.ts';
import { inferAdapted } from './foreign/run.ts';
import type { Network } from './registry.ts';

/** What can be asked for; `auto` is the best that works. */
export type Device = 'auto' | 'cpu';

export interface Answer {
  /** height * width class codes. */
  classes: Uint8Array;
  /** height * width probabilities of that class, 0..255. */
  scores: Uint8Array;
  /** The network's planes one after the other, each height * width probabilities 0..255; empty where it has none. */
  planes: Uint8Array;
}

export interface NetworkSession {
  readonly device: 'cpu';
  /** How many planes an answer holds. */
  readonly planeCount: number;
  /**
   * One chip. `pixels` is height * width * 3 (RGB); height and width are multiples of the network's stride.
   * Blocks the calling thread while the network runs, so it belongs in the compute process.
   */
  infer(pixels: Uint8Array, width: number, height: number): Promise<Answer>;
  close(): Promise<void>;
}

const NO_PLANES = new Uint8Array(0);

/** Loads a network. `threads` is the number of CPU threads, 0 for all cores. */
export async function openNetwork(network: Network, threads = 0): Promise<NetworkSession> {
  const session = await ort.InferenceSession.create(network.modelPath, {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: 3,
  });
  const outputs = ['class', 'score', ...(network.planes.length > 0 ? ['planes'] : [])];
  if (network.adapter) {
    const adapted = { ...network, adapter: network.adapter, classes: network.classes.length };
    return {
      device: 'cpu',
      planeCount: 0,
      infer: (pixels, width, height) => inferAdapted(session, adapted, pixels, { width, height }),
      close: () => session.release(),
    };
  }
  return {
    device: 'cpu',
    planeCount: network.planes.length,
    async infer(pixels, width, height) {
      const image = new ort.Tensor('uint8', pixels, [1, height, width, 3]);
      const { class: classes, score: scores, planes } = await session.run({ image }, outputs);
      return {
        classes: classes.data as Uint8Array,
        scores: scores.data as Uint8Array,
        planes: (planes?.data as Uint8Array | undefined) ?? NO_PLANES,
      };
    },
    close: () => session.release(),
  };
}

/** Reads a device name. Throws `device_unavailable` for one that this installation cannot use. */
export function parseDevice(name: string): Device {
  if (name === 'auto' || name === 'cpu') return name;
  throw new Problem(
    'device_unavailable',
    `This installation runs networks on the CPU; "${name}" is not available. Use --device cpu.`,
  );
}
