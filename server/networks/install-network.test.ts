/** Networks that people drop in: each is understood, or refused with the code that says why; none does harm. */
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listNetworks, networkFolders } from '../../models/registry.ts';
import { writeOnnx } from '../../test/support/networks/onnx-writer.ts';
import { sharedPath } from '../../test/support/shared.ts';
import { examineInSandbox, NETWORK_LIMITS } from '../processes/network-sandbox.ts';
import { addNetwork, inspectNetwork, readNetworkManifest, removeNetwork } from './install-network.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'planimeter-networks-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A network of one convolution: `classes` planes of the first band. */
function planesOf(classes: number, end: string, metadata: Record<string, string> = {}): Uint8Array {
  const weights = Array.from({ length: classes * 3 }, (_, i) => (i % 3 === 0 ? i + 1 : 0));
  return writeOnnx({
    nodes: [
      { op: 'Conv', inputs: ['image', 'w'], outputs: ['z'] },
      { op: end, inputs: ['z'], outputs: ['y'], attributes: end === 'Softmax' ? { axis: 1 } : {} },
    ],
    constants: { w: { dims: [classes, 3, 1, 1], values: weights } },
    inputs: [{ name: 'image', dims: ['n', 3, 'h', 'w'] }],
    outputs: [{ name: 'y', dims: ['n', classes, 'h', 'w'] }],
    metadata,
  });
}

test('a network is added, pinned, described, found again and removed', async () => {
  const file = join(folder, 'My Net.onnx');
  await writeFile(
    file,
    planesOf(3, 'Softmax', { resolution: '30', class_names: '{"0": "soil", "1": "House", "2": "tree"}' }),
  );
  const report = await addNetwork(folder, file, { said: {} });
  expect(report).toMatchObject({ id: 'my-net', kind: 'added', task: 'segmentation', gsd_m: 0.3 });
  expect(report.classes.map(({ name }) => name)).toEqual(['soil', 'House', 'tree']);
  expect(report.certificate).toMatchObject({ exact: true, receptive_field: [0, 0, 0, 0], stride: 1 });

  const networks = await listNetworks(networkFolders(folder));
  const network = networks.find(({ id }) => id === 'my-net')!;
  expect(network).toMatchObject({ gsdMetres: 0.3, stride: 1, halo: 0, sha256: report.sha256 });
  const item = await readNetworkManifest(network);
  expect(item).toMatchObject({
    stac_version: '1.1.0',
    id: 'my-net',
    assets: { model: { 'file:checksum': `1220${report.sha256}` } },
  });
  expect(await inspectNetwork(folder, 'my-net', {})).toMatchObject({ id: 'my-net', findings: report.findings });

  // Another file under the same id is refused, the shipped ones stay, and changed bytes are not run.
  await writeFile(join(folder, 'other.onnx'), planesOf(2, 'Softmax'));
  await expect(addNetwork(folder, join(folder, 'other.onnx'), { id: 'my-net', said: {} })).rejects.toMatchObject({
    code: 'conflict',
  });
  await expect(addNetwork(folder, file, { id: 'landuse-unet', said: {} })).rejects.toMatchObject({ code: 'conflict' });
  await expect(removeNetwork(folder, 'landuse-unet')).rejects.toMatchObject({ code: 'conflict' });
  await copyFile(join(folder, 'other.onnx'), network.modelPath);
  expect((await listNetworks(networkFolders(folder))).map(({ id }) => id)).not.toContain('my-net');

  await rm(join(folder, 'models', 'my-net'), { recursive: true });
  await addNetwork(folder, file, { said: {} });
  await removeNetwork(folder, 'my-net');
  expect(await readdir(join(folder, 'models'))).toEqual([]);
});

const corpus = sharedPath('onnx');

/** What is refused before it is run, and what only a limit or a run tells. */
const REFUSALS: Record<string, string> = {
  'infinite_loop.onnx': 'limit_exceeded',
  'nan_output.onnx': 'unusable_output',
  'custom_op_domain.onnx': 'custom_operator',
  'external_data_parent_dir.onnx': 'external_data',
  'truncated.onnx': 'damaged_model',
};

test.skipIf(!corpus).each(Object.keys(REFUSALS))('hostile %s is refused within its limits', async (file) => {
  // An endless loop is ended by a clock; a short one will do.
  const limits = { ...NETWORK_LIMITS, wallMs: file.includes('infinite') ? 6000 : NETWORK_LIMITS.wallMs };
  const examined = examineInSandbox(join(corpus!, 'hostile', file), [], {}, limits);
  // On a machine that is busy enough, the clock of an endless loop says so instead.
  const code = expect.stringMatching(file.includes('infinite') ? /^(limit_exceeded|busy)$/ : `^${REFUSALS[file]}$`);
  await expect(examined).rejects.toMatchObject({ code });
});
