/** Rows of `planimeter.stored_files`: what stored files are to hold. */
import type { Queryable } from '../database/database.ts';

export interface FileRecord {
  key: string;
  bytes: number;
  sha256: string;
  checked_at: string;
  /** What was found when the file was last compared; null: nothing. */
  damage: string | null;
}

const COLUMNS = 'key, bytes, sha256, checked_at, damage';

export async function getRecord(q: Queryable, key: string): Promise<FileRecord | null> {
  const sql = `SELECT ${COLUMNS} FROM planimeter.stored_files WHERE key = $1`;
  return (await q.query<FileRecord>(sql, [key], { prepared: true }))[0] ?? null;
}

/** By key, of all files or of those in whose place others were found. */
export async function listRecords(q: Queryable, { damaged = false } = {}): Promise<FileRecord[]> {
  const which = damaged ? 'WHERE damage IS NOT NULL' : '';
  return q.query<FileRecord>(`SELECT ${COLUMNS} FROM planimeter.stored_files ${which} ORDER BY key`);
}

export async function recordFile(q: Queryable, { key, bytes, sha256 }: Pick<FileRecord, 'key' | 'bytes' | 'sha256'>) {
  await q.query(
    `INSERT INTO planimeter.stored_files (key, bytes, sha256) VALUES ($1, $2, $3)
     ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes, sha256 = excluded.sha256, checked_at = clock_timestamp(),
                                     damage = NULL`,
    [key, bytes, sha256],
  );
}

/** Notes what a comparison with this record found; null: nothing wrong. Returns whether that is news. */
export async function noteComparison(
  q: Queryable,
  { key, sha256 }: Pick<FileRecord, 'key' | 'sha256'>,
  damage: string | null,
): Promise<boolean> {
  const [before] = await q.query<{ damage: string | null }>(
    `UPDATE planimeter.stored_files f SET checked_at = clock_timestamp(), damage = $3
       FROM (SELECT damage FROM planimeter.stored_files WHERE key = $1 FOR UPDATE) AS before
      WHERE f.key = $1 AND f.sha256 = $2 RETURNING before.damage`,
    [key, sha256, damage],
  );
  return before !== undefined && before.damage !== damage;
}

/** Of the file or the folder of this name. */
export async function forgetRecords(q: Queryable, prefix: string): Promise<void> {
  await q.query(
    `DELETE FROM planimeter.stored_files WHERE key = $1 OR key >= $1 || '/' AND key < $1 || '0'`, // which follows the slash
    [prefix],
  );
}

/** Whether there is damage in the folder of this name. */
export async function hasDamage(q: Queryable, folder: string): Promise<boolean> {
  const [found] = await q.query(
    `SELECT 1 FROM planimeter.stored_files
      WHERE damage IS NOT NULL AND key >= $1 || '/' AND key < $1 || '0' LIMIT 1`,
    [folder],
  );
  return found !== undefined;
}
