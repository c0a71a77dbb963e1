/** Quantities as people read them: areas in m², ha or km², sizes, durations, shares, degrees. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, minimumSignificantDigits: 3 });
const dateTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

export const count = (value: number): string => whole.format(value);
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

const digits = (value: number): string => (value >= 1000 ? whole.format(value) : threeDigits.format(value));

/** Value and unit apart, for two sizes of type. */
export function areaParts(m2: number): [value: string, unit: string] {
  if (m2 < 10_000) return [m2 < 10 && m2 > 0 ? m2.toFixed(1) : whole.format(m2), 'm²'];
  return m2 < 1_000_000 ? [digits(m2 / 10_000), 'ha'] : [digits(m2 / 1_000_000), 'km²'];
}

export function lengthParts(metres: number): [value: string, unit: string] {
  return metres < 1000 ? [whole.format(metres), 'm'] : [digits(metres / 1000), 'km'];
}

export const area = (m2: number): string => areaParts(m2).join('\u00a0');

export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${value >= 9.95 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  const scaled = value / 1000 ** power;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : Number(scaled.toFixed(1))} ${units[power]}`;
}

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (seconds < 60) return `${ms < 9950 ? (ms / 1000).toFixed(1) : seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')} min`;
}

/** Coarse on purpose: an estimate that jumps by the second looks more exact than it is. */
export function timeLeft(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 8) return 'a few seconds left';
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min left`;
  return `about ${(seconds / 3600).toFixed(1)} h left`;
}

export function moment(iso: string): string {
  const when = new Date(iso);
  return Date.now() - when.getTime() < 7 * 86_400_000 ? dateTime.format(when) : date.format(when);
}

export function gsd(metres: number): string {
  return metres < 1 ? `${Number((metres * 100).toPrecision(3))} cm/px` : `${Number(metres.toPrecision(3))} m/px`;
}

/** Decimal degrees as people quote them: hemisphere letters, no sign. */
export function position(lat: number, lon: number, decimals: number): string {
  const wrapped = ((((lon + 180) % 360) + 360) % 360) - 180;
  return (
    `${Math.abs(lat).toFixed(decimals)}°\u2009${lat < 0 ? 'S' : 'N'}  ` +
    `${Math.abs(wrapped).toFixed(decimals)}°\u2009${wrapped < 0 ? 'W' : 'E'}`
  );
}

const TITLES: Record<string, string> = { other: 'Other land', landuse: 'Land use' };
/** How a class or a collection is called on the page. */
export const titleOf = (name: string): string =>
  TITLES[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');

/** A file's name that may be broken after its separators, with zero-width spaces. */
export function breakable(name: string): string {
  return name.replace(/[_.-](?=.)/g, '$&\u200b');
}
