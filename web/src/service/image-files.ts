/** Files that somebody chose or dropped → images to be sent, each with the files that describe it. */
import { t } from '../messages/index.ts';
import type { ErrorMessage } from './api.ts';

export interface ImageFiles {
  image: File;
  /** World file, projection, mask and the like: they lie beside the image in what is sent. */
  sidecars: readonly File[];
}

/** As the service knows them in a ZIP archive. */
const SIDECAR = /(\.tfw|\.tifw|\.tiffw|\.wld|\.prj|\.msk|\.aux\.xml|\.ovr)$/;
/** Made anew by the service: it belongs to its image, and is not sent. */
const OVERVIEWS = '.ovr';

/** A file that describes none of the images is told. */
export function groupFiles(files: readonly File[]): { images: ImageFiles[]; strays: ErrorMessage[] } {
  const described = files.filter(({ name }) => SIDECAR.test(name.toLowerCase()));
  const images = files
    .filter((file) => !described.includes(file))
    .map((image) => ({ image, sidecars: described.filter((file) => describes(file.name, image.name)) }));
  const used = new Set(images.flatMap(({ sidecars }) => sidecars));
  const strays = described.filter((file) => !used.has(file)).map(({ name }) => strayMessage(name));
  const sent = images.map(({ image, sidecars }) => {
    return { image, sidecars: sidecars.filter(({ name }) => !name.toLowerCase().endsWith(OVERVIEWS)) };
  });
  return { images: sent, strays };
}

/** `town.tfw`, `town.tif.tfw`: whatever the case. */
function describes(sidecar: string, image: string): boolean {
  const stem = sidecar.toLowerCase().replace(SIDECAR, '');
  const name = image.toLowerCase();
  return stem === name || stem === name.replace(/\.tiff?$/, '');
}

function strayMessage(name: string): ErrorMessage {
  return {
    code: 'not_a_tiff',
    title: t.error.stray,
    detail: t.error.strayDetail(name, `${name.replace(/(\.tiff?)?(\.aux)?\.\w+$/i, '')}.tif`),
  };
}

/** What can be said of a file before a byte of it is sent; null when nothing speaks against it. */
export async function refuseEarly({ image, sidecars }: ImageFiles, limitBytes: number): Promise<ErrorMessage | null> {
  // A folder that is dropped is a file that cannot be read.
  const head = await image
    .slice(0, 4)
    .arrayBuffer()
    .catch(() => null);
  if (head === null) {
    return { code: 'not_a_tiff', title: t.error.unreadable, detail: t.error.unreadableDetail(image.name) };
  }
  const magic = String.fromCharCode(...new Uint8Array(head));
  if (!['II*\0', 'MM\0*', 'II+\0', 'MM\0+', 'PK\x03\x04'].includes(magic)) {
    return { code: 'not_a_tiff', title: t.error.notTiff, detail: t.error.notTiffDetail(image.name) };
  }
  if ([image, ...sidecars].reduce((sum, { size }) => sum + size, 0) > limitBytes) {
    return { code: 'too_large', title: t.error.tooLarge, detail: t.error.tooLargeDetail(image.name) };
  }
  return null;
}

/** One file to send: the image itself, or with what describes it in a ZIP archive under the image's name. */
export async function packed({ image, sidecars }: ImageFiles): Promise<File> {
  if (sidecars.length === 0) return image;
  const { downloadZip } = await import('client-zip');
  const { name, lastModified } = image;
  return new File([await downloadZip([image, ...sidecars]).blob()], name, { type: 'application/zip', lastModified });
}
