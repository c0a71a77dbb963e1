/** The JSON of jobs. */
import { z } from 'zod';
import { Problem } from './common.ts';
import { queryDatetime } from './datetime.ts';
import { Polygon } from './geojson.ts';
import { JobParameters } from './job-parameters.ts';
import { JobReport, Stage } from './job-report.ts';
import { listPage, queryChoice, queryId, queryText } from './query.ts';
import { body, checkedLater, count, id, idOr, number, share, text, time, whole } from './schema.ts';

export const JobState = z.enum(['queued', 'running', 'done', 'failed', 'cancelled']).meta({ example: 'done' });
export type JobState = z.infer<typeof JobState>;

const JobProgress = z
  .object({
    stage: Stage,
    done: count.meta({ description: 'Units of the stage: chips, rows or features', example: 16 }),
    total: count.meta({ example: 16 }),
    share: share.meta({ description: 'Over the whole job', example: 1 }),
  })
  .meta({ id: 'JobProgress' });
export type JobProgress = z.input<typeof JobProgress>;

const ClassTotal = z
  .object({
    class: text.meta({ example: 'building' }),
    count: count.meta({ example: 1204 }),
    area_m2: number.meta({ example: 90_411.5 }),
    share: share.meta({ description: 'Of the mapped area', example: 0.12 }),
  })
  .meta({ id: 'ClassTotal' });
export type ClassTotal = z.input<typeof ClassTotal>;

const CollectionTotal = z
  .object({
    id: text.meta({ example: 'buildings' }),
    count: count.meta({ description: 'Of its features: `numberMatched` of its items', example: 1204 }),
    area_m2: number.meta({ description: 'Of lines 0', example: 88_310.2 }),
  })
  .meta({ id: 'CollectionTotal' });

const modelId = text.meta({ example: 'landuse-unet' });
const HIGHEST_PRIORITY = 9;
const PRIORITY = 'Jobs of a higher one are taken up first';

export const Job = z
  .object({
    id,
    workspace: text.meta({ example: 'default' }),
    scene: id,
    model: modelId,
    parameters: JobParameters,
    state: JobState,
    progress: JobProgress,
    problem: Problem.nullable().describe(
      'Why it failed; `no_room` of one that is queued: it waits for room, and goes on by itself',
    ),
    report: JobReport.nullable().describe('Null until it is done'),
    totals: z
      .array(ClassTotal)
      .describe('Land use, which covers the mapped ground once, or objects, by class, largest first; empty until done'),
    collections: z
      .array(CollectionTotal)
      .describe('All that was found, by collection, those with features alone; empty until done'),
    priority: z.int().min(-HIGHEST_PRIORITY).max(HIGHEST_PRIORITY).meta({ description: PRIORITY, example: 0 }),
    created_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
  })
  .meta({ id: 'Job' });
export type JobJson = z.input<typeof Job>;

export const JobsQuery = z.object({ scene: queryId('scene', 'Only jobs over this scene'), ...listPage });

export const JobRequest = body(
  {
    scene: idOr(() => '"scene" is the id of a scene.').describe('Id of a scene that is ready'),
    model: z
      .string({ error: '"model" is a model\'s id.' })
      .meta({ description: 'Id of a network; the one that suits the pixels best without', example: 'landuse-unet' })
      .exactOptional(),
    parameters: checkedLater(JobParameters).prefault({}),
    priority: whole(
      -HIGHEST_PRIORITY,
      HIGHEST_PRIORITY,
      `"priority" is a whole number from -${HIGHEST_PRIORITY} to ${HIGHEST_PRIORITY}; 0 is usual.`,
    )
      .default(0)
      .describe(PRIORITY),
  },
  {
    other: 'A job is asked for with a JSON object, such as {"scene": "<id>"}.',
    stray: (name) => `A job has no member "${name}"; known are scene, model, parameters and priority.`,
  },
).meta({ id: 'JobRequest', example: { scene: id.meta()!.example, parameters: { min_area_m2: 30 } } });
export type JobRequest = z.output<typeof JobRequest>;

/** The generator of random windows has 32 bits. */
const MAX_SEED = 2 ** 32 - 1;
const MAX_WINDOWS = 64;
const windowsError = `"seed" is a whole number from 0 to ${MAX_SEED}, "windows" one from 1 to ${MAX_WINDOWS}.`;
const seed = whole(0, MAX_SEED, windowsError).meta({ description: 'The same seed takes the same windows', example: 7 });

export const ProofRequest = z
  .object(
    {
      seed: seed.exactOptional(),
      windows: whole(1, MAX_WINDOWS, windowsError).default(8),
    },
    { error: 'A proof is asked for with a JSON object, such as {"windows": 8}.' },
  )
  .meta({ id: 'ProofRequest' });

export const Proof = z
  .object({
    seed,
    windows: count.meta({ example: 8 }),
    pixels: count.describe('That were compared'),
    differing: count.meta({ description: 'Of them, those whose class or score is another in one pass', example: 0 }),
    max_score_delta: number.meta({ description: 'Largest difference of a score, 0..255', example: 0 }),
  })
  .meta({ id: 'Proof', description: 'Random windows of a map that were computed once more, in one pass each' });
export type ProofJson = z.input<typeof Proof>;

/** Where chips lie that could not be computed, in EPSG:4326. */
export const FailedAreas = z
  .object({
    type: z.literal('FeatureCollection'),
    features: z.array(
      z.object({ type: z.literal('Feature'), geometry: Polygon, properties: z.object({ reason: text }) }),
    ),
  })
  .meta({ id: 'FailedAreas' });
export type FailedJson = z.input<typeof FailedAreas>;

const REVIEW_FILTERS = ['accepted', 'rejected', 'not-rejected'] as const;
export type ReviewFilter = (typeof REVIEW_FILTERS)[number];
export const queryReview = queryChoice(
  REVIEW_FILTERS,
  (given) => `review is ${REVIEW_FILTERS.join(', ')}, not "${given}".`,
  'Only features of which this was said',
);
export const ExportQuery = z.object({
  collection: queryText(
    'One collection, or all. Without it files of several layers hold all, and others land use (of detectors the objects), which covers the ground once',
    'buildings',
  ),
  review: queryReview,
  datetime: queryDatetime,
  filter: queryText('CQL2 text: only features that match; not of PMTiles', 'score >= 0.5'),
});

export const JobEvent = z
  .object({
    event: z.literal('job'),
    id: z.literal('final').describe('Of the last one').exactOptional(),
    data: Job,
  })
  .meta({ id: 'JobEvent', description: 'The job, now and after every change' });
