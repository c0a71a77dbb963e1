/** Text files that people bring, in the encodings that their programs write: UTF-8, and UTF-16 as Windows saves it. */
import { readFile } from 'node:fs/promises';

/** Without the byte order mark. UTF-16 is known by its mark, or by the zeros beside the letters of ASCII that begin it. */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const little = (first === 0xff && second === 0xfe) || (first !== 0 && second === 0);
  const big = (first === 0xfe && second === 0xff) || (first === 0 && second !== 0 && second !== undefined);
  return new TextDecoder(little ? 'utf-16le' : big ? 'utf-16be' : 'utf-8').decode(bytes);
}

export const readText = async (path: string): Promise<string> => decodeText(await readFile(path));
