/** The paths of networks in OpenAPI 3.0. */
import { z } from 'zod';
import { TaughtModel, TeachRequest } from '../../api/labels.ts';
import { AddModelQuery, Model, ModelReport } from '../../api/models.ts';
import { ModelItem } from '../../api/stac.ts';
import { Located } from '../../api/uploads.ts';
import { binary, body, bytes, geojson, inPath, json, jsonBody, modelId, operation, plain } from './parts.ts';

export const modelPaths = {
  '/models': {
    get: operation('models', 'listModels', 'The networks', { 200: json(z.array(Model)) }),
    post: operation('models', 'addModel', 'Adds a network, an ONNX file', {
      description: 'It is tried out first; a problem says why it cannot be used.',
      query: AddModelQuery,
      body: body('application/octet-stream', bytes),
      201: json(ModelReport, 'Added', Located),
    }),
  },
  '/models/{model}': {
    parameters: [modelId],
    get: operation('models', 'readModel', 'What is understood of a network', { 200: json(ModelReport) }),
    delete: operation('models', 'removeModel', 'Removes a network that was added', { 204: plain('Deleted') }),
  },
  '/models/{model}/teach': {
    parameters: [modelId],
    post: operation('models', 'teachModel', 'Makes a network that knows a place, of this one and labels on scenes', {
      description:
        'Answers when it is made. Whoever accepts `text/event-stream` alone is told how far it is (`progress`), then ' +
        'the answer (`taught`) or the `problem`.',
      body: jsonBody(TeachRequest),
      201: json(TaughtModel, 'Taught', Located),
    }),
  },
  '/models/{model}/mlm.json': {
    parameters: [modelId],
    get: operation('models', 'readModelItem', 'The network as a STAC item (MLM)', { 200: geojson(ModelItem) }),
  },
  '/models/{model}/{precision}.onnx': {
    parameters: [modelId, inPath('precision', z.enum(['fp32', 'int8']), 'Of the weights')],
    get: operation('models', 'downloadModel', 'The network itself', {
      200: binary('An ONNX file', 'application/octet-stream'),
    }),
  },
};
