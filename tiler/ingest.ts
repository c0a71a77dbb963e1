/**
 * An untrusted GeoTIFF becomes a working COG and a report of what was understood of it. Runs in the sandbox process;
 * row band by row band, so that memory follows the width.
 */
import {
  type Assumption,
  type Finding,
  type IngestLimits,
  openSource,
  type SceneHeader,
  type Source,
} from './examine.ts';
import type { Geotransform } from './geotransform.ts';
import { Problem } from './problem.ts';
import { RENDERING_ITEM, type Rendering, type ValueRange } from './rendering.ts';
import { createSamples, type Samples, type SampleType } from './samples.ts';
import { Photometric } from './tiff-tags.ts';
import { type BandRange, createRangeCounter, HIGH_SHARE, LOW_SHARE, type RangeCounter } from './value-range.ts';
import { createTiffWriter } from './write-tiff.ts';

export { type Assumption, DEFAULT_INGEST_LIMITS, type Finding, type IngestLimits } from './examine.ts';

export interface IngestReport {
  width: number;
  height: number;
  /** Of the source; the working COG keeps them all but alpha, which becomes its mask. */
  bands: number;
  /** Of the source and the working COG. */
  dtype: SampleType;
  /** What the networks and the map tiles are given of the working COG. */
  rendering: Rendering;
  epsg: number;
  /** Whether `epsg` names a geographic CRS. */
  geographic: boolean;
  geotransform: Geotransform;
  nodata: number | null;
  /** Mean red, green and blue of the valid pixels as rendered, rounded. */
  meanColour: [number, number, number];
  validPixels: number;
  findings: Finding[];
  assumptions: Assumption[];
}

export type InspectReport = SceneHeader;

/** What the header says. Throws the Problem with which `ingest` would refuse the file. */
export async function inspect(sourcePath: string, limits: IngestLimits): Promise<InspectReport> {
  const { raster, header } = await openSource(sourcePath, limits);
  await raster.close();
  return header;
}

/**
 * Writes the working COG: the file's own samples without loss (the colours of a colour table in place of its codes),
 * tiles of 512, ZSTD, averaged overviews, a mask where pixels can be invalid. Throws Problem and leaves nothing at
 * `workingPath` when the file is refused. `onProgress` gets shares from 0 to 1.
 */
export async function ingest(
  sourcePath: string,
  workingPath: string,
  limits: IngestLimits,
  onProgress: (share: number) => void,
): Promise<IngestReport> {
  const source = await openSource(sourcePath, limits);
  const { raster, image, header, maskable } = source;
  const { width, height, epsg, geographic, geotransform } = header;
  const working = workingBands(source);
  try {
    const writer = await createTiffWriter(workingPath, {
      width,
      height,
      bands: working.count,
      sampleType: image.sampleType,
      compression: 'zstd',
      geotransform,
      epsg,
      geographic,
      mask: maskable,
      overviews: 'average',
    });
    try {
      const rgb = working.rendered.map((band) => band - 1);
      const counter = createRangeCounter(image.sampleType, [...new Set(rgb)]);
      const { passes } = counter;
      let validPixels = 0;
      for await (const { rows, pixels, valid, share } of readRows(source)) {
        const own = working.take(pixels);
        validPixels += countValid(valid);
        counter.add(own, valid, working.count);
        await writer.writeRows(rows, own, ...(maskable ? [valid] : []));
        onProgress(share / passes);
      }
      if (validPixels === 0) {
        throw new Problem('empty_raster', 'All pixels of the image are nodata or transparent. Check its nodata value.');
      }
      if (passes === 2) {
        counter.nextPass();
        for await (const { pixels, valid, share } of readRows(source)) {
          counter.add(working.take(pixels), valid, working.count);
          onProgress((1 + share) / 2);
        }
      }
      const { rendering, meanColour, kind } = render(source, working.rendered, counter);
      await writer.finish({ [RENDERING_ITEM]: JSON.stringify(rendering) });
      const { compression: _, ...known } = header;
      const scaling = describeScaling(image.sampleType, image.bits, rendering, kind);
      return {
        ...known,
        rendering,
        meanColour,
        validPixels,
        findings: [...header.findings, ...scaling.findings],
        assumptions: [...header.assumptions, ...scaling.assumptions],
      };
    } catch (error) {
      await writer.abort();
      throw error;
    }
  } finally {
    await raster.close();
  }
}

interface Rows {
  rows: number;
  pixels: Samples;
  valid: Uint8Array;
  /** Of the scene, these rows included. */
  share: number;
}

/** The scene from top to bottom; the next rows are decoded while these are used. */
async function* readRows({ raster, bandRows, header: { width, height } }: Source): AsyncGenerator<Rows> {
  const read = (y: number) => {
    const window = raster.read(0, 0, y, width, Math.min(bandRows, height - y));
    window.catch(() => {}); // thrown when its turn comes
    return window;
  };
  let next = read(0);
  for (let y = 0; y < height; y += bandRows) {
    const window = await next;
    const rows = Math.min(bandRows, height - y);
    if (y + rows < height) next = read(y + rows);
    yield { rows, ...window, share: (y + rows) / height };
  }
  await next.catch(() => {});
}

interface WorkingBands {
  count: number;
  /** Numbers of red, green and blue in the working COG, the first being 1. */
  rendered: Rendering['bands'];
  /** The samples of the working COG's bands out of the file's. */
  take(pixels: Samples): Samples;
}

function workingBands({ image, raster, choice, colourTable }: Source): WorkingBands {
  const { bands, sampleType } = image;
  if (colourTable) {
    return { count: 3, rendered: [1, 2, 3], take: (codes) => applyColours(codes, bands, colourTable) };
  }
  const alpha = raster.alphaBand;
  if (alpha === null || bands === 1) return { count: bands, rendered: choice.bands, take: (pixels) => pixels };
  const kept = Array.from({ length: bands }, (_, band) => band).filter((band) => band !== alpha);
  const rendered = choice.bands.map((band) => kept.indexOf(band - 1) + 1) as Rendering['bands'];
  const take = (pixels: Samples) => {
    const pixelCount = pixels.length / bands;
    const out = createSamples(sampleType, pixelCount * kept.length);
    for (const [to, band] of kept.entries()) {
      for (let from = band, at = to; at < out.length; from += bands, at += kept.length) out[at] = pixels[from];
    }
    return out;
  };
  return { count: kept.length, rendered, take };
}

function applyColours(codes: Samples, bands: number, table: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((codes.length / bands) * 3);
  for (let from = 0, to = 0; to < rgb.length; from += bands, to += 3) {
    const entry = codes[from] * 3;
    rgb[to] = table[entry];
    rgb[to + 1] = table[entry + 1];
    rgb[to + 2] = table[entry + 2];
  }
  return rgb;
}

function countValid(valid: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < valid.length; i++) count += valid[i];
  return count;
}

/** The rendering that the counted samples ask for; 8-bit ones are taken as they are. */
function render({ image, colourTable }: Source, bands: Rendering['bands'], counter: RangeCounter) {
  const { bits, sampleType, photometric } = image;
  const inverted = photometric === Photometric.minIsWhite && bands[0] === bands[2];
  const white = colourTable || sampleType !== 'uint8' ? 255 : 2 ** bits - 1;
  const whole: ValueRange = inverted ? [white, 0] : [0, white];
  const byBand = new Map<number, BandRange>();
  const found = counter.finish(sampleType === 'uint8' ? whole : null);
  for (const [i, band] of [...new Set(bands)].entries()) byBand.set(band, found[i]);
  const rgb = bands.map((band) => byBand.get(band)!);
  const plain = sampleType === 'uint8' && white === 255 && !inverted;
  const flip = inverted && sampleType !== 'uint8';
  const ranges = rgb.map(({ range: [zero, full] }) => (flip ? [full, zero] : [zero, full]));
  const rendering: Rendering = { bands, ranges: plain ? null : (ranges as unknown as Rendering['ranges']) };
  const meanColour = rgb.map(({ mean }) => (flip ? 255 - mean : mean)) as IngestReport['meanColour'];
  return { rendering, meanColour, kind: rgb[0].kind };
}

/** How the samples became 8-bit ones, as an assumption that jobs repeat, and as a finding where it is a choice. */
function describeScaling(type: SampleType, bits: number, { bands, ranges }: Rendering, kind: BandRange['kind']) {
  const findings: Finding[] = [];
  const assumptions: Assumption[] = [];
  if (ranges) {
    const value = { bands, ranges };
    const share = (part: number) => `${Math.round(part * 100)} %`;
    const reasons = {
      declared: `The range of ${bits}-bit samples, spread over 0 to 255.`,
      levels: 'The values are the 256 even levels of 8-bit imagery; each was given its level.',
      percentiles: `From the ${share(LOW_SHARE)} to the ${share(HIGH_SHARE)} percentile of each band over the whole scene, spread over 0 to 255.`,
    };
    assumptions.push({ code: 'stretch', value, reason: reasons[kind] });
    if (kind === 'percentiles') {
      const message = `The networks take 8 bits a band; these ${type} values were brought there. ${reasons[kind]}`;
      const fix = 'gdal_translate -ot Byte -scale LOW HIGH 0 255 INPUT.tif OUTPUT.tif';
      findings.push({ code: 'scaled_to_8bit', severity: 'info', message, fix });
    }
  }
  return { findings, assumptions };
}
