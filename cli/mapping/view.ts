/** How a command line says which bands are red, green and blue, and which values become 0 and 255. */
import { WrongCall } from '../arguments.ts';

/** `4,3,2`, `B04,B03,B02` or one band for gray. */
export function readBands(text: string): (number | string)[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length === 1) parts.push(parts[0], parts[0]);
  return parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** `none`, `percentile`, `0:2047` for all bands or `0:2047,0:1800,0:1500`. Throws a wrong call. */
export function readStretch(text: string): string | { low: number[]; high: number[] } {
  if (text === 'none' || text === 'percentile') return text;
  const ranges = text
    .split(',')
    .map((range) => range.split(':').map((value) => (value.trim() === '' ? NaN : Number(value))));
  if (ranges.length === 0 || !ranges.every((range) => range.length === 2 && range.every(Number.isFinite))) {
    throw new WrongCall(
      `--stretch takes none, percentile, LOW:HIGH, or one such for each band with commas between them; got "${text}"`,
    );
  }
  return { low: ranges.map(([low]) => low), high: ranges.map(([, high]) => high) };
}
