/** How much room is free where this process writes, and whether that is enough to begin with something. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { noRoom } from '../../../errors/no-room.ts';
import { Problem } from '../../../errors/problem.ts';

/** Twice what the embedded database takes at a time for its log. */
export const MIN_FREE_BYTES = 32 * 2 ** 20;

export interface Room {
  /** Throws Problem no_room where less than the least room would be left when so many bytes have been written. */
  check(bytes?: number): Promise<void>;
  /** Bytes beyond the least room that this process may still write, where there is least. */
  free(): Promise<number>;
}

/** PLANIMETER_MIN_FREE_BYTES, or the usual. Throws Problem bad_request. */
export function minFreeBytes({ PLANIMETER_MIN_FREE_BYTES: text }: NodeJS.ProcessEnv): number {
  const bytes = text ? Number(text) : MIN_FREE_BYTES;
  if (Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  throw new Problem(
    'bad_request',
    `PLANIMETER_MIN_FREE_BYTES is a number of bytes, such as ${MIN_FREE_BYTES}, not "${text}".`,
  );
}

/** @param folders on the disks that matter; of those that are not there yet the next one above counts */
export function createRoom(folders: readonly string[], leastBytes: number): Room {
  const leftBytes = async () => Math.min(...(await Promise.all(folders.map(freeBytes))));
  return {
    free: async () => Math.max(0, (await leftBytes()) - leastBytes),
    async check(bytes = 0) {
      const left = await leftBytes();
      if (left >= leastBytes + bytes) return;
      const wanted = bytes > 0 ? ` ${roomText(bytes)} do not fit:` : '';
      throw noRoom(
        `Waiting for room:${wanted} ${roomText(left)} are free on the disk of the service, of which ` +
          `${roomText(leastBytes)} are to stay so. Whoever runs it makes room on it, and what waits goes on by itself.`,
      );
    },
  };
}

/** Of what this user may write; Infinity where the file system does not say. */
export async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize, blocks } = await statfs(folder);
    return blocks > 0 ? bavail * bsize : Number.POSITIVE_INFINITY;
  } catch (error) {
    const above = dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) return Number.POSITIVE_INFINITY;
    return freeBytes(above);
  }
}

/** Room on a disk in words, in MiB, or in GiB from ten of them on. */
export const roomText = (bytes: number): string =>
  bytes < 10 * 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
