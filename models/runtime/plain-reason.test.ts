import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as ort from './onnx-runtime.ts';
import { plainReason } from './plain-reason.ts';

test.each<[string, string, string]>([
  [
    'Load model from /srv/planimeter/networks/mine/model.onnx failed:Protobuf parsing failed.',
    '/srv/planimeter/networks/mine/model.onnx',
    'Load model from model.onnx failed:Protobuf parsing failed.',
  ],
  [
    '/onnxruntime_src/onnxruntime/core/graph/model.cc:180 onnxruntime::Model::Model(...) Unsupported model IR version: 99',
    '/a/b.onnx',
    'onnxruntime::Model::Model(...) Unsupported model IR version: 99',
  ],
  [
    'Node (/encoder/layer1/Conv) has input size 4 not in range [2, 3]',
    '/a/b.onnx',
    'Node (/encoder/layer1/Conv) has input size 4 not in range [2, 3]',
  ],
  [
    'Failed to load library /opt/x/libonnxruntime_providers_cuda.so with error: none',
    '/a/b.onnx',
    'Failed to load library libonnxruntime_providers_cuda.so with error: none',
  ],
  [
    'Deserialize tensor w failed: "/data/secret/weights.data" is missing',
    '/a/b.onnx',
    'Deserialize tensor w failed: "weights.data" is missing',
  ],
])('%s', (message, path, plain) => {
  expect(plainReason(new Error(message), path)).toBe(plain);
});

test('what the runtime says of a file that is no network does not tell where it lies', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plain-reason-'));
  try {
    const path = join(folder, 'model.onnx');
    await writeFile(path, 'no network at all');
    const error = await ort.InferenceSession.create(path, { logSeverityLevel: 4 }).catch((reason) => reason);
    expect((error as Error).message).toContain(folder);
    expect(plainReason(error, path)).toContain('model.onnx');
    expect(plainReason(error, path)).not.toContain(tmpdir());
  } finally {
    await rm(folder, { recursive: true });
  }
});
