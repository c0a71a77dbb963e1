/**
 * Points and what was said of them as CSV and GeoJSON, in the columns of Collect Earth Online: what that reads as plots, and
 * what it writes as answers. Those of the desktop's Collect Earth are read too.
 */
import { Problem } from '../../errors/problem.ts';
import { csvRow, MOST_ROWS, readCsv } from './csv.ts';

export interface PointAnswer {
  /** Number of the point, from 1. */
  plot: number;
  lon: number;
  lat: number;
  stratum: string;
  mapClass: string;
  reviewer: string | null;
  /** Null: cannot tell, or nobody has looked. */
  class: string | null;
  /** ISO 8601. */
  at: string | null;
  seconds: number | null;
}

/** What was said of a point, as a file has it. */
export interface ReadAnswer {
  plot: number | null;
  lon: number | null;
  lat: number | null;
  reviewer: string | null;
  class: string | null;
  at: string | null;
  seconds: number | null;
}

const DEGREES = 9;
const degrees = (value: number): number => Number(value.toFixed(DEGREES));

/** Where to look, and nothing of what the map says. */
export const plotsCsv = (points: readonly Pick<PointAnswer, 'plot' | 'lon' | 'lat'>[]): string =>
  csvRow(['PLOTID', 'LON', 'LAT']) +
  points.map(({ plot, lon, lat }) => csvRow([plot, degrees(lon), degrees(lat)])).join('');

const COLUMNS = [
  ...['plotid', 'sampleid', 'lon', 'lat', 'email', 'flagged', 'collection_time', 'analysis_duration'],
  ...['pl_stratum', 'pl_map_class', 'class'],
];

const cells = (row: PointAnswer): (string | number | null)[] => [
  ...[row.plot, 1, degrees(row.lon), degrees(row.lat), row.reviewer],
  row.reviewer === null ? null : row.class === null ? 'TRUE' : 'FALSE',
  ...[row.at, row.seconds === null ? null : `${row.seconds.toFixed(1)} secs`, row.stratum, row.mapClass, row.class],
];

/** A row an answer, and one for each point that nobody has looked at. */
export const answersCsv = (rows: readonly PointAnswer[]): string =>
  csvRow(COLUMNS) + rows.map((row) => csvRow(cells(row))).join('');

export function plotsGeoJson(points: readonly Pick<PointAnswer, 'plot' | 'lon' | 'lat'>[]): string {
  return collection(points.map(({ plot, lon, lat }) => feature(lon, lat, { plotid: plot })));
}

export function answersGeoJson(rows: readonly PointAnswer[]): string {
  return collection(
    rows.map((row) => {
      const values = cells(row);
      const properties = Object.fromEntries(COLUMNS.map((name, i) => [name, values[i]!]));
      return feature(row.lon, row.lat, properties);
    }),
  );
}

const collection = (features: unknown[]): string => JSON.stringify({ type: 'FeatureCollection', features });
const feature = (lon: number, lat: number, properties: Record<string, string | number | null>) => ({
  type: 'Feature',
  geometry: { type: 'Point', coordinates: [degrees(lon), degrees(lat)] },
  properties,
});

/** The names that columns have elsewhere. */
const NAMES = {
  plot: ['plotid', 'plot_id', 'pl_plotid', 'id'],
  lon: ['lon', 'longitude', 'center_lon', 'location_x', 'xcoordinate', 'x'],
  lat: ['lat', 'latitude', 'center_lat', 'location_y', 'ycoordinate', 'y'],
  reviewer: ['email', 'reviewer', 'user_id', 'operator', 'analyst'],
  flagged: ['flagged', 'cannot_tell'],
  at: ['collection_time', 'answered_at', 'date'],
  seconds: ['analysis_duration', 'seconds'],
  class: ['class', 'label', 'reference', 'ref_class', 'land_use', 'land_cover'],
} as const;

/**
 * The answers of a file, by what its text begins with GeoJSON or CSV. A row without a class is no answer, but where it is
 * flagged: that is "cannot tell".
 * @param column that of the classes, where it has a name of its own
 * Throws Problem bad_request.
 */
export function readAnswers(text: string, column?: string): ReadAnswer[] {
  const rows = /^\s*\{/.test(text) ? rowsOfGeoJson(text) : readCsv(text);
  const [first] = rows;
  if (!first) throw new Problem('bad_request', 'The file holds no rows.');
  const named = column?.toLowerCase();
  const classes = named === undefined ? NAMES.class.find((name) => first.has(name)) : first.has(named) && named;
  if (!classes) {
    const known = [...first.keys()].join(', ');
    const wanted = column === undefined ? `one of ${NAMES.class.join(', ')}` : `"${column}"`;
    throw new Problem('bad_request', `The file has no column ${wanted} with the classes; it has ${known}.`);
  }
  return rows.flatMap((row): ReadAnswer[] => {
    const cell = (names: readonly string[]) => names.map((name) => row.get(name)).find((value) => value) ?? null;
    const number = (names: readonly string[]) => {
      const text = cell(names);
      const value = text === null ? Number.NaN : Number.parseFloat(text);
      return Number.isFinite(value) ? value : null;
    };
    const given = row.get(classes) || null;
    const flagged = /^(true|1|yes)$/i.test(cell(NAMES.flagged) ?? '');
    if (given === null && !flagged) return [];
    const at = cell(NAMES.at);
    const time = at === null ? Number.NaN : Date.parse(at);
    return [
      {
        ...{ plot: number(NAMES.plot), lon: number(NAMES.lon), lat: number(NAMES.lat) },
        ...{ reviewer: cell(NAMES.reviewer), class: flagged ? null : given },
        ...{ at: Number.isNaN(time) ? null : new Date(time).toISOString(), seconds: number(NAMES.seconds) },
      },
    ];
  });
}

function rowsOfGeoJson(text: string): Map<string, string>[] {
  const refused = new Problem('bad_request', 'The file is no GeoJSON FeatureCollection of points.');
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    throw refused;
  }
  const { features } = (given ?? {}) as { features?: unknown };
  if (!Array.isArray(features)) throw refused;
  if (features.length > MOST_ROWS) throw new Problem('bad_request', `The file has more than ${MOST_ROWS} features.`);
  return features.map((each) => {
    const { geometry, properties } = (each ?? {}) as { geometry?: { coordinates?: unknown }; properties?: unknown };
    const [lon, lat] = Array.isArray(geometry?.coordinates) ? geometry.coordinates : [];
    const row = Object.entries({ lon, lat, ...(properties as object | undefined) });
    return new Map(
      row.flatMap(([name, value]) =>
        value === null || value === undefined ? [] : [[name.toLowerCase(), String(value)]],
      ),
    );
  });
}
