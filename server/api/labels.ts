/** The JSON of labels, by which networks are taught, and of taught networks. */
import { z } from 'zod';
import { Geometry } from './geojson.ts';
import { body, count, flag, id, idOr, number, share, shorten, text, time } from './schema.ts';

const className = text.meta({ description: 'Of its class, or "not" and a class', example: 'water' });
const width = number.nullable().meta({ description: 'Of strokes and points, metres', example: 3 });

const Label = z
  .object({
    type: z.literal('Feature'),
    id,
    geometry: Geometry,
    properties: z.object({
      class: className,
      width_m: width,
      author: text.describe('Name of the token'),
      created_at: time,
    }),
  })
  .meta({ id: 'Label' });
export type LabelJson = z.input<typeof Label>;
export const Labels = z
  .object({ type: z.literal('FeatureCollection'), features: z.array(Label) })
  .meta({ id: 'Labels', description: 'Labels of a scene, the oldest first' });
export type LabelsJson = z.input<typeof Labels>;

const NewLabel = z.object({
  type: z.literal('Feature'),
  id: id
    .describe('Made by who draws: what is sent twice, because an answer was lost, is there once; without, one is made')
    .exactOptional(),
  geometry: Geometry,
  properties: z.looseObject({ class: className, width_m: width.exactOptional() }),
});
/** What is sent; it is read in sentences of its own, see server/teaching/read-labels.ts. */
export const NewLabels = z
  .union([NewLabel, z.object({ type: z.literal('FeatureCollection'), features: z.array(NewLabel) })])
  .meta({ id: 'NewLabels', description: 'GeoJSON in degrees: a feature, or several' });
export const LabelsAdded = z.object({ ids: z.array(id) }).meta({ id: 'LabelsAdded' });
export type LabelsAddedJson = z.input<typeof LabelsAdded>;

const MOST_SCENES = 100;
const MOST_CLASSES = 100;
const MOST_NAME = 100;
const SCENES = `"scenes" is a list of one to ${MOST_SCENES} ids of scenes.`;
const CLASSES = `"classes" is a list of up to ${MOST_CLASSES} texts NAME=COLOUR:ROLE, such as pool=#33aaff:object.`;
const ID = '"id" is missing: what the taught network is to be called, such as my-town.';
const MODEL_ID = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const WRONG_ID = '"id" is small letters, digits, dots, dashes and underscores, 64 at most.';
const NAME = `"name" is a text of up to ${MOST_NAME} signs.`;

export const TeachRequest = body(
  {
    id: z
      .string({ error: ID })
      .regex(MODEL_ID, { error: WRONG_ID })
      .meta({ description: 'Of the taught network', example: 'my-town' }),
    name: z.string({ error: NAME }).max(MOST_NAME, { error: NAME }).meta({ example: 'My town' }).exactOptional(),
    scenes: z
      .array(
        idOr((value) => `A scene is named by its id (a UUID), not "${shorten(String(value))}".`),
        { error: SCENES },
      )
      .min(1, { error: SCENES })
      .max(MOST_SCENES, { error: SCENES })
      .describe('By whose labels it is taught'),
    classes: z
      .array(z.string({ error: CLASSES }), { error: CLASSES })
      .max(MOST_CLASSES, { error: CLASSES })
      .meta({ description: 'That the network does not have: NAME=COLOUR:ROLE', example: ['pool=#33aaff:object'] })
      .exactOptional(),
  },
  {
    other: 'Teaching takes a JSON object with "id" and "scenes".',
    stray: (name) => `"${name}" is not known here; known are id, name, scenes and classes.`,
  },
).meta({ id: 'TeachRequest' });

const TaughtClass = z.object({
  class: className,
  labels: count.describe('That say it'),
  before: share.nullable().describe('Of their pixels, those told rightly by the network as it was'),
  after: share.nullable().describe('… and as it was taught by the other labels'),
});

export const TaughtModel = z
  .object({
    model: text.meta({ description: 'Id of the taught network', example: 'my-town' }),
    derived_from: text.meta({ example: 'landuse-unet' }),
    sha256: text,
    labels: count.describe('Those on imagery'),
    outside: count.describe('Others'),
    better: flag.describe('Whether held-back labels are told better; else it maps as the network that was taught'),
    drawn_on_errors: flag.describe('Whether most labels lie where the map was wrong: then they say less of it'),
    agreement: z
      .object({
        before: share,
        after: share,
        change: number,
        interval: z.tuple([number, number]).describe('95 %, of the change'),
      })
      .nullable()
      .describe('Share of held-back labels that is told rightly; null where there are too few to hold some back'),
    classes: z.array(TaughtClass),
    contradicted: z.array(id).describe('Labels that the others contradict'),
    strength: z.object({ anchors: number, ridge: number }),
    paint_next: z
      .array(
        z.object({
          lon: number,
          lat: number,
          scene: id,
          doubt: number.describe('What the likeliest class lacks to certainty'),
        }),
      )
      .describe('Where labels would teach most, the best first'),
  })
  .meta({ id: 'TaughtModel', description: 'What held-back labels say of a taught network' });
export type TaughtModelJson = z.input<typeof TaughtModel>;
