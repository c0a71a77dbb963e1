/**
 * The folder of the embedded database, and what is known of it. Nothing in it is removed that may be somebody's: only
 * what a start of ours began to lay out and did not finish, which says so itself. A database without its mark is put
 * aside.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Problem } from '../../../errors/problem.ts';
import { log } from '../../log.ts';
import { putAside } from '../files/put-aside.ts';

/** Stands within the database's folder, so that it goes wherever that is copied to. */
const MARK = 'planimeter.json';
interface Mark {
  state: 'being laid out' | 'whole' | 'put aside';
  since: string;
  /** Files without a byte when the database was last closed, until it is opened again: tables that hold nothing. */
  empty?: string[];
}

/** Beside the folder: for programs of before the record, which take a database without it for half of one. */
const READY = 'database.ready';

/** Without these there is no database to open; the engine would begin a new one in their place. */
const NEEDED = ['PG_VERSION', 'global/pg_control', 'base/1', 'pg_wal', 'pg_xact'];

/** PostgreSQL does not start without these folders, and programs that copy files leave out what is empty. */
const MAY_BE_EMPTY = [
  ...['pg_commit_ts', 'pg_dynshmem', 'pg_notify', 'pg_replslot', 'pg_serial', 'pg_snapshots', 'pg_stat', 'pg_stat_tmp'],
  ...['pg_subtrans', 'pg_tblspc', 'pg_twophase', 'pg_logical/mappings', 'pg_logical/snapshots'],
  ...['pg_wal/archive_status', 'pg_wal/summaries'],
];

export const filesOf = (folder: string): string => join(folder, 'database');

/**
 * Whether the folder holds a database to open; else one is to be laid out. Throws Problem database_put_aside where it is
 * not known that it is whole, and database_incomplete where parts are missing that cannot be made again.
 */
export async function findDatabase(folder: string): Promise<boolean> {
  const files = filesOf(folder);
  const { state = null, empty = [] } = (await readMark(files)) ?? {};
  const marked = existsSync(join(folder, READY));
  // No start has answered anybody from it.
  if (state === 'being laid out' && !marked) await rm(files, { recursive: true, force: true });
  const there = await namesIn(files);
  if (there.length === 0) {
    if (marked) throw incomplete(files, 'everything');
    const aside = (await namesIn(folder)).findLast((name) => /^database-\d{4}-/.test(name));
    if (aside) throw isPutAside(folder, join(folder, aside));
    return false;
  }
  if (!marked && (state === null || state === 'being laid out')) {
    const aside = await putAside(files);
    await writeMark(aside, 'put aside').catch(() => {}); // it only spares a second time
    throw isPutAside(folder, aside);
  }
  const missing = NEEDED.filter((name) => !existsSync(join(files, name)));
  if (missing.length > 0) throw incomplete(files, missing.join(', '));
  const isMissing = (name: string) => !existsSync(join(files, name));
  const [folders, tables] = [MAY_BE_EMPTY.filter(isMissing), empty.filter(isMissing)];
  for (const name of folders) await mkdir(join(files, name), { recursive: true });
  for (const name of tables) await writeFile(join(files, name), '', { flag: 'wx' });
  const left = [...folders, ...tables];
  if (left.length > 0) {
    const what = `${left.length} empty folders and files of the database were left out by whoever copied it`;
    log.warn(`${what}: they are made again`, { first: left[0] });
  }
  return true;
}

/** Until `markWhole` the next start may begin anew. */
export async function beginLayout(folder: string): Promise<void> {
  const files = filesOf(folder);
  await rm(files, { recursive: true, force: true });
  await mkdir(files, { recursive: true });
  await writeMark(files, 'being laid out');
}

/** A whole database that is written to from now on, whatever becomes of the process. */
export async function markWhole(folder: string): Promise<void> {
  const files = filesOf(folder);
  await writeMark(files, 'whole');
  const ready = join(folder, READY);
  if (!existsSync(ready)) await writeFile(ready, 'The database beside this file was laid out to the end.\n');
}

/** Of a database that was closed: programs that copy files may leave out those without a byte. */
export async function noteEmptyFiles(folder: string): Promise<void> {
  const files = filesOf(folder);
  const entries = await readdir(files, { recursive: true, withFileTypes: true });
  const empty: string[] = [];
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    if ((await stat(path)).size === 0) empty.push(relative(files, path));
  }
  await writeMark(files, 'whole', empty);
}

async function readMark(files: string): Promise<Mark | null> {
  try {
    return JSON.parse(await readFile(join(files, MARK), 'utf8')) as Mark;
  } catch {
    return null;
  }
}

async function writeMark(files: string, state: Mark['state'], empty?: string[]): Promise<void> {
  const path = join(files, MARK);
  const mark: Mark = { state, since: new Date().toISOString(), ...(empty && { empty }) };
  await writeFile(`${path}.new`, `${JSON.stringify(mark)}\n`);
  await rename(`${path}.new`, path);
}

const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });

const isPutAside = (folder: string, aside: string) =>
  new Problem(
    'database_put_aside',
    `The files in ${filesOf(folder)} may be a database, but not the mark that it was laid out to the end: programs that ` +
      `copy or synchronise files may have left it out. Nothing was removed; they are at ${aside}. To use them, put them ` +
      `back (mv "${aside}" "${filesOf(folder)}") and start again; to begin with an empty database, move them out of ${folder}.`,
  );

const incomplete = (files: string, missing: string) =>
  new Problem(
    'database_incomplete',
    `The database in ${files} lacks ${missing}, and nothing was changed. Is its disk mounted? Else restore the data ` +
      `folder from a backup, or move it away to begin with an empty one.`,
  );
