/** A file that takes fewer bytes than it is given (its disk is almost full) is given the rest, or the error is seen. */
import type { FileHandle } from 'node:fs/promises';

/** @param position bytes from the file's start; without, where the last write ended */
export async function writeAll(file: FileHandle, bytes: Uint8Array, position?: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done;
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at);
    done += bytesWritten;
  }
}
