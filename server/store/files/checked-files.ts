/**
 * Stored files that are known by their SHA-256, which the database has: noted when a file is stored, compared when it is
 * read. What was compared within the hour and has not been touched since is not read once more.
 */
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Problem } from '../../../errors/problem.ts';
import { sha256OfFile } from '../../../tiler/ingest/sha256.ts';
import { log } from '../../log.ts';
import type { Queryable } from '../database/database.ts';
import { type FileRecord, forgetRecords, getRecord, noteComparison, recordFile } from '../tables/stored-files.ts';
import type { FetchOptions, FileStore } from './file-store.ts';
import { adviceOn, damagedFile } from './remedy.ts';

/** Larger files are shown while they are compared: a quarter of a second, where the disk is as fast as the hash. */
const AT_ONCE_BYTES = 256 * 2 ** 20;
const LASTING_MS = 3600_000;
const MOST_REMEMBERED = 10_000;

/** SHA-256 of the file at a path. */
export type ReadFile = (path: string) => Promise<string>;

export interface CheckedFileStore extends FileStore {
  /**
   * Compares a stored file with what it is to hold, whatever is known of it, and notes what was found. Returns that in
   * words; null: nothing wrong, or no record of it.
   * @param readFile at full speed by default
   */
  compare(key: string, readFile?: ReadFile): Promise<string | null>;
  /** Notes what a file holds of which nothing is noted; false where it is gone, or another one was stored meanwhile. */
  record(key: string, readFile?: ReadFile): Promise<boolean>;
}

export interface CheckOptions {
  atOnceBytes?: number;
}

export function checkedFileStore(
  files: FileStore,
  db: Queryable,
  { atOnceBytes = AT_ONCE_BYTES }: CheckOptions = {},
): CheckedFileStore {
  /** Of files that were compared: what they were then, and until when that holds. */
  const sound = new Map<string, { version: string; untilMs: number }>();
  const comparing = new Map<string, Promise<string | null>>();

  const note = async ({ key, sha256 }: FileRecord, damage: string | null): Promise<string | null> => {
    const news = await noteComparison(db, { key, sha256 }, damage);
    if (news && damage !== null) log.error(`${key} is damaged: ${damage}. ${adviceOn(key)}`, { key });
    if (news && damage === null) log.info(`${key} is sound again`, { key });
    return damage;
  };

  const compareOnce = async (key: string, readFile: ReadFile): Promise<string | null> => {
    const record = await getRecord(db, key);
    if (!record) return null;
    let damage = await difference(record, readFile);
    if (damage !== null && files.forget) {
      await files.forget(key); // a copy on this machine's disk may be what is damaged
      damage = await difference(record, readFile);
    }
    // Another one may have been stored meanwhile, or it was removed.
    if (damage !== null && (await getRecord(db, key))?.sha256 !== record.sha256) return compareOnce(key, readFile);
    return note(record, damage);
  };

  const difference = async ({ key, bytes, sha256 }: FileRecord, readFile: ReadFile): Promise<string | null> => {
    const path = await pathIfThere(files, key);
    if (path === null) return 'it is not there any more';
    const state = await stat(path, { bigint: true });
    if (Number(state.size) !== bytes) return `it has ${state.size} bytes, and ${bytes} were stored`;
    if ((await readFile(path)) !== sha256) return 'its bytes are not those that were stored';
    if (sound.size >= MOST_REMEMBERED) sound.clear();
    sound.set(key, { version: versionOf(state), untilMs: Date.now() + LASTING_MS });
    return null;
  };

  const compare: CheckedFileStore['compare'] = (key, readFile = sha256OfFile) => {
    const running = comparing.get(key) ?? compareOnce(key, readFile).finally(() => comparing.delete(key));
    comparing.set(key, running);
    return running;
  };

  const isSound = async (key: string, path: string): Promise<boolean> => {
    const known = sound.get(key);
    return (
      known !== undefined &&
      known.untilMs > Date.now() &&
      known.version === versionOf(await stat(path, { bigint: true }))
    );
  };

  return {
    ...files,
    compare,
    async record(key, readFile = sha256OfFile) {
      const path = await pathIfThere(files, key);
      if (path === null) return false;
      const [sha256, { size }] = [await readFile(path), await stat(path)];
      if (await getRecord(db, key)) return false;
      await recordFile(db, { key, bytes: size, sha256 });
      return true;
    },
    async put(key) {
      const path = files.path(key);
      const [sha256, { size }] = [await sha256OfFile(path), await stat(path)];
      // Never of another file than is stored: without a record it is not compared.
      await forgetRecords(db, key);
      sound.delete(key);
      await files.put(key);
      if (isRecorded(key)) await recordFile(db, { key, bytes: size, sha256 });
    },
    async fetch(key, how: FetchOptions = {}) {
      const path = await pathIfThere(files, key);
      if (path !== null && (await isSound(key, path))) return path;
      const record = await getRecord(db, key);
      if (!record) return path ?? files.fetch(key);
      if (how.toShow && record.bytes > atOnceBytes && path !== null && (await stat(path)).size === record.bytes) {
        if (record.damage !== null) throw damagedFile(key, record.damage);
        compare(key).catch((error) => log.error(`comparing ${key} failed`, { error }));
        return path;
      }
      const damage = await compare(key);
      if (damage !== null) throw damagedFile(key, damage);
      return files.fetch(key);
    },
    async remove(prefix) {
      await forgetRecords(db, prefix);
      await files.remove(prefix);
    },
  };
}

/** Networks bring hashes of their own, and are also put by commands that know no database. */
const isRecorded = (key: string): boolean => /^(scenes|jobs)\//.test(key);

const versionOf = ({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string => `${ino}-${size}-${mtimeNs}-${ctimeNs}`;

async function pathIfThere(files: FileStore, key: string): Promise<string | null> {
  try {
    return await files.fetch(key);
  } catch (error) {
    if (error instanceof Problem && error.code === 'not_found') return null;
    throw error;
  }
}
