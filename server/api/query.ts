/** Parameters of a query: texts, read as what they stand for. */
import { z } from 'zod';
import { Problem } from '../../errors/problem.ts';
import type { Bbox } from './geojson.ts';
import { check, idOr, shorten, text } from './schema.ts';

/**
 * The query of a request, by its schema. Refuses what that does not know, so that a misspelt filter is not silently left
 * out (OGC API, 7.15). Throws Problem bad_request.
 */
export function readQuery<Schema extends z.ZodObject>(schema: Schema, query: object): z.output<Schema> {
  const names = Object.keys(schema.shape);
  const given = Object.entries<unknown>(query as Record<string, unknown>).map(([name, value]) => {
    if (!names.includes(name)) {
      const known = names.length > 0 ? `Known here: ${names.join(', ')}.` : 'None is known here.';
      throw new Problem('bad_request', `The query parameter "${shorten(name)}" is not known. ${known}`);
    }
    // Some clients repeat a list's parameter for each of its members.
    const isList = (schema.shape[name] as z.ZodType).meta()?.type === 'array';
    const written = isList && Array.isArray(value) ? value.join(',') : value;
    if (typeof written !== 'string') throw new Problem('bad_request', `Give the query parameter "${name}" once.`);
    // No text in the database holds it, and the database refuses to be asked for it.
    if (written.includes('\0')) {
      throw new Problem('bad_request', `The query parameter "${name}" holds a null character.`);
    }
    return [name, written] as const;
  });
  return check(schema, Object.fromEntries(given));
}

export const NO_QUERY = z.object({});

export const queryText = (description: string, example?: string) => text.meta({ description, example }).exactOptional();

export const queryId = (name: string, description: string) =>
  idOr((value) => `"${name}" is an id (a UUID), not "${shorten(String(value))}".`)
    .describe(description)
    .exactOptional();

/** Texts with commas between; some clients repeat the parameter instead. */
export const list = z.string().transform((value) => value.split(',').filter((part) => part !== ''));
export const LIST = { type: 'array', items: { type: 'string' } } as const;
export const queryList = (description: string, example?: string[]) =>
  list.exactOptional().meta({ ...LIST, description, example });

function wholeText(least: number, most: number, error: (given: string) => string) {
  const refusal = ({ input }: { input?: unknown }) => error(shorten(String(input)));
  return z
    .string()
    .regex(/^\d{1,15}$/, { error: refusal, abort: true })
    .refine((value) => Number(value) >= least && Number(value) <= most, { error: refusal })
    .transform(Number);
}

export const queryWhole = (least: number, most: number, error: (given: string) => string, description: string) =>
  wholeText(least, most, error).meta({ type: 'integer', minimum: least, maximum: most, description }).exactOptional();

/** A whole number of at least 1; above `most` that is used (OGC API, permission fc-limit-response). */
export const queryLimit = (usual: number, most: number, description: string) =>
  wholeText(1, Number.POSITIVE_INFINITY, (given) => `"limit" is a whole number from 1 to ${most}, not "${given}".`)
    .transform((value) => Math.min(value, most))
    .prefault(String(usual))
    .meta({ type: 'integer', minimum: 1, maximum: most, usual, description });

/** Members of a list's page. */
const USUAL_LISTED = 1000;
const MOST_LISTED = 1000;
/** `limit` and `after` of lists whose next page is named in the header `Link`. */
export const listPage = {
  limit: queryLimit(USUAL_LISTED, MOST_LISTED, 'Members a page; the header Link names the next one'),
  after: queryText('Where the page before ended; taken from its Link header'),
};
export const ListQuery = z.object(listPage);
/** Headers of an answer that is a page of a list. */
export const Paged = z.object({
  Link: text
    .meta({
      description: 'Address of the next page, where there is one (RFC 8288)',
      example: '<http://localhost:8080/jobs?after=1777627800000000~3f2b8c1e-5d4a-4b6f-9e7d-1a2b3c4d5e6f>; rel="next"',
    })
    .exactOptional(),
});

/** One of these words. */
export const queryChoice = <const Words extends readonly [string, ...string[]]>(
  words: Words,
  error: (given: string) => string,
  description: string,
) =>
  z
    .enum(words, { error: ({ input }) => error(shorten(String(input))) })
    .describe(description)
    .exactOptional();

/** Of `bbox` in the document. */
export const BOX = {
  ...{ type: 'array', items: { type: 'number' }, minItems: 4, maxItems: 6 },
  ...{ description: 'west,south,east,north', example: [55.27, 25.16, 55.28, 25.17] },
} as const;

/** `f`, with which OGC clients name the format of the answer. */
export const queryFormat = <const Words extends readonly [string, ...string[]]>(words: Words, there: string) =>
  queryChoice(words, (given) => `The format "${given}" is not known; there is ${there}.`, 'Format of the answer');

/** `bbox` in degrees, with or without heights; heights are left out, since features have none. */
export function parseBbox(value: string): Bbox {
  const parts = value.split(',');
  const numbers = parts.map((part) =>
    /^\s*[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?\s*$/i.test(part) ? Number(part) : NaN,
  );
  if (![4, 6].includes(numbers.length) || !numbers.every(Number.isFinite)) {
    const form = 'four numbers in degrees: west,south,east,north';
    throw new Problem('bad_request', `"bbox" is ${form}, not "${shorten(value)}".`);
  }
  const half = numbers.length / 2;
  const [west, south] = numbers as [number, number];
  const [east, north] = numbers.slice(half) as [number, number];
  if (Math.abs(west) > 180 || Math.abs(east) > 180 || Math.abs(south) > 90 || Math.abs(north) > 90) {
    throw new Problem('bad_request', '"bbox" is in degrees: longitudes within ±180 and latitudes within ±90.');
  }
  if (south > north) throw new Problem('bad_request', '"bbox" has its south above its north.');
  return [west, south, east, north];
}
