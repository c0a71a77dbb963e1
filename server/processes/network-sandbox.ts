/** Networks that nobody knows are opened in a process of their own, with limits; it reads the file and writes nothing. */
import { fileURLToPath } from 'node:url';
import { Problem } from '../../errors/problem.ts';
import type { Examination, examineOwn } from '../../models/imported/examine.ts';
import type { NetworkMetadata, Sidecar } from '../../models/imported/network-metadata.ts';
import type { Network } from '../../models/registry.ts';
import type { NetworkSpeed } from '../../models/runtime/benchmark.ts';
import type { DeviceChoice } from '../../models/runtime/device.ts';
import type { HaloSweep } from '../../models/verify/halo-sweep.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import type { Rendering } from '../../tiler/rendering/rendering.ts';
import { ChildCrash, type ChildOptions, runOnce } from './child-process.ts';

const SANDBOX = { name: 'network', entry: fileURLToPath(new URL('./network-sandbox-entry.ts', import.meta.url)) };

/** What a network may take on a self-test of a chip or two. */
export const NETWORK_LIMITS = { wallMs: 45_000, memoryBytes: 6 * 2 ** 30 };

/** Several runs of large chips. */
const BENCH_LIMITS = { wallMs: 10 * 60_000, memoryBytes: 6 * 2 ** 30 };

/** Reads, loads and tries a network. Throws the problem why it cannot be used. */
export function examineInSandbox(
  path: string,
  sidecars: readonly Sidecar[],
  said: NetworkMetadata,
  limits = NETWORK_LIMITS,
): Promise<Examination> {
  return runOnce<Examination>(confined([path], limits), 'examine', { path, sidecars, said }).catch(blameNetwork);
}

/** The graph of a network with the program's own contract. */
export function examineOwnInSandbox(path: string): ReturnType<typeof examineOwn> {
  return runOnce<Awaited<ReturnType<typeof examineOwn>>>(confined([path], NETWORK_LIMITS), 'examineOwn', { path });
}

export interface HaloRequest {
  network: Network;
  /** A working COG as the network takes it; null: the generated scene. */
  scene: { workingPath: string; rendering: Rendering; grid: ModelGrid; fill: number[] } | null;
}

/** What halos of several sizes are worth. */
export function haloSweepInSandbox(network: Network, scene: HaloRequest['scene']): Promise<HaloSweep | null> {
  const read = [network.modelPath, ...(scene ? [scene.workingPath] : [])];
  const request: HaloRequest = { network, scene };
  return runOnce<HaloSweep | null>(confined(read, BENCH_LIMITS), 'halos', request).catch(blameNetwork);
}

/** How fast a network runs on a device. One that shipped is not confined, and may use any. */
export function benchInSandbox(network: Network, device: DeviceChoice): Promise<NetworkSpeed> {
  const child = network.adapter ? confined([network.modelPath], BENCH_LIMITS) : { ...SANDBOX, ...BENCH_LIMITS };
  return runOnce<NetworkSpeed>(child, 'bench', { network, device }).catch(blameNetwork);
}

const confined = (read: string[], limits: typeof NETWORK_LIMITS): ChildOptions => ({
  ...SANDBOX,
  ...limits,
  waitsItsTurn: true,
  confine: { read, write: [] },
});

/** What makes the runtime die is a network that was made or broken to do so. */
function blameNetwork(error: unknown): never {
  if (!(error instanceof ChildCrash)) throw error;
  throw new Problem('unsupported_model', 'Running the network ended the process that tried it; it cannot be used.', {
    cause: error,
  });
}
