/** The JSON of how good a map is, by what people saw at points of it. */
import { z } from 'zod';
import { count, number, share, text } from './schema.ts';

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
