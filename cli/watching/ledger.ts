/**
 * What has landed, what became of it, and who is still to be told: a SQLite file, so that each step is there whole or not
 * at all, whenever the process dies.
 */
import { DatabaseSync } from 'node:sqlite';
import type { ProblemJson } from '../../errors/problem.ts';
import type { Found } from './watched.ts';

const SCHEMA = `
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS arrivals (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  place TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'mapped', 'failed')),
  arrived_at TEXT NOT NULL, finished_at TEXT,
  attempts INTEGER NOT NULL DEFAULT 0, due_ms INTEGER NOT NULL DEFAULT 0,
  sha256 TEXT, result TEXT, problem TEXT);
CREATE INDEX IF NOT EXISTS arrivals_name ON arrivals (place, name);
CREATE INDEX IF NOT EXISTS arrivals_sha256 ON arrivals (sha256) WHERE state = 'mapped';
CREATE INDEX IF NOT EXISTS arrivals_waiting ON arrivals (place, seq) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS deliveries (
  id TEXT PRIMARY KEY, seq INTEGER NOT NULL, body TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, due_ms INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given up')), said TEXT);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (due_ms, seq) WHERE state = 'waiting';
`;

/** What an image was mapped to. */
export interface Mapped {
  /** Path below the output folder. */
  output: string;
  job: string;
  model: string;
  counts: Record<string, number>;
  areas_m2: Record<string, number>;
}

export interface Arrival {
  /** In the order in which they landed, from 1. */
  seq: number;
  place: string;
  name: string;
  version: string;
  state: 'waiting' | 'mapped' | 'failed';
  arrived_at: string;
  finished_at: string | null;
  /** That failed for a reason that may pass. */
  attempts: number;
  sha256: string | null;
  result: Mapped | null;
  problem: ProblemJson | null;
}

export interface Delivery {
  /** By which the receiver knows it again. */
  id: string;
  body: string;
  attempts: number;
}

/** Somebody is to be told of it. */
export type Notice = Pick<Delivery, 'id' | 'body'>;

export type Ledger = ReturnType<typeof openLedger>;

/** Makes the file where it is missing. */
export function openLedger(path: string) {
  const sqlite = new DatabaseSync(path, { timeout: 5000 });
  sqlite.exec(SCHEMA);
  const latest = sqlite.prepare('SELECT * FROM arrivals WHERE place = ? AND name = ? ORDER BY seq DESC LIMIT 1');
  const arrivalOf = (row: unknown): Arrival | null => {
    if (!row) return null;
    const { result, problem, ...others } = row as Record<string, unknown>;
    const parsed = (text: unknown) => (text === null ? null : JSON.parse(String(text)));
    return { ...others, result: parsed(result), problem: parsed(problem) } as Arrival;
  };
  const one = (sql: string, ...values: (string | number)[]) => arrivalOf(sqlite.prepare(sql).get(...values));
  const inTransaction = (work: () => void) => {
    sqlite.exec('BEGIN IMMEDIATE');
    try {
      work();
      sqlite.exec('COMMIT');
    } catch (error) {
      sqlite.exec('ROLLBACK');
      throw error;
    }
  };
  const notify = (seq: number, { id, body }: Notice) =>
    // The same again where it was tried again: whoever had it before is told anew.
    sqlite.prepare('INSERT OR REPLACE INTO deliveries (id, seq, body) VALUES (?, ?, ?)').run(id, seq, body);

  return {
    /** Writes down what has landed, in this order. What is known in this version stays as it is. */
    note(place: string, found: readonly Found[]): void {
      const known = found.map(({ name }) => arrivalOf(latest.get(place, name)));
      if (found.every(({ version }, i) => known[i]?.version === version)) return;
      inTransaction(() => {
        for (const [i, { name, version }] of found.entries()) {
          const before = known[i];
          if (before?.version === version) continue;
          // What was not mapped yet, or could not be, is another file now.
          if (before && before.state !== 'mapped') {
            sqlite
              .prepare(`UPDATE arrivals SET version = ?, state = 'waiting', attempts = 0, due_ms = 0 WHERE seq = ?`)
              .run(version, before.seq);
          } else {
            sqlite
              .prepare('INSERT INTO arrivals (place, name, version, arrived_at) VALUES (?, ?, ?, ?)')
              .run(place, name, version, new Date().toISOString());
          }
        }
      });
    },

    /** Those that are to be mapped and need not wait for longer, in order. */
    *waiting(place: string, nowMs: number): Generator<Arrival> {
      const sql = `SELECT * FROM arrivals WHERE place = ? AND state = 'waiting' AND due_ms <= ? ORDER BY seq`;
      for (const row of sqlite.prepare(sql).iterate(place, nowMs)) yield arrivalOf(row)!;
    },

    /** The first image with these bytes that was mapped. */
    mappedBefore: (sha256: string): Arrival | null =>
      one(`SELECT * FROM arrivals WHERE sha256 = ? AND state = 'mapped' ORDER BY seq`, sha256),

    /** An image that lay under the same name, and was mapped, has the same bytes: nothing has landed. */
    touched({ seq, place, name, version }: Arrival, sha256: string): boolean {
      const before = one(
        `SELECT * FROM arrivals WHERE place = ? AND name = ? AND seq < ? AND state = 'mapped' ORDER BY seq DESC`,
        ...[place, name, seq],
      );
      if (before?.sha256 !== sha256) return false;
      inTransaction(() => {
        sqlite.prepare('DELETE FROM arrivals WHERE seq = ?').run(seq);
        sqlite.prepare('UPDATE arrivals SET version = ? WHERE seq = ?').run(version, before.seq);
      });
      return true;
    },

    mapped(seq: number, sha256: string, result: Mapped, notice: Notice | null): void {
      inTransaction(() => {
        sqlite
          .prepare(
            `UPDATE arrivals SET state = 'mapped', sha256 = ?, result = ?, problem = NULL, finished_at = ? WHERE seq = ?`,
          )
          .run(sha256, JSON.stringify(result), new Date().toISOString(), seq);
        if (notice) notify(seq, notice);
      });
    },

    failed(seq: number, problem: ProblemJson, notice: Notice | null): void {
      inTransaction(() => {
        sqlite
          .prepare(`UPDATE arrivals SET state = 'failed', problem = ?, finished_at = ? WHERE seq = ?`)
          .run(JSON.stringify(problem), new Date().toISOString(), seq);
        if (notice) notify(seq, notice);
      });
    },

    /** It failed for a reason that may pass. */
    postpone(seq: number, problem: ProblemJson, dueMs: number): void {
      sqlite
        .prepare('UPDATE arrivals SET attempts = attempts + 1, problem = ?, due_ms = ? WHERE seq = ?')
        .run(JSON.stringify(problem), dueMs, seq);
    },

    /** All that failed is to be tried again, and told again. Returns how many images. */
    retry(place: string): number {
      sqlite
        .prepare(`UPDATE deliveries SET state = 'waiting', attempts = 0, due_ms = 0 WHERE state = 'given up'`)
        .run();
      const { changes } = sqlite
        .prepare(`UPDATE arrivals SET state = 'waiting', attempts = 0, due_ms = 0 WHERE place = ? AND state = 'failed'`)
        .run(place);
      return Number(changes);
    },

    /** Those of a place, in the order in which they landed. */
    *list(place: string): Generator<Arrival> {
      for (const row of sqlite.prepare('SELECT * FROM arrivals WHERE place = ? ORDER BY seq').iterate(place)) {
        yield arrivalOf(row)!;
      }
    },

    counts(place: string): Record<Arrival['state'], number> {
      const rows = sqlite
        .prepare('SELECT state, count(*) AS n FROM arrivals WHERE place = ? GROUP BY state')
        .all(place);
      return { ...{ waiting: 0, mapped: 0, failed: 0 }, ...Object.fromEntries(rows.map(({ state, n }) => [state, n])) };
    },

    /** Whether a file of this name is an image's. */
    isTaken: (output: string): boolean =>
      sqlite.prepare(`SELECT 1 FROM arrivals WHERE result ->> 'output' = ? LIMIT 1`).get(output) !== undefined,

    /** Those that are to be delivered and need not wait for longer, in order. */
    due(nowMs: number, most: number): Delivery[] {
      const sql = `SELECT id, body, attempts FROM deliveries WHERE state = 'waiting' AND due_ms <= ? ORDER BY seq LIMIT ?`;
      return sqlite.prepare(sql).all(nowMs, most) as unknown as Delivery[];
    },

    delivered(id: string): void {
      sqlite.prepare(`UPDATE deliveries SET state = 'delivered', said = NULL WHERE id = ?`).run(id);
    },

    /** @param dueMs null: it is given up until somebody asks for another try */
    undelivered(id: string, said: string, dueMs: number | null): void {
      sqlite
        .prepare('UPDATE deliveries SET attempts = attempts + 1, said = ?, state = ?, due_ms = ? WHERE id = ?')
        .run(said, dueMs === null ? 'given up' : 'waiting', dueMs ?? 0, id);
    },

    /** How many are still to be delivered, of those that were tried less often. */
    undeliveredYet(attempts: number): number {
      const sql = `SELECT count(*) AS n FROM deliveries WHERE state = 'waiting' AND attempts < ?`;
      return Number(sqlite.prepare(sql).get(attempts)!.n);
    },

    close: () => sqlite.close(),
  };
}
