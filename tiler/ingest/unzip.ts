/**
 * An untrusted ZIP archive of GeoTIFFs and the files beside them becomes files in one folder. Streamed; the files get
 * numbers for names, so that what the archive calls them touches no disk. Links are refused, and sizes are counted while
 * they are written, whatever the archive says of them.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { noRoomOf } from '../../errors/no-room.ts';
import { Problem } from '../../errors/problem.ts';
import { decodeNames, type RawName, rawName } from './archive-names.ts';
import { matchSidecars, nameKey, type SidecarPaths } from './sidecars.ts';

export interface UnzipLimits {
  /** Files in the archive that are of any use. */
  files: number;
  /** Of all of them, unpacked. */
  bytes: number;
}

export const DEFAULT_UNZIP_LIMITS: UnzipLimits = { files: 20_000, bytes: 256 * 2 ** 30 };

/** What an archive held. Paths are those of the files as they lie now. */
export interface Unzipped {
  /** In the order of their names; `name`: their path in the archive. */
  images: { path: string; name: string; sidecars: SidecarPaths }[];
  /** In which names were read that do not say theirs; null where none had to be assumed. */
  nameEncoding: string | null;
}

const USEFUL = /\.(tiff?|tfw|tifw|tiffw|wld|prj|msk|aux\.xml)$/i;
const IMAGE = /\.tiff?$/;
const NESTED = /\.(?:zip|7z|rar|tar|t?gz|bz2|xz)$/i;
const MOST_NAME_BYTES = 4096;
const UNIX_TYPE = 0o170000;
const SYMBOLIC_LINK = 0o120000;
/** How many names a message gives. */
const MOST_TOLD = 3;

const damaged = (detail: string, cause?: unknown): Problem =>
  new Problem('damaged_archive', `The ZIP archive ${detail}. Pack it anew and send it again.`, { cause });

const refused = (detail: string): Problem => new Problem('unsupported_archive', `The ZIP archive ${detail}`);

const encrypted = (): Problem =>
  refused('is encrypted. Pack it without a password and send it again, or send the GeoTIFFs in it.');

/** Compression methods that programs write and that are not read (APPNOTE.TXT, 4.4.5). */
const METHODS: ReadonlyMap<number, string> = new Map([
  [9, 'Deflate64'],
  [12, 'bzip2'],
  [14, 'LZMA'],
  [93, 'Zstandard'],
  [95, 'XZ'],
  [98, 'PPMd'],
]);

/** Unpacks into `folder`, which is gone when a Problem is thrown. */
export async function unzip(
  path: string,
  folder: string,
  limits: UnzipLimits,
  onProgress: (bytes: number) => void = () => {},
): Promise<Unzipped> {
  const zip = await openPromise(path, { decodeStrings: false, autoClose: false }).catch((error: Error) => {
    throw damaged(`cannot be read (${error.message})`, error);
  });
  zip.on('error', () => {}); // of closing it, which nobody waits for
  try {
    await mkdir(folder, { recursive: true });
    const { members, nameEncoding } = await listMembers(zip, limits.files);
    const files = new Map<string, string>();
    let bytes = 0;
    for (const [key, { entry }] of members) {
      const file = join(folder, String(files.size).padStart(5, '0') + extname(key));
      bytes = await extract(zip, entry, file, bytes, limits.bytes);
      files.set(key, file);
      onProgress(bytes);
    }
    const keys = [...files.keys()].filter((key) => IMAGE.test(key)).sort();
    const images = keys.map((key) => ({
      path: files.get(key)!,
      name: shown(members.get(key)!.name),
      sidecars: matchSidecars(key, files),
    }));
    return { images, nameEncoding };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  } finally {
    zip.close();
  }
}

interface Member {
  entry: Entry;
  /** Path in the archive. */
  name: string;
}

/** What is of use in the archive, by the keys of its names. Throws Problem. */
async function listMembers(zip: ZipFile, mostFiles: number) {
  const useful: { entry: Entry; raw: RawName }[] = [];
  const archives: RawName[] = [];
  for await (const entry of entriesOf(zip)) {
    const raw = rawName(entry);
    const text = raw.utf8 ?? raw.bytes.toString('latin1');
    if (NESTED.test(text) && archives.length < MOST_TOLD) archives.push(raw);
    if (!USEFUL.test(text)) continue;
    if (raw.bytes.length > MOST_NAME_BYTES) throw damaged(`holds a name of ${raw.bytes.length} bytes`);
    useful.push({ entry, raw });
    if (useful.length <= mostFiles) continue;
    throw new Problem('limit_exceeded', `The ZIP archive holds more than ${mostFiles} files.`);
  }
  const { names, encoding: nameEncoding } = decodeNames(useful.map(({ raw }) => raw));
  const members = new Map<string, Member>();
  for (const [i, { entry }] of useful.entries()) {
    const name = checkMember(entry, names[i]);
    if (name === null) continue;
    const other = members.get(nameKey(name));
    if (other) checkSame({ entry, name }, other);
    else members.set(nameKey(name), { entry, name });
  }
  if (![...members.keys()].some((key) => IMAGE.test(key))) throw noImages(zip, archives);
  return { members, nameEncoding };
}

function noImages({ entryCount }: ZipFile, archives: readonly RawName[]): Problem {
  const names = decodeNames(archives).names.map(shown).join(', ');
  const what = entryCount === 0 ? 'is empty' : 'holds no GeoTIFF (.tif)';
  const advice = names
    ? `, but other archives (${names}). Unpack these and send what is in them.`
    : ': send one that does.';
  return new Problem('not_a_tiff', `The ZIP archive ${what}${advice}`);
}

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry & { fileNameRaw: Buffer }> {
  try {
    yield* zip.eachEntry();
  } catch (error) {
    if (/strong encryption/.test((error as Error).message)) throw encrypted();
    throw damaged(`is damaged (${(error as Error).message})`, error);
  }
}

/**
 * The path of a member. Null for what is hidden or lies in hidden folders, and what macOS and storage systems add.
 * Throws Problem.
 */
function checkMember(entry: Entry, decoded: string): string | null {
  // Only now: the second byte of a character may be a backslash.
  const path = decoded.normalize('NFC').replaceAll('\\', '/');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const name = parts.join('/');
  if (parts.includes('..') || path.startsWith('/') || /^[a-z]:/i.test(path)) {
    throw refused(`holds a path that leads out of it (${shown(path)}). Pack the files with paths below one folder.`);
  }
  if (parts.some((part) => part.startsWith('.') || part === '__MACOSX' || part === '@eaDir')) return null;
  if (((entry.externalFileAttributes >>> 16) & UNIX_TYPE) === SYMBOLIC_LINK) {
    throw refused(`holds a link (${shown(name)}). Pack the file that it leads to instead.`);
  }
  if (entry.isEncrypted()) throw encrypted();
  if (!entry.canDecodeFileData()) {
    const method = METHODS.get(entry.compressionMethod) ?? `method ${entry.compressionMethod}`;
    throw refused(`holds ${shown(name)} compressed with ${method}. Pack it with Deflate or without compression.`);
  }
  return name;
}

/** Throws Problem where two members of one name are not the same. */
function checkSame(one: Member, other: Member): void {
  if (one.entry.crc32 === other.entry.crc32 && one.entry.uncompressedSize === other.entry.uncompressedSize) return;
  const names = one.name === other.name ? `${shown(one.name)} twice` : `${shown(other.name)} and ${shown(one.name)}`;
  throw refused(`holds ${names}, and they are not the same. Leave one of them out or give it a name of its own.`);
}

/** As messages give it: what would hide or turn the text is left out. */
const shown = (name: string): string => name.replace(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}');

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
    throw error instanceof Problem || noRoomOf(error)
      ? error
      : damaged(`is damaged (${(error as Error).message})`, error);
  }
  return bytes;
}
