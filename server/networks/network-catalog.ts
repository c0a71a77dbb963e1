/** The networks of a running service: those on the disk, kept in step with what is added and removed meanwhile. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import { withRole } from '../../models/class-roles.ts';
import {
  givesFeatures,
  jobIdentity,
  listNetworks,
  type Network,
  networkFolders,
  type Precision,
  tellsProbabilities,
} from '../../models/registry.ts';
import type { ModelJson, ModelReportJson } from '../api/index.ts';
import { log } from '../log.ts';
import type { FileStore } from '../store/files/file-store.ts';
import { DEFAULT_NETWORK } from './choose-network.ts';
import { type AddRequest, addNetwork, describeNetwork, readNetworkManifest, removeNetwork } from './install-network.ts';
import { mirrorNetworks, publishNetwork, withdrawNetwork } from './mirror-to-bucket.ts';

export interface NetworkCatalog {
  /** Looks whether another program has added or removed networks; costs a look at one folder. */
  refresh(): Promise<void>;
  add(path: string, request: AddRequest): Promise<ModelReportJson>;
  /** After a network was made in this machine's folder: the other machines have it, too. */
  publish(id: string): Promise<void>;
  /** Throws `not_found`, as the next two do. */
  remove(id: string): Promise<void>;
  describe(id: string): Promise<ModelReportJson>;
  /** A STAC item with the MLM extension, as it lies beside the network. */
  manifest(id: string): Promise<Record<string, unknown>>;
  /** Path of the ONNX file; null where there is none in this precision. Throws `not_found`. */
  weights(id: string, precision: Precision): string | null;
}

/**
 * `networks` and `models` change as networks come and go; the default one is first. `bucket`: where the machines of a
 * fleet share them, if they do not share the folder.
 */
export async function openNetworkCatalog(
  dataFolder: string,
  bucket: FileStore | null,
): Promise<{ catalog: NetworkCatalog; networks: readonly Network[]; models: readonly ModelJson[] }> {
  const networks: Network[] = [];
  const models: ModelJson[] = [];
  /** When a network last came or went. */
  let changed: bigint | null = null;
  const modelsFolder = join(dataFolder, 'models');
  const refresh = async () => {
    if (bucket) await mirrorNetworks(bucket, modelsFolder);
    const now = await changedAt(modelsFolder);
    if (now === changed && networks.length > 0) return;
    const found = await listNetworks(networkFolders(dataFolder), log.warn);
    found.sort((a, b) => Number(b.id === DEFAULT_NETWORK) - Number(a.id === DEFAULT_NETWORK));
    networks.splice(0, networks.length, ...found);
    models.splice(0, models.length, ...found.map(modelJson));
    changed = now;
  };
  const find = (id: string): Network => {
    const network = networks.find((each) => each.id === id);
    if (network) return network;
    throw new Problem('not_found', `There is no network called "${id.slice(0, 60)}"; GET /models lists them.`);
  };
  await refresh();
  const catalog: NetworkCatalog = {
    refresh,
    async add(path, request) {
      const report = await addNetwork(dataFolder, path, request);
      await catalog.publish(report.id!);
      return report;
    },
    async publish(id) {
      if (bucket) await publishNetwork(bucket, modelsFolder, id);
      await refresh();
    },
    async remove(id) {
      find(id);
      await removeNetwork(dataFolder, id);
      if (bucket) await withdrawNetwork(bucket, id);
      await refresh();
    },
    describe: async (id) => describeNetwork(find(id)),
    manifest: async (id) => readNetworkManifest(find(id)),
    weights: (id, precision) => {
      const network = find(id);
      return precision === 'int8' ? (network.int8?.path ?? null) : network.modelPath;
    },
  };
  return { catalog, networks, models };
}

/** Nanoseconds; null where there is no such folder. */
const changedAt = (folder: string): Promise<bigint | null> =>
  stat(folder, { bigint: true }).then(
    ({ mtimeNs }) => mtimeNs,
    () => null,
  );

function modelJson(network: Network): ModelJson {
  const { id, name, description, gsdMetres, gsdRangeMetres, scoresByPlace, drawnByPlace, classes, sha256, adapter } =
    network;
  const range = gsdRangeMetres && { gsd_range_m: gsdRangeMetres };
  const task = adapter?.output.kind === 'boxes' ? ('detection' as const) : ('segmentation' as const);
  const kind = adapter ? ('added' as const) : ('shipped' as const);
  const identity = jobIdentity(network);
  const { features: layer } = network;
  const { names = null, stored = false } = adapter?.input ?? {};
  return {
    bands: names,
    stored,
    probabilities: tellsProbabilities(network),
    features: layer && givesFeatures(network) ? { stride: layer.stride, channels: layer.channels } : null,
    id,
    name,
    description,
    kind,
    task,
    gsd_m: gsdMetres,
    ...range,
    classes: classes.map(withRole),
    ...(scoresByPlace && { scores_by_place: scoresByPlace }),
    ...(drawnByPlace && { drawn_by_place: drawnByPlace }),
    sha256,
    identity,
  };
}
