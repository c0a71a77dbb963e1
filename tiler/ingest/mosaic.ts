/**
 * Many adjacent GeoTIFFs of one CRS, pixel size and kind become one source, as if they had never been cut. A part is
 * open only while rows of it are read, so memory and open files follow the width. Where parts overlap, the one that was
 * named first is on top.
 */
import { basename } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import type { UserCrs } from '../crs/crs.ts';
import { apply, type Geotransform, invert } from '../crs/geotransform.ts';
import type { RasterOfFile, RasterWindow } from '../geotiff/raster.ts';
import { bytesPerSample, createSamples, type Samples } from '../geotiff/samples.ts';
import type { Window } from '../geotiff/window.ts';
import type { Finding } from './findings.ts';
import type { SidecarPaths } from './sidecars.ts';
import { type IngestLimits, openSource, type Source, type SourceHints } from './validate-source.ts';

export interface SourceFile {
  path: string;
  /** As messages call it; the last part of the path by default. */
  name?: string;
  sidecars?: SidecarPaths;
  /** In which the name was read, where that had to be assumed. */
  nameEncoding?: string | null;
}

const MOST_PARTS = 4096;
/** How far a part may be from the grid of the first; further, pixels would have to be resampled. */
const MOST_OFFSET_PIXELS = 0.1;
/** Smaller ones come of rounded numbers in headers. */
const TOLD_OFFSET_PIXELS = 0.001;
/** Share of the footprint that the parts must cover to be called adjacent. */
const LEAST_COVER = 0.01;
const WINDOW_BYTES = 8 << 20;
const MOST_ROWS = 256;
const FEWEST_ROWS = 16;

interface Part {
  file: SourceFile;
  /** Of its first pixel in the mosaic. */
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Opens one file, or several as one. The caller closes `raster`. Throws Problem, which names the file at fault. */
export async function openSources(
  files: readonly SourceFile[],
  limits: IngestLimits,
  hints: Pick<SourceHints, 'srs'> = {},
): Promise<Source> {
  const open = (file: SourceFile) => openSource(file.path, limits, { ...hints, sidecars: file.sidecars ?? {} });
  if (files.length === 1) {
    const source = await open(files[0]);
    return { ...source, header: { ...source.header, findings: [...source.header.findings, ...namesRead(files)] } };
  }
  if (files.length > MOST_PARTS) {
    throw new Problem('limit_exceeded', `The scene has ${files.length} files; at most ${MOST_PARTS} are put together.`);
  }
  const named = (file: SourceFile) => open(file).catch(blame(file));
  const first = await named(files[0]);
  await first.raster.close();
  const placed: Part[] = [];
  let worstOffset = 0;
  let maskable = false;
  for (const file of files) {
    const source = file === files[0] ? first : await named(file);
    await source.raster.close();
    checkSameKind(first, source, file, files[0]);
    const { part, offset } = placePart(first, source, file, files[0]);
    placed.push(part);
    worstOffset = Math.max(worstOffset, offset);
    maskable ||= source.maskable;
  }
  const { parts, width, height, left, top } = frame(placed);
  const area = parts.reduce((sum, part) => sum + part.width * part.height, 0);
  if (width * height > limits.pixels || area < LEAST_COVER * width * height) {
    throw new Problem(
      'limit_exceeded',
      `The files lie so far apart that together they span ${width} × ${height} pixels. Send those that are adjacent as one scene.`,
    );
  }
  const whole = area === width * height && !overlap(parts);
  const { header } = first;
  const [x, y] = apply(header.geotransform, left, top);
  const geotransform: Geotransform = [...header.geotransform];
  geotransform[0] = x;
  geotransform[3] = y;
  const findings = [...header.findings, ...namesRead(files)];
  if (worstOffset > TOLD_OFFSET_PIXELS) {
    const message = `The files are up to ${worstOffset.toFixed(3)} pixels off one common grid; they were moved onto it.`;
    findings.push({ code: 'parts_snapped', severity: 'info', message });
  }
  const reason = `Put together from so many files (${someNames(files)}); where they overlap, the first one is on top.`;
  const assumptions = [...header.assumptions, { code: 'files_joined', value: files.length, reason }];
  const bandRows = rowsAtOnce(width * header.bands * bytesPerSample(header.dtype));
  return {
    ...first,
    maskable: maskable || !whole,
    bandRows,
    header: { ...header, width, height, geotransform, findings, assumptions },
    raster: joinedRaster(first.raster, parts, width, height, (file) =>
      openSource(file.path, limits, { ...hints, sidecars: file.sidecars ?? {}, keepBlocks: true }),
    ),
  };
}

/** Says which of several files a problem is about. */
const blame =
  (file: SourceFile) =>
  (error: unknown): never => {
    if (error instanceof Problem) throw new Problem(error.code, `${nameOf(file)}: ${error.message}`, { cause: error });
    throw error;
  };

const nameOf = ({ name, path }: SourceFile): string => name ?? basename(path);

const MOST_NAMES = 4;

function someNames(files: readonly SourceFile[]): string {
  const names = files.slice(0, MOST_NAMES).map(nameOf);
  return names.join(', ') + (files.length > MOST_NAMES ? ` and ${files.length - MOST_NAMES} more` : '');
}

/** Says so where names had to be read in an encoding that nobody named. */
function namesRead(files: readonly SourceFile[]): Finding[] {
  const encoding = files.find(({ nameEncoding }) => nameEncoding)?.nameEncoding;
  if (!encoding) return [];
  const message = `The archive does not say how the names in it are encoded; they were read as ${encoding}: ${someNames(files)}. The names of files that belong together match in any case.`;
  return [{ code: 'archive_names_assumed', severity: 'info', message }];
}

const rowsAtOnce = (rowBytes: number): number =>
  Math.min(MOST_ROWS, Math.max(FEWEST_ROWS, Math.floor(WINDOW_BYTES / rowBytes)));

function checkSameKind(first: Source, other: Source, file: SourceFile, firstFile: SourceFile): void {
  const differ = (what: string, ours: unknown, theirs: unknown) => {
    if (ours === theirs) return;
    throw new Problem(
      'unsupported_raster',
      `${nameOf(file)} has ${what} ${theirs}, ${nameOf(firstFile)} ${ours}. Files of one scene must be alike; send this one by itself or convert it.`,
    );
  };
  const crs = ({ epsg, userCrs }: { epsg: number | null; userCrs: UserCrs | null }) =>
    epsg === null ? userCrs!.wkt : `EPSG:${epsg}`;
  differ('the coordinate reference system', crs(first.header), crs(other.header));
  differ('bands:', first.header.bands, other.header.bands);
  differ('the data type', first.header.dtype, other.header.dtype);
  differ('bits:', first.image.bits, other.image.bits);
  differ('the alpha band', first.raster.alphaBand, other.raster.alphaBand);
  differ('the colour interpretation', first.image.photometric, other.image.photometric);
  differ('the colour table', String(first.colourTable), String(other.colourTable));
  differ('red, green and blue in bands', first.choice.bands.join(), other.choice.bands.join());
}

/** Where a part lies on the grid of the first. */
function placePart(first: Source, other: Source, file: SourceFile, firstFile: SourceFile) {
  const { width, height, geotransform } = other.header;
  const toGrid = invert(first.header.geotransform);
  const [left, top] = apply(toGrid, geotransform[0], geotransform[3]);
  const [right, bottom] = apply(toGrid, ...apply(geotransform, width, height));
  const spread = Math.max(Math.abs(right - left - width), Math.abs(bottom - top - height));
  if (spread > MOST_OFFSET_PIXELS) {
    const sizes = [first, other].map(
      ({ header: { geotransform: g } }) => `${Math.hypot(g[1], g[4])} × ${Math.hypot(g[2], g[5])}`,
    );
    throw new Problem(
      'unsupported_raster',
      `${nameOf(file)} has pixels of ${sizes[1]}, ${nameOf(firstFile)} of ${sizes[0]} units, or lies at another angle. ` +
        'Bring them to one grid: gdalwarp -tr XSIZE YSIZE -tap INPUT.tif OUTPUT.tif',
    );
  }
  const offset = Math.max(Math.abs(left - Math.round(left)), Math.abs(top - Math.round(top)));
  if (offset > MOST_OFFSET_PIXELS) {
    throw new Problem(
      'unsupported_raster',
      `${nameOf(file)} lies ${offset.toFixed(2)} pixels off the grid of ${nameOf(firstFile)}. ` +
        'Bring them to one grid: gdalwarp -tr XSIZE YSIZE -tap INPUT.tif OUTPUT.tif',
    );
  }
  return {
    part: { file, left: Math.round(left), top: Math.round(top), width, height },
    offset: Math.max(offset, spread),
  };
}

/** The parts in the frame that just holds them all; `left` and `top`: its first pixel on the grid of the first part. */
function frame(placed: readonly Part[]) {
  const least = (of: (part: Part) => number) => placed.reduce((least, part) => Math.min(least, of(part)), Infinity);
  const left = least((part) => part.left);
  const top = least((part) => part.top);
  const width = -least((part) => -(part.left + part.width)) - left;
  const height = -least((part) => -(part.top + part.height)) - top;
  const parts = placed.map((part) => ({ ...part, left: part.left - left, top: part.top - top }));
  return { parts, width, height, left, top };
}

function overlap(parts: readonly Part[]): boolean {
  const sorted = [...parts].sort((a, b) => a.top - b.top);
  return sorted.some((a, i) => {
    for (let j = i + 1; j < sorted.length && sorted[j].top < a.top + a.height; j++) {
      if (sorted[j].left < a.left + a.width && a.left < sorted[j].left + sorted[j].width) return true;
    }
    return false;
  });
}

/** Reads one window after the other; parts are opened when rows of them are wanted and closed when none will be. */
function joinedRaster(
  like: RasterOfFile,
  parts: readonly Part[],
  width: number,
  height: number,
  open: (file: SourceFile) => Promise<Source>,
): RasterOfFile {
  const opened = new Map<Part, RasterOfFile>();
  let turn: Promise<unknown> = Promise.resolve();
  const read = async (window: Window) => {
    const { x, y } = window;
    const [right, bottom] = [x + window.width, y + window.height];
    const pixels = createSamples(like.sampleType, window.width * window.height * like.bands);
    const result = { pixels, valid: new Uint8Array(window.width * window.height) };
    for (const [part, raster] of opened) {
      if (part.top < bottom && part.top + part.height > y) continue;
      opened.delete(part);
      await raster.close();
    }
    const touched = parts.filter(
      (part) => part.left < right && part.left + part.width > x && part.top < bottom && part.top + part.height > y,
    );
    for (const part of touched) if (!opened.has(part)) opened.set(part, (await open(part.file)).raster);
    const windows = await Promise.all(
      touched.map(async (part) => {
        const [left, top] = [Math.max(x, part.left), Math.max(y, part.top)];
        const width = Math.min(right, part.left + part.width) - left;
        const height = Math.min(bottom, part.top + part.height) - top;
        const wanted = { x: left - part.left, y: top - part.top, width, height };
        const found = await opened.get(part)!.read(0, wanted).catch(blame(part.file));
        return { found, at: { x: left - x, y: top - y, width, height } };
      }),
    );
    for (const { found, at } of windows) paste(found, at, result, window.width, like.bands);
    return result;
  };
  return {
    ...like,
    width,
    height,
    levels: [{ width, height }],
    isEmpty: () => false,
    read(_level, window) {
      const result = turn.then(() => read(window));
      turn = result.catch(() => {});
      return result;
    },
    async close() {
      await turn;
      for (const raster of opened.values()) await raster.close();
      opened.clear();
    },
  };
}

/** Copies valid pixels to where there are none yet in the window `at` of `to`, whose rows have `columns` pixels. */
function paste(from: RasterWindow<Samples>, at: Window, to: RasterWindow<Samples>, columns: number, bands: number) {
  for (let row = 0; row < at.height; row++) {
    const source = row * at.width;
    const target = (at.y + row) * columns + at.x;
    const whole = !from.valid.subarray(source, source + at.width).includes(0);
    if (whole && !to.valid.subarray(target, target + at.width).includes(1)) {
      to.pixels.set(from.pixels.subarray(source * bands, (source + at.width) * bands), target * bands);
      to.valid.fill(1, target, target + at.width);
      continue;
    }
    for (let i = 0; i < at.width; i++) {
      if (from.valid[source + i] === 0 || to.valid[target + i] === 1) continue;
      to.valid[target + i] = 1;
      for (let band = 0; band < bands; band++) {
        to.pixels[(target + i) * bands + band] = from.pixels[(source + i) * bands + band];
      }
    }
  }
}
