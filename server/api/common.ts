/** What the JSON of several resources is made of. */
import { z } from 'zod';
import { PROBLEMS, type ProblemCode } from '../../errors/problem.ts';
import { count, number, text } from './schema.ts';

export type { ProblemJson } from '../../errors/problem.ts';
export type { Bbox } from './geojson.ts';

export const Problem = z
  .object({
    type: text.meta({ example: 'about:blank' }),
    title: text.meta({ example: 'Not found' }),
    status: z.int().meta({ example: 404 }),
    code: z.enum(Object.keys(PROBLEMS) as ProblemCode[]).meta({ example: 'not_found' }),
    detail: text.meta({ description: 'What was found, and what to do about it', example: 'There is no such scene.' }),
  })
  .meta({ id: 'Problem', description: 'Why a request was refused (RFC 9457)' });

export const Link = z
  .object({
    href: text.meta({ format: 'uri-reference', example: 'http://localhost:8080/collections' }),
    rel: text.meta({ example: 'self' }),
    type: text.meta({ description: 'Media type', example: 'application/json' }).exactOptional(),
    title: text.exactOptional(),
  })
  .meta({ id: 'Link' });
export type Link = z.input<typeof Link>;
export const links = z.array(Link);

export const LandingPage = z.object({ title: text, description: text, links }).meta({ id: 'LandingPage' });
export const Conformance = z
  .object({
    conformsTo: z.array(
      text.meta({ format: 'uri', example: 'http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core' }),
    ),
  })
  .meta({ id: 'Conformance' });

const ranges = z
  .array(z.array(number))
  .nullable()
  .describe('For each band the values that become 0 and 255; null: taken as they are');
/** What a network is given of a scene. */
export const rendering = z.object({
  bands: z.array(count).meta({ description: 'Those that are red, green and blue; the first is 1', example: [1, 2, 3] }),
  ranges,
});

export const Assumption = z
  .object({
    code: text.meta({ example: 'model_choice' }),
    value: z
      .union([
        text,
        number,
        z.boolean(),
        z.array(number),
        z.record(text, z.union([text, number, z.array(number), z.array(z.array(number))]).nullable()),
      ])
      .meta({ example: 'landuse-unet' }),
    reason: text.meta({ example: 'Its pixels are the closest to those of the image.' }),
  })
  .meta({ id: 'Assumption', description: 'What was taken to be so, and why' });
export type Assumption = z.input<typeof Assumption>;

/** Of buildings on maps of smaller scale, whose pixels are 2^level pixels of the class map wide. */
export const blockCounts = {
  level: count,
  lone_m2: number.describe('Least area of a building that is drawn by itself'),
  lone: count.describe('Buildings that are drawn by themselves'),
  blocks: count.describe('Outlines that stand for the others'),
  merged: count.describe('Buildings inside these'),
  left_out: count.describe('Buildings too far from others for a block'),
};
export type BlockCounts = z.input<z.ZodObject<typeof blockCounts>>;
