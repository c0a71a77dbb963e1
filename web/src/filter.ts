/**
 * The one filter of the page: ranges of what features measure. The map, the table with its counts and sums, histograms and
 * downloads show what lies within; of a property that a feature does not have, nothing is asked of it.
 */
import type { ExpressionSpecification } from 'maplibre-gl';

export const RANGED = ['score', 'area_m2', 'length_m'] as const;
export type Ranged = (typeof RANGED)[number];
/** Null is open. */
export type Range = readonly [least: number | null, most: number | null];
export type Ranges = Partial<Record<Ranged, Range>>;

type Feature = Partial<Record<Ranged, number | null>>;

/** Another range of a property; one that is open on both sides is none. */
export function withRange(ranges: Ranges, property: Ranged, [least, most]: Range): Ranges {
  const { [property]: _, ...others } = ranges;
  return least === null && most === null ? others : { ...others, [property]: [least, most] };
}

export const rangesOf = (ranges: Ranges): (readonly [Ranged, Range])[] =>
  RANGED.flatMap((property) => (ranges[property] ? [[property, ranges[property]] as const] : []));

export const isWithin = (ranges: Ranges, feature: Feature): boolean =>
  rangesOf(ranges).every(([property, [least, most]]) => {
    const value = feature[property] ?? null;
    return value === null || (value >= (least ?? value) && value <= (most ?? value));
  });

/** The conditions of a MapLibre filter; from afar features have neither score nor size. */
export const mapConditions = (ranges: Ranges): ExpressionSpecification[] =>
  rangesOf(ranges).map(([property, [least, most]]) => {
    const bounds: ExpressionSpecification[] = [];
    if (least !== null) bounds.push(['>=', ['get', property], least]);
    if (most !== null) bounds.push(['<=', ['get', property], most]);
    return ['any', ['!', ['has', property]], ['all', ...bounds]];
  });

/** CQL2 text; null where nothing is filtered. Lines have an area of 0 in the database. */
export function cql2Of(ranges: Ranges): string | null {
  const conditions = rangesOf(ranges).map(([property, [least, most]]) => {
    const bounds = [
      least === null ? [] : `${property} >= ${least}`,
      most === null ? [] : `${property} <= ${most}`,
    ].flat();
    const without = property === 'area_m2' ? 'length_m IS NOT NULL' : `${property} IS NULL`;
    return `(${without} OR ${bounds.join(' AND ')})`;
  });
  return conditions.length > 0 ? conditions.join(' AND ') : null;
}

/** As it stands in the address: `score:0.5..;area_m2:20..500`. */
export function writeRanges(ranges: Ranges): string | null {
  const parts = rangesOf(ranges).map(([property, [least, most]]) => `${property}:${least ?? ''}..${most ?? ''}`);
  return parts.length > 0 ? parts.join(';') : null;
}

const RANGE = /^(\w+):(\d*\.?\d*)\.\.(\d*\.?\d*)$/;

/** What cannot be read is left out. */
export function readRanges(text: string | null): Ranges {
  let ranges: Ranges = {};
  for (const part of (text ?? '').split(';')) {
    const [, name, least, most] = RANGE.exec(part) ?? [];
    const property = RANGED.find((each) => each === name);
    const bound = (text: string | undefined) => (text && Number.isFinite(Number(text)) ? Number(text) : null);
    if (property) ranges = withRange(ranges, property, [bound(least), bound(most)]);
  }
  return ranges;
}
