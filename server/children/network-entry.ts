/** What the process does that opens networks nobody knows: reads the graph, loads it, runs it once or twice. */
import { examineNetwork, examineOwn } from '../../models/foreign/examine.ts';
import type { Facts, Sidecar } from '../../models/foreign/facts.ts';
import { answerTasks } from './child.ts';

answerTasks({
  examine: ({ path, sidecars, said }: { path: string; sidecars: Sidecar[]; said: Facts }) =>
    examineNetwork(path, sidecars, said),
  examineOwn: ({ path }: { path: string }) => examineOwn(path),
});
