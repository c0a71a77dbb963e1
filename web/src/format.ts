/** Quantities as people read them: areas in m², ha or km², sizes, durations, shares, degrees. */
import { t } from './messages/index.ts';

const whole = new Intl.NumberFormat(t.locale, { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat(t.locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const upToOneDecimal = new Intl.NumberFormat(t.locale, { maximumFractionDigits: 1 });
const upToThreeDigits = new Intl.NumberFormat(t.locale, { maximumSignificantDigits: 3, useGrouping: false });
const threeDigits = new Intl.NumberFormat(t.locale, { maximumSignificantDigits: 3, minimumSignificantDigits: 3 });
const dateTime = new Intl.DateTimeFormat(t.dateLocale, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const date = new Intl.DateTimeFormat(t.dateLocale, { day: 'numeric', month: 'short', year: 'numeric' });

export const count = (value: number): string => whole.format(value);

export const oneDecimalOf = (value: number): string => oneDecimal.format(value);

/** Three significant digits, or all of a number above a thousand. */
export const figure = (value: number): string =>
  Math.abs(value) >= 1000 ? count(value) : upToThreeDigits.format(value);

const digits = (value: number): string => (value >= 1000 ? whole.format(value) : threeDigits.format(value));

/** Value and unit apart, for two sizes of type. */
export function areaParts(m2: number): [value: string, unit: string] {
  if (m2 < 10_000) return [m2 < 10 && m2 > 0 ? oneDecimal.format(m2) : whole.format(m2), 'm²'];
  return m2 < 1_000_000 ? [digits(m2 / 10_000), t.hectares] : [digits(m2 / 1_000_000), 'km²'];
}

export function lengthParts(metres: number): [value: string, unit: string] {
  return metres < 1000 ? [whole.format(metres), 'm'] : [digits(metres / 1000), 'km'];
}

export const area = (m2: number): string => areaParts(m2).join('\u00a0');

export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return t.lessThan(t.percent(oneDecimal.format(0.1)));
  return t.percent(value >= 9.95 || value === 0 ? String(Math.round(value)) : oneDecimal.format(value));
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  const scaled = value / 1000 ** power;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : upToOneDecimal.format(scaled)} ${units[power]}`;
}

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const { time } = t;
  const twoDigits = (value: number) => String(value).padStart(2, '0');
  if (ms < 1000) return `${Math.round(ms)} ${time.milliseconds}`;
  if (seconds < 60) return `${ms < 9950 ? oneDecimal.format(ms / 1000) : seconds} ${time.seconds}`;
  if (seconds < 3600) {
    return `${Math.floor(seconds / 60)} ${time.minutes} ${twoDigits(seconds % 60)} ${time.seconds}`;
  }
  const minutes = twoDigits(Math.floor((seconds % 3600) / 60));
  return `${Math.floor(seconds / 3600)} ${time.hours} ${minutes} ${time.minutes}`;
}

/** Coarse on purpose: an estimate that jumps by the second looks more exact than it is. */
export function timeLeft(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 8) return t.time.fewSecondsLeft;
  if (seconds < 55) return t.time.left(`${Math.ceil(seconds / 5) * 5} ${t.time.seconds}`);
  if (seconds < 5400) return t.time.left(`${Math.round(seconds / 60)} ${t.time.minutesAlone}`);
  return t.time.left(`${oneDecimal.format(seconds / 3600)} ${t.time.hours}`);
}

/** What a job may take. */
export function aboutMinutes(minutes: number): string {
  if (minutes < 1) return t.time.about(`${Math.max(1, Math.round(minutes * 60))} ${t.time.seconds}`);
  return t.time.about(`${minutes < 10 ? oneDecimal.format(minutes) : Math.round(minutes)} ${t.time.minutesAlone}`);
}

export const day = (iso: string): string => date.format(new Date(iso));

export function moment(iso: string): string {
  const when = new Date(iso);
  return Date.now() - when.getTime() < 7 * 86_400_000 ? dateTime.format(when) : date.format(when);
}

export function gsd(metres: number): string {
  return metres < 1 ? `${upToThreeDigits.format(metres * 100)} cm/px` : `${upToThreeDigits.format(metres)} m/px`;
}

/** Decimal degrees as people quote them: hemisphere letters, no sign. */
export function position(lat: number, lon: number, decimals: number): string {
  const wrapped = ((((lon + 180) % 360) + 360) % 360) - 180;
  const fixed = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const degrees = (value: number, letter: string) =>
    `${Math.abs(value).toLocaleString(t.locale, fixed)}°\u2009${letter}`;
  const { north, south, east, west } = t.compass;
  return `${degrees(lat, lat < 0 ? south : north)}  ${degrees(wrapped, wrapped < 0 ? west : east)}`;
}

/** 48°23′25.8″ N, to a tenth of a second: about 3 m. */
export function sexagesimal(value: number, positive: string, negative: string): string {
  const tenths = Math.round(Math.abs(value) * 36_000);
  const degrees = Math.floor(tenths / 36_000);
  const minutes = Math.floor((tenths % 36_000) / 600);
  const seconds = ((tenths % 600) / 10).toFixed(1).padStart(4, '0');
  return `${degrees}°${String(minutes).padStart(2, '0')}′${seconds}″\u2009${value < 0 ? negative : positive}`;
}

/** Metres or degrees as they are written in a table of coordinates. */
export const coordinate = (value: number, decimals: number): string =>
  value.toLocaleString(t.locale, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
    useGrouping: false,
  });

/** How a class or a collection is called on the page. */
export const titleOf = (name: string): string =>
  t.titles[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');

/** A file's name that may be broken after its separators, with zero-width spaces. */
export function breakable(name: string): string {
  return name.replace(/[_.-](?=.)/g, '$&\u200b');
}
