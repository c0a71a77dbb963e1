/** Scenes and labels → a taught network in the registry, with what it was made of and what held-back labels say of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jobIdentity, type Network } from '../../models/registry.ts';
import type { Taught, TaughtScene, TeachingReport } from '../../models/teaching/teach.ts';
import { apply } from '../../tiler/crs/geotransform.ts';
import { addNetwork, readNetworkManifest } from '../networks/install-network.ts';
import { planGrid } from '../pipeline/plan.ts';
import type { ReadyScene } from '../scenes/ready-scene.ts';
import { fetchWorking } from '../scenes/working-copy.ts';
import { transformPoints } from '../store/tables/georeference.ts';
import type { MappingTools } from '../tools.ts';
import type { NewClass } from './new-classes.ts';
import { placeLabels } from './place-labels.ts';
import type { Label } from './read-labels.ts';

export interface Teaching {
  network: Network;
  scenes: readonly ReadyScene[];
  labels: readonly Label[];
  /** SHA-256 of the labels as they were given. */
  labelsSha256: string;
  newClasses: readonly NewClass[];
  /** Of the taught network. */
  id: string;
  name?: string | undefined;
}

export interface TaughtNetwork extends TeachingReport {
  model: string;
  derived_from: string;
  sha256: string;
  /** Where labels would teach most, the best first: longitude and latitude, and how much the likeliest class lacks to certainty. */
  paint_next: { lon: number; lat: number; scene: string; doubt: number }[];
}

const SEED = 1;

/**
 * Teaches, and adds the taught network to those of a data folder. Throws `labels_unusable`, `not_teachable`, and
 * `conflict` where another network has the id.
 */
export async function teachNetwork(
  tools: MappingTools,
  dataFolder: string,
  { network, scenes, labels, labelsSha256, newClasses, id, name }: Teaching,
  options: { signal: AbortSignal; onProgress(share: number): void },
): Promise<TaughtNetwork> {
  const labelled: TaughtScene[] = [];
  for (const scene of scenes) {
    const workingPath = await fetchWorking(tools.files, scene);
    const grid = await planGrid(workingPath, scene, network);
    const placed = await placeLabels(tools.db, labels, grid, { ...scene, geographic: scene.report.geographic });
    labelled.push({ workingPath, grid, fill: scene.report.meanColour, labels: placed });
  }
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-teach-'));
  try {
    const outputPath = join(folder, `${id}.onnx`);
    const names = [...network.classes, ...newClasses].map((each) => each.name);
    const taught = await tools.compute.teach({ network, scenes: labelled, names, seed: SEED, outputPath }, options);
    // By their place in the list that was given; labels on no scene were never handed on.
    const outside = labels.length - new Set(labelled.flatMap((each) => each.labels.map(({ index }) => index))).size;
    const report = { ...taught.report, outside: taught.report.outside + outside };
    const origin = { id: network.id, identity: jobIdentity(network), labels_sha256: labelsSha256, seed: SEED, report };
    const manifest = await taughtManifest(network, newClasses, origin);
    const sidecars = [{ name: 'manifest.json', text: JSON.stringify(manifest) }];
    const added = await addNetwork(dataFolder, outputPath, { id, name: name ?? id, said: {}, sidecars });
    return {
      ...{ model: id, derived_from: network.id, sha256: added.sha256 },
      ...report,
      paint_next: await placesOf(tools, scenes, labelled, taught.paintNext),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is said of the taught network: all that holds of the one that it was made of, and what it was taught by. */
async function taughtManifest(network: Network, newClasses: readonly NewClass[], origin: object) {
  const item = await readNetworkManifest(network);
  const properties = item.properties as Record<string, unknown>;
  const { 'planimeter:adapter': _, 'planimeter:int8': __, 'planimeter:scores': ___, ...kept } = properties;
  const classes = [
    ...network.classes,
    ...newClasses.map((each, i) => ({ ...each, value: network.classes.length + i })),
  ];
  const [output] = properties['mlm:output'] as Record<string, unknown>[];
  return {
    ...item,
    properties: {
      ...kept,
      description: `${network.name}, taught by labels. ${network.description}`,
      'mlm:output': [
        {
          ...output,
          name: 'class',
          'classification:classes': classes.map(({ name, value, color }) => ({
            ...{ name, value },
            ...(color !== null && { color_hint: color.slice(1).toUpperCase() }),
          })),
        },
      ],
      'planimeter:score_output': 'score',
      'planimeter:taught': origin,
    },
  };
}

/** From model pixels to longitude and latitude. */
async function placesOf(
  { db }: MappingTools,
  scenes: readonly ReadyScene[],
  labelled: readonly TaughtScene[],
  places: Taught['paintNext'],
): Promise<TaughtNetwork['paint_next']> {
  const found: TaughtNetwork['paint_next'] = [];
  for (const { scene, x, y, doubt } of places) {
    const point = apply(labelled[scene].grid.geotransform, x + 0.5, y + 0.5);
    const [[lon, lat]] = await transformPoints(db, [point], scenes[scene].epsg, 4326);
    found.push({ lon, lat, scene: scenes[scene].id, doubt });
  }
  return found;
}
