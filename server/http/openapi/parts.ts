/** The pieces that the OpenAPI document is put together from. */

export type Json = Record<string, unknown>;

export const schema = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
export const listOf = (items: Json): Json => ({ type: 'array', items });
export const uuid: Json = { type: 'string', format: 'uuid' };
export const content = (type: string, body: Json): Json => ({ content: { [type]: { schema: body } } });
export const json = (body: Json, description = 'As asked'): Json => ({
  description,
  ...content('application/json', body),
});
export const geojson = (body: Json): Json => ({ description: 'As asked', ...content('application/geo+json', body) });
export const binary = (description: string, ...types: string[]): Json => {
  const body = { schema: { type: 'string', format: 'binary' } };
  return { description, content: Object.fromEntries(types.map((type) => [type, body])) };
};
export const plain = (description: string): Json => ({ description });

export const inPath = (name: string, body: Json, description: string): Json => {
  return { name, in: 'path', required: true, schema: body, description };
};
export const inQuery = (name: string, body: Json, description: string): Json => {
  return { name, in: 'query', schema: body, description, style: 'form', explode: false };
};
export const inHeader = (name: string, body: Json, required = true): Json => ({
  name,
  in: 'header',
  required,
  schema: body,
});

export const sceneId = inPath('id', uuid, 'Id of a scene');
export const jobId = inPath('id', uuid, 'Id of a job');
export const modelId = inPath('model', { type: 'string' }, 'Id of a network');
export const uploadId = inPath('id', { type: 'string' }, 'Id of an upload');
export const collectionId = inPath('collection', { type: 'string' }, 'Id of a collection, such as buildings');
export const format = inQuery('f', { type: 'string', enum: ['json'] }, 'Format of the answer');

export function operation(tag: string, summary: string, answers: Record<string, Json>, parameters: Json[] = []): Json {
  const problem = { description: 'A problem', ...content('application/problem+json', schema('Problem')) };
  return { tags: [tag], summary, parameters, responses: { ...answers, default: problem } };
}

export const formatOrPage = inQuery('f', { type: 'string', enum: ['json', 'html'] }, 'Format of the answer');
/** The same for people to look at. */
export const orPage = (answer: Json): Json => {
  const body = answer.content as Json;
  return { ...answer, content: { ...body, 'text/html': { schema: { type: 'string' } } } };
};
