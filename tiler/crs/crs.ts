/**
 * Geo keys or a WKT text become a coordinate reference system: an EPSG code where they name one, else a definition in
 * WKT 1 that PROJ reads, with the geo keys that say the same in a GeoTIFF.
 *
 * What the keys mean: GeoTIFF 1.1 (OGC 19-008), section 7 and annex; how GDAL reads what the standard leaves open:
 * gt_wkt_srs.cpp. Names of methods and parameters are those of GDAL's WKT 1.
 */

import { ANGULAR_UNITS, ELLIPSOIDS, LINEAR_UNITS, METHODS, PRIME_MERIDIANS } from './crs-tables.ts';
import { GeoKey, type GeoKeys } from './geo-key.ts';
import { child, epsgOf, harmless, parseWkt, type WktNode, writeWkt } from './wkt.ts';

/** A system without a code. */
export interface UserCrs {
  name: string;
  /** WKT 1. `BASE_TOKEN` in it stands for the WKT of the geographic system `baseEpsg`. */
  wkt: string;
  baseEpsg: number | null;
  /** What stands in GeoTIFFs in this system. */
  keys: [number, number | number[] | string][];
}

export const BASE_TOKEN = '{base}';

export interface Crs {
  epsg: number | null;
  /** Given exactly where there is no code. */
  userCrs: UserCrs | null;
  /** In degrees. */
  geographic: boolean;
  /** Whether the datum is not named: positions are taken as if on WGS 84's. */
  unknownDatum: boolean;
  /** Whether heights are given in a vertical system, which is of no use here. */
  vertical: boolean;
}

const PROJECTED = 1;
const GEOGRAPHIC = 2;
const USER_DEFINED = 32767;
const DEGREE = Math.PI / 180;
const ESRI_TEXT = /ESRI PE String\s*=\s*(.*)/is;

/** Null where the keys name no system, or one that is not understood. */
export function crsOfKeys(keys: GeoKeys): Crs | null {
  const projected = code(keys, GeoKey.projectedCrs);
  const modelType = code(keys, GeoKey.modelType);
  const esri = esriText(keys);
  const isProjected =
    modelType === PROJECTED ||
    (modelType !== GEOGRAPHIC && (projected !== null || keys.has(GeoKey.projectionMethod) || esri !== null));
  const vertical = keys.has(GeoKey.verticalCrs);
  const own = isProjected ? projected : code(keys, GeoKey.geodeticCrs);
  if (own !== null && own !== USER_DEFINED) {
    return { epsg: own, userCrs: null, geographic: !isProjected, unknownDatum: false, vertical };
  }
  if (esri) {
    const crs = crsOfWkt(esri);
    if (crs) return { ...crs, vertical };
  }
  const base = geographicWkt(keys);
  if (!base) return null;
  const wkt = isProjected ? projectedWkt(keys, base) : base;
  if (!wkt) return null;
  const name = nameOf(keys, isProjected);
  const userCrs = {
    name,
    wkt: writeBase(wkt),
    baseEpsg: baseCode(base),
    keys: [...keys].filter(([key]) => key < GeoKey.verticalCrs).map(harmlessKey),
  };
  const unknownDatum = base.keyword !== BASE_TOKEN && epsgOf(child(base, 'DATUM')!) === null;
  return {
    epsg: null,
    userCrs,
    geographic: !isProjected && angularUnit(keys) === DEGREE,
    unknownDatum: unknownDatum && !keys.has(GeoKey.toWgs84),
    vertical,
  };
}

/** Of the CRS in a sidecar file or of Esri's text in a geo key. Null for text that names no system. */
export function crsOfWkt(text: string): Crs | null {
  const root = parseWkt(text);
  if (!root) return null;
  const compound = root.keyword === 'COMPD_CS';
  const node = compound ? (child(root, 'PROJCS') ?? child(root, 'GEOGCS')) : root;
  if (!node || (node.keyword !== 'PROJCS' && node.keyword !== 'GEOGCS')) return null;
  const isProjected = node.keyword === 'PROJCS';
  const base = isProjected ? child(node, 'GEOGCS') : node;
  const datum = base && child(base, 'DATUM');
  if (!datum || !child(datum, 'SPHEROID')) return null;
  const epsg = epsgOf(node);
  const wkt = writeWkt(node);
  const name = harmless(String(node.values[0] ?? 'unknown'));
  const keys: UserCrs['keys'] = isProjected
    ? [
        [GeoKey.modelType, USER_DEFINED], // so GDAL marks a system of which the text alone tells
        [GeoKey.citation, name],
        [GeoKey.projectedCitation, `ESRI PE String = ${wkt}`],
        ...linearUnitKeys(node),
      ]
    : [
        [GeoKey.modelType, GEOGRAPHIC],
        [GeoKey.geodeticCrs, USER_DEFINED],
        [GeoKey.geodeticCitation, `ESRI PE String = ${wkt}`],
        [GeoKey.geodeticDatum, epsgOf(datum) ?? USER_DEFINED],
        [GeoKey.angularUnits, 9102],
        ...ellipsoidKeys(child(datum, 'SPHEROID')!),
      ];
  const datumName = String(datum.values[0] ?? '');
  return {
    epsg,
    userCrs: epsg === null ? { name, wkt, baseEpsg: null, keys } : null,
    geographic: !isProjected,
    unknownDatum:
      epsg === null && /unknown|unnamed|not.?specified|undefined/i.test(datumName) && !child(datum, 'TOWGS84'),
    vertical: compound,
  };
}

const code = (keys: GeoKeys, key: number): number | null => {
  const value = keys.get(key);
  return typeof value === 'number' && value > 0 ? value : null;
};

const number = (keys: GeoKeys, ...among: number[]): number | null => {
  for (const key of among) {
    const value = keys.get(key);
    if (typeof value === 'number') return value;
  }
  return null;
};

const text = (keys: GeoKeys, key: number): string => {
  const value = keys.get(key);
  return typeof value === 'string' ? value.trim() : '';
};

function esriText(keys: GeoKeys): string | null {
  for (const key of [GeoKey.projectedCitation, GeoKey.citation, GeoKey.geodeticCitation]) {
    const found = ESRI_TEXT.exec(text(keys, key))?.[1];
    if (found) return found;
  }
  return null;
}

const harmlessKey = ([key, value]: [number, number | number[] | string]): UserCrs['keys'][number] => [
  key,
  typeof value === 'string' ? value.replace(/[^\x20-\x7e]/g, '_') : value,
];

function nameOf(keys: GeoKeys, isProjected: boolean): string {
  const own = isProjected ? text(keys, GeoKey.projectedCitation) : text(keys, GeoKey.geodeticCitation);
  const name = /(?:PCS|GCS) Name = ([^|]*)/.exec(own)?.[1] ?? (own || text(keys, GeoKey.citation));
  return harmless(name || 'unknown');
}

/** Radians in an angular unit of the keys. */
function angularUnit(keys: GeoKeys): number {
  const unit = code(keys, GeoKey.angularUnits) ?? 9102;
  if (unit === USER_DEFINED) return number(keys, GeoKey.angularUnitSize) || DEGREE;
  return ANGULAR_UNITS[unit] ?? DEGREE;
}

const node = (keyword: string, ...values: WktNode['values']): WktNode => ({ keyword, values });
const authority = (epsg: number | null): WktNode[] => (epsg === null ? [] : [node('AUTHORITY', 'EPSG', String(epsg))]);

/** A reference to a known geographic system, or one put together from datum, ellipsoid, meridian and unit. */
function geographicWkt(keys: GeoKeys): WktNode | null {
  const geodetic = code(keys, GeoKey.geodeticCrs);
  if (geodetic !== null && geodetic !== USER_DEFINED) return node(BASE_TOKEN, geodetic);
  const datum = code(keys, GeoKey.geodeticDatum) ?? USER_DEFINED;
  const unit = angularUnit(keys);
  const meridian = primeMeridian(keys, unit);
  const known = datum !== USER_DEFINED;
  // EPSG numbers most geographic systems 2000 below their datum.
  if (known && datum > 6000 && datum < 7000 && unit === DEGREE && meridian === 0) return node(BASE_TOKEN, datum - 2000);
  const spheroid = ellipsoid(keys) ?? (datum === 6326 ? node('SPHEROID', 'WGS 84', 6378137, 298.257223563) : null);
  if (!spheroid || !(unit > 0 && unit < 2)) return null;
  const shift = keys.get(GeoKey.toWgs84);
  const toWgs84 = Array.isArray(shift) && (shift.length === 3 || shift.length === 7) ? [node('TOWGS84', ...shift)] : [];
  const datumName = /Datum = ([^|]*)/.exec(text(keys, GeoKey.geodeticCitation))?.[1] ?? 'unknown';
  return node(
    'GEOGCS',
    nameOf(keys, false),
    node('DATUM', datumName, spheroid, ...toWgs84, ...authority(known ? datum : null)),
    node('PRIMEM', meridian === 0 ? 'Greenwich' : 'unnamed', meridian / (unit / DEGREE)),
    node('UNIT', unit === DEGREE ? 'degree' : 'unnamed', unit),
  );
}

const baseCode = (base: WktNode): number | null => (base.keyword === BASE_TOKEN ? (base.values[0] as number) : null);

/** The token stands bare in the text. */
const writeBase = (wkt: WktNode): string => writeWkt(wkt).replace(/\{base\}\[\d+\]/, BASE_TOKEN);

/** Degrees east of Greenwich. */
function primeMeridian(keys: GeoKeys, unit: number): number {
  const meridian = code(keys, GeoKey.primeMeridian) ?? USER_DEFINED;
  if (meridian !== USER_DEFINED && PRIME_MERIDIANS[meridian] !== undefined) return PRIME_MERIDIANS[meridian];
  return ((number(keys, GeoKey.primeMeridianLongitude) ?? 0) * unit) / DEGREE;
}

function ellipsoid(keys: GeoKeys): WktNode | null {
  const known = ELLIPSOIDS[code(keys, GeoKey.ellipsoid) ?? USER_DEFINED];
  if (known) return node('SPHEROID', ...known);
  const major = number(keys, GeoKey.semiMajorAxis);
  if (major === null || !(major > 1e6 && major < 1e8)) return null;
  const minor = number(keys, GeoKey.semiMinorAxis);
  const given = number(keys, GeoKey.inverseFlattening);
  const inverse = given ?? (minor === null || minor >= major ? 0 : major / (major - minor));
  return inverse >= 0 ? node('SPHEROID', 'unnamed', major, inverse) : null;
}

function projectedWkt(keys: GeoKeys, base: WktNode): WktNode | null {
  const unit = linearUnit(keys);
  const projection = code(keys, GeoKey.projection) ?? USER_DEFINED;
  const body = projection === USER_DEFINED ? methodNodes(keys) : zoneNodes(projection, unit);
  if (!body || !(unit > 0)) return null;
  return node('PROJCS', nameOf(keys, true), base, ...body, node('UNIT', unit === 1 ? 'metre' : 'unnamed', unit));
}

/** Metres in a linear unit of the keys. */
function linearUnit(keys: GeoKeys): number {
  const unit = code(keys, GeoKey.linearUnits) ?? 9001;
  if (unit === USER_DEFINED) return number(keys, GeoKey.linearUnitSize) ?? 1;
  return LINEAR_UNITS[unit] ?? Number.NaN;
}

/** UTM zones (160zz north, 161zz south) and Gauss-Krueger zones (162zz, 163zz without the zone in its eastings). */
function zoneNodes(projection: number, unit: number): WktNode[] | null {
  const kind = Math.floor(projection / 100);
  const zone = projection % 100;
  if (kind < 160 || kind > 163 || zone < 1 || zone > 60) return null;
  const utm = kind <= 161;
  const values = {
    latitude_of_origin: 0,
    central_meridian: utm || zone > 30 ? zone * 6 - 183 - (utm ? 0 : 180) : zone * 6 - 3,
    scale_factor: utm ? 0.9996 : 1,
    false_easting: (500_000 + (kind === 162 ? zone * 1_000_000 : 0)) / unit,
    false_northing: (kind === 161 ? 10_000_000 : 0) / unit,
  };
  return [node('PROJECTION', 'Transverse_Mercator'), ...parameters(values)];
}

function methodNodes(keys: GeoKeys): WktNode[] | null {
  const method = METHODS[code(keys, GeoKey.projectionMethod) ?? 0];
  if (!method) return null;
  const [longitude, latitude] = [
    number(
      keys,
      GeoKey.straightVerticalPoleLongitude,
      GeoKey.naturalOriginLongitude,
      GeoKey.falseOriginLongitude,
      GeoKey.centreLongitude,
    ),
    number(keys, GeoKey.naturalOriginLatitude, GeoKey.falseOriginLatitude, GeoKey.centreLatitude),
  ];
  const known = {
    longitude: longitude ?? 0,
    latitude: latitude ?? 0,
    parallel1: number(keys, GeoKey.standardParallel1),
    parallel2: number(keys, GeoKey.standardParallel2),
    scale: number(keys, GeoKey.scaleAtNaturalOrigin, GeoKey.scaleAtCentre),
    azimuth: number(keys, GeoKey.azimuth) ?? 0,
    rectified: number(keys, GeoKey.rectifiedGridAngle),
  };
  const { name, ...values } = method(known);
  const eastings = {
    false_easting: number(keys, GeoKey.falseEasting, GeoKey.falseOriginEasting, GeoKey.centreEasting) ?? 0,
    false_northing: number(keys, GeoKey.falseNorthing, GeoKey.falseOriginNorthing, GeoKey.centreNorthing) ?? 0,
  };
  return [node('PROJECTION', name), ...parameters({ ...values, ...eastings })];
}

const parameters = (values: Record<string, number | string>): WktNode[] =>
  Object.entries(values).map(([name, value]) => node('PARAMETER', name, value));

function linearUnitKeys(projected: WktNode): UserCrs['keys'] {
  const metres = Number(child(projected, 'UNIT')?.values[1] ?? 1);
  const known = Object.entries(LINEAR_UNITS).find(([, size]) => Math.abs(size / metres - 1) < 1e-12);
  if (known) return [[GeoKey.linearUnits, Number(known[0])]];
  return [
    [GeoKey.linearUnits, USER_DEFINED],
    [GeoKey.linearUnitSize, metres],
  ];
}

const ellipsoidKeys = ({ values: [, major, inverse] }: WktNode): UserCrs['keys'] => [
  [GeoKey.ellipsoid, USER_DEFINED],
  [GeoKey.semiMajorAxis, Number(major)],
  [GeoKey.inverseFlattening, Number(inverse)],
];
