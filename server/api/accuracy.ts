/** The JSON of how good a map is, by what people saw at points of it. */
import { z } from 'zod';
import { AreaOfInterest } from './geojson.ts';
import { queryFormat, queryId, queryText } from './query.ts';
import { body, checkedLater, count, id, number, share, text, time, whole } from './schema.ts';

const between = (least: number, most: number, name: string, what: string) =>
  z
    .number({ error: `"${name}" is ${what}.` })
    .min(least, { error: `"${name}" is ${what}.` })
    .max(most, { error: `"${name}" is ${what}.` });

export const Estimate = z
  .object({
    value: number,
    standard_error: number.describe('By the estimators of the papers, which print value ± 1.96 of it'),
    lower: number.describe('Of the 95 % interval'),
    upper: number,
  })
  .meta({ id: 'Estimate', description: 'What was estimated, with its 95 % interval' });
export type Estimate = z.input<typeof Estimate>;

const counts = z.array(z.array(count));

export const accuracy = {
  answered: count.describe('Points with an answer'),
  cannot_tell: count.describe('Points of which all who looked could not tell; they count as not drawn'),
  disagreeing: count.describe(
    'Points of which two say different things and nobody a third time; the first answer counts',
  ),
  agreement: z
    .object({ points: count, agreed: count, kappa: number.nullable() })
    .describe("Of two people who looked at the same points, with Cohen's kappa"),
  total_m2: number.describe('Of the mapped ground'),
  overall_accuracy: Estimate,
  classes: z
    .array(
      z.object({
        class: text,
        mapped_m2: number.describe('By counting the pixels of the map: what it has, not what is there'),
        mapped_share: share,
        area_m2: Estimate.describe('What is there'),
        area_share: Estimate,
        users_accuracy: Estimate.nullable().describe('Of what the map says is of this class, the share that is'),
        producers_accuracy: Estimate.nullable().describe('Of what is of this class, the share that the map has'),
        mapped_points: count.describe('Answered points that the map says are of this class'),
        answered_points: count.describe('Points that were answered with this class'),
      }),
    )
    .describe('Largest first'),
  matrix: z
    .array(z.array(share))
    .describe(
      'Estimated shares of the ground by class of the map (rows) and as seen (columns), in the order of `classes`',
    ),
  counts: counts.describe('The points behind them'),
};
const Assessment = z.object(accuracy);
export type AssessmentJson = z.input<typeof Assessment>;

const SEED_MOST = 2 ** 32 - 1;
export const MOST_POINTS = 10_000;
const sampleMembers = {
  size: whole(30, MOST_POINTS, `"size" is a whole number of points from 30 to ${MOST_POINTS}.`)
    .describe('Points in all; else as many as `standard_error` takes')
    .exactOptional(),
  standard_error: between(0.001, 0.2, 'standard_error', 'a share from 0.001 to 0.2')
    .describe('Wanted of the overall accuracy: half the width of its interval is about twice as much')
    .default(0.02),
  expected_accuracy: between(0.01, 0.99, 'expected_accuracy', 'a share from 0.01 to 0.99')
    .describe('Share of each class that is expected to be right')
    .default(0.85),
  least: whole(0, 1000, '"least" is a whole number of points from 0 to 1000.')
    .describe(
      'Points of each stratum at least, so that rare classes can be told of; 50 without, and of the sample half at most in all',
    )
    .exactOptional(),
  seed: whole(0, SEED_MOST, `"seed" is a whole number from 0 to ${SEED_MOST}.`)
    .describe('The same one draws the same points')
    .exactOptional(),
  apart_m: between(0, 100_000, 'apart_m', 'a number of metres from 0 to 100000')
    .describe('Metres between points at least')
    .default(0),
  split_score: between(0.01, 0.99, 'split_score', 'a share from 0.01 to 0.99')
    .describe('Strata by class and score: what the network was less sure of apart from the rest')
    .exactOptional(),
  second_share: between(0, 1, 'second_share', 'a share from 0 to 1')
    .describe('Of the points, those at which a second person is to look')
    .default(0),
  aoi: checkedLater(AreaOfInterest).exactOptional(),
};
export const SampleRequest = body(sampleMembers, {
  other: 'A sample is asked for with a JSON object, such as {"size": 300}.',
  stray: (name) => `A sample has no member "${name}"; known are ${Object.keys(sampleMembers).join(', ')}.`,
}).meta({ id: 'SampleRequest', example: { size: 300, second_share: 0.1 } });
export type SampleRequest = z.output<typeof SampleRequest>;

const Stratum = z.object({
  class: text.meta({ example: 'water' }),
  part: z.enum(['all', 'unsure', 'sure']).describe('Which side of `split_score`'),
  pixels: count,
  area_m2: number,
  points: count.describe('That were drawn of it'),
});
const SampleDesign = z.object({
  seed: count,
  size: count.describe('Points that were asked for; fewer were drawn where no more lie so far apart'),
  least: count,
  apart_m: number,
  second_share: share,
  split_score: share.nullable(),
  aoi: z.boolean().describe('Whether within an area of interest'),
  expected_accuracy: share,
  expected_standard_error: number.describe('Of the overall accuracy, where the classes are as right as was expected'),
  strata: z.array(Stratum),
});
export type SampleDesign = z.input<typeof SampleDesign>;

export const Progress = z.object({
  points: count,
  answered: count.describe('Points that somebody has looked at'),
  cannot_tell: count,
  second_wanted: count,
  second_done: count,
  disagreeing: count.describe('Points at which a third person is to look'),
  reviewers: z.array(z.object({ reviewer: text, answers: count })),
});
export type SampleProgress = z.input<typeof Progress>;

export const Sample = z
  .object({
    id,
    job: id,
    created_by: text,
    created_at: time,
    design: SampleDesign,
    progress: Progress,
    classes: z.array(z.object({ name: text, color: text })).describe('That a point may be answered with'),
  })
  .meta({ id: 'Sample', description: 'A stratified random sample of a map, at whose points people look' });
export type SampleJson = z.input<typeof Sample>;

const reviewer = z
  .string({ error: '"reviewer" is a name.' })
  .trim()
  .min(1, { error: '"reviewer" is a name.' })
  .max(100, { error: '"reviewer" is a name of at most 100 characters.' })
  .describe('Who looks, where the service has no tokens; else it is the name of the token')
  .meta({ example: 'Ada' })
  .exactOptional();

export const NextPointRequest = body(
  { reviewer },
  {
    other: 'The next point is asked for with a JSON object, such as {"reviewer": "Ada"}.',
    stray: () => 'To ask for the next point there is "reviewer", nothing else.',
  },
).meta({ id: 'NextPointRequest' });

const NextPoint = z.object({
  number: count,
  lon: number,
  lat: number,
  pixel: z.array(z.array(number)).describe('Corners of the pixel in degrees: what is in most of it is its class'),
});
export const NextPoints = z
  .object({
    point: NextPoint.nullable().describe('Null where nothing is left for this person; nothing of what the map says'),
    progress: Progress,
  })
  .meta({ id: 'NextPointOfSample' });
export type NextPointJson = z.input<typeof NextPoints>;

export const AnswerRequest = body(
  {
    point: whole(1, MOST_POINTS, '"point" is the number of a point.'),
    class: z
      .string({ error: '"class" is a name of a class, or null for cannot tell.' })
      .max(200, { error: '"class" is a name of a class, or null for cannot tell.' })
      .nullable()
      .describe('null: cannot tell'),
    seconds: between(0, 86_400, 'seconds', 'a number of seconds up to a day').exactOptional(),
    reviewer,
  },
  {
    other: 'An answer is a JSON object, such as {"point": 1, "class": "water"}.',
    stray: (name) => `An answer has no member "${name}"; known are point, class, seconds and reviewer.`,
  },
).meta({ id: 'AnswerRequest', example: { point: 1, class: 'water', seconds: 4.2 } });

export const ImportQuery = z.object({
  column: queryText('The column that has the classes, where it has a name of its own', 'class'),
});
export const Imported = z
  .object({ answers: count.describe('That were read'), progress: Progress })
  .meta({ id: 'ImportedAnswers' });

export const AccuracyQuery = z.object({
  sample: queryId('sample', 'Of this sample; the newest with answers without'),
  f: queryFormat(['json', 'html'], 'json and html'),
});
export const JobAccuracy = z
  .object({
    job: id,
    sample: id,
    design: SampleDesign,
    ...accuracy,
    text: z.array(text).describe('The same in words for a report'),
    sources: z.array(text).describe('Of the formulas'),
  })
  .meta({
    id: 'JobAccuracy',
    description: 'How good a map is and what areas there are, by what people saw at a sample',
  });
export type JobAccuracyJson = z.input<typeof JobAccuracy>;
