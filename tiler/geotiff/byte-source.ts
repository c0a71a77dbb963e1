/**
 * Where the bytes of a raster come from: a file here, or a file elsewhere that is read in place. A process that decodes
 * never connects to anything itself: for a file elsewhere it asks the process that started it, which alone knows the
 * address, the credentials and what is allowed. The path of such a file is that of its card, which ends in `.remote`.
 */
import { open } from 'node:fs/promises';

export interface ByteSource {
  /** Bytes of the whole file. */
  readonly size: number;
  /** GDAL metadata items that hold in place of the file's own. */
  readonly items?: Readonly<Record<string, string>>;
  /**
   * Fewer bytes than asked for where the file ends. They are in `into`, which has room for them, or in memory of their
   * own. Throws Problem where a file elsewhere cannot be had.
   */
  read(position: number, length: number, into?: Buffer): Promise<Buffer>;
  /** Ranges that will be read next: a source that answers from afar gets them together. */
  announce?(ranges: readonly ByteRange[]): void;
  close(): Promise<void>;
}

export type ByteRange = readonly [position: number, length: number];

export type OpenBytes = (path: string) => Promise<ByteSource>;

/** Ending of the cards of files that lie elsewhere. */
export const REMOTE_ENDING = '.remote';

export const isRemote = (path: string): boolean => path.endsWith(REMOTE_ENDING);

let openRemote: OpenBytes = async () => {
  throw new Error('files elsewhere are read in child processes alone');
};

/** Tells this process whom to ask for files elsewhere: once, as a child starts, for every reader would hand it on. */
export function readRemoteThrough(open: OpenBytes): void {
  openRemote = open;
}

export function openBytes(path: string): Promise<ByteSource> {
  return isRemote(path) ? openRemote(path) : openFile(path);
}

/** Headers lie at the front of most files and are read in hundreds of small parts: they are fetched as one. */
const HEAD_BYTES = 64 << 10;

async function openFile(path: string): Promise<ByteSource> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const fetch = async (position: number, length: number, into?: Buffer) => {
      const buffer = into ?? Buffer.allocUnsafeSlow(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(buffer, done, length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return buffer.subarray(0, done);
    };
    const head = await fetch(0, Math.min(size, HEAD_BYTES));
    return {
      size,
      async read(position, length, into) {
        if (position + length > head.length) return fetch(position, length, into);
        const part = into ?? Buffer.allocUnsafeSlow(length); // begins at byte 0 of its memory, as numbers want it
        return part.subarray(0, head.copy(part, 0, position, position + length));
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
