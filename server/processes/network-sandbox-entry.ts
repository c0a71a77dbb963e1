/** What the process does that opens networks nobody knows: reads the graph, loads it, runs it once or twice. */

import { examineNetwork, examineOwn, sweepOnProbeScene } from '../../models/imported/examine.ts';
import type { NetworkMetadata, Sidecar } from '../../models/imported/network-metadata.ts';
import type { Network } from '../../models/registry.ts';
import { benchNetwork } from '../../models/runtime/benchmark.ts';
import type { DeviceChoice } from '../../models/runtime/device.ts';
import { measureHalos } from '../../models/verify/halo-sweep.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import { answerTasks } from './answer-tasks.ts';
import type { HaloRequest } from './network-sandbox.ts';

/** Somebody waits for it. */
const LADDER_MS = 60_000;

/** The network's halos on a working COG, or on the generated scene. */
async function haloLadder({ network, scene }: HaloRequest) {
  if (!scene) return sweepOnProbeScene(network, LADDER_MS);
  const { workingPath, rendering, grid, fill } = scene;
  const raster = await openScene(workingPath, rendering);
  try {
    return await measureHalos(network, { raster, grid, fill }, LADDER_MS);
  } finally {
    await raster.close();
  }
}

answerTasks({
  halos: haloLadder,
  examine: ({ path, sidecars, said }: { path: string; sidecars: Sidecar[]; said: NetworkMetadata }) =>
    examineNetwork(path, sidecars, said),
  bench: ({ network, device }: { network: Network; device: DeviceChoice }) => benchNetwork(network, device),
  examineOwn: ({ path }: { path: string }) => examineOwn(path),
});
