/** How large the pixels of images without a georeference are, and who says so. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { Network } from '../../models/registry.ts';
import { readNumber, WrongCall } from '../arguments.ts';

export interface GroundSize {
  gsdMetres: number;
  /** The end of a sentence: "by …". */
  reason: string;
  /** Nobody has said it. */
  assumed: boolean;
}

/** Of a folder of images: what was given, else what a manifest says, else what the network was trained at. */
export async function groundSizeOf(images: string, network: Network, given?: string): Promise<GroundSize> {
  if (given !== undefined) return { gsdMetres: readNumber('gsd', given), reason: 'as --gsd says', assumed: false };
  const told = await manifestGroundSize(images);
  if (told) return { ...told, assumed: false };
  const { id, gsdMetres } = network;
  if (gsdMetres === null) {
    throw new WrongCall(`nothing says which pixel size "${id}" was trained at: give the images' with --gsd`);
  }
  return { gsdMetres, reason: `the size that ${id} was trained at`, assumed: true };
}

/** A sentence for standard error; where nobody has said the size, what to do about it. */
export function groundSizeNotice({ gsdMetres, reason, assumed }: GroundSize): string {
  const size = `${gsdMetres} m per pixel`;
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
