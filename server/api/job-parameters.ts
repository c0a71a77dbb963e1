/** What may be set for a job. */
import { z } from 'zod';
import { AreaOfInterest } from './geojson.ts';
import { body, checkedLater, show } from './schema.ts';

/** More than networks take. */
const MOST_BANDS = 32;

/** The sentence about a parameter that is not one of its forms. */
const not = (name: string, forms: string) => ({
  error: ({ input }: { input?: unknown }) => `The parameter "${name}" is ${forms}; ${show(input)} is not.`,
});

const notNegative = (name: string, usual: number, description: string) => {
  const error = not(name, 'a number of at least 0');
  return z.number(error).min(0, error).default(usual).describe(description);
};

const BANDS = not(
  'bands',
  'bands for red, green and blue (or as many as the network takes), by number from 1 or by name, such as [4, 3, 2]',
);
const band = z.union([z.int().min(1, BANDS), z.string().min(1, BANDS).max(100, BANDS)], BANDS);

const STRETCH = not(
  'stretch',
  '"none", "percentile", or the values that become 0 and 255, such as {"low": [0, 0, 0], "high": [2047, 2047, 2047]}',
);
/** One number stands for all bands: of red, green and blue, three. */
const values = z
  .union([z.number(), z.array(z.number()).min(1, STRETCH).max(MOST_BANDS, STRETCH)], STRETCH)
  .transform((given) => [given].flat())
  .transform((given) => (given.length === 1 ? [given[0]!, given[0]!, given[0]!] : given));
const ranges = z
  .strictObject({ low: values, high: values }, STRETCH)
  .refine(({ low, high }) => low.length === high.length && low.every((value, i) => value !== high[i]), STRETCH);

const DEVICE = { error: 'The parameter "device" is cpu, webgpu, cuda or cuda:N; leave it out for any.' };

/** The members stand in the order in which they stand in a job's identity. */
const parameters = {
  min_area_m2: notNegative(
    'min_area_m2',
    20,
    'Regions smaller than this go to the neighbour with the longest shared border, m²',
  ),
  tolerance_m: notNegative(
    'tolerance_m',
    1,
    "Largest distance between a simplified border and the pixels' border, metres",
  ),
  bands: z
    .array(band, BANDS)
    .min(1, BANDS)
    .max(MOST_BANDS, BANDS)
    .transform((bands) => (bands.length === 1 ? [bands[0]!, bands[0]!, bands[0]!] : bands))
    .meta({
      description:
        'Bands that are red, green and blue, or as many as the network takes: numbers from 1, or names in the file',
      example: [4, 3, 2],
    })
    .exactOptional(),
  stretch: z
    .union([z.enum(['none', 'percentile']), ranges], STRETCH)
    .meta({
      description:
        'Values of each band that become 0 and 255. none: all that the data type can hold; percentile: the 2nd to the 98th of the scene',
      example: 'percentile',
    })
    .exactOptional(),
  features: z
    .boolean(not('features', 'true or false'))
    .describe('Also write what the network sees in each place, its feature layer: `/jobs/{id}/features.tif`')
    .exactOptional(),
  probabilities: z
    .boolean(not('probabilities', 'true or false'))
    .describe('Also write the probability of every class: `/jobs/{id}/probabilities.tif`')
    .exactOptional(),
  aoi: checkedLater(AreaOfInterest).exactOptional(),
  device: z
    .string(DEVICE)
    .refine((device) => device !== 'auto', DEVICE)
    .meta({ description: 'Where the network runs: cpu, webgpu, cuda or cuda:N', example: 'cpu' })
    .exactOptional(),
  precision: z
    .enum(['fp32', 'int8'], not('precision', 'fp32 or int8'))
    .describe('Of the weights; the faster on this machine by default')
    .exactOptional(),
};

export const JobParameters = body(parameters, {
  other: 'Job parameters are a JSON object, such as {"min_area_m2": 20}.',
  stray: (name) => `There is no parameter "${name}". Known are: ${Object.keys(parameters).join(', ')}.`,
}).meta({ id: 'JobParameters', example: { min_area_m2: 30, tolerance_m: 1 } });
