/** What the OpenAPI schemas are put together from. */
export type Json = Record<string, unknown>;

export const text: Json = { type: 'string' };
export const time: Json = { type: 'string', format: 'date-time' };
export const uuid: Json = { type: 'string', format: 'uuid' };
export const number: Json = { type: 'number' };
export const count: Json = { type: 'integer', minimum: 0 };
export const share: Json = { type: 'number', minimum: 0, maximum: 1 };
export const orNull = (of: Json): Json => ({ ...of, nullable: true });
export const refOrNull = (name: string): Json => ({ nullable: true, allOf: [ref(name)] });
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
export const list = (items: Json, more: Json = {}): Json => ({ type: 'array', items, ...more });
export const oneOf = (...values: string[]): Json => ({ type: 'string', enum: values });

/** An object of which all members are there, but for those named in `optional`. */
export function object(properties: Record<string, Json>, optional: readonly string[] = []): Json {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', required, properties };
}

export const bbox = list(number, { minItems: 4, maxItems: 4 });
export const areaGeometry = object({ type: oneOf('Polygon', 'MultiPolygon'), coordinates: list({}) });
export const links = list(ref('Link'));
