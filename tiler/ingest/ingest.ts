/**
 * An untrusted GeoTIFF becomes a working COG and a report of what was understood of it. Runs in the sandbox process;
 * row band by row band, so that memory follows the width.
 */

import { isRemote } from '../geotiff/byte-source.ts';
import { bandMeanings } from '../geotiff/gdal-metadata.ts';
import type { RasterWindow } from '../geotiff/raster.ts';
import { bytesPerSample, type Samples, type SampleType } from '../geotiff/samples.ts';
import { createTiffWriter, type TiffWriter } from '../geotiff/write-tiff.ts';
import { RENDERING_ITEM, type Rendering, type ValueRange } from '../rendering/rendering.ts';
import { lookAtAlpha } from './alpha-look.ts';
import { createRangeCounter, type RangeCounter } from './band-statistics.ts';
import type { Assumption, Finding } from './findings.ts';
import { type ImageStatistics, IN_PLACE_WINDOWS, imageStatistics, STATISTICS_WINDOWS } from './image-statistics.ts';
import type { Location } from './locate.ts';
import { openSources, type SourceFile } from './mosaic.ts';
import { lookAtNodata } from './nodata-look.ts';
import { checkNotEmpty, countValid, describeScaling, scalingOf } from './scaling.ts';
import type { IngestLimits, SceneHeader, Source, SourceHints } from './validate-source.ts';
import { ALPHA_ITEM, type WorkingBands, workingBands, workingNames, workingRaster } from './working-bands.ts';

export interface IngestReport extends Location {
  width: number;
  height: number;
  /** Of the source; the working COG keeps them all but alpha that looks like one, which becomes its mask. */
  bands: number;
  /** Of the working COG's bands: what the file calls them, or null. */
  bandNames?: (string | null)[];
  /** Of the source and the working COG. */
  dtype: SampleType;
  /** What the networks and the map tiles are given of the working COG. */
  rendering: Rendering;
  nodata: number | null;
  /** When the image was taken, ISO 8601 without a zone, where the file says it. */
  capturedAt?: string | null;
  /** Mean red, green and blue of the valid pixels as rendered, rounded. */
  meanColour: [number, number, number];
  validPixels: number;
  /** Of an image that is read in place: full resolution, then overviews. */
  levels?: { width: number; height: number }[];
  /** Which file it is read from; the report of one that was copied has none. */
  inPlace?: { url: string; etag: string | null; modified: string | null; bytes: number };
  findings: Finding[];
  assumptions: Assumption[];
}

export interface InspectReport extends SceneHeader {
  /** Of the file's own samples; those of a colour table are its codes. */
  look: ImageStatistics;
  rendering: Rendering;
}

const sourceFiles = (sources: string | readonly SourceFile[]): readonly SourceFile[] =>
  typeof sources === 'string' ? [{ path: sources }] : sources;

const firstPath = (sources: string | readonly SourceFile[]): string => sourceFiles(sources)[0].path;

/** What the header and a look at the pixels say. Throws the Problem with which `ingest` would refuse the file. */
export async function inspect(
  sources: string | readonly SourceFile[],
  limits: IngestLimits,
  hints: Pick<SourceHints, 'srs'> = {},
): Promise<InspectReport> {
  const source = await openSources(sourceFiles(sources), limits, hints);
  const { image, raster, header } = source;
  try {
    const alpha = await lookAtAlpha(raster);
    const nodata = await lookAtNodata(raster);
    const working = workingBands(source, alpha !== null);
    const bandNames = workingNames(header, working);
    const findings = [...header.findings, alpha, nodata].filter((finding) => finding !== null);
    const scene = workingRaster(source, working);
    const blockSamples = image.blockWidth * image.blockHeight * image.bands;
    const most = isRemote(firstPath(sources)) ? IN_PLACE_WINDOWS : STATISTICS_WINDOWS;
    const windows = Math.max(2, Math.min(most, Math.floor(Math.sqrt(MOST_LOOKED_AT / blockSamples))));
    const bands = working.rendered;
    if (image.sampleType === 'uint8') {
      const rendering: Rendering = { bands, ranges: null };
      return { ...header, bandNames, findings, rendering, look: await imageStatistics(scene, rendering, windows) };
    }
    const values = await imageStatistics(scene, { bands, ranges: [WHOLE, WHOLE, WHOLE] }, windows);
    const rendering: Rendering = { bands, ranges: estimatedRanges(values, bands) };
    return { ...header, bandNames, findings, rendering, look: await imageStatistics(scene, rendering, windows) };
  } finally {
    await raster.close();
  }
}

/** Samples that are decoded to look at a file, at most. */
const MOST_LOOKED_AT = 64e6;
const WHOLE: ValueRange = [0, 255];

/** Percentiles of the sampled pixels; ingest takes those of all. */
function estimatedRanges({ bands }: ImageStatistics, rgb: Rendering['bands']): [ValueRange, ValueRange, ValueRange] {
  return rgb.map((number): ValueRange => {
    const [low, , , , high] = bands[number - 1]?.percentiles ?? [0, 0, 0, 0, 1];
    return high > low ? [low, high] : [low, low + 1];
  }) as [ValueRange, ValueRange, ValueRange];
}

/**
 * Writes the working COG: the file's own samples without loss (the colours of a colour table in place of its codes),
 * tiles of 512, ZSTD, averaged overviews, a mask where pixels can be invalid. Throws Problem and leaves nothing at
 * `workingPath` when the file is refused. `onProgress` gets shares from 0 to 1.
 */
export async function ingest(
  sources: string | readonly SourceFile[],
  workingPath: string,
  limits: IngestLimits,
  onProgress: (share: number) => void,
  hints: Pick<SourceHints, 'srs'> = {},
): Promise<IngestReport> {
  const source = await openSources(sourceFiles(sources), limits, hints);
  const { image, header, maskable } = source;
  const { width, height, epsg, userCrs, geographic, geotransform } = header;
  const look = async () => [await lookAtAlpha(source.raster), await lookAtNodata(source.raster)];
  const [alpha, nodata] = await look().catch(async (error) => {
    await source.raster.close();
    throw error;
  });
  const working = workingBands(source, alpha !== null);
  const distinct = [...new Set(working.rendered)];
  const counter = createRangeCounter(
    image.sampleType,
    distinct.map((band) => band - 1),
  );
  // What 8-bit samples become is known beforehand: they are counted while they are written.
  const countFirst = image.sampleType !== 'uint8';
  const passes = countFirst ? counter.passes + 1 : 1;
  try {
    let validPixels = 0;
    for (let pass = 1; pass < passes; pass++) {
      if (pass > 1) counter.nextPass();
      validPixels = await readAll(source, working, counter, (share) => onProgress((pass - 1 + share) / passes));
      checkNotEmpty(validPixels);
    }
    const scaling = scalingOf(source, working.rendered, counter);
    const writer = await createTiffWriter(workingPath, {
      width,
      height,
      bands: working.count,
      sampleType: image.sampleType,
      compression: 'zstd',
      predictor: true, // 5 to 36 % less of photographs
      geotransform,
      epsg,
      userCrs,
      geographic,
      mask: maskable,
      tileSize: tileSizeOf(width, working.count * bytesPerSample(image.sampleType)),
      overviews: 'average',
      ...(scaling.kind === 'percentiles' && { overviewRanges: clippingOf(scaling.rendering, working.count) }),
      metadata: {
        [RENDERING_ITEM]: JSON.stringify(scaling.rendering),
        ...(working.alpha !== null && { [ALPHA_ITEM]: String(working.alpha + 1) }),
      },
      bandMetadata: working.kept ? bandMeanings(source.raster.items, working.kept) : [],
    });
    try {
      const counting = countFirst ? null : counter;
      const onShare = (share: number) => onProgress((passes - 1 + share) / passes);
      validPixels = await readAll(source, working, counting, onShare, writer);
      checkNotEmpty(validPixels);
      await writer.finish();
    } catch (error) {
      await writer.abort();
      throw error;
    }
    const { compression: _, ...known } = header;
    const { findings, assumptions } = describeScaling(image, scaling);
    return {
      ...known,
      bandNames: workingNames(header, working),
      rendering: scaling.rendering,
      meanColour: scalingOf(source, working.rendered, counter).meanColour,
      validPixels,
      findings: [...header.findings, alpha, nodata, ...findings].filter((finding) => finding !== null),
      assumptions: [...header.assumptions, ...assumptions],
    };
  } finally {
    await source.raster.close();
  }
}

/** Hands the whole scene to the counter and to the writer; returns the number of valid pixels. */
async function readAll(
  source: Source,
  working: WorkingBands,
  counter: RangeCounter | null,
  onShare: (share: number) => void,
  writer?: TiffWriter,
): Promise<number> {
  let validPixels = 0;
  for await (const { rows, window, share } of readRows(source)) {
    if (window) {
      const own = working.take(window.pixels);
      validPixels += countValid(window.valid);
      counter?.add(own, window.valid, working.count);
      await writer?.writeRows(rows, own, ...(source.maskable ? [window.valid] : []));
    } else await writer?.skipRows(rows);
    onShare(share);
  }
  return validPixels;
}

/** Of a row of the working COG's tiles, of which several are held: scenes of many bands get smaller ones. */
const TILE_ROW_BYTES = 48 << 20;
const TILE_SIZES = [512, 256, 128, 64] as const;

function tileSizeOf(width: number, pixelBytes: number): number {
  const fitting = TILE_SIZES.find((size) => Math.ceil(width / size) * size * size * pixelBytes <= TILE_ROW_BYTES);
  return fitting ?? TILE_SIZES[TILE_SIZES.length - 1];
}

interface Rows {
  rows: number;
  /** Null where none of them was ever written. */
  window: RasterWindow<Samples> | null;
  /** Of the scene, these rows included. */
  share: number;
}

/** The scene from top to bottom; the next rows are decoded while these are used. */
async function* readRows({ raster, bandRows, header: { width, height } }: Source): AsyncGenerator<Rows> {
  // Two windows take turns, so that memory does not wait for the garbage collector.
  const windows: (RasterWindow<Samples> | undefined)[] = [];
  const read = async (y: number) => {
    const rows = Math.min(bandRows, height - y);
    if (raster.isEmpty(y, rows)) return null;
    const turn = (y / bandRows) % 2;
    const window = await raster.read(0, { x: 0, y, width, height: rows }, windows[turn]);
    windows[turn] ??= window;
    return window;
  };
  const begin = (y: number) => {
    const window = read(y);
    window.catch(() => {}); // thrown when its turn comes
    return window;
  };
  let next = begin(0);
  for (let y = 0; y < height; y += bandRows) {
    const window = await next;
    const rows = Math.min(bandRows, height - y);
    if (y + rows < height) next = begin(y + rows);
    yield { rows, window, share: (y + rows) / height };
  }
  await next.catch(() => {});
}

/**
 * Overviews are of clipped values where values will be clipped, as those of an 8-bit version of the scene are: else one
 * very bright roof would make its surroundings brighter in the one than in the other.
 */
function clippingOf({ bands, ranges }: Rendering, count: number): (ValueRange | null)[] {
  const clipping = new Array<ValueRange | null>(count).fill(null);
  for (const [i, band] of bands.entries()) {
    const [zero, full] = ranges![i];
    clipping[band - 1] = [Math.min(zero, full), Math.max(zero, full)];
  }
  return clipping;
}
