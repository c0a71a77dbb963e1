/**
 * What the schemas of this folder are put together from. A schema is the one place where a shape is written down: its type,
 * the refusal of what does not fit, and its description in `/openapi.json` all come from it.
 */
import { z } from 'zod';
import { Problem } from '../../errors/problem.ts';

export const text = z.string();
export const flag = z.boolean();
export const number = z.number();
export const count = z.int().min(0);
export const share = z.number().min(0).max(1);
export const time = z.string().meta({ format: 'date-time', example: '2026-05-01T09:30:00.000Z' });
export const id = z.string().meta({ format: 'uuid', example: '3f2b8c1e-5d4a-4b6f-9e7d-1a2b3c4d5e6f' });

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isId = (value: string): boolean => UUID.test(value);

/** What people sent, cut so that a message stays a message. */
export function shorten(value: string): string {
  return value.length > 60 ? `${value.slice(0, 60)}…` : value;
}

/**
 * Invisible signs that could mislead a reader or a file system. What joins letters and parts them, in Persian, Hindi and
 * emoji, is part of a name.
 */
export const MISLEADING = /(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}]/u;

/** A value in a message. */
export function show(value: unknown): string {
  try {
    return JSON.stringify(value)?.slice(0, 100) ?? String(value);
  } catch {
    return 'what was sent'; // nested too deeply to be written
  }
}

/** The id of something, in small letters. */
export const idOr = (refusal: (value: unknown) => string) =>
  z
    .string({ error: ({ input }) => refusal(input) })
    .refine(isId, { error: ({ input }) => refusal(input) })
    .toLowerCase()
    .meta(id.meta()!);

export const whole = (least: number, most: number, error: string) =>
  z.int({ error }).min(least, { error }).max(most, { error });

/** A JSON object of these members and no others. `stray`: what is said of another one. */
export const body = <Shape extends z.core.$ZodShape>(
  shape: Shape,
  { other, stray }: { other: string; stray: (name: string) => string },
) =>
  z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? stray(shorten(issue.keys[0]!)) : other),
  });

/** What the document says of a value that is parsed elsewhere: this component. */
export const inFull = (schema: z.ZodType) => ({ $ref: `#/components/schemas/${schema.meta()!.id}` });

/** Any value; whoever takes it further checks it, in sentences of their own. */
export const checkedLater = <Schema extends z.ZodType>(schema: Schema) =>
  z.custom<z.input<Schema>>().meta(inFull(schema));

/**
 * What a client sent, held against a schema. Throws `bad_request` with the sentence of the first thing that is wrong, a
 * member that is not known before all others.
 */
export function check<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(given);
  if (!error) return data as z.output<Schema>;
  const issue = error.issues.find(({ code }) => code === 'unrecognized_keys') ?? error.issues[0]!;
  throw new Problem('bad_request', issue.message);
}
