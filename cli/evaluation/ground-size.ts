/** How large the pixels of images are on the ground, and who says so. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { Network } from '../../models/registry.ts';
import { measureShape } from '../../server/geometry/geodesic.ts';
import { apply } from '../../tiler/crs/geotransform.ts';
import { transformKnown } from '../../tiler/crs/known-systems.ts';
import { openSamples, type Raster } from '../../tiler/geotiff/raster.ts';
import { isTiff } from '../../tiler/images/rgb-image.ts';
import { readNumber, WrongCall } from '../arguments.ts';

/** Along the rows and columns of an image. */
export interface PixelMetres {
  x: number;
  y: number;
}

export interface GroundSize {
  /** Of images that do not say it themselves; else of the middle one of those that do. */
  gsdMetres: number;
  /** The end of a sentence: "as … says". */
  reason: string;
  /** Nobody has said it. */
  assumed: boolean;
  /** By path, of those whose georeference says it. */
  own: ReadonlyMap<string, PixelMetres>;
}

/**
 * Of `files` in a folder: what was given, else what each one's georeference says, else what a manifest says, else what
 * the network was trained at. Throws a wrong call where nothing says it, and Problem for damaged files.
 */
export async function groundSizeOf(
  folder: string,
  files: readonly string[],
  network: Network,
  given?: string,
): Promise<GroundSize> {
  const own = new Map<string, PixelMetres>();
  if (given !== undefined) return { gsdMetres: readNumber('gsd', given), reason: 'as --gsd says', assumed: false, own };
  for (const path of files.filter(isTiff)) {
    const raster = await openSamples(path);
    await raster.close();
    const size = pixelMetresOf(raster);
    if (size) own.set(path, size);
  }
  if (own.size > 0 && own.size === files.length) {
    const sizes = [...own.values()].map(meanOf).sort((a, b) => a - b);
    const [least, gsdMetres, most] = [sizes[0], sizes[sizes.length >> 1], sizes.at(-1)!];
    const range = most > 1.02 * least ? `, ${rounded(least)} to ${rounded(most)} m each by its own` : '';
    return { gsdMetres, reason: `as their georeference says${range}`, assumed: false, own };
  }
  const told = await manifestGroundSize(folder);
  if (told) return { ...told, assumed: false, own };
  const { id, gsdMetres } = network;
  if (gsdMetres === null) {
    throw new WrongCall(`nothing says which pixel size "${id}" was trained at: give the images' with --gsd`);
  }
  return { gsdMetres, reason: `the size that ${id} was trained at`, assumed: true, own };
}

export const meanOf = ({ x, y }: PixelMetres): number => Math.sqrt(x * y);

/** Geodesic, at the centre; null for systems that are not known in closed form (degrees, Web Mercator and UTM are). */
export function pixelMetresOf({
  epsg,
  geotransform,
  width,
  height,
}: Pick<Raster, 'epsg' | 'geotransform' | 'width' | 'height'>): PixelMetres | null {
  if (epsg === null) return null;
  const [x, y] = [width / 2, height / 2];
  const ends = [
    apply(geotransform, x - 0.5, y),
    apply(geotransform, x + 0.5, y),
    apply(geotransform, x, y - 0.5),
    apply(geotransform, x, y + 0.5),
  ];
  const degrees = transformKnown(ends, epsg, 4326);
  if (!degrees) return null;
  const [along, down] = [degrees.slice(0, 2), degrees.slice(2)].map((line) =>
    measureShape({ kind: 'line', xy: Float64Array.from(line.flat()), ends: [2] }),
  );
  return along && down ? { x: along.lengthM, y: down.lengthM } : null;
}

const rounded = (metres: number): number => Number(metres.toPrecision(4));

/** A sentence for standard error; where nobody has said the size, what to do about it. */
export function groundSizeNotice({ gsdMetres, reason, assumed }: GroundSize): string {
  const size = `${rounded(gsdMetres)} m per pixel`;
  if (!assumed) return `Ground size of the images: ${size}, ${reason}.\n`;
  return (
    `WARNING: nothing says how large the pixels of these images are. They are taken as ${size}, ${reason};\n` +
    'if that is not so, the scores are wrong. Say it: --gsd M, or {"gsd_m": M} in a manifest.json beside the images.\n'
  );
}

/**
 * `manifest.json` in the folder of the images or in one of the two above it: `gsd_m` of the whole, or of the place
 * (`{"places": [{"place", "gsd_m"}]}`) whose folder the images are in.
 */
async function manifestGroundSize(images: string): Promise<{ gsdMetres: number; reason: string } | null> {
  const folder = resolve(images);
  for (const above of [folder, dirname(folder), dirname(dirname(folder))]) {
    const path = join(above, 'manifest.json');
    const text = await readFile(path, 'utf8').catch(() => null);
    if (text === null) continue;
    const [place = basename(folder)] = relative(above, folder).split(sep).filter(Boolean);
    const found = sizeIn(text, place);
    if (found) return { gsdMetres: found.gsdMetres, reason: `as ${path} says${found.of}` };
  }
  return null;
}

function sizeIn(text: string, place: string): { gsdMetres: number; of: string } | null {
  let manifest: { gsd_m?: unknown; places?: { place?: unknown; gsd_m?: unknown }[] };
  try {
    manifest = JSON.parse(text);
  } catch {
    return null; // whatever it is, it is no such manifest
  }
  const entry = Array.isArray(manifest?.places) ? manifest.places.find((each) => each?.place === place) : undefined;
  for (const [size, of] of [
    [entry?.gsd_m, ` of ${place}`],
    [manifest?.gsd_m, ''],
  ] as const) {
    if (typeof size === 'number' && size > 0 && Number.isFinite(size)) return { gsdMetres: size, of };
  }
  return null;
}
