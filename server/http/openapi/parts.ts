/** The pieces that the OpenAPI document is put together from. */
import { z } from 'zod';
import { id, text } from '../../api/schema.ts';
import { type Json, jsonSchema } from './convert.ts';

export type { Json };

const content = (type: string, schema: Json): Json => ({ content: { [type]: { schema } } });
export const plain = (description: string, headers?: z.ZodObject): Json => ({
  description,
  ...(headers && { headers: headersOf(headers) }),
});
const answer =
  (type: string) =>
  (schema: z.ZodType, description = 'OK', headers?: z.ZodObject) => ({
    ...plain(description, headers),
    ...content(type, jsonSchema(schema)),
  });
export const json = answer('application/json');
export const geojson = answer('application/geo+json');
export const asText = (type: string, description = 'OK') => answer(type)(text, description);
export const special = (type: string, schema: z.ZodType, description?: string) => answer(type)(schema, description);
export const events = (schema: z.ZodType) =>
  answer('text/event-stream')(
    z.array(schema),
    'Server-sent events; a member of this list is one of them, and its data is JSON',
  );
export const binary = (description: string, ...types: string[]): Json => {
  const body = { schema: { type: 'string', format: 'binary' } };
  return { description, content: Object.fromEntries(types.map((type) => [type, body])) };
};
/** The same for people to look at. */
export const orPage = (data: Json): Json => {
  return { ...data, content: { ...data.content, 'text/html': { schema: { type: 'string' } } } };
};

export const body = (type: string, schema: z.ZodType | Json, required = true): Json => ({
  required,
  ...content(type, schema instanceof z.ZodType ? jsonSchema(schema) : schema),
});
export const jsonBody = (schema: z.ZodType, required = true): Json => body('application/json', schema, required);
export const bytes: Json = { type: 'string', format: 'binary' };

/** A member of a schema as a parameter or header. */
function described(member: z.core.$ZodType) {
  const { description, example, ...schema } = jsonSchema(member as z.ZodType);
  const known = example ?? schema.default ?? schema.enum?.[0];
  return { schema, ...(description && { description }), ...(known !== undefined && { example: known }) };
}
const isRequired = (member: z.core.$ZodType) => member._zod.optin !== 'optional';

const headersOf = (headers: z.ZodObject): Json =>
  Object.fromEntries(Object.entries(headers.shape).map(([name, member]) => [name, described(member)]));

export const inPath = (name: string, schema: z.ZodType, description: string): Json => ({
  ...{ name, in: 'path', required: true },
  ...described(schema),
  description,
});
export const sceneId = inPath('id', id, 'Id of a scene');
export const jobId = inPath('id', id, 'Id of a job');
export const modelId = inPath('model', text.meta({ example: 'landuse-unet' }), 'Id of a network');
export const collectionId = inPath('collection', text.meta({ example: 'buildings' }), 'Id of a collection');

interface Operation {
  /** Shown under the sentence. */
  description?: string;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: Json;
  /** Answers, by their status. */
  [status: number]: Json;
}

const PROBLEM = { $ref: '#/components/responses/Problem' };

export function operation(
  tag: string,
  operationId: string,
  summary: string,
  { description, query, headers, body: requestBody, ...answers }: Operation,
): Json {
  const parameters = [
    ...Object.entries(query?.shape ?? {}).map(([name, member]) => ({
      ...{ name, in: 'query', required: isRequired(member), style: 'form', explode: false },
      ...described(member),
    })),
    ...Object.entries(headers?.shape ?? {}).map(([name, member]) => ({
      ...{ name, in: 'header', required: isRequired(member) },
      ...described(member),
    })),
  ];
  return {
    ...{ tags: [tag], operationId, summary },
    ...(description && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(requestBody && { requestBody }),
    responses: { ...answers, '4XX': PROBLEM, '5XX': PROBLEM },
  };
}
