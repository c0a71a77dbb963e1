/** One file out of a zip. */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Entry, openPromise } from 'yauzl';
import { Problem } from '../../errors/problem.ts';

/** Of a file that is read into memory. */
const MOST_BYTES = 16 << 20;

/** The bytes of a small file; null where there is none of this name. Throws Problem damaged_archive. */
export async function readFromZip(path: string, name: string): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const found = await withEntry(path, name, async (stream) => {
    for await (const chunk of stream) {
      bytes += chunk.length;
      if (bytes > MOST_BYTES)
        throw new Problem('limit_exceeded', `"${name}" in the archive has more than ${MOST_BYTES} bytes.`);
      chunks.push(chunk as Buffer);
    }
  });
  return found ? Buffer.concat(chunks) : null;
}

/** Writes it to a file; false where there is none of this name. */
export const extractFromZip = (path: string, name: string, to: string): Promise<boolean> =>
  withEntry(path, name, (stream) => pipeline(stream, createWriteStream(to)));

async function withEntry(
  path: string,
  name: string,
  use: (stream: NodeJS.ReadableStream) => Promise<void>,
): Promise<boolean> {
  const zip = await openPromise(path, { autoClose: false }).catch((error: Error) => {
    throw new Problem('damaged_archive', `The ZIP archive cannot be read (${error.message}).`, { cause: error });
  });
  try {
    for await (const entry of zip.eachEntry() as AsyncIterable<Entry>) {
      if (entry.fileName !== name) continue;
      await use(await zip.openReadStreamPromise(entry));
      return true;
    }
    return false;
  } finally {
    zip.close();
  }
}
