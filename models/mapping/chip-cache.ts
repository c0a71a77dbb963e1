/**
 * The answers of chips on disk, from inference until they are stitched. Each chip is recorded as soon as it is
 * finished, so that a run that died goes on where it was; what was begun and never finished is counted as an attempt.
 *
 * `answers.bin` holds the answers one after the other (ZSTD); `journal.ndjson` a line for each beginning and each end.
 */

import { closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs';
import { mkdir, open, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { writeAll } from '../../tiler/geotiff/write-all.ts';
import type { Ledger } from './ledger.ts';

/** What became of a chip: `nodata` and `outside` ones had nothing to compute. */
export type ChipState = 'done' | 'nodata' | 'outside' | 'failed';

export interface ChipRecord {
  row: number;
  column: number;
  state: ChipState;
  /** Of the core's pixels within the grid. */
  ledger: Omit<Ledger, 'pending'>;
  /** Why it failed. */
  reason?: string;
}

interface StoredRecord extends ChipRecord {
  position: number;
  bytes: number;
}

export interface ChipCache {
  /** Those of an earlier run too. */
  readonly records: ReadonlyMap<string, ChipRecord>;
  get(row: number, column: number): ChipRecord | undefined;
  /** How often the chip was begun and not finished. */
  attempts(row: number, column: number): number;
  begin(row: number, column: number): void;
  beginBatch(chips: readonly [row: number, column: number][]): void;
  /** Whether an earlier run died over the chip, alone or in a batch. */
  suspect(row: number, column: number): boolean;
  finish(record: ChipRecord, answer?: Uint8Array): Promise<void>;
  /** The answer of a chip that is done. */
  read(row: number, column: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

const ZSTD_LEVEL = 1;
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
type Place = [row: number, column: number];

const place = (row: number, column: number) => `${row}/${column}`;

/**
 * Opens the cache in `folder`. What is there is kept where it was written under the same `key` (all that the answers
 * depend on), and dropped otherwise.
 */
export async function openChipCache(folder: string, key: string): Promise<ChipCache> {
  await mkdir(folder, { recursive: true });
  const journalPath = join(folder, 'journal.ndjson');
  const answersPath = join(folder, 'answers.bin');
  const { records, begun, suspects, goodBytes } = await readJournal(journalPath, key);
  if (goodBytes === 0) await Promise.all([journalPath, answersPath].map((path) => rm(path, { force: true })));
  else await truncate(journalPath, goodBytes); // of a line that was being written
  const answers = await open(answersPath, goodBytes === 0 ? 'w+' : 'r+');
  const journal = openSync(journalPath, 'a');
  let journalBytes = goodBytes;
  let endedBytes = goodBytes;
  /** Of chips that are under way: where the line of their beginning is. */
  const underWay = new Map<string, { position: number; bytes: number }>();
  /** Where there is no room, what is under way counts as no attempt. */
  const forgetting = async (write: () => Promise<void>) => {
    try {
      await write();
    } catch (error) {
      ftruncateSync(journal, endedBytes);
      const lines = Array.from(underWay.values()).filter(({ position }) => position < endedBytes);
      await overwrite(journalPath, lines);
      throw error;
    }
  };
  const log = (line: unknown) => {
    const text = `${JSON.stringify(line)}\n`;
    writeFileSync(journal, text);
    journalBytes += Buffer.byteLength(text);
  };
  if (goodBytes === 0) log({ key });
  endedBytes = journalBytes;
  let end = 0;
  for (const { position, bytes } of records.values()) end = Math.max(end, position + bytes);

  return {
    records,
    get: (row, column) => records.get(place(row, column)),
    attempts: (row, column) => begun.get(place(row, column)) ?? 0,
    begin(row, column) {
      const at = place(row, column);
      begun.set(at, (begun.get(at) ?? 0) + 1);
      const position = journalBytes;
      log({ begin: [row, column] }); // at once: the process may not live to write it later
      underWay.set(at, { position, bytes: journalBytes - position });
    },
    beginBatch: (chips) => log({ batch: chips }),
    suspect: (row, column) => suspects.has(place(row, column)),
    async finish(record, answer) {
      const bytes = answer && (await compress(answer, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }));
      const stored: StoredRecord = { ...record, position: end, bytes: bytes?.length ?? 0 };
      end += stored.bytes;
      await forgetting(async () => {
        if (bytes) await writeAll(answers, bytes, stored.position);
        log(stored);
      });
      endedBytes = journalBytes;
      underWay.delete(place(record.row, record.column));
      records.set(place(record.row, record.column), stored);
    },
    async read(row, column) {
      const { position, bytes } = records.get(place(row, column))!;
      const compressed = Buffer.alloc(bytes);
      await answers.read(compressed, 0, bytes, position);
      return decompress(compressed);
    },
    async close() {
      closeSync(journal);
      await answers.close();
    },
  };
}

/** Lines of a journal become ones that say nothing; no room is needed for it. */
async function overwrite(path: string, lines: readonly { position: number; bytes: number }[]): Promise<void> {
  if (lines.length === 0) return;
  const file = await open(path, 'r+');
  try {
    for (const { position, bytes } of lines) await writeAll(file, Buffer.from(`${'{}'.padEnd(bytes - 1)}\n`), position);
  } finally {
    await file.close();
  }
}

async function readJournal(path: string, key: string) {
  const records = new Map<string, StoredRecord>();
  const begun = new Map<string, number>();
  const suspects = new Set<string>();
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  if (lines.length === 0 || lines[0] !== JSON.stringify({ key })) return { records, begun, suspects, goodBytes: 0 };
  let goodBytes = 0;
  for (const line of lines) {
    goodBytes += Buffer.byteLength(line) + 1;
    const entry = JSON.parse(line) as { key: string } | { begin: Place } | { batch: Place[] } | StoredRecord;
    if ('begin' in entry) {
      const at = place(...entry.begin);
      begun.set(at, (begun.get(at) ?? 0) + 1);
      suspects.add(at);
    } else if ('batch' in entry) {
      for (const each of entry.batch) suspects.add(place(...each));
    } else if ('state' in entry) {
      records.set(place(entry.row, entry.column), entry);
    }
  }
  return { records, begun, suspects, goodBytes };
}
