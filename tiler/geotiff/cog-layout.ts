/** What a tiled GeoTIFF is to be (`TiffLayout`) becomes the entries of its IFDs: TIFF 6.0, GeoTIFF 1.1, GDAL's tags. */
import type { UserCrs } from '../crs/crs.ts';
import { GeoKey } from '../crs/geo-key.ts';
import { type Geotransform, looksGeographic } from '../crs/geotransform.ts';
import { encodeGdalMetadata, type MetadataItem } from './gdal-metadata.ts';
import { geoKeyEntries } from './geo-keys.ts';
import { bytesPerSample, isFloat, type SampleType } from './samples.ts';
import { asciiEntry, Compression, type Entry, Photometric, SubfileType, Tag } from './tiff-tags.ts';

export interface TiffLayout {
  width: number;
  height: number;
  /** Pixel-interleaved. */
  bands: number;
  /** uint8 by default. */
  sampleType?: SampleType;
  compression: 'deflate' | 'zstd';
  /** Compresses differences of neighbours (predictor 2, of floating-point samples 3): less of most imagery. */
  predictor?: boolean;
  geotransform: Geotransform;
  /** Null where `userCrs` defines it. */
  epsg: number | null;
  userCrs?: UserCrs | null;
  /** Whether `epsg` names a geographic CRS. Left out, it is told from the geotransform: see `looksGeographic`. */
  geographic?: boolean;
  nodata?: number;
  /** Colours of the classes 0, 1, ...; single band only. */
  palette?: readonly (readonly [number, number, number])[];
  /** Internal 1-bit mask; `writeRows` then takes `valid`. */
  mask?: boolean;
  /** Halved until both sides are at most 512. Averages and majorities are over valid pixels. */
  overviews: 'average' | 'majority' | 'none';
  /** At most so many of them. */
  overviewCount?: number;
  /** By band: overviews are of values clipped to these, the lower first; null: as they are. */
  overviewRanges?: readonly (readonly [low: number, high: number] | null)[];
  /** Pixels, a multiple of 16; 512 by default. */
  tileSize?: number;
  /** GDAL_METADATA items of the image, and those of its bands: their names, units, scales, offsets, statistics. */
  metadata?: Record<string, string>;
  bandMetadata?: readonly MetadataItem[];
}

/** Where each tile begins and how many bytes it has, in raster order of the tiles. */
export interface TilePlaces {
  position: Float64Array;
  bytes: Float64Array;
}

interface TiledLevel {
  width: number;
  height: number;
  tileSize: number;
  places: TilePlaces;
}

/** Value of key 1025. */
const PIXEL_IS_AREA = 1;

/** Both sides of the coarsest overview are at most this. */
const COARSEST = 512;

/** Sizes of full resolution and overviews: halved, rounded up, until both sides are at most 512. */
export function levelSizes({
  width,
  height,
  overviews,
  overviewCount = Number.POSITIVE_INFINITY,
}: Pick<TiffLayout, 'width' | 'height' | 'overviews' | 'overviewCount'>): { width: number; height: number }[] {
  const sizes = [{ width, height }];
  const most = overviews === 'none' ? 0 : overviewCount;
  for (
    let last = sizes[0];
    sizes.length <= most && Math.max(last.width, last.height) > COARSEST;
    last = sizes.at(-1)!
  ) {
    sizes.push({ width: (last.width + 1) >> 1, height: (last.height + 1) >> 1 });
  }
  return sizes;
}

function tileEntries(level: TiledLevel, subfile: number, compression: number): Entry[] {
  return [
    { tag: Tag.NewSubfileType, type: 'long', values: [subfile] },
    { tag: Tag.ImageWidth, type: 'long', values: [level.width] },
    { tag: Tag.ImageLength, type: 'long', values: [level.height] },
    { tag: Tag.Compression, type: 'short', values: [compression] },
    { tag: Tag.PlanarConfiguration, type: 'short', values: [1] },
    { tag: Tag.TileWidth, type: 'long', values: [level.tileSize] },
    { tag: Tag.TileLength, type: 'long', values: [level.tileSize] },
    { tag: Tag.TileOffsets, type: 'offset', values: level.places.position },
    { tag: Tag.TileByteCounts, type: 'long', values: level.places.bytes },
  ];
}

/** The IFD of a level's mask. */
export function maskEntries(level: TiledLevel, reduced: boolean, layout: TiffLayout): Entry[] {
  const subfile = SubfileType.mask | (reduced ? SubfileType.reduced : 0);
  return [
    ...tileEntries(level, subfile, Compression[layout.compression]),
    { tag: Tag.BitsPerSample, type: 'short', values: [1] },
    { tag: Tag.SamplesPerPixel, type: 'short', values: [1] },
    { tag: Tag.PhotometricInterpretation, type: 'short', values: [Photometric.mask] },
  ];
}

/** Values of tag 339: 1 unsigned, 2 signed, 3 floating-point. */
const sampleFormat = (type: SampleType): number => (isFloat(type) ? 3 : type.startsWith('int') ? 2 : 1);

/** Value of tag 317. */
export const predictorOf = ({ predictor, sampleType }: TiffLayout): 1 | 2 | 3 =>
  predictor ? (isFloat(sampleType ?? 'uint8') ? 3 : 2) : 1;

/** The IFD of a level: full resolution, or `reduced`. */
export function imageEntries(level: TiledLevel, reduced: boolean, layout: TiffLayout): Entry[] {
  const { bands, palette, nodata, sampleType = 'uint8' } = layout;
  const photometric = palette ? Photometric.palette : bands >= 3 ? Photometric.rgb : Photometric.minIsBlack;
  const extraSamples = bands - (bands >= 3 ? 3 : 1);
  const entries: Entry[] = [
    ...tileEntries(level, reduced ? SubfileType.reduced : 0, Compression[layout.compression]),
    { tag: Tag.Predictor, type: 'short', values: [predictorOf(layout)] },
    { tag: Tag.BitsPerSample, type: 'short', values: new Array<number>(bands).fill(8 * bytesPerSample(sampleType)) },
    { tag: Tag.SamplesPerPixel, type: 'short', values: [bands] },
    { tag: Tag.PhotometricInterpretation, type: 'short', values: [photometric] },
    { tag: Tag.SampleFormat, type: 'short', values: new Array<number>(bands).fill(sampleFormat(sampleType)) },
  ];
  if (extraSamples > 0) {
    entries.push({ tag: Tag.ExtraSamples, type: 'short', values: new Array<number>(extraSamples).fill(0) });
  }
  if (palette) entries.push({ tag: Tag.ColorMap, type: 'short', values: colorMap(palette) });
  if (nodata !== undefined) entries.push(asciiEntry(Tag.GdalNodata, String(nodata).replace('Infinity', 'inf')));
  if (!reduced) {
    entries.push(...georeferenceEntries(layout));
    const ofImage = Object.entries(layout.metadata ?? {}).map(([name, text]) => ({
      name,
      text,
      band: null,
      role: null,
    }));
    const items = [...ofImage, ...(layout.bandMetadata ?? [])];
    if (items.length > 0) entries.push(asciiEntry(Tag.GdalMetadata, encodeGdalMetadata(items)));
  }
  return entries;
}

/** 256 reds, 256 greens, 256 blues of 16 bits each (TIFF 6.0, section 5). */
function colorMap(palette: NonNullable<TiffLayout['palette']>): number[] {
  return [0, 1, 2].flatMap((band) => Array.from({ length: 256 }, (_, code) => (palette[code]?.[band] ?? 0) * 257));
}

function georeferenceEntries({ geotransform, epsg, userCrs, geographic }: TiffLayout): Entry[] {
  const [x0, xPerColumn, xPerRow, y0, yPerColumn, yPerRow] = geotransform;
  const northUp = xPerRow === 0 && yPerColumn === 0 && xPerColumn > 0 && yPerRow < 0;
  const isGeographic = geographic ?? looksGeographic(geotransform);
  const crs: UserCrs['keys'] = userCrs?.keys ?? [
    [GeoKey.modelType, isGeographic ? 2 : 1],
    [isGeographic ? GeoKey.geodeticCrs : GeoKey.projectedCrs, epsg!], // checkLayout saw to it
  ];
  const keys = new Map([...crs, [GeoKey.rasterType, PIXEL_IS_AREA]]);
  const place: Entry[] = northUp
    ? [
        { tag: Tag.ModelPixelScale, type: 'double', values: [xPerColumn, -yPerRow, 0] },
        { tag: Tag.ModelTiepoint, type: 'double', values: [0, 0, 0, x0, y0, 0] },
      ]
    : [
        {
          tag: Tag.ModelTransformation,
          type: 'double',
          values: [xPerColumn, xPerRow, 0, x0, yPerColumn, yPerRow, 0, y0, 0, 0, 0, 0, 0, 0, 0, 1],
        },
      ];
  return [...place, ...geoKeyEntries(keys)];
}
