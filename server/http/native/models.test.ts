/** Networks over HTTP: an ONNX file is added, described, served as a STAC item and removed; what cannot run is refused. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../../../test/support/http-service.ts';
import { writeOnnx } from '../../../test/support/networks/onnx-writer.ts';
import { judge, pythonWithClients } from '../../../test/support/python.ts';
import { addNetwork, removeNetwork } from '../../networks/install-network.ts';
import { openDatabase } from '../../store/database/open-database.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService(await openDatabase({}));
});
afterAll(async () => {
  await service.close();
  await service.db.close();
});

const network = writeOnnx({
  nodes: [{ op: 'Sigmoid', inputs: ['x'], outputs: ['y'] }],
  inputs: [{ name: 'x', dims: [1, 3, 'h', 'w'] }],
  outputs: [{ name: 'y', dims: [1, 3, 'h', 'w'] }],
});

/** Answers of the service, looked into. */
// biome-ignore lint/suspicious/noExplicitAny: each test says what it expects
const body = (response: Response): Promise<any> => response.json();

const post = (query: string, bytes: Uint8Array | string) =>
  fetch(`${service.address}/models?${query}`, {
    method: 'POST',
    body: bytes,
    headers: { 'Content-Type': 'application/octet-stream' },
  });

test('a network is added, described and removed', async () => {
  const metadata = encodeURIComponent('{"model_type": "Segmentor", "resolution": 20}');
  const added = await post(`id=mine&classes=background,roof,tree&divide_by=255&metadata=${metadata}`, network);
  expect([added.status, added.headers.get('location')]).toEqual([201, '/models/mine']);
  const report = await body(added);
  expect(report).toMatchObject({ id: 'mine', kind: 'added', task: 'segmentation', gsd_m: 0.2, findings: [] });

  const described = await body(await fetch(`${service.address}/models/mine`));
  expect(described).toMatchObject({ sha256: report.sha256, classes: report.classes, certificate: { exact: true } });
  const item = await body(await fetch(`${service.address}/models/mine/mlm.json`));
  expect(item).toMatchObject({
    type: 'Feature',
    id: 'mine',
    properties: { 'mlm:tasks': ['semantic-segmentation'], gsd: 0.2 },
  });
  const weights = await fetch(item.assets.model.href);
  expect(Buffer.from(await weights.arrayBuffer()).equals(Buffer.from(network))).toBe(true);
  expect((await fetch(item.assets.model.href.replace('fp32', 'int8'))).status).toBe(404);

  expect((await post('id=mine', writeOnnx({ nodes: [], inputs: [], outputs: [] }))).status).toBe(409);
  expect((await fetch(`${service.address}/models/mine`, { method: 'DELETE' })).status).toBe(204);
  expect((await fetch(`${service.address}/models/mine`)).status).toBe(404);
}, 120_000);

test('what another program adds to the data folder is there at once, and gone when it is removed', async () => {
  const file = join(service.folder, 'theirs.onnx');
  await writeFile(file, network);
  await addNetwork(service.folder, file, { id: 'theirs', said: { gsdMetres: 0.3 } });
  expect((await fetch(`${service.address}/models/theirs`)).status).toBe(200);
  await removeNetwork(service.folder, 'theirs');
  expect((await fetch(`${service.address}/models/theirs`)).status).toBe(404);
}, 60_000);

test('what cannot be used is refused with its code, and our own networks stay', async () => {
  const refused = await post('id=page', '<html>not a network</html>');
  expect([refused.status, (await body(refused)).code]).toEqual([422, 'damaged_model']);
  expect((await body(await post('', network))).code).toBe('bad_request');
  expect((await body(await post('id=../x', network))).code).toBe('bad_request');
  expect((await body(await post('id=a&threshold=high', network))).code).toBe('bad_request');
  const own = await fetch(`${service.address}/models/landuse-unet`, { method: 'DELETE' });
  expect([own.status, (await body(own)).code]).toEqual([409, 'conflict']);
});

test("stac-model and pystac read a network's item, whatever its user called it and its classes", async () => {
  const python = pythonWithClients();
  if (!python) return;
  const named = new URLSearchParams({ id: 'odd.7', name: '7° (Grün)', classes: 'nothing,Dächer & Höfe,tree' });
  expect((await post(`${named}`, network)).status).toBe(201);
  const read = [];
  for (const id of ['odd.7', 'landuse-unet']) {
    const item = await body(await fetch(`${service.address}/models/${id}/mlm.json`));
    read.push(judge<Record<string, unknown>>(python, READ_MLM, item));
  }
  const [odd, own] = read;
  expect(odd).toEqual({
    ...{ name: 'Grun', architecture: 'unknown', framework: 'ONNX', accelerator: 'amd64' },
    ...{ tasks: ['semantic-segmentation'], input: ['red', 'green', 'blue'], shape: [1, 3, -1, -1] },
    classes: [['nothing', 'nothing'], ['Dacher-Hofe', 'Dächer & Höfe'], ['tree', 'tree']], // biome-ignore format: pairs
    ...{ described: ['red', 'green', 'blue'], models: 1, links: ['self', 'root', 'via'] },
  });
  expect(own).toMatchObject({ name: 'Land use UNet', architecture: 'Unet on MobileNetV2', models: 2 });
  expect((own!.classes as string[][]).map(([name]) => name)).toEqual([
    ...['other', 'building', 'road', 'vegetation', 'water'],
  ]);
}, 120_000);

/**
 * The extension's schema lies on a server: what its authors' own classes, which hold the same rules, make of it, and
 * the rules of the schema that they leave out.
 */
const READ_MLM = `
import json, re, sys
import pystac
from pystac.extensions.mlm import MLMExtension
from stac_model.schema import MLModelProperties
body = json.load(sys.stdin)
item = pystac.Item.from_dict(body)
pystac.validation.validate_dict(body, extensions=[])
mlm = MLModelProperties.model_validate(body['properties'])
seen = MLMExtension.ext(item)
assert re.fullmatch(r'[a-zA-Z][a-zA-Z0-9_.\\-\\s]+[a-zA-Z0-9]', mlm.name), mlm.name
assert seen.mlm_name == mlm.name
classes = seen.output[0].properties['classification:classes']
assert all(re.fullmatch('[0-9A-Za-z-_]+', each['name']) for each in classes)
models = [asset for asset in item.assets.values() if 'mlm:model' in asset.roles]
assert all(asset.extra_fields['mlm:artifact_type'] == 'onnx' for asset in models)
print(json.dumps({
  'name': mlm.name, 'architecture': mlm.architecture, 'framework': mlm.framework, 'accelerator': mlm.accelerator,
  'tasks': sorted(mlm.tasks), 'input': mlm.input[0].bands, 'shape': seen.input[0].input.shape,
  'classes': [[each['name'], each['description']] for each in classes],
  'described': [band['name'] for band in body['properties']['bands']],
  'models': len(models), 'links': [link.rel for link in item.links],
}))
`;
