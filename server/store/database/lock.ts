/**
 * Holds a data folder for one process. The lock is an exclusive transaction on a small SQLite file: the operating
 * system lets go of it when the process dies, however it dies, so that a stale lock does not exist.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Problem } from '../../../errors/problem.ts';

interface Holder {
  pid: number;
  host: string;
  since: string;
}

const SQLITE_BUSY = 5;

/** A process that was just killed needs a moment to be gone. */
const PATIENCE_MS = 2000;

/** Locks of this process. One that nothing refers to would be closed, and so let go of, by the garbage collector. */
const held = new Set<DatabaseSync>();

/**
 * Makes the folder where it is missing. Throws Problem data_folder_locked. Returns what lets go of the lock.
 * @param remedy what whoever finds it locked can do
 */
export function lockFolder(folder: string, remedy = REMEDY): () => void {
  mkdirSync(folder, { recursive: true });
  const holderPath = join(folder, 'lock.json');
  const lock = new DatabaseSync(join(folder, 'lock.sqlite'), { timeout: PATIENCE_MS });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new Problem('data_folder_locked', `${folder} is in use by ${describeHolder(holderPath)}. ${remedy}`);
  }
  held.add(lock);
  const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  writeFileSync(holderPath, JSON.stringify(holder));
  return () => {
    if (!held.delete(lock)) return;
    rmSync(holderPath, { force: true });
    lock.close();
  };
}

const REMEDY = 'Stop that process, or give this one another folder (--data DIR or PLANIMETER_DATA).';

function describeHolder(path: string): string {
  try {
    const { pid, host, since } = JSON.parse(readFileSync(path, 'utf8')) as Holder;
    return `process ${pid} on ${host} since ${since}`;
  } catch {
    return 'another process'; // it has the lock but has not written its name yet
  }
}
