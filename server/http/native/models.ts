/** The networks that jobs can run: listed, described, added and removed. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Router } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { bandMetadata, roleMetadata } from '../../../models/imported/collect-metadata.ts';
import type { NetworkMetadata } from '../../../models/imported/network-metadata.ts';
import { ONNX_LIMITS } from '../../../models/onnx/read-onnx.ts';
import { AddModelQuery, type SaidOfModel } from '../../api/models.ts';
import { readQuery } from '../../api/query.ts';
import { shorten } from '../../api/schema.ts';
import type { AppContext } from '../core/app-context.ts';
import { publicAddress } from '../core/public-address.ts';
import { noQuery, pathParameter } from '../core/request.ts';
import { mlmItem } from '../stac/mlm-item.ts';

export function modelsRouter({
  allWorkspaces,
  models,
  networks,
  uploadFolder,
}: Pick<AppContext, 'allWorkspaces' | 'models' | 'networks' | 'uploadFolder'>): Router {
  const router = Router();

  router.get('/models', (request, response) => {
    noQuery(request);
    response.json(models);
  });

  /** The body is the ONNX file; it is tried out in a process of its own before it is kept. */
  router.post('/models', async (request, response) => {
    const { id, name = id, metadata, ...said } = readQuery(AddModelQuery, request.query);
    const path = join(uploadFolder, `${randomUUID()}.onnx`);
    try {
      await pipeline(request, limited(ONNX_LIMITS.bytes), createWriteStream(path));
      const sidecars = metadata === undefined ? [] : [{ name: `${id}.json`, text: metadata }];
      const report = await networks.add(path, { id, name, said: metadataOf(said), sidecars });
      response.status(201).location(`/models/${id}`).json(report);
    } finally {
      await rm(path, { force: true });
    }
  });

  router.get('/models/:model', async (request, response) => {
    noQuery(request);
    response.json(await networks.describe(pathParameter(request, 'model')));
  });

  router.get('/models/:model/mlm.json', async (request, response) => {
    noQuery(request);
    const manifest = await networks.manifest(pathParameter(request, 'model'));
    response.type('application/geo+json').send(JSON.stringify(mlmItem(manifest, publicAddress(request))));
  });

  router.get('/models/:model/:precision.onnx', (request, response) => {
    noQuery(request);
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

function metadataOf(said: SaidOfModel): NetworkMetadata {
  const facts = {
    gsdMetres: said.gsd_m,
    classes: said.classes?.map((name, value) => ({ value, name: name.trim() })),
    ...roleMetadata(said.roles),
    task: said.task,
    divisor: said.divide_by,
    mean: said.mean,
    deviation: said.std,
    ...bandMetadata(said.bands),
    activation: said.activation,
    threshold: said.threshold,
    confidence: said.confidence,
    overlap: said.overlap,
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
