/** What is used of the package `yauzl`, which comes without types. */
declare module 'yauzl' {
  import type { EventEmitter } from 'node:events';
  import type { Readable } from 'node:stream';

  export interface Entry {
    fileName: string;
    uncompressedSize: number;
    /** The upper half holds the Unix mode. */
    externalFileAttributes: number;
  }
  export interface ZipFile extends EventEmitter {
    readEntry(): void;
    openReadStream(entry: Entry, callback: (error: Error | null, stream: Readable) => void): void;
    close(): void;
  }
  export function open(
    path: string,
    options: { lazyEntries: boolean; strictFileNames: boolean },
    callback: (error: Error | null, zip: ZipFile) => void,
  ): void;
}
