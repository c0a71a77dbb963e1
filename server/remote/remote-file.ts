/**
 * A file elsewhere becomes a source of bytes: in pages, those that are wanted at about the same time merged into few
 * requests, and the latest ones kept for whoever asks next.
 */

import { Problem } from '../../errors/problem.ts';
import type { ByteSource } from '../../tiler/geotiff/byte-source.ts';
import type { Ranges, Version } from './request.ts';

/** Less than a usual tile, so that one costs little more than its own bytes. */
export const PAGE_BYTES = 32 << 10;
/** Headers lie together at the beginning of a COG. */
const FIRST_PAGES = 4;
/** Pages that nobody wants are fetched along where they lie between two that somebody does: cheaper than a request. */
const GAP_PAGES = 2;
const RUN_PAGES = 64;
const REQUESTS_AT_ONCE = 6;
/** That a decoder may ask for at once; its limits on blocks are below this. */
const MOST_READ_BYTES = 64 << 20;
const MOST_ANNOUNCED_BYTES = 256 << 20;

/** Pages of all files, the least recently used forgotten first. */
export interface PageCache {
  get(key: string): Promise<Buffer> | undefined;
  set(key: string, page: Promise<Buffer>): void;
}

export function createPageCache(mostBytes: number): PageCache {
  const pages = new Map<string, Promise<Buffer>>();
  return {
    get(key) {
      const page = pages.get(key);
      if (page) {
        pages.delete(key);
        pages.set(key, page);
      }
      return page;
    },
    set(key, page) {
      pages.set(key, page);
      page.catch(() => pages.get(key) === page && pages.delete(key));
      if (pages.size * PAGE_BYTES > mostBytes) pages.delete(pages.keys().next().value!);
    },
  };
}

interface Wanted {
  page: number;
  resolve(bytes: Buffer): void;
  reject(error: unknown): void;
}

/** `name`: of the file in the cache, another one for another version. */
export function remoteFile(
  name: string,
  ranges: Ranges,
  version: Version,
  cache: PageCache,
): Omit<ByteSource, 'items'> {
  const pageCount = Math.ceil(version.bytes / PAGE_BYTES);
  let wanted: Wanted[] = [];
  const runs: Wanted[][] = [];
  let running = 0;

  const page = (number: number): Promise<Buffer> => {
    const key = `${name} ${number}`;
    const known = cache.get(key);
    if (known) return known;
    const coming = new Promise<Buffer>((resolve, reject) => {
      if (wanted.length === 0) setImmediate(schedule);
      wanted.push({ page: number, resolve, reject });
    });
    cache.set(key, coming);
    return coming;
  };

  /** Those that were asked for in the same turn, in runs of neighbours. */
  const schedule = () => {
    let run: Wanted[] = [];
    for (const each of wanted.sort((a, b) => a.page - b.page)) {
      const [first] = run;
      const apart = run.length > 0 && each.page - run.at(-1)!.page > GAP_PAGES + 1;
      if (apart || (first && each.page - first.page >= RUN_PAGES)) {
        runs.push(run);
        run = [];
      }
      run.push(each);
    }
    runs.push(run);
    wanted = [];
    while (running < REQUESTS_AT_ONCE && runs.length > 0) void fetchRuns();
  };

  const fetchRuns = async () => {
    running++;
    for (let run = runs.shift(); run; run = runs.shift()) await fetchRun(run);
    running--;
  };

  const fetchRun = async (run: Wanted[]) => {
    const first = run[0].page;
    try {
      const end = Math.min(version.bytes, (run.at(-1)!.page + 1) * PAGE_BYTES);
      const { bytes } = await ranges.fetch(first * PAGE_BYTES, end, version);
      for (const { page: number, resolve } of run) {
        const at = (number - first) * PAGE_BYTES;
        resolve(Buffer.from(bytes.subarray(at, at + PAGE_BYTES))); // a copy, so that the rest can go
      }
    } catch (error) {
      for (const { reject } of run) reject(error);
    }
  };

  return {
    size: version.bytes,
    async read(position, length) {
      if (!(position >= 0 && length >= 0 && position + length <= version.bytes && length <= MOST_READ_BYTES)) {
        throw new Problem(
          'damaged_tiff',
          `The file points to bytes ${position} to ${position + length}, which it lacks.`,
        );
      }
      const first = Math.floor(position / PAGE_BYTES);
      const last = Math.ceil((position + length) / PAGE_BYTES);
      const pages: Promise<Buffer>[] = [];
      for (let number = first; number < last; number++) pages.push(page(number));
      for (let number = last; first === 0 && number < Math.min(FIRST_PAGES, pageCount); number++) {
        page(number).catch(() => {}); // told to whoever reads it
      }
      const start = position - first * PAGE_BYTES;
      return Buffer.concat(await Promise.all(pages)).subarray(start, start + length);
    },
    announce(ranges) {
      let bytes = 0;
      for (const [position, length] of ranges) {
        bytes += length;
        if (bytes > MOST_ANNOUNCED_BYTES) return;
        const last = Math.min(pageCount, Math.ceil((position + length) / PAGE_BYTES));
        for (let number = Math.max(0, Math.floor(position / PAGE_BYTES)); number < last; number++) {
          page(number).catch(() => {}); // told to whoever reads it
        }
      }
    },
    async close() {
      ranges.close();
    },
  };
}
