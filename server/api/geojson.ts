/** GeoJSON (RFC 7946), as far as it is spoken here. */
import { z } from 'zod';

const CORNER = [55.27, 25.16];
const position = z.array(z.number()).meta({ example: CORNER, description: 'Longitude and latitude, degrees' });
const ring = z.array(position).meta({ example: [CORNER, [55.28, 25.16], [55.28, 25.17], CORNER] });
const rings = z.array(ring);

export const Polygon = z.object({ type: z.literal('Polygon'), coordinates: rings }).meta({ id: 'Polygon' });
export const MultiPolygon = z
  .object({ type: z.literal('MultiPolygon'), coordinates: z.array(rings) })
  .meta({ id: 'MultiPolygon' });
const LineString = z
  .object({ type: z.literal('LineString'), coordinates: z.array(position) })
  .meta({ id: 'LineString' });
const MultiLineString = z
  .object({ type: z.literal('MultiLineString'), coordinates: z.array(z.array(position)) })
  .meta({ id: 'MultiLineString' });
const Point = z.object({ type: z.literal('Point'), coordinates: position }).meta({ id: 'Point' });
const MultiPoint = z
  .object({ type: z.literal('MultiPoint'), coordinates: z.array(position) })
  .meta({ id: 'MultiPoint' });

export const AreaGeometry = z.union([Polygon, MultiPolygon]).meta({ id: 'AreaGeometry' });
export const FeatureGeometry = z
  .union([Polygon, MultiPolygon, LineString, MultiLineString])
  .meta({ id: 'FeatureGeometry' });
export const Geometry = z
  .union([Point, MultiPoint, LineString, MultiLineString, Polygon, MultiPolygon])
  .meta({ id: 'Geometry' });

const areaFeature = z
  .object({
    type: z.literal('Feature'),
    geometry: AreaGeometry,
    properties: z.looseObject({}).nullable(),
  })
  .meta({ id: 'AreaFeature' });
export const AreaFeatures = z
  .object({ type: z.literal('FeatureCollection'), features: z.array(areaFeature) })
  .meta({ id: 'AreaFeatures' });
export const AreaOfInterest = z
  .union([Polygon, MultiPolygon, areaFeature, AreaFeatures])
  .meta({ id: 'AreaOfInterest', description: 'GeoJSON polygons in degrees: nothing outside is mapped' });

/** west, south, east, north in degrees; west > east where the box crosses the antimeridian. */
export const bbox = z
  .tuple([z.number(), z.number(), z.number(), z.number()])
  .meta({ description: 'West, south, east, north in degrees', example: [55.27, 25.16, 55.28, 25.17] });
export type Bbox = z.infer<typeof bbox>;
