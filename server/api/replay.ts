/** What it takes to make a job's result again and to say whether it is the same: `replay.json` of a package. */
import { z } from 'zod';
import { id, text } from './schema.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: 'A SHA-256 is 64 hexadecimal digits.' });

export const ReplayRecord = z
  .object({
    format: z.literal('planimeter-replay-1', { error: 'This is no record of a job: it has no format that is known.' }),
    program: text,
    job: id,
    workspace: text,
    image: z.object({ name: text, sha256, srs: text.nullable() }),
    network: z.object({ id: text, sha256: sha256.describe('Of the weights that ran') }),
    parameters: z.record(text, z.unknown()),
    device: text.nullable(),
    maps: z
      .record(z.string().regex(/^[a-z]+\.tif$/, { error: 'The record names a map that no job has.' }), sha256)
      .describe('Of the files of maps, by name'),
    features: z
      .record(text, z.object({ count: z.int().min(0), sha256 }))
      .describe('By collection, of all that was found of the features'),
  })
  .meta({ id: 'ReplayRecord' });
export type ReplayRecord = z.infer<typeof ReplayRecord>;
