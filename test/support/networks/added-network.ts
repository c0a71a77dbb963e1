/** For tests: a file as the network that a user would get by adding it. */

import { collectMetadata } from '../../../models/imported/collect-metadata.ts';
import { asNetwork } from '../../../models/imported/examine.ts';
import { inferAdapter, type Understanding } from '../../../models/imported/infer-adapter.ts';
import type { NetworkMetadata, Sidecar } from '../../../models/imported/network-metadata.ts';
import { selfTest } from '../../../models/imported/self-test.ts';
import { readOnnxFile } from '../../../models/onnx/read-onnx.ts';
import type { Network } from '../../../models/registry.ts';

export async function addedNetwork(
  path: string,
  { sidecars = [], said = {} }: { sidecars?: Sidecar[]; said?: NetworkMetadata } = {},
): Promise<{ network: Network; understanding: Understanding }> {
  const model = await readOnnxFile(path);
  const understanding = inferAdapter(model, { ...collectMetadata(model.metadata, sidecars), ...said });
  await selfTest(path, understanding);
  return { network: { ...asNetwork(path, understanding), sha256: path }, understanding };
}
