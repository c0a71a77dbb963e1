/** The JSON of scenes and of what is understood of them. */
import { z } from 'zod';
import { Problem, rendering } from './common.ts';
import { Finding } from './findings.ts';
import { AreaGeometry, bbox } from './geojson.ts';
import { listPage, queryText } from './query.ts';
import { body, count, flag, id, MISLEADING, number, share, text, time } from './schema.ts';

/** Characters of a licence and of an attribution, at most. */
const MAX_CHARACTERS = 300;
const right = (name: string, description: string, example: string) =>
  z
    .string({ error: `"${name}" is a text.` })
    .normalize('NFC')
    .trim()
    .refine((said) => [...said].length <= MAX_CHARACTERS, {
      error: `"${name}" has at most ${MAX_CHARACTERS} characters; give the address of a longer text.`,
      abort: true,
    })
    .refine((said) => !/[<>\p{C}\p{Zl}\p{Zp}]/u.test(said), {
      error: `"${name}" is plain text in one line, without < and >.`,
    })
    .transform((said) => said || null)
    .nullable()
    .meta({ maxLength: MAX_CHARACTERS, description, example });

/** What an image may be used for and who is to be named with it; null where nobody said. */
const rights = {
  license: right('license', 'What the image may be used for: SPDX identifier, address or words', 'CC-BY-4.0'),
  attribution: right('attribution', 'Who is to be named with the image; plain text', '© Survey office 2026'),
};
export type SceneRights = z.output<z.ZodObject<typeof rights>>;
/** Those that were said; an empty text or null takes one back. */
const saidRights = { license: rights.license.exactOptional(), attribution: rights.attribution.exactOptional() };
export const SaidRights = z.object(saidRights);

export const SceneState = z.enum(['uploaded', 'ingesting', 'ready', 'refused']).meta({ example: 'ready' });
export type SceneState = z.infer<typeof SceneState>;

const pixels = count.nullable().meta({ example: 2000 });
const fileName = text.meta({ example: 'dubai.tif' });

export const Scene = z
  .object({
    id,
    workspace: text.meta({ example: 'default' }),
    name: fileName,
    state: SceneState,
    upload: text.nullable().describe('Id of the upload that brought it'),
    sha256: text,
    bytes: count,
    created_at: time,
    progress: share.meta({ description: 'While ingesting', example: 1 }),
    problem: Problem.nullable().describe(
      'Why it was refused; `no_room` of one that is `uploaded`: it waits for room, and goes on by itself',
    ),
    srs: text.nullable().meta({ description: 'Null, as the rest, until the scene is ready', example: 'EPSG:32640' }),
    footprint: AreaGeometry.nullable(),
    bbox: bbox.nullable(),
    gsd_m: number.nullable().meta({ description: 'Metres per pixel', example: 0.5 }),
    width: pixels,
    height: pixels,
    bands: count.nullable().meta({ example: 3 }),
    valid_share: share.nullable().meta({ description: 'Of the pixels, those that hold imagery', example: 0.98 }),
    captured_at: text.nullable().meta({
      description: 'When the image was taken, ISO 8601 without a zone, where the file says it',
      example: '2026-04-12T10:15:00',
    }),
    url: text.nullable().meta({ description: 'Where the image is read from, where it was not copied', example: null }),
    license: text.nullable().meta({ description: rights.license.description, example: 'CC-BY-4.0' }),
    attribution: text.nullable().meta({ description: rights.attribution.description, example: '© Survey office 2026' }),
    findings: z.array(Finding),
  })
  .meta({ id: 'Scene' });
export type SceneJson = z.input<typeof Scene>;

export const ScenesQuery = z.object({
  upload: queryText('Only the scene that came of this upload'),
  ...listPage,
});

const sceneText = (name: string, description: string) =>
  z
    .string({ error: `"${name}" is a text.` })
    .describe(description)
    .exactOptional();
export const RemoteSceneRequest = body(
  {
    url: z.string({ error: '"url" is the address of the image.' }).meta({ example: 'https://example.com/dubai.tif' }),
    srs: sceneText('srs', 'EPSG:CODE or WKT, where the file names no CRS or a wrong one'),
    name: sceneText('name', 'Instead of the name in the address'),
    ...saidRights,
  },
  {
    other: 'An image elsewhere is named by a JSON object: {"url": "https://…"}.',
    stray: (name) => `There is no member "${name}"; known are url, srs, name, license and attribution.`,
  },
).meta({ id: 'RemoteSceneRequest' });

const changes = 'name, license and attribution';
/** Of an image's name. */
export const MAX_NAME_CHARACTERS = 200;
const nameError = `"name" is a text of 1 to ${MAX_NAME_CHARACTERS} characters in one line, without / and \\.`;
const sceneName = z
  .string({ error: nameError })
  .normalize('NFC')
  .trim()
  .refine((name) => [...name].length <= MAX_NAME_CHARACTERS, { error: nameError, abort: true })
  .refine((name) => !/^\.|[/\\]|^$/.test(name) && !MISLEADING.test(name), { error: nameError })
  .meta({ description: 'What the image is called', example: 'dubai-2026.tif' });
export const SceneChanges = body(
  { name: sceneName.exactOptional(), ...saidRights },
  {
    other: `What changes is named by a JSON object with ${changes}, or some of them.`,
    stray: (name) => `"${name}" cannot be changed; known are ${changes}.`,
  },
)
  .refine((said) => Object.keys(said).length > 0, {
    error: `What changes is named by a JSON object with ${changes}, or one of them.`,
  })
  .meta({ id: 'SceneChanges' });

export const Suitability = z
  .object({
    id: text.meta({ example: 'landuse-unet' }),
    suitable: flag,
    reason: text,
    chips: count.describe('How many times the network would run'),
    minutes: number,
    minutes_measured: flag.describe(
      'Whether the minutes follow from an earlier job on this machine; else from a machine of two cores',
    ),
    memory_bytes: count,
    disk_bytes: count,
  })
  .meta({ id: 'Suitability', description: 'Whether a network suits a scene, and what it would cost' });
export type Suitability = z.input<typeof Suitability>;

const value = number.nullable();
const BandValues = z
  .object({
    number: count.meta({ description: 'The first band is 1', example: 1 }),
    name: text.nullable().meta({ description: 'What the file calls it', example: 'red' }),
    used_for: z.array(z.enum(['red', 'green', 'blue'])),
    min: value.describe('Of the pixels that were looked at; null where none is valid'),
    max: value,
    mean: value,
    percentiles: z
      .array(number)
      .nullable()
      .meta({
        description: '2nd, 25th, 50th, 75th and 98th',
        example: [12, 60, 96, 130, 221],
      }),
    histogram: z.array(count).describe('Counts of even steps from `min` to `max`'),
  })
  .meta({ id: 'BandValues' });
export type BandValues = z.input<typeof BandValues>;

export const Preflight = z
  .object({
    file: fileName,
    size: count.describe('Bytes'),
    width: count,
    height: count,
    bands: count,
    dtype: text.meta({ example: 'uint8' }),
    srs: text.meta({ example: 'EPSG:32640' }),
    gsd_m: number.meta({ example: 0.5 }),
    nodata: value,
    footprint: AreaGeometry,
    valid_share: share,
    band_values: z.array(BandValues),
    rendering,
    content: z
      .object({
        kind: z.enum(['imagery', 'few_colours', 'paper']),
        colours: count,
        flat_share: share,
        commonest_share: share,
        contrast: count,
      })
      .describe('What the picture looks like; `few_colours` and `paper` are hardly imagery'),
    findings: z.array(Finding),
    models: z.array(Suitability),
    model: z
      .object({ id: text, reason: text })
      .nullable()
      .describe('The network that a job takes when none is named, and why; null where there is none'),
  })
  .meta({ id: 'Preflight' });
export type PreflightJson = z.input<typeof Preflight>;

export const Remade = z
  .object({
    bytes: count,
    sha256: text.meta({ example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' }),
    same: flag
      .nullable()
      .describe('Whether these are the bytes that were stored before; null where nothing was noted of them'),
  })
  .meta({ id: 'Remade', description: 'A working copy that was made again' });
export type RemadeJson = z.input<typeof Remade>;

export const SceneEvent = z
  .object({
    event: z.literal('scene'),
    id: z.literal('final').describe('Of the last one').exactOptional(),
    data: Scene,
  })
  .meta({ id: 'SceneEvent', description: 'The scene, now and after every change' });
