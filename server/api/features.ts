/** The JSON of features, their collections, sums and tiles. */
import type { Feature as GeoJsonFeature } from 'geojson';
import { z } from 'zod';
import { blockCounts, links } from './common.ts';
import { queryDatetime } from './datetime.ts';
import { AreaGeometry, bbox, FeatureGeometry as GeometryOfFeature } from './geojson.ts';
import { queryReview } from './jobs.ts';
import { BOX, queryChoice, queryFormat, queryId, queryLimit, queryList, queryText, queryWhole } from './query.ts';
import { count, flag, id, number, share, text, time } from './schema.ts';

const className = text.meta({ example: 'building' });
const REVIEWS = ['accepted', 'rejected'] as const;
export type Review = (typeof REVIEWS)[number];

/** In the order in which pages show them. */
const properties = {
  class: className,
  score: share.nullable().describe('Mean probability of the class; null where the network does not say how sure it is'),
  area_m2: number.describe('Geodesic, as all measures; of areas').exactOptional(),
  perimeter_m: number.exactOptional(),
  length_m: number.describe('Of lines').exactOptional(),
  width_m: number.describe('Of roads: the mean width of the surface').exactOptional(),
  from_node: count
    .describe('Of roads: the nodes of the network that the line joins, as numbers with gaps between them')
    .exactOptional(),
  to_node: count.exactOptional(),
  regularized: flag.describe('Of buildings: whether right angles were made').exactOptional(),
  orientation_deg: number
    .describe(
      "Of buildings with straight walls: their direction, clockwise from the north of the scene's grid, at least 0 and below 90, the same for walls at right angles",
    )
    .exactOptional(),
  review: z.enum(REVIEWS).describe('What somebody said of it').exactOptional(),
  captured_at: text
    .describe('When the image was taken, ISO 8601 without a zone, where its file says it; read as UTC in filters')
    .exactOptional(),
  model: text.meta({ description: 'Id of the network', example: 'landuse-unet' }),
  scene: id,
  job: id,
  collection: text.meta({ example: 'buildings' }),
};
export const FeatureProperties = z.object(properties);
export type FeatureProperties = z.input<typeof FeatureProperties>;
export type FeatureGeometry = z.input<typeof GeometryOfFeature>;

export const Feature = z
  .object({
    type: z.literal('Feature'),
    id,
    geometry: GeometryOfFeature,
    // `properties` leaves those that are asked for.
    properties: FeatureProperties.partial(),
    links: links.exactOptional(),
  })
  .meta({ id: 'Feature' });
export type FeatureJson = GeoJsonFeature<FeatureGeometry, FeatureProperties> & { id: string };

export const Items = z
  .object({
    type: z.literal('FeatureCollection'),
    features: z.array(Feature),
    numberMatched: count,
    numberReturned: count,
    timeStamp: time,
    links,
  })
  .meta({ id: 'Items' });
export type ItemsJson = Omit<z.input<typeof Items>, 'features'> & { features: FeatureJson[] };

export const Collection = z
  .object({
    id: text.meta({ example: 'buildings' }),
    title: text.meta({ example: 'Buildings' }),
    description: text,
    attribution: text
      .describe('Who is to be named with the images that its features were found in; markup')
      .exactOptional(),
    extent: z
      .object({
        spatial: z.object({ bbox: z.array(bbox), crs: text }),
        temporal: z
          .object({ interval: z.array(z.array(time)), trs: text })
          .describe('When the first and the last of the images were taken, where their files say it')
          .exactOptional(),
      })
      .exactOptional(),
    itemType: z.literal('feature'),
    crs: z.array(text.meta({ example: 'http://www.opengis.net/def/crs/OGC/1.3/CRS84' })),
    storageCrs: text,
    links,
  })
  .meta({ id: 'Collection' });
export type CollectionJson = z.input<typeof Collection>;
export const Collections = z.object({ links, collections: z.array(Collection) }).meta({ id: 'Collections' });

/** What a collection can be filtered by, as JSON Schema. */
export const Queryables = z
  .object({
    $schema: text,
    $id: text,
    type: z.literal('object'),
    title: text,
    properties: z.record(text, z.object({ type: text, format: text }).partial()),
    additionalProperties: z.literal(false),
  })
  .meta({ id: 'Queryables', description: 'What a collection can be filtered by, as JSON Schema' });

const reviewError = 'A review is {"review": "accepted"}, "rejected" or null.';
export const ReviewRequest = z
  .strictObject({ review: z.enum(REVIEWS, { error: reviewError }).nullable() }, { error: reviewError })
  .meta({ id: 'ReviewRequest' });

export const ClassSum = z
  .object({
    class: className,
    count,
    area_m2: number,
    length_m: number,
    share: share.describe('Of the area'),
  })
  .meta({ id: 'ClassSum' });
export const ClassSums = z.object({ classes: z.array(ClassSum) }).meta({ id: 'ClassSums' });
export type ClassSumsJson = z.input<typeof ClassSums>;
export const ZoneSums = z
  .object({
    zones: z.array(
      z.object({
        zone: count.describe('Index of the polygon that was sent'),
        id: z.union([text, number]).describe('Of the polygon that was sent, as are the properties').exactOptional(),
        properties: z.looseObject({}).exactOptional(),
        area_m2: number,
        classes: z.array(ClassSum),
        cell: text.meta({ description: 'Index of the H3 cell', example: '8843a1d6a3fffff' }).exactOptional(),
        feature: id.describe("Id of the other collection's feature").exactOptional(),
        of_class: text.describe('Its class').exactOptional(),
        geometry: AreaGeometry.exactOptional(),
      }),
    ),
  })
  .meta({ id: 'ZoneSums' });

const format = queryFormat(['json', 'geojson'], 'json');
const formatOrPage = queryFormat(['json', 'geojson', 'html'], 'json and html');
export const FormatQuery = z.object({ f: format });
export const PageQuery = z.object({ f: formatOrPage });

const attributes = queryList('Only these attributes', ['class', 'area_m2']);
const crs = (of: string) =>
  text.meta({ format: 'uri', description: `CRS of ${of}: one that the collection names` }).exactOptional();
const only = {
  job: queryId('job', 'Only features of this job'),
  scene: queryId('scene', 'Only features of this scene'),
};

export const FeatureQuery = z.object({ crs: crs('the geometry'), properties: attributes, f: formatOrPage });
const chosen = {
  class: queryText('Only features of this class', 'building'),
  ...only,
  filter: queryText("CQL2, such as area_m2 > 100 AND class = 'building'", 'area_m2 > 100'),
  'filter-lang': queryChoice(
    ['cql2-text', 'cql2-json'],
    (given) => `"filter-lang" is cql2-text or cql2-json, not "${given}".`,
    'Language of the filter',
  ),
  'filter-crs': queryText('CRS of geometries in the filter: CRS84'),
  datetime: queryDatetime,
  review: queryReview,
};
/** Features that are passed over are read all the same. */
const MOST_OFFSET = 100_000;

export const FeaturesQuery = z.object({
  bbox: text.meta(BOX).exactOptional(),
  limit: queryLimit(100, 10_000, 'Features a page'),
  ...chosen,
  after: queryText('Where the page before ended; taken from its next link'),
  offset: queryWhole(
    0,
    MOST_OFFSET,
    (given) =>
      `"offset" is a whole number from 0 to ${MOST_OFFSET}, not "${given}". Further on, follow the next links, or ask for a smaller "bbox".`,
    'Features to pass over, of clients that count pages; next links are faster, and right while features come and go',
  ),
  sortby: queryText(
    'Properties with commas between, of which the first counts most; -area_m2 begins with the largest. What has none comes last',
    'class,-area_m2',
  ),
  crs: crs('the geometries'),
  'bbox-crs': crs('bbox'),
  properties: attributes,
  f: formatOrPage,
});

export const TileQuery = z.object({ datetime: queryDatetime });

export const SumsQuery = z.object({ ...chosen, f: format });
/** What histograms are made of. */
const HISTOGRAM_PROPERTIES = ['score', 'area_m2', 'length_m', 'width_m', 'orientation_deg'] as const;
export type HistogramProperty = (typeof HISTOGRAM_PROPERTIES)[number];
const MOST_BINS = 200;
export const HistogramQuery = SumsQuery.extend({
  property: z
    .enum(HISTOGRAM_PROPERTIES, { error: () => `"property" is one of ${HISTOGRAM_PROPERTIES.join(', ')}.` })
    .meta({ description: 'Of which values', example: 'score' }),
  bins: queryWhole(
    1,
    MOST_BINS,
    (given) => `"bins" is a whole number from 1 to ${MOST_BINS}, not "${given}".`,
    'Steps between the least and the largest value; 40 without',
  ),
  scale: queryChoice(
    ['linear', 'log'],
    (given) => `"scale" is linear or log, not "${given}".`,
    'Whether steps are of equal size, or of equal ratio: then of positive values alone',
  ),
});
export const Histogram = z
  .object({
    property: text.meta({ example: 'score' }),
    edges: z.array(number).describe('Of the steps, one more than there are; none where there are no values'),
    counts: z.array(count),
    without: count.describe('Features that have no such value'),
  })
  .meta({ id: 'Histogram' });
export type HistogramJson = z.input<typeof Histogram>;

/** 0: 1,107 km a side; 15: half a metre. */
const FINEST_CELLS = 15;
export const AggregateQuery = SumsQuery.extend({
  hex: queryWhole(
    0,
    FINEST_CELLS,
    (given) => `"hex" is the resolution of the H3 grid, 0 to ${FINEST_CELLS}, not "${given}".`,
    'Resolution of the H3 grid: by its cells',
  ),
  zones: queryText('Another collection: by its polygons, at most 1,000', 'landuse'),
  'zones-filter': queryText('CQL2 text: by those of them that match'),
});

/** TileJSON 3.0. */
export const TileJson = z
  .object({
    tilejson: z.literal('3.0.0'),
    name: text,
    tiles: z.array(text.meta({ example: 'http://localhost:8080/tiles/JOB/{z}/{x}/{y}.mvt' })),
    minzoom: count.meta({ example: 10 }),
    maxzoom: count.meta({ example: 18 }),
    bounds: bbox,
    attribution: text,
    vector_layers: z.array(z.object({ id: text, description: text, fields: z.record(text, text) })).exactOptional(),
    generalization: z
      .array(z.object({ zoom: count, ...blockCounts }))
      .describe('What stands for the buildings at the zooms at which not all of them are drawn by themselves')
      .exactOptional(),
  })
  .meta({ id: 'TileJson' });
export type TileJson = z.input<typeof TileJson>;

/** Which bands of a scene an imagery tile shows, and how. */
export const SceneViewQuery = z.object({
  bands: queryText('Band numbers for red, green and blue, as 4,3,2; or one for gray', '4,3,2'),
  stretch: queryText('none, percentile, or the values shown as black and white, as 0,3000', '0,3000'),
});
