/**
 * An untrusted ZIP archive of GeoTIFFs and the files beside them becomes files in one folder. Streamed; names are made
 * anew, links are refused, and sizes are counted while they are written, whatever the archive says of them.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { Problem } from '../../errors/problem.ts';

export interface UnzipLimits {
  /** Files in the archive that are of any use. */
  files: number;
  /** Of all of them, unpacked. */
  bytes: number;
}

export const DEFAULT_UNZIP_LIMITS: UnzipLimits = { files: 20_000, bytes: 256 * 2 ** 30 };

const USEFUL = /\.(tiff?|tfw|tifw|tiffw|wld|prj|msk|aux\.xml)$/i;
const UNIX_TYPE = 0o170000;
const SYMBOLIC_LINK = 0o120000;

const damaged = (detail: string, cause?: unknown): Problem =>
  new Problem('damaged_tiff', `The ZIP archive ${detail}. Pack it anew and send it again.`, { cause });

/** Returns the names of the GeoTIFFs, in order. Throws Problem; the folder is gone then. */
export async function unzip(
  path: string,
  folder: string,
  limits: UnzipLimits,
  onProgress: (bytes: number) => void = () => {},
): Promise<string[]> {
  const zip = await openPromise(path, { strictFileNames: true }).catch((error: Error) => {
    throw damaged(`cannot be read (${error.message})`, error);
  });
  zip.on('error', () => {}); // of closing it, which nobody waits for
  try {
    await mkdir(folder, { recursive: true });
    const names = new Set<string>();
    let bytes = 0;
    for await (const entry of entriesOf(zip)) {
      const name = nameFor(entry);
      if (name === null) continue;
      if (names.size >= limits.files) {
        throw new Problem('limit_exceeded', `The ZIP archive holds more than ${limits.files} files.`);
      }
      if (names.has(name.toLowerCase())) throw damaged(`holds ${name} twice`);
      names.add(name.toLowerCase());
      bytes = await extract(zip, entry, join(folder, name), bytes, limits.bytes);
      onProgress(bytes);
    }
    const images = [...names].filter((name) => /\.tiff?$/.test(name));
    if (images.length > 0) return images.sort();
    throw new Problem('not_a_tiff', 'The ZIP archive holds no GeoTIFF (.tif): send one that does.');
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  } finally {
    zip.close();
  }
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  try {
    yield* zip.eachEntry();
  } catch (error) {
    throw damaged(`is damaged (${(error as Error).message})`, error);
  }
}

/** Null for what is of no use: folders, other kinds of files, and what the Macintosh adds. */
function nameFor({ fileName, externalFileAttributes }: Entry): string | null {
  if (((externalFileAttributes >>> 16) & UNIX_TYPE) === SYMBOLIC_LINK) throw damaged(`holds a link (${fileName})`);
  const parts = fileName.split('/');
  const last = parts.at(-1)!;
  if (!USEFUL.test(last) || last.startsWith('.') || parts[0] === '__MACOSX') return null;
  // One folder: files of the same folder keep the same beginning.
  return parts
    .join('__')
    .replace(/[^\w.-]/g, '_')
    .toLowerCase()
    .slice(-200)
    .replace(/^\.+/, '');
}

async function extract(zip: ZipFile, entry: Entry, path: string, before: number, limit: number): Promise<number> {
  let bytes = before;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= limit) done(null, chunk);
      else done(new Problem('limit_exceeded', `The ZIP archive holds more than ${limit} bytes.`));
    },
  });
  try {
    await pipeline(await zip.openReadStreamPromise(entry), counted, createWriteStream(path, { flags: 'wx' }));
  } catch (error) {
    throw error instanceof Problem ? error : damaged(`is damaged (${(error as Error).message})`, error);
  }
  return bytes;
}
