/** Labels that people drew or brought, as GeoJSON: points, strokes and areas, each with a class. */
import type { Geometry } from 'geojson';
import { Problem } from '../../errors/problem.ts';
import type { NetworkClass } from '../../models/registry.ts';
import { isId, MISLEADING, shorten } from '../api/schema.ts';
import { GEOMETRIES, positionsOf, readGeometry } from '../geometry/read-geometry.ts';

export type LabelGeometry = Exclude<Geometry, { type: 'GeometryCollection' }>;

/** In degrees (RFC 7946). */
export interface Label {
  geometry: LabelGeometry;
  /** Codes that it allows: its class, or all others where it says what a place is not. */
  allowed: readonly number[];
  /** Of a stroke or a point, metres; null where it does not say. */
  widthMetres: number | null;
  /** The only scene that it is said of; without, all those that it lies on. */
  scene?: string;
}

/** Most labels, and positions of all of them, that a network is taught by at once. */
export const MOST_LABELS = 20_000;
export const MOST_LABEL_POSITIONS = 500_000;
/** The attribute that holds the class, and others that programs write it into. */
const CLASS_ATTRIBUTES = ['class', 'label', 'class_name'];
const WIDTH_ATTRIBUTES = ['width_m', 'width'];
const MOST_WIDTH_METRES = 1000;
/** Of a class, with "not " before it. */
const MOST_CLASS_NAME = 64;

const unusable = (what: string) => new Problem('labels_unusable', `The labels cannot be used: ${what}.`);

/** A label whose class is not held against those of a network yet. */
export interface DrawnLabel extends Pick<Label, 'geometry' | 'widthMetres'> {
  /** "water" or "not water", as it was written. */
  className: string;
  /** Of the feature; null where it has none, or none that is a UUID. */
  id: string | null;
}

/** Reads a FeatureCollection or a Feature. Throws `labels_unusable` with what is wrong, and of which label. */
export function readLabels(given: unknown, classes: readonly Pick<NetworkClass, 'name' | 'value'>[]): Label[] {
  return readFeatures(given, ({ geometry, properties, wrong }) => ({
    geometry,
    allowed: codesOf(properties, classes, wrong),
    widthMetres: widthOf(properties, wrong),
  }));
}

/** The same of labels that are kept for any network. */
export function readDrawnLabels(given: unknown): DrawnLabel[] {
  return readFeatures(given, ({ geometry, properties, id, wrong }) => {
    const className = classOf(properties);
    if (className === null) throw wrong('the attribute "class" is missing; it is a name, such as road or "not road"');
    if (className === '' || className.length > MOST_CLASS_NAME || MISLEADING.test(className)) {
      throw wrong(`the class is a name of up to ${MOST_CLASS_NAME} visible signs, not "${shorten(className)}"`);
    }
    const own = typeof id === 'string' && isId(id) ? id.toLowerCase() : null;
    return { geometry, className, widthMetres: widthOf(properties, wrong), id: own };
  });
}

interface Read {
  geometry: LabelGeometry;
  properties: Record<string, unknown>;
  id: unknown;
  /** Makes the refusal of what is wrong with it. */
  wrong(what: string): Problem;
}

function readFeatures<T>(given: unknown, read: (feature: Read) => T): T[] {
  const { type, features, crs } = asObject(given);
  const list = type === 'FeatureCollection' && Array.isArray(features) ? features : type === 'Feature' ? [given] : null;
  if (!list) throw unusable('they are no FeatureCollection of GeoJSON (RFC 7946)');
  if (list.length === 0) throw unusable('there are none; draw some');
  if (list.length > MOST_LABELS) throw unusable(`there are ${list.length}, and ${MOST_LABELS} is the limit`);
  requireDegrees(crs);
  let before = 0;
  return list.map((feature, i) => {
    const wrong = (what: string) => unusable(`of number ${i + 1}, ${what}`);
    const { geometry, properties, id } = asObject(feature);
    const rules = { types: GEOMETRIES, mostPositions: MOST_LABEL_POSITIONS, before, onEarth: true, wrong };
    const shape = readGeometry(geometry, rules);
    before += positionsOf(shape);
    return read({ geometry: shape, properties: asObject(properties), id, wrong });
  });
}

const asObject = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** QGIS and GDAL write other systems into a member that RFC 7946 has given up. */
function requireDegrees(crs: unknown): void {
  const { name } = asObject(asObject(crs).properties);
  if (typeof name !== 'string' || /(CRS84|EPSG:+4326)$/i.test(name)) return;
  throw unusable(
    `their coordinates are in ${name.slice(0, 60)}, not in degrees; this turns them: ogr2ogr -t_srs EPSG:4326 turned.geojson YOUR-FILE`,
  );
}

/** What is written as its class; null where nothing is. */
function classOf(properties: Record<string, unknown>): string | null {
  const attribute = CLASS_ATTRIBUTES.find((key) => properties[key] !== undefined && properties[key] !== null);
  return attribute === undefined ? null : String(properties[attribute]).trim();
}

/** "water" or 4; "not water" or "!water" for all but that. */
function codesOf(
  properties: Record<string, unknown>,
  classes: readonly Pick<NetworkClass, 'name' | 'value'>[],
  wrong: (what: string) => Problem,
): number[] {
  const names = classes.map(({ name }) => name).join(', ');
  const text = classOf(properties);
  if (text === null) throw wrong(`the attribute "class" is missing; it is one of ${names}`);
  const [, not, said] = /^(!|not\s+)?(.*)$/is.exec(text)!;
  const place = classes.findIndex(
    ({ name, value }) => name.toLowerCase() === said.toLowerCase() || String(value) === said,
  );
  if (place < 0) {
    throw wrong(
      `the class "${text.slice(0, 40)}" is none of ${names}; name a new one with --class ${said.slice(0, 20) || 'pool'}=#33aaff:area`,
    );
  }
  return classes.flatMap((_, code) => ((code === place) === (not === undefined) ? [code] : []));
}

function widthOf(properties: Record<string, unknown>, wrong: (what: string) => Problem): number | null {
  const attribute = WIDTH_ATTRIBUTES.find((key) => properties[key] !== undefined && properties[key] !== null);
  if (attribute === undefined) return null;
  const width = Number(properties[attribute]);
  if (width > 0 && width <= MOST_WIDTH_METRES) return width;
  throw wrong(`"${attribute}" is a width in metres, above 0 and up to ${MOST_WIDTH_METRES}`);
}
