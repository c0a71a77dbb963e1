/** Times as RFC 3339 writes them, and the intervals of `datetime` (OGC API – Features 1.0, 7.15.4). */
import { Problem } from '../../errors/problem.ts';
import { queryText } from './query.ts';
import { shorten } from './schema.ts';

export const queryDatetime = queryText(
  'When the image was taken (captured_at, its clock read as UTC): an RFC 3339 time, a day, or from/to, of which one may be ..; what has no such time is part of every interval',
  '2026-05-01T00:00:00Z/..',
);

/** Milliseconds since 1970, both ends inside; null is open. */
export interface TimeInterval {
  from: number | null;
  to: number | null;
}

const DAY_MS = 86_400_000;
/** What databases and RFC 3339 can write: the years 1 to 9999. */
const FIRST_TIME = Date.parse('0001-01-01T00:00:00Z');
export const LAST_TIME = Date.parse('9999-12-31T23:59:59.999Z');

// A plus that was not percent-encoded in an address arrives as a space.
const TIME =
  /^(\d{4}-\d\d-\d\d)(?:T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?)(Z|[-+ ](?:[01]\d|2[0-3]):[0-5]\d)?)?$/i;

/**
 * From when to when a day, or an instant of which a clock shows thousandths, lasts. A time without a zone, which RFC 3339
 * does not know, is one of UTC where `zoneless` says so. Null for what is neither.
 */
export function timeSpan(text: string, { zoneless = false } = {}): { from: number; to: number; day: boolean } | null {
  const [, day, clock, zone] = TIME.exec(text) ?? [];
  if (day === undefined || (clock !== undefined && zone === undefined && !zoneless)) return null;
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // 30 February is read as 2 March.
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return null;
  const within = (time: number) => Math.min(Math.max(time, FIRST_TIME), LAST_TIME);
  if (clock === undefined) return { from: within(midnight), to: within(midnight + DAY_MS - 1), day: true };
  const time = within(Date.parse(`${day}T${clock}${(zone ?? 'Z').replace(' ', '+')}`.toUpperCase()));
  return { from: time, to: time, day: false };
}

export const DATETIME_SENTENCE =
  '"datetime" is an RFC 3339 time such as 2026-05-01T00:00:00Z, a day such as 2026-05-01, or two of them with a slash between, of which one may be "..": from/to';

/** An instant, a day, or an interval, whose ends may be open: `..` or nothing. Throws Problem bad_request. */
export function parseDatetime(value: string): TimeInterval {
  const wrong = () => new Problem('bad_request', `${DATETIME_SENTENCE}; not "${shorten(value)}".`);
  const parts = value.split('/').map((text) => {
    if (text === '' || text === '..') return null;
    return timeSpan(text) ?? undefined;
  });
  if (parts.length > 2 || parts.includes(undefined) || (parts.length === 1 && parts[0] === null)) throw wrong();
  const [first, last = first] = parts;
  const interval = { from: first?.from ?? null, to: last?.to ?? null };
  if (interval.from !== null && interval.to !== null && interval.from > interval.to) throw wrong();
  return interval;
}
