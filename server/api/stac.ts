/** The JSON of the STAC catalogue (STAC API 1.0, STAC 1.1). */
import { z } from 'zod';
import { Link } from './common.ts';
import { DATETIME_SENTENCE } from './datetime.ts';
import { AreaGeometry, bbox, Geometry } from './geojson.ts';
import { BOX, LIST, list, parseBbox, queryLimit, queryText } from './query.ts';
import { body, checkedLater, count, flag, id, number, text, time } from './schema.ts';

export const STAC_VERSION = '1.1.0';
const version = z.literal(STAC_VERSION);
const described = { title: text, description: text };

const StacLink = Link.extend({
  method: z.enum(['GET', 'POST']).exactOptional(),
  merge: flag.exactOptional(),
  body: z.object({ token: text }).exactOptional(),
  'label:assets': z.array(text).exactOptional(),
}).meta({ id: 'StacLink' });
export type StacLink = z.input<typeof StacLink>;
const links = z.array(StacLink);

export const StacCatalog = z
  .object({
    type: z.literal('Catalog'),
    stac_version: version,
    id: text,
    ...described,
    conformsTo: z.array(text),
    links,
  })
  .meta({ id: 'StacCatalog' });

const className = z
  .object({ value: count, name: text, title: text, description: text, color_hint: text })
  .partial()
  .required({ name: true });
const band = z.object({ name: text, data_type: text, nodata: number.nullable(), description: text }).partial();
const StacAsset = z
  .object({
    href: text,
    type: text,
    title: text,
    roles: z.array(text),
    bands: z.array(band),
    'raster:spatial_resolution': number.nullable(),
    'raster:scale': number,
    'raster:offset': number,
    'classification:classes': z.array(className),
    'mlm:artifact_type': text,
    'file:size': count,
    'file:checksum': text,
  })
  .partial()
  .required({ href: true })
  .meta({ id: 'StacAsset' });
const itemAsset = z.object({ type: text, title: text, roles: z.array(text) }).meta({ id: 'StacItemAsset' });

export const StacCollection = z
  .object({
    type: z.literal('Collection'),
    stac_version: version,
    id: text,
    ...described,
    keywords: z.array(text),
    license: text.meta({ example: 'other' }),
    extent: z.object({
      spatial: z.object({ bbox: z.array(bbox) }),
      temporal: z.object({ interval: z.array(z.array(time.nullable())) }),
    }),
    item_assets: z.record(text, itemAsset),
    links,
  })
  .meta({ id: 'StacCollection' });
export const StacCollections = z
  .object({ collections: z.array(StacCollection), links })
  .meta({ id: 'StacCollections' });

/** GeoJSON properties: those that clients look for; extensions add others. */
const properties = z
  .looseObject({
    title: text,
    description: text,
    datetime: time.nullable(),
    start_datetime: time.nullable(),
    end_datetime: time.nullable(),
    created: time.nullable(),
    gsd: number.nullable(),
    license: text,
    attribution: text,
    'proj:code': text.nullable(),
    'proj:shape': z.array(count),
    'proj:transform': z.array(number),
    'mlm:name': text,
    'mlm:tasks': z.array(text),
  })
  .partial();
export const StacItem = z
  .object({
    type: z.literal('Feature'),
    stac_version: version,
    stac_extensions: z.array(text),
    id,
    collection: text.exactOptional(),
    geometry: AreaGeometry.nullable(),
    bbox: bbox.nullable().exactOptional(),
    properties,
    links,
    assets: z.record(text, StacAsset),
  })
  .meta({ id: 'StacItem' });
export type StacItem = z.input<typeof StacItem>;
/** A network; its id is a name. */
export const ModelItem = StacItem.extend({ id: text.meta({ example: 'landuse-unet' }) }).meta({ id: 'ModelItem' });
export const StacItems = z
  .object({
    type: z.literal('FeatureCollection'),
    features: z.array(StacItem),
    numberMatched: count,
    numberReturned: count,
    links,
  })
  .meta({ id: 'StacItems' });

const USUAL_ITEMS = 10;
const MOST_ITEMS = 1000;
const texts = (name: string) => {
  const error = `"${name}" is a list of at most ${MOST_ITEMS} texts.`;
  const each = z.string({ error }).refine((part) => !part.includes('\0'), { error });
  return z.array(each, { error }).max(MOST_ITEMS, { error });
};
const IDS = { ...LIST, description: 'Only these items' };
const COLLECTIONS = { ...LIST, description: 'Only items of these collections', example: ['class-maps'] };
const DATETIME = {
  description: 'RFC 3339 time or interval in which the image was taken',
  example: '2026-05-01T00:00:00Z/..',
};
const INTERSECTS = 'GeoJSON geometry that the footprint meets';
const TOKEN = 'Where the page before ended; taken from its next link';

function parsedOrText(value: string): unknown {
  try {
    return JSON.parse(value) ?? value; // null is a member of a body that is as good as none, but no geometry
  } catch {
    return value;
  }
}

const paged = {
  bbox: z.string().transform(parseBbox).meta(BOX).exactOptional(),
  datetime: text.meta(DATETIME).exactOptional(),
  limit: queryLimit(USUAL_ITEMS, MOST_ITEMS, 'Items a page'),
  token: queryText(TOKEN),
};
export const StacItemsQuery = z.object(paged);
export const StacSearchQuery = z.object({
  ids: list.pipe(texts('ids')).exactOptional().meta(IDS),
  collections: list.pipe(texts('collections')).exactOptional().meta(COLLECTIONS),
  intersects: z.string().transform(parsedOrText).describe(INTERSECTS).exactOptional(),
  ...paged,
});

const bboxError = '"bbox" is four numbers in degrees: west,south,east,north.';
const limitError = `"limit" is a whole number from 1 to ${MOST_ITEMS}.`;
const members = {
  ids: texts('ids').meta(IDS).nullish(),
  collections: texts('collections').meta(COLLECTIONS).nullish(),
  intersects: checkedLater(Geometry).nullish(),
  bbox: z
    .array(z.union([number, text], { error: bboxError }), { error: bboxError })
    .transform((sides) => parseBbox(sides.join(',')))
    .meta(BOX)
    .nullish(),
  datetime: z
    .string({ error: `${DATETIME_SENTENCE}.` })
    .meta(DATETIME)
    .nullish(),
  limit: z
    .int({ error: limitError })
    .min(1, { error: limitError })
    .transform((wanted) => Math.min(wanted, MOST_ITEMS))
    .nullish()
    .transform((wanted) => wanted ?? USUAL_ITEMS),
  token: z.string({ error: '"token" is a text.' }).describe(TOKEN).nullish(),
};
/** Null members are as good as none: clients send them. */
export const StacSearch = body(members, {
  other: 'A search is a JSON object, such as {"collections": ["class-maps"]}.',
  stray: (name) => `A search has no member "${name}"; known are ${Object.keys(members).join(', ')}.`,
}).meta({ id: 'StacSearch' });
/** A search, however it was asked for. */
export type Search = Partial<z.output<typeof StacSearchQuery> | z.output<typeof StacSearch>> & { limit: number };
