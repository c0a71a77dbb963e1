/** For tests: a file as the network that a user would get by adding it. */
import { readOnnxFile } from '../onnx/read-onnx.ts';
import type { Network } from '../registry.ts';
import { asNetwork } from './examine.ts';
import { type Facts, gatherFacts, type Sidecar } from './facts.ts';
import { selfTest } from './self-test.ts';
import { type Understanding, understand } from './understand.ts';

export async function addedNetwork(
  path: string,
  { sidecars = [], said = {} }: { sidecars?: Sidecar[]; said?: Facts } = {},
): Promise<{ network: Network; understanding: Understanding }> {
  const model = await readOnnxFile(path);
  const understanding = understand(model, { ...gatherFacts(model.metadata, sidecars), ...said });
  await selfTest(path, understanding);
  return { network: { ...asNetwork(path, understanding), sha256: path }, understanding };
}
