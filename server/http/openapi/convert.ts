/** Schemas of the contract (server/api) as OpenAPI 3.0 has them, and examples of what fits them. */
import { z } from 'zod';

// biome-ignore lint/suspicious/noExplicitAny: JSON of a document, which validators look at
export type Json = Record<string, any>;

export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

const OPTIONS = {
  target: 'openapi-3.0',
  // What a client may send; answers may get members that it does not know yet.
  io: 'input',
  unrepresentable: 'any',
  override: ({ jsonSchema }: { jsonSchema: Json }) => tidy(jsonSchema),
} as const;

let components: Record<string, Json> | undefined;

/** Those with names, by name. */
export function componentSchemas(): Record<string, Json> {
  components ??= named();
  return components;
}

function named(): Record<string, Json> {
  const { schemas } = z.toJSONSchema(z.globalRegistry, { ...OPTIONS, uri: (name) => ref(name).$ref });
  return Object.fromEntries(Object.entries(schemas).map(([name, { $id: _, ...schema }]) => [name, schema]));
}

/** A reference, where it has a name. */
export function jsonSchema(schema: z.ZodType): Json {
  const name = schema.meta()?.id;
  if (name) return ref(name);
  const { definitions: _, ...converted } = z.toJSONSchema(schema, OPTIONS) as Json;
  return JSON.parse(JSON.stringify(converted).replaceAll('"#/definitions/', '"#/components/schemas/'));
}

const NULL = { type: 'object', nullable: true, enum: [null] };

/** What zod's OpenAPI 3.0 lacks: `nullable` stands beside a type, and numbers without limits say none. */
function tidy(json: Json): void {
  if (json.allOf?.length === 1 && Object.keys(json).length === 1) Object.assign(json, json.allOf[0]);
  if (json.$ref) for (const name of Object.keys(json)) if (name !== '$ref') delete json[name];
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
  if ('usual' in json) json.default = json.usual;
  delete json.usual;
  // A tuple, whose places are all alike here.
  const places: Json[] = json.minItems === undefined ? [] : (json.items?.anyOf ?? []);
  if (new Set(places.map((each) => JSON.stringify(each))).size === 1) json.items = places[0];
  if (!json.nullable) return;
  if (json.enum) json.enum = [...json.enum, null];
  if (json.type) return;
  json.anyOf = [...(json.anyOf ?? json.allOf), NULL];
  delete json.allOf;
  delete json.nullable;
}

/**
 * A value that fits a schema: its own example, or one that is made of those of its members. `brief`: without members
 * that may be left out and have neither an example nor a default.
 */
export function exampleOf(schema: Json, components: Record<string, Json>, brief = false): unknown {
  const inside = (part: Json) => exampleOf(part, components, brief);
  if (schema.example !== undefined) return schema.example;
  if (schema.default !== undefined) return schema.default;
  if (schema.$ref) return inside(components[schema.$ref.split('/').at(-1)]!);
  if (schema.anyOf?.at(-1).nullable) return null;
  const first = schema.allOf?.[0] ?? schema.anyOf?.[0];
  if (first) return inside(first);
  if (schema.enum) return schema.enum[0];
  if (schema.type === 'array') return Array.from({ length: schema.minItems ?? 1 }, () => inside(schema.items));
  if (schema.type === 'object') {
    const { properties = {}, required = [] } = schema;
    const shown = ([name, { example, default: usual }]: [string, Json]) =>
      !brief || required.includes(name) || (example ?? usual) !== undefined;
    const members = Object.entries<Json>(properties).filter(shown);
    return Object.fromEntries(members.map(([name, member]) => [name, inside(member)]));
  }
  if (schema.type === 'boolean') return true;
  return schema.type === 'string' ? 'text' : (schema.minimum ?? 1);
}

/** A schema that stands by itself: with what it refers to in the places where it does. */
export function inlined(schema: Json, components: Record<string, Json>): Json {
  if (schema.$ref) return inlined(components[schema.$ref.split('/').at(-1)]!, components);
  const inside = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inside);
    return typeof value === 'object' && value !== null ? inlined(value, components) : value;
  };
  return Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, inside(value)]));
}
