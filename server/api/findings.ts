/** What people should know of an image, a map or a network, and what they can do about it. */
import { z } from 'zod';
import { JobParameters } from './job-parameters.ts';
import { number, text } from './schema.ts';

export const Finding = z
  .object({
    code: text.meta({ example: 'low_contrast' }),
    severity: z.enum(['info', 'warning', 'error']),
    message: text,
    fix: text.exactOptional(),
    params: z
      .record(text, z.union([text, number, z.array(number)]))
      .meta({ description: 'The figures of the message', example: { contrast: 31 } })
      .exactOptional(),
    job: z
      .object({ model: text.exactOptional(), parameters: JobParameters.exactOptional() })
      .meta({
        description: 'Members of a job request that are the fix',
        example: { parameters: { stretch: 'percentile' } },
      })
      .exactOptional(),
  })
  .meta({ id: 'Finding' });
export type Finding = z.input<typeof Finding>;
