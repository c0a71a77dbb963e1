/**
 * Files that lie beside a TIFF and say what it does not: .aux.xml (GDAL's PAM), world files, .prj, and .msk for the
 * valid pixels. Their names are found by those who may list the folder; their content is read in the sandbox.
 */
import { open, readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Geotransform } from '../crs/geotransform.ts';
import { decodeText } from './read-text.ts';

/** Paths of those that are there. */
export interface SidecarPaths {
  aux?: string;
  world?: string;
  prj?: string;
  mask?: string;
}

/** What the text files among them say. */
export interface Sidecars {
  /** WKT of .aux.xml, or else of .prj. */
  wkt: string | null;
  wktFrom: string;
  /** Of .aux.xml. */
  geotransform: Geotransform | null;
  worldFile: Geotransform | null;
  nodata: number | null;
}

export const NO_SIDECARS: Sidecars = { wkt: null, wktFrom: '', geotransform: null, worldFile: null, nodata: null };

const MOST_BYTES = 4 << 20;
const WORLD_ENDINGS = ['.tfw', '.tifw', '.tiffw', '.wld'];

/** Looks beside the file. */
export async function findSidecars(path: string): Promise<SidecarPaths> {
  const folder = dirname(path);
  const names = (await readdir(folder).catch(() => [])).map((name): [string, string] => [
    nameKey(name),
    join(folder, name),
  ]);
  return matchSidecars(nameKey(basename(path)), new Map(names));
}

/** What a name is compared by: its case does not count, nor how a system writes accents. */
export const nameKey = (name: string): string => name.normalize('NFC').toLowerCase();

/** Those of the files, by key of their name, that lie beside the one that is called so. */
export function matchSidecars(image: string, files: ReadonlyMap<string, string>): SidecarPaths {
  const stem = image.slice(0, image.length - extname(image).length);
  const first = (candidates: string[]) => candidates.map((name) => files.get(name)).find((file) => file !== undefined);
  const found = {
    aux: first([`${image}.aux.xml`, `${stem}.aux.xml`]),
    world: first(WORLD_ENDINGS.flatMap((ending) => [stem + ending, image + ending])),
    prj: first([`${stem}.prj`, `${image}.prj`]),
    mask: first([`${image}.msk`]),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** What cannot be understood counts as not being there. */
export async function readSidecars({ aux, world, prj }: SidecarPaths): Promise<Sidecars> {
  const xml = aux ? await readSmall(aux) : '';
  const element = (name: string) => new RegExp(`<${name}(?:\\s[^<>]*)?>([^<]*)</${name}>`).exec(xml)?.[1] ?? null;
  const auxWkt = element('SRS');
  const nodata = Number.parseFloat(element('NoDataValue') ?? '');
  const numbers = (element('GeoTransform') ?? '').split(',').map(Number);
  const prjWkt = prj ? (await readSmall(prj)).trim() : '';
  return {
    wkt: auxWkt ? unescaped(auxWkt) : prjWkt || null,
    wktFrom: auxWkt ? '.aux.xml' : '.prj',
    geotransform: usable(numbers),
    worldFile: world ? worldGeotransform(await readSmall(world)) : null,
    nodata: Number.isNaN(nodata) ? null : nodata,
  };
}

async function readSmall(path: string): Promise<string> {
  const handle = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0);
    return decodeText(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

const unescaped = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** Esri's world file: x per column, y per column, x per row, y per row, x and y of the centre of the first pixel. */
function worldGeotransform(text: string): Geotransform | null {
  const [xc, yc, xr, yr, x, y] = text
    .trim()
    .split(/\s+/)
    .map((number) => Number(number.replace(',', '.')));
  return usable([x - xc / 2 - xr / 2, xc, xr, y - yc / 2 - yr / 2, yc, yr]);
}

function usable(numbers: number[]): Geotransform | null {
  if (numbers.length !== 6 || !numbers.every(Number.isFinite)) return null;
  return numbers[1] * numbers[5] === numbers[2] * numbers[4] ? null : (numbers as Geotransform);
}
