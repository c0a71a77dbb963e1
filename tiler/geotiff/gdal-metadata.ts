/** The XML of tag 42112, in which GDAL keeps what TIFF has no tags for, becomes a list of items, and the other way round. */
import { readText, type TiffFile } from './tiff-structure.ts';
import { Tag } from './tiff-tags.ts';

export interface MetadataItem {
  name: string;
  text: string;
  /** The band that it is about, the first being 0; null: the whole image. */
  band: number | null;
  role: string | null;
}

const MOST_BYTES = 1 << 20;
const DATE_TIME_BYTES = 64;
const ITEM = /<Item\s([^<>]*)>([^<]*)<\/Item>/g;

/** Reads the items of the first image; none where there are none. */
export async function readGdalMetadata(tiff: TiffFile): Promise<MetadataItem[]> {
  const xml = (await readText(tiff, tiff.ifds[0], Tag.GdalMetadata, MOST_BYTES)) ?? '';
  return [...xml.matchAll(ITEM)].map(([, attributes, text]) => {
    const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? null;
    const sample = attribute('sample');
    return {
      name: plainText(attribute('name') ?? ''),
      text: plainText(plainText(text)), // GDAL escapes values twice
      band: sample === null ? null : Number(sample),
      role: attribute('role'),
    };
  });
}

/** The XML of items, as GDAL writes and reads it. */
export function encodeGdalMetadata(items: readonly MetadataItem[]): string {
  const quoted = (text: string) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
  const lines = items.map(({ name, text, band, role }) => {
    const sample = band === null ? '' : ` sample="${band}"`;
    const meaning = role === null ? '' : ` role="${quoted(role)}"`;
    // GDAL unescapes values once more after parsing the XML.
    return `  <Item name="${quoted(name)}"${sample}${meaning}>${quoted(quoted(text))}</Item>`;
  });
  return `<GDALMetadata>\n${lines.join('\n')}\n</GDALMetadata>`;
}

/** What a band's numbers mean, by GDAL's roles of items. */
const MEANINGS = ['description', 'unittype', 'scale', 'offset'];

/** Of the items, those that say what the bands' numbers mean, for a raster that keeps the given bands in that order. */
export function bandMeanings(items: readonly MetadataItem[], bands: readonly number[]): MetadataItem[] {
  return items.flatMap((item) => {
    const band = item.band === null ? -1 : bands.indexOf(item.band);
    return band >= 0 && item.role !== null && MEANINGS.includes(item.role) ? [{ ...item, band }] : [];
  });
}

function plainText(text: string): string {
  const plain = text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'");
  return plain.replaceAll('&amp;', '&');
}

/**
 * When the image was taken, as ISO 8601 without a zone, as far as the file knows: GDAL's ACQUISITIONDATETIME, else tag
 * 306 (which cameras set to the moment of the picture). Null where neither holds a time.
 */
export async function captureTime(tiff: TiffFile, items: readonly MetadataItem[]): Promise<string | null> {
  const acquired = items.find(({ name, band }) => name === 'ACQUISITIONDATETIME' && band === null)?.text;
  const text = acquired ?? (await readText(tiff, tiff.ifds[0], Tag.DateTime, DATE_TIME_BYTES)) ?? '';
  const [, year, month, day, time] = /^\s*(\d{4})[:-](\d\d)[:-](\d\d)(?:[ T](\d\d:\d\d:\d\d))?/.exec(text) ?? [];
  const iso = `${year}-${month}-${day}T${time ?? '00:00:00'}`;
  const taken = new Date(`${iso}Z`);
  return Number.isNaN(taken.getTime()) || taken.toISOString().slice(0, 10) !== iso.slice(0, 10) ? null : iso;
}

/** Texts by band of the items with a role, as `colorinterp` and `description`. */
export function bandTexts(items: readonly MetadataItem[], role: string): Map<number, string> {
  const texts = new Map<number, string>();
  for (const item of items) if (item.role === role && item.band !== null) texts.set(item.band, item.text);
  return texts;
}
