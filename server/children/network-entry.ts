/** What the process does that opens networks nobody knows: reads the graph, loads it, runs it once or twice. */

import { benchNetwork } from '../../models/bench-network.ts';
import type { DeviceChoice } from '../../models/device.ts';
import { examineNetwork, examineOwn } from '../../models/foreign/examine.ts';
import type { Facts, Sidecar } from '../../models/foreign/facts.ts';
import type { Network } from '../../models/registry.ts';
import { answerTasks } from './child.ts';

answerTasks({
  examine: ({ path, sidecars, said }: { path: string; sidecars: Sidecar[]; said: Facts }) =>
    examineNetwork(path, sidecars, said),
  bench: ({ network, device }: { network: Network; device: DeviceChoice }) => benchNetwork(network, device),
  examineOwn: ({ path }: { path: string }) => examineOwn(path),
});
