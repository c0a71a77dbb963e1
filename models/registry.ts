/**
 * Networks on disk: each is a folder with `manifest.json` (a STAC Item with the MLM extension) and its ONNX file.
 * Turns manifests into what the rest of the program needs to plan and run a network.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from '../tiler/problem.ts';
import { sha256OfFile } from '../tiler/sha256.ts';

export interface NetworkClass {
  name: string;
  /** Code in the class map, 0..254. */
  value: number;
  /** `#rrggbb` */
  color: string;
}

/** A probability plane that a network gives besides its classes, in the order of its output. */
export interface NetworkPlane {
  name: string;
  /** The class whose probability it is, where it is one's. */
  class?: number;
  /** What it is for, such as `object`, `line` or `touching-border`. */
  role?: string;
}

export interface Network {
  id: string;
  name: string;
  description: string;
  /** Ground sample distance that the network was trained at. */
  gsdMetres: number;
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
  modelPath: string;
  sha256: string;
}

/** The folder of the networks that ship with the program. */
export const SHIPPED_NETWORKS = fileURLToPath(new URL('.', import.meta.url));

interface ManifestJson {
  id: string;
  properties: {
    description: string;
    'mlm:name': string;
    'mlm:output': { 'classification:classes': { value: number; name: string; color_hint: string }[] }[];
    'planimeter:gsd_m': number;
    'planimeter:gsd_range_m'?: [number, number];
    'planimeter:stride': number;
    'planimeter:halo': number;
    'planimeter:receptive_field': [number, number, number, number];
    'planimeter:planes'?: NetworkPlane[];
  };
  assets: { model: { href: string } };
}

/** All networks in `folder`, by id. */
export async function listNetworks(folder = SHIPPED_NETWORKS): Promise<Network[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const networks: Network[] = [];
  for (const entry of entries.filter((each) => each.isDirectory()).sort((a, b) => a.name.localeCompare(b.name))) {
    const manifest = await readManifest(join(folder, entry.name));
    if (manifest) networks.push(manifest);
  }
  return networks;
}

/** One network by id. Throws `not_found` with the ids that there are. */
export async function findNetwork(id: string, folder = SHIPPED_NETWORKS): Promise<Network> {
  const networks = await listNetworks(folder);
  const network = networks.find((each) => each.id === id);
  if (network) return network;
  const known = networks.map((each) => each.id).join(', ');
  throw new Problem('not_found', `There is no network called "${id}". Take one of: ${known}.`);
}

/**
 * Throws `unsupported_model` for a network that looks further than its halo reaches: its chips would leave traces at
 * their seams.
 */
export function requireExactStitching({ id, halo, stride, receptiveField }: Network): void {
  const field = Math.max(...receptiveField);
  if (halo >= field && halo % stride === 0) return;
  const needed = Math.ceil(field / stride) * stride;
  throw new Problem(
    'unsupported_model',
    `"${id}" looks ${field} pixels far and its halo is ${halo}; it needs ${needed}.`,
  );
}

async function readManifest(folder: string): Promise<Network | null> {
  const text = await readFile(join(folder, 'manifest.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const { id, properties, assets } = JSON.parse(text) as ManifestJson;
  const modelPath = join(folder, assets.model.href);
  return {
    id,
    name: properties['mlm:name'],
    description: properties.description,
    gsdMetres: properties['planimeter:gsd_m'],
    ...(properties['planimeter:gsd_range_m'] && { gsdRangeMetres: properties['planimeter:gsd_range_m'] }),
    stride: properties['planimeter:stride'],
    halo: properties['planimeter:halo'],
    receptiveField: properties['planimeter:receptive_field'],
    classes: properties['mlm:output'][0]['classification:classes'].map(({ name, value, color_hint }) => ({
      name,
      value,
      color: `#${color_hint.replace(/^#/, '').toLowerCase()}`,
    })),
    planes: properties['planimeter:planes'] ?? [],
    modelPath,
    sha256: await sha256OfFile(modelPath),
  };
}
