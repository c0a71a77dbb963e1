/**
 * Networks on disk: each is a folder with `manifest.json` (a STAC Item with the MLM extension) and its ONNX file.
 * Turns manifests into what the rest of the program needs to plan and run a network.
 */
import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from '../errors/problem.ts';
import { readText } from '../tiler/ingest/read-text.ts';
import { sha256OfFile } from '../tiler/ingest/sha256.ts';
import type { Adapter } from './adapter.ts';
import type { ClassRole } from './class-roles.ts';
import type { WantedBands } from './network-bands.ts';
import { readOnnxFile } from './onnx/read-onnx.ts';
import { logitsWithin } from './runtime/class-probabilities.ts';

export interface NetworkClass {
  name: string;
  /** Code in the class map, 0..254. */
  value: number;
  /** `#rrggbb` */
  color: string;
  /** What its areas are drawn as, where that was said; else its name tells. */
  role?: ClassRole;
}

/** A probability plane that a network gives besides its classes, in the order of its output. */
export interface NetworkPlane {
  name: string;
  /** The class whose probability it is, where it is one's. */
  class?: number;
  /** What it is for, such as `object`, `line` or `touching-border`. */
  role?: string;
}

export interface NetworkFeatures {
  /** Name of the output. */
  output: string;
  /** Pixels a cell. */
  stride: number;
  channels: number;
}

export interface NetworkFile {
  path: string;
  sha256: string;
  /** The tensor within the graph of a network of our making that holds the logits of its classes. */
  logits?: string;
}

export interface Network {
  id: string;
  name: string;
  description: string;
  /** Ground sample distance that the network was trained at; null where nobody knows: scenes are taken as they are. */
  gsdMetres: number | null;
  /** Finest and coarsest ground sample distance that it was trained to take, where its manifest says so. */
  gsdRangeMetres?: [finest: number, coarsest: number];
  /** Total stride, pixels: chip origins and sizes are multiples of it. */
  stride: number;
  /** Pixels around a core that chips are computed with, a multiple of the stride. */
  halo: number;
  /** How far the network looks to the left, top, right and bottom of a pixel. A halo as large makes stitching exact. */
  receptiveField: [number, number, number, number];
  classes: NetworkClass[];
  /** Empty where the network gives classes and scores alone. */
  planes: NetworkPlane[];
  /** The layer that similarity search and learning from corrections stand on, where the network gives one. */
  features?: NetworkFeatures;
  /** Mean intersection over union at places that it was not trained on, where its manifest tells. */
  miou?: number;
  /** Intersection over union by place and class, of the classes that are labelled there. */
  scoresByPlace?: Record<string, Record<string, number>>;
  /** What jobs draw from its maps, by place. */
  drawnByPlace?: Record<string, DrawnScores>;
  /** The network with 8-bit weights: same inputs and outputs. */
  int8?: NetworkFile;
  modelPath: string;
  sha256: string;
  /** As in `NetworkFile`. */
  logits?: string;
  /** Largest side of a chip with its halo, where the network is of one size. */
  chip?: number;
  /** How to run it, of networks that were added; shipped ones have inputs and outputs of our own. */
  adapter?: Adapter;
}

/** Buildings found one for one at an intersection over union, how many too many, and routes along the roads. */
export interface DrawnScores {
  buildings_f1_50?: number;
  buildings_f1_75?: number;
  buildings_count_error?: number;
  roads_apls?: number;
}

/** The folder of the networks that ship with the program. */
export const SHIPPED_NETWORKS = fileURLToPath(new URL('.', import.meta.url));

/** Before a SHA-256 in hexadecimal digits (https://multiformats.io/multihash). */
export const SHA256_MULTIHASH = '1220';

interface ManifestJson {
  id: string;
  properties: {
    description: string;
    'mlm:name': string;
    'mlm:output': {
      'classification:classes': { value: number; name: string; color_hint: string; 'planimeter:role'?: ClassRole }[];
    }[];
    'planimeter:gsd_m': number | null;
    'planimeter:gsd_range_m'?: [number, number];
    'planimeter:stride': number;
    'planimeter:halo': number;
    'planimeter:receptive_field': [number, number, number, number];
    'planimeter:planes'?: NetworkPlane[];
    'planimeter:features'?: NetworkFeatures;
    'planimeter:scores'?: { miou: number; by_place?: Record<string, Record<string, number>> };
    'planimeter:drawn'?: Record<string, DrawnScores>;
    'planimeter:int8'?: string;
    'planimeter:chip'?: number | null;
    'planimeter:adapter'?: Adapter;
  };
  assets: { model: { href: string; 'file:checksum'?: string } };
}

/** The folders of the networks that ship with the program and of those that were added to a data folder. */
export const networkFolders = (dataFolder: string): string[] => [SHIPPED_NETWORKS, join(dataFolder, 'models')];

/** All networks in the folders, by id. One whose file is not the one that was added is left out, and said. */
export async function listNetworks(
  folders: readonly string[] = [SHIPPED_NETWORKS],
  say: (message: string) => void = console.error,
): Promise<Network[]> {
  const networks: Network[] = [];
  for (const folder of folders) {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && folder !== SHIPPED_NETWORKS) return []; // nothing was added yet
      throw error;
    });
    for (const entry of entries.filter(isNetworkFolder).sort((a, b) => a.name.localeCompare(b.name))) {
      const network = await readManifest(join(folder, entry.name)).catch((error) => {
        if (!(error instanceof Problem)) throw error;
        say(error.message);
        return null;
      });
      if (network) networks.push(network);
    }
  }
  return networks;
}

/** Names that begin with a dot are of networks that are on their way in or out. */
const isNetworkFolder = (entry: Dirent): boolean => entry.isDirectory() && !entry.name.startsWith('.');

/** The file of a network that is run. */
export const weightsOf = (network: Network, precision: Precision = 'fp32'): NetworkFile => {
  const { modelPath, sha256, logits, int8 } = network;
  return precision === 'int8' && int8 ? int8 : { path: modelPath, sha256, ...(logits !== undefined && { logits }) };
};

/** What a job's result depends on: the network's bytes, and of one that was added also how it is run. */
export function jobIdentity({ sha256, int8, adapter, classes, gsdMetres, stride, halo }: Network): string {
  if (!adapter) return int8 ? `${sha256} ${int8.sha256}` : sha256;
  return createHash('sha256')
    .update(JSON.stringify([sha256, adapter, classes, gsdMetres, stride, halo]))
    .digest('hex');
}

/** Bands of the chips that a network is given: RGB, or those that it names. */
export const chipBands = ({ adapter }: Pick<Network, 'adapter'>): number => adapter?.input.names?.length ?? 3;

export const wantedBands = ({ id, adapter }: Pick<Network, 'id' | 'adapter'>): WantedBands => ({
  id,
  bands: adapter?.input.names ?? null,
  stored: adapter?.input.stored === true,
});

/** Whether a network draws boxes around objects instead of a map. */
export const isDetector = ({ adapter }: Network): boolean => adapter?.output.kind === 'boxes';

/** Whether a network tells the probability of every class, not of the likeliest alone. */
export function tellsProbabilities(network: Network): boolean {
  if (isDetector(network)) return false;
  if (!givesLabels(network)) return true;
  if (network.classes.length === 2) return tellsScores(network); // the other class has the rest
  return network.logits !== undefined && (!network.int8 || network.int8.logits !== undefined);
}

/** Whether a network gives class codes, and at most the probability of those. */
const givesLabels = ({ adapter }: Network): boolean =>
  !adapter || (adapter.output.kind === 'map' && adapter.output.numbers === 'labels');

/** One network by id. Throws `not_found` with the ids that there are. */
export async function findNetwork(id: string, folders?: readonly string[]): Promise<Network> {
  const networks = await listNetworks(folders);
  const network = networks.find((each) => each.id === id);
  if (network) return network;
  const known = networks.map((each) => each.id).join(', ');
  throw new Problem('not_found', `There is no network called "${id}". Take one of: ${known}.`);
}

/** Whether chips of a network leave no trace: it looks no further than its halo reaches. Others are blended. */
export function stitchesExactly({ halo, stride, receptiveField }: Network): boolean {
  // JSON has no infinity: null stands for a field without end.
  const field = Math.max(...receptiveField.map((side: number | null) => side ?? Number.POSITIVE_INFINITY));
  return halo >= field && halo % stride === 0;
}

/** Whether a network says how sure it is of a class; some give class codes alone. */
export const tellsScores = ({ adapter }: Network): boolean =>
  adapter?.output.kind !== 'map' || adapter.output.numbers !== 'labels' || adapter.output.score !== undefined;

/** Whether a network has a feature layer, and one whose chips leave no trace. */
export const givesFeatures = (network: Network): boolean => network.features !== undefined && stitchesExactly(network);

async function readManifest(folder: string): Promise<Network | null> {
  const text = await readText(join(folder, 'manifest.json')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const { id, properties, assets } = JSON.parse(text) as ManifestJson;
  const modelPath = join(folder, assets.model.href);
  const sha256 = await sha256OfFile(modelPath);
  const int8Path = properties['planimeter:int8'] && join(folder, properties['planimeter:int8']);
  const checksum = assets.model['file:checksum'];
  if (checksum !== undefined && checksum !== SHA256_MULTIHASH + sha256) {
    throw new Problem('damaged_model', `The file of the network "${id}" has changed since it was added. Add it again.`);
  }
  const scores = properties['planimeter:scores'];
  const network: Network = {
    id,
    name: properties['mlm:name'],
    description: properties.description,
    gsdMetres: properties['planimeter:gsd_m'],
    ...(properties['planimeter:gsd_range_m'] && { gsdRangeMetres: properties['planimeter:gsd_range_m'] }),
    stride: properties['planimeter:stride'],
    halo: properties['planimeter:halo'],
    receptiveField: properties['planimeter:receptive_field'],
    classes: properties['mlm:output'][0]['classification:classes'].map(({ name, value, color_hint, ...said }) => ({
      name,
      value,
      color: `#${color_hint.replace(/^#/, '').toLowerCase()}`,
      ...(said['planimeter:role'] && { role: said['planimeter:role'] }),
    })),
    planes: properties['planimeter:planes'] ?? [],
    ...(properties['planimeter:features'] && { features: properties['planimeter:features'] }),
    ...(scores && { miou: scores.miou }),
    ...(scores?.by_place && { scoresByPlace: scores.by_place }),
    ...(properties['planimeter:drawn'] && { drawnByPlace: properties['planimeter:drawn'] }),
    ...(int8Path && { int8: { path: int8Path, sha256: await sha256OfFile(int8Path) } }),
    modelPath,
    sha256,
    ...(properties['planimeter:chip'] && { chip: properties['planimeter:chip'] }),
    ...(properties['planimeter:adapter'] && { adapter: properties['planimeter:adapter'] }),
  };
  return withLogits(network);
}

/** Finds the logits of more than two classes, where scores come with the codes of them as our own networks have it. */
async function withLogits(network: Network): Promise<Network> {
  const { classes, modelPath, int8 } = network;
  const own = classes.length > 2 && givesLabels(network) && tellsScores(network) && stitchesExactly(network);
  if (!own || classes.some(({ value }, i) => value !== i)) return network;
  const logitsOf = async (path: string) => {
    const graph = await readOnnxFile(path).catch(() => null); // what is wrong with it, running it says
    const logits = graph && logitsWithin(graph, classes.length);
    return logits === null ? {} : { logits };
  };
  return {
    ...network,
    ...(await logitsOf(modelPath)),
    ...(int8 && { int8: { ...int8, ...(await logitsOf(int8.path)) } }),
  };
}

/** Of a network's weights. */
export type Precision = 'fp32' | 'int8';
