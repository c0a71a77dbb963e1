/** A network file that nobody knows → everything about it. Called where nothing can be harmed: it loads the network. */

import { certify } from '../onnx/certificate.ts';
import { type OnnxModel, type OnnxValue, readOnnxFile } from '../onnx/read-onnx.ts';
import type { Network } from '../registry.ts';
import { type HaloSweep, measureHalos } from '../verify/halo-sweep.ts';
import { collectMetadata } from './collect-metadata.ts';
import { inferAdapter, type Understanding } from './infer-adapter.ts';
import type { NetworkMetadata, Sidecar } from './network-metadata.ts';
import { generatedRaster } from './probe-scene.ts';
import { type SelfTest, selfTest } from './self-test.ts';

export interface Examination {
  understanding: Understanding;
  selfTest: SelfTest;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  name: string | null;
  /** Null where it was not measured: detectors, networks of fixed size, slow ones. */
  halos: HaloSweep | null;
}

/** Networks that take longer for a chip are not run over a scene with halo after halo. */
const SLOW_MS = 1000;
const BUDGET_MS = 6000;
/** Side of the generated scene that halos are tried on. */
const SCENE_PIXELS = 640;

/** @param said by the user, over all that is written in and beside the file */
export async function examineNetwork(
  path: string,
  sidecars: readonly Sidecar[],
  said: NetworkMetadata,
): Promise<Examination> {
  const model = await readOnnxFile(path);
  const facts = { ...collectMetadata(model.metadata, sidecars), ...said };
  const understanding = inferAdapter(model, facts);
  const test = await selfTest(path, understanding);
  const { inputs, outputs } = model;
  const network = asNetwork(path, understanding);
  const halos = test.milliseconds > SLOW_MS ? null : await sweepOnProbeScene(network, BUDGET_MS);
  trustSweep(understanding, halos);
  return { understanding, selfTest: test, inputs, outputs, name: facts.name ?? null, halos };
}

/** The halos of a network on the generated scene. */
export function sweepOnProbeScene(network: Network, budgetMs: number): Promise<HaloSweep | null> {
  return measureHalos(network, generatedRaster(network.adapter?.input ?? {}, SCENE_PIXELS), budgetMs);
}

/** What was measured counts more than what the graph says. */
function trustSweep(understanding: Understanding, sweep: HaloSweep | null): void {
  const last = sweep?.steps.at(-1);
  if (!last || !understanding.receptiveField || last.halo < understanding.halo || last.differing === 0) return;
  understanding.receptiveField = null;
  const share = (100 * last.differing).toPrecision(2);
  understanding.findings.push({
    code: 'not_exact',
    severity: 'warning',
    message: `With the halo of ${last.halo} that its graph asks for, ${share} % of the pixels differ from one pass: chips are blended.`,
  });
}

/** A network that was understood, as one that can be run. */
export function asNetwork(path: string, understanding: Understanding): Network {
  const { adapter, classes, gsdMetres, stride, halo, receptiveField, chip, planes, features } = understanding;
  return {
    ...{ id: 'network', name: 'network', description: '', gsdMetres, stride, halo, classes, planes },
    // As JSON has it: null is a field without end.
    receptiveField: receptiveField ?? ([null, null, null, null] as unknown as Network['receptiveField']),
    ...{ modelPath: path, sha256: '', adapter },
    ...(chip !== null && { chip }),
    ...(features && { features }),
  };
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
