/** The paths of networks in OpenAPI 3.0. */
import { binary, content, geojson, inPath, inQuery, json, listOf, modelId, operation, plain, schema } from './parts.ts';

export const modelPaths = {
  '/models': {
    get: operation('models', 'The networks', { 200: json(listOf(schema('Model'))) }),
    post: {
      ...operation(
        'models',
        'Adds a network, an ONNX file, which is tried out first; a problem says why it cannot be used',
        { 201: json(schema('ModelReport'), 'Its address is in Location') },
        [
          { ...inQuery('id', { type: 'string' }, 'Its id'), required: true },
          inQuery('name', { type: 'string' }, 'Its name'),
          inQuery('metadata', { type: 'string' }, 'JSON that describes it: STAC MLM, Esri EMD, geoai, Deepness'),
          inQuery('gsd_m', { type: 'number' }, 'Metres per pixel that it was trained at'),
          inQuery('classes', { type: 'array', items: { type: 'string' } }, 'Names of the classes'),
          inQuery('task', { type: 'string', enum: ['segmentation', 'detection'] }, 'What it does'),
          inQuery('divide_by', { type: 'number' }, 'It takes pixels (0 to 255) divided by this'),
          inQuery('mean', { type: 'array', items: { type: 'number' } }, 'Taken off then, by band'),
          inQuery('std', { type: 'array', items: { type: 'number' } }, 'Divided by then, by band'),
          inQuery(
            'bands',
            { type: 'string' },
            'The bands that it takes: rgb, bgr, or names such as red,green,blue,nir',
          ),
          inQuery(
            'activation',
            { type: 'string', enum: ['sigmoid', 'softmax', 'none'] },
            'What its numbers still want',
          ),
          inQuery('threshold', { type: 'number' }, 'Least probability of an object class'),
          inQuery('confidence', { type: 'number' }, 'Least score of a detection'),
          inQuery('overlap', { type: 'number' }, 'Overlap (IoU) from which two detections are one'),
        ],
      ),
      requestBody: { required: true, ...content('application/octet-stream', { type: 'string', format: 'binary' }) },
    },
  },
  '/models/{model}': {
    parameters: [modelId],
    get: operation('models', 'What is understood of a network', { 200: json(schema('ModelReport')) }),
    delete: operation('models', 'Removes a network that was added', { 204: plain('Gone') }),
  },
  '/models/{model}/mlm.json': {
    parameters: [modelId],
    get: operation('models', 'The network as a STAC item (MLM)', { 200: geojson({ type: 'object' }) }),
  },
  '/models/{model}/{precision}.onnx': {
    parameters: [modelId, inPath('precision', { type: 'string', enum: ['fp32', 'int8'] }, 'Of the weights')],
    get: operation('models', 'The network itself', { 200: binary('An ONNX file', 'application/octet-stream') }),
  },
};
