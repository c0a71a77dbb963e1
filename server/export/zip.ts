/** Texts and files → a zip, stored and not compressed. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { makeZip, predictLength } from 'client-zip';

/** The same files give the same bytes. */
const LAST_MODIFIED = new Date(1980, 0, 1);

/**
 * @param texts by their names in the zip, which come first
 * @param paths of files, by their names in the zip; each is opened when its turn comes
 * @returns the zip's bytes, to be read once, and how many they are
 */
export async function zipOf(
  texts: Readonly<Record<string, string>>,
  paths: Readonly<Record<string, string>>,
): Promise<{ bytes: bigint; stream: ReadableStream<Uint8Array> }> {
  const written = Object.entries(texts).map(([name, input]) => {
    return { name, lastModified: LAST_MODIFIED, input, size: Buffer.byteLength(input) };
  });
  const files = await Promise.all(
    Object.entries(paths).map(async ([name, path]) => {
      return { name, path, lastModified: LAST_MODIFIED, size: (await stat(path)).size };
    }),
  );
  function* entries() {
    yield* written;
    for (const { path, ...file } of files) yield { ...file, input: createReadStream(path) as AsyncIterable<Buffer> };
  }
  return { bytes: predictLength([...written, ...files]), stream: makeZip(entries()) };
}
