/** For tests: a file as the network that a user would get by adding it. */

import { readOnnxFile } from '../onnx/read-onnx.ts';
import type { Network } from '../registry.ts';
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
  const { adapter, classes, gsdMetres, stride, halo, receptiveField, chip } = understanding;
  const network: Network = {
    ...{ id: 'net', name: 'net', description: '', gsdMetres, stride, halo, classes, planes: [] },
    // As JSON has it: null is a field without end.
    receptiveField: receptiveField ?? ([null, null, null, null] as unknown as Network['receptiveField']),
    ...{ modelPath: path, sha256: path, adapter },
    ...(chip !== null && { chip }),
  };
  return { network, understanding };
}
