/** Labels that people drew on scenes → a taught network among those of the service. */
import { createHash } from 'node:crypto';
import { Problem } from '../../errors/problem.ts';
import type { Network } from '../../models/registry.ts';
import type { LabelJson, TaughtModelJson } from '../api/labels.ts';
import type { ReadyScene } from '../scenes/ready-scene.ts';
import type { MappingTools } from '../tools.ts';
import { readNewClasses } from './new-classes.ts';
import { type Label, readLabels } from './read-labels.ts';
import { teachNetwork } from './teach-network.ts';

export interface SceneTeaching {
  /** Id of the network that is taught … */
  from: string;
  /** … and of what it becomes. */
  id: string;
  name?: string | undefined;
  scenes: readonly ReadyScene[];
  /** Each with the scene that it was drawn on. */
  labels: readonly (LabelJson & { scene: string })[];
  /** That the network does not have: NAME=COLOUR:ROLE. */
  classes: readonly string[];
}

/** Teaches; an abort ends it, and nothing is left of it. Throws `labels_unusable`, `not_teachable` and `conflict`. */
export type Teach = (options: { signal: AbortSignal; onProgress(share: number): void }) => Promise<TaughtModelJson>;

/** Checks what can be checked at once. Throws `labels_unusable`, `conflict` where the id is taken, and `bad_request`. */
export function planTeaching(
  tools: MappingTools,
  folder: string,
  networks: readonly Network[],
  network: Network,
  { id, name, scenes, labels: drawn, classes }: SceneTeaching,
): Teach {
  if (networks.some((each) => each.id === id)) {
    throw new Problem('conflict', `There is a network "${id}" already; give another id.`);
  }
  if (drawn.length === 0)
    throw new Problem('labels_unusable', 'There are no labels on these scenes: paint some first.');
  const newClasses = readNewClasses(classes, network.classes);
  const known = [...network.classes, ...newClasses.map((each, i) => ({ ...each, value: network.classes.length + i }))];
  const labels = readLabels({ type: 'FeatureCollection', features: drawn }, known).map(
    (label, i): Label => ({ ...label, scene: drawn[i]!.scene }),
  );
  const labelsSha256 = createHash('sha256').update(JSON.stringify(drawn)).digest('hex');
  return async (options) => {
    const teaching = { network, scenes, labels, labelsSha256, newClasses, id, name };
    const taught = await teachNetwork(tools, folder, teaching, options);
    return { ...taught, contradicted: taught.contradicted.map((place) => drawn[place]!.id) };
  };
}
