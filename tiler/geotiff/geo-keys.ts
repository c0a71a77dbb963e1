/** The three tags of GeoTIFF 1.1 that hold geo keys become a map of keys, and a map becomes the tags. */

import { GeoKey, type GeoKeys } from '../crs/geo-key.ts';
import { type Ifd, readNumbers, readText, type TiffFile } from './tiff-structure.ts';
import { asciiEntry, type Entry, Tag } from './tiff-tags.ts';

const MOST_KEYS = 1024;
const MOST_DOUBLES = 4096;
const MOST_CHARACTERS = 65_536;

/** The keys of an image; those that point outside the tags are left out. Null where there are none. */
export async function readGeoKeys(tiff: TiffFile, ifd: Ifd): Promise<GeoKeys | null> {
  const directory = await readNumbers(tiff, ifd, Tag.GeoKeyDirectory, MOST_KEYS * 4);
  if (!directory) return null;
  const doubles = (await readNumbers(tiff, ifd, Tag.GeoDoubleParams, MOST_DOUBLES)) ?? new Float64Array();
  const texts = (await readText(tiff, ifd, Tag.GeoAsciiParams, MOST_CHARACTERS)) ?? '';
  const keys = new Map<number, number | number[] | string>();
  for (let at = 4; at + 3 < directory.length && at < 4 + directory[3] * 4; at += 4) {
    const [key, place, count, value] = directory.subarray(at, at + 4);
    if (place === 0) keys.set(key, value);
    else if (place === Tag.GeoDoubleParams && value + count <= doubles.length && count > 0) {
      const numbers = [...doubles.subarray(value, value + count)];
      if (numbers.every(Number.isFinite)) keys.set(key, count === 1 ? numbers[0] : numbers);
    } else if (place === Tag.GeoAsciiParams && value < texts.length) {
      keys.set(key, texts.slice(value, value + count).replace(/[|\0]$/, ''));
    }
  }
  return keys;
}

/** Codes of keys go into the directory itself, sizes and angles into the tag of doubles. */
const isCode = (key: number, value: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < 65_536 && !DOUBLES.includes(key);
const DOUBLES: readonly number[] = [
  GeoKey.angularUnitSize,
  GeoKey.semiMajorAxis,
  GeoKey.semiMinorAxis,
  GeoKey.inverseFlattening,
  GeoKey.primeMeridianLongitude,
  ...Array.from({ length: 20 }, (_, i) => GeoKey.linearUnitSize + i),
];

export function geoKeyEntries(keys: GeoKeys): Entry[] {
  const directory: number[] = [1, 1, 1, keys.size];
  const doubles: number[] = [];
  let texts = '';
  for (const [key, value] of [...keys].sort(([a], [b]) => a - b)) {
    if (typeof value === 'string') {
      directory.push(key, Tag.GeoAsciiParams, value.length + 1, texts.length);
      texts += `${value}|`;
    } else if (typeof value === 'number' && isCode(key, value)) directory.push(key, 0, 1, value);
    else {
      const numbers = typeof value === 'number' ? [value] : value;
      directory.push(key, Tag.GeoDoubleParams, numbers.length, doubles.length);
      doubles.push(...numbers);
    }
  }
  const entries: Entry[] = [{ tag: Tag.GeoKeyDirectory, type: 'short', values: directory }];
  if (doubles.length > 0) entries.push({ tag: Tag.GeoDoubleParams, type: 'double', values: doubles });
  if (texts) entries.push(asciiEntry(Tag.GeoAsciiParams, texts));
  return entries;
}
