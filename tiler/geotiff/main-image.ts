/**
 * Which of the images in a TIFF is the image: files begin with thumbnails or masks, hold several pages, keep their
 * overviews (or the image itself) in SubIFDs, and flag all or none of them as reduced.
 */
import { type Ifd, openTiff, readNumbers, type TiffFile } from './tiff-structure.ts';
import { Photometric, SubfileType, Tag } from './tiff-tags.ts';

export interface Directory {
  ifd: Ifd;
  /** In the file, the first being 1, as GTIFF_DIR of GDAL counts; those in SubIFDs follow. */
  number: number;
  width: number;
  height: number;
  kind: 'full' | 'reduced' | 'mask';
}

/** A file whose `ifds` begin with the image that is taken. */
export interface OpenedImage {
  tiff: TiffFile;
  taken: Directory;
  /** Other images of the file that one might have meant; overviews and masks of the one that is taken are none. */
  passedOver: Directory[];
}

/** Values of the old tag 255. */
const OLD_REDUCED = 2;

/**
 * Opens a file and finds its image: the largest that is not flagged as reduced, the first of several; where one is
 * flagged as reduced and yet larger, the flags are wrong and it is the largest of all. Throws Problem.
 */
export async function openMainImage(path: string, mostIfds: number): Promise<OpenedImage> {
  const tiff = await openTiff(path, mostIfds);
  try {
    const directories: Directory[] = [];
    for (const ifd of tiff.ifds) directories.push(await describe(tiff, ifd, directories.length + 1));
    const taken = mainOf(directories);
    const others = directories.filter((directory) => directory !== taken);
    const ifds = [taken, ...others].map(({ ifd }) => ifd);
    return { tiff: { ...tiff, ifds }, taken, passedOver: others.filter((other) => isAnother(other, taken)) };
  } catch (error) {
    await tiff.source.close();
    throw error;
  }
}

async function describe(tiff: TiffFile, ifd: Ifd, number: number): Promise<Directory> {
  const one = async (tag: number) => (await readNumbers(tiff, ifd, tag, 16))?.[0] ?? 0;
  const flags = await one(Tag.NewSubfileType);
  const mask = (flags & SubfileType.mask) !== 0 || (await one(Tag.PhotometricInterpretation)) === Photometric.mask;
  const reduced = (flags & SubfileType.reduced) !== 0 || (await one(Tag.SubfileType)) === OLD_REDUCED;
  const kind = mask ? 'mask' : reduced ? 'reduced' : 'full';
  return { ifd, number, width: await one(Tag.ImageWidth), height: await one(Tag.ImageLength), kind };
}

const pixels = ({ width, height }: Directory): number => width * height;

function mainOf(directories: readonly Directory[]): Directory {
  const largest = (among: readonly Directory[]): Directory | undefined =>
    among.reduce<Directory | undefined>(
      (most, each) => (most && pixels(most) >= pixels(each) ? most : each),
      undefined,
    );
  const full = largest(directories.filter(({ kind }) => kind === 'full'));
  const reduced = largest(directories.filter(({ kind }) => kind === 'reduced'));
  if (full && reduced) return pixels(reduced) > pixels(full) ? reduced : full;
  return full ?? reduced ?? directories[0];
}

/** Whether people may have meant this image; any that stands before the one that is taken is worth a word. */
function isAnother({ number, kind, ...size }: Directory, taken: Directory): boolean {
  if (kind === 'mask') return false;
  if (kind === 'full' || number < taken.number) return true;
  return size.width * size.height > pixels(taken) || !sameShape(size, taken);
}

/** Sides that were halved and rounded, perhaps many times, in the same way. */
function sameShape(one: { width: number; height: number }, { width, height }: Directory): boolean {
  const factor = Math.max(width / one.width, height / one.height);
  return Math.abs(one.width - width / factor) <= 2 && Math.abs(one.height - height / factor) <= 2;
}
