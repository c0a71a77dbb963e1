/** The JSON of positions: brought from one coordinate reference system to another, and what is known at them. */
import { z } from 'zod';
import { count, id, idOr, number, share, shorten, text } from './schema.ts';

const DECIMAL = /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i;
/** A number in a query; its refusal says what it is of. */
const queryNumber = (name: string, description: string, least: number, most: number, example: number) => {
  const error = ({ input }: { input?: unknown }) =>
    input === undefined
      ? `Give "${name}".`
      : `"${name}" is a number from ${least} to ${most}, not "${shorten(String(input))}".`;
  return z
    .string({ error })
    .regex(DECIMAL, { error, abort: true })
    .transform(Number)
    .refine((value) => value >= least && value <= most, { error })
    .meta({ type: 'number', minimum: least, maximum: most, description, example });
};

/** Farther than any coordinate of any system. */
const MOST_COORDINATE = 1e9;
export const CoordinatesQuery = z.object({
  crs: z
    .string({ error: 'Give "crs", such as EPSG:25833.' })
    .regex(/^EPSG:\d{4,6}$/i, { error: ({ input }) => `"crs" is EPSG:CODE, not "${shorten(String(input))}".` })
    .transform((value) => Number(value.slice(5)))
    .meta({ type: 'string', description: 'EPSG:CODE', example: 'EPSG:25833' }),
  x: queryNumber('x', 'Easting or longitude', -MOST_COORDINATE, MOST_COORDINATE, 389_776),
  y: queryNumber('y', 'Northing or latitude', -MOST_COORDINATE, MOST_COORDINATE, 5_819_676),
});

const degrees = { lon: number.describe('Degrees, WGS 84'), lat: number };
export const Coordinates = z
  .object({ crs: text.meta({ example: 'EPSG:25833' }), x: number, y: number, ...degrees })
  .meta({ id: 'Coordinates' });
export type CoordinatesJson = z.input<typeof Coordinates>;

export const PointQuery = z.object({
  lon: queryNumber('lon', 'Longitude in degrees', -180, 180, 13.38),
  lat: queryNumber('lat', 'Latitude in degrees', -90, 90, 52.52),
  job: idOr((value) => `"job" is an id (a UUID), not "${shorten(String(value))}".`)
    .describe('A job of the scene, for class and score')
    .exactOptional(),
});

export const Point = z
  .object({
    ...degrees,
    crs: text.meta({ description: "The scene's: EPSG:CODE, or WKT", example: 'EPSG:32633' }),
    x: number.describe("Easting or longitude in the scene's system"),
    y: number,
    pixel: z
      .object({
        column: count.describe('From the left, the first being 0'),
        row: count,
        bands: z.array(
          z.object({
            number: count.describe('The first is 1'),
            name: text.nullable(),
            value: number.nullable().describe('null: NaN'),
          }),
        ),
        valid: z.boolean().describe('Whether there is imagery, and no nodata'),
      })
      .nullable()
      .describe('Of the image; null beyond it'),
    map: z
      .object({
        job: id,
        class: text.nullable().describe('null: nothing was mapped here'),
        score: share.nullable().describe('Probability of the class; null where the network does not say it'),
      })
      .nullable()
      .describe('Of the class map of the job, once it is done'),
  })
  .meta({ id: 'ScenePoint', description: 'What is known at a position of a scene' });
export type PointJson = z.input<typeof Point>;
