/** The networks that jobs can run: listed, described, added and removed. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Request, Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { bandMetadata } from '../../../models/imported/collect-metadata.ts';
import type { NetworkMetadata, Task } from '../../../models/imported/network-metadata.ts';
import { ONNX_LIMITS } from '../../../models/onnx/read-onnx.ts';
import type { AppContext } from '../core/app-context.ts';
import { onlyQuery, pathParameter, publicAddress, queryText, shorten } from '../core/request.ts';
import { mlmItem } from '../stac/mlm-item.ts';

/** What may be said of a network while it is added; the names of `planimeter models add`, in JSON's way. */
const SAID = [
  'gsd_m',
  'classes',
  'task',
  'divide_by',
  'mean',
  'std',
  'bands',
  'activation',
  'threshold',
  'confidence',
  'overlap',
] as const;

export function modelsRouter({
  allWorkspaces,
  models,
  networks,
  uploadFolder,
}: Pick<AppContext, 'allWorkspaces' | 'models' | 'networks' | 'uploadFolder'>): Router {
  const router = Router();

  router.get('/models', (request, response) => {
    onlyQuery(request, []);
    response.json(models);
  });

  /** The body is the ONNX file; it is tried out in a process of its own before it is kept. */
  router.post('/models', async (request, response) => {
    onlyQuery(request, ['id', 'name', 'metadata', ...SAID]);
    const id = queryText(request, 'id');
    if (id === undefined) throw new Problem('bad_request', 'Give the network an id: POST /models?id=my-network.');
    const said = saidIn(request);
    const metadata = queryText(request, 'metadata');
    const path = join(uploadFolder, `${randomUUID()}.onnx`);
    try {
      await pipeline(request, limited(ONNX_LIMITS.bytes), createWriteStream(path));
      const sidecars = metadata === undefined ? [] : [{ name: `${id}.json`, text: metadata }];
      const report = await networks.add(path, { id, name: queryText(request, 'name') ?? id, said, sidecars });
      response.status(201).location(`/models/${id}`).json(report);
    } finally {
      await rm(path, { force: true });
    }
  });

  router.get('/models/:model', async (request, response) => {
    onlyQuery(request, []);
    response.json(await networks.describe(pathParameter(request, 'model')));
  });

  router.get('/models/:model/mlm.json', async (request, response) => {
    onlyQuery(request, []);
    const manifest = await networks.manifest(pathParameter(request, 'model'));
    response.type('application/geo+json').send(JSON.stringify(mlmItem(manifest, publicAddress(request))));
  });

  router.get('/models/:model/:precision.onnx', (request, response) => {
    onlyQuery(request, []);
    const [model, precision] = [pathParameter(request, 'model'), pathParameter(request, 'precision')];
    const path = precision === 'fp32' || precision === 'int8' ? networks.weights(model, precision) : null;
    if (path === null) throw new Problem('not_found', `The network "${shorten(model)}" has no such weights.`);
    response.attachment(`${model}.${precision}.onnx`);
    response.sendFile(path, { dotfiles: 'allow', headers: { 'Content-Type': 'application/octet-stream' } });
  });

  router.delete('/models/:model', async (request, response) => {
    const id = pathParameter(request, 'model');
    const [busy] = await allWorkspaces.query(
      `SELECT 1 FROM planimeter.jobs WHERE model = $1 AND state IN ('queued', 'running') LIMIT 1`,
      [id],
    );
    if (busy) throw new Problem('conflict', `A job is running "${shorten(id)}"; wait for it, or cancel it first.`);
    await networks.remove(id);
    response.status(204).end();
  });

  return router;
}

/** Passes bytes on until there are too many. */
function limited(most: number) {
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let bytes = 0;
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > most) throw new Problem('too_large', `A network may have ${most} bytes at most.`);
      yield chunk;
    }
  };
}

function saidIn(request: Request): NetworkMetadata {
  const read = (name: (typeof SAID)[number]) => queryText(request, name);
  const number = (name: (typeof SAID)[number], text = read(name)): number | undefined => {
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value)) return value;
    throw new Problem('bad_request', `"${name}" is a number, not "${shorten(text)}".`);
  };
  const numbers = (name: (typeof SAID)[number]) =>
    read(name)
      ?.split(',')
      .map((part) => number(name, part)!);
  const choice = <T extends string>(name: (typeof SAID)[number], choices: readonly T[]): T | undefined => {
    const text = read(name);
    const found = choices.find((each) => each === text);
    if (text === undefined || found) return found;
    throw new Problem('bad_request', `"${name}" is one of ${choices.join(', ')}, not "${shorten(text)}".`);
  };
  const gsdMetres = number('gsd_m');
  if (gsdMetres !== undefined && gsdMetres <= 0) throw new Problem('bad_request', '"gsd_m" is above 0.');
  const facts = {
    gsdMetres,
    classes: read('classes')
      ?.split(',')
      .map((name, value) => ({ value, name: name.trim() })),
    task: choice<Task>('task', ['segmentation', 'detection']),
    divisor: number('divide_by'),
    mean: numbers('mean'),
    deviation: numbers('std'),
    ...bandMetadata(read('bands')),
    activation: choice('activation', ['sigmoid', 'softmax', 'none'] as const),
    threshold: number('threshold'),
    confidence: number('confidence'),
    overlap: number('overlap'),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
