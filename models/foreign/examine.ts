/** A network file that nobody knows → everything about it. Called where nothing can be harmed: it loads the network. */
import { certify } from '../onnx/certificate.ts';
import { type OnnxModel, type OnnxValue, readOnnxFile } from '../onnx/read-onnx.ts';
import { type Facts, gatherFacts, type Sidecar } from './facts.ts';
import { type SelfTest, selfTest } from './self-test.ts';
import { type Understanding, understand } from './understand.ts';

export interface Examination {
  understanding: Understanding;
  selfTest: SelfTest;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  name: string | null;
}

/** @param said by the user, over all that is written in and beside the file */
export async function examineNetwork(path: string, sidecars: readonly Sidecar[], said: Facts): Promise<Examination> {
  const model = await readOnnxFile(path);
  const facts = { ...gatherFacts(model.metadata, sidecars), ...said };
  const understanding = understand(model, facts);
  const test = await selfTest(path, understanding);
  return { understanding, selfTest: test, inputs: model.inputs, outputs: model.outputs, name: facts.name ?? null };
}

/** The graph alone of a network with the program's own contract: uint8 [N, H, W, 3] in, `class` and `score` out. */
export async function examineOwn(path: string) {
  const model = await readOnnxFile(path);
  const [image] = model.inputs;
  const at = (size: number) => ({ name: image.name, shape: [1, size, size, 3], rowDim: 1, columnDim: 2 });
  const maps = ownMaps(model);
  return { certificate: certify(model, at, false, maps).certificate, inputs: model.inputs, outputs: model.outputs };
}

const ownMaps = ({ outputs }: OnnxModel): string[] =>
  outputs.map(({ name }) => name).filter((name) => name === 'class' || name === 'score' || name === 'planes');
