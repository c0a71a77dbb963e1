/**
 * Connections to PostgreSQL for one kind of requests. A statement that the server does not end in time, for its libraries
 * do not always look whether they should, is given up: its connection is cut, and another takes its place. What still
 * computes at the server's end is counted, so that it does not pile up there.
 */
import type pg from 'pg';
import { log } from '../../log.ts';
import { createDeadlines, type Deadlines } from './statement-time.ts';
import { busy } from './turns.ts';

/** After its time, how much longer is waited for the server to end a statement. */
const GRACE_SECONDS = 2;

export interface Lane {
  deadlines: Deadlines;
  /**
   * Runs `use` on a connection that `prepare` made ready. Throws Problem busy where there is none within the pool's time,
   * or as many statements as the lane has connections were given up and still run.
   * @param seconds after which the statement of `use` is given up (Problem query_too_slow), a little later than the
   *   server should have ended it; however long without
   */
  use<T>(
    prepare: (client: pg.PoolClient) => Promise<void>,
    use: (client: pg.PoolClient) => Promise<T>,
    seconds?: number,
  ): Promise<T>;
  end(): Promise<void>;
}

/** @param other asked whether what was given up still runs */
export function createLane(pool: pg.Pool, most: number, other: pg.Pool): Lane {
  const deadlines = createDeadlines();
  /** Process ids of the server. */
  const givenUp = new Set<number>();

  async function forgetEnded(): Promise<void> {
    const seen = [...givenUp];
    const { rows } = await other.query<{ pid: number }>('SELECT pid FROM pg_stat_activity WHERE pid = ANY ($1)', [
      seen,
    ]);
    for (const pid of seen) if (!rows.some((row) => row.pid === pid)) givenUp.delete(pid);
  }

  async function connect(): Promise<pg.PoolClient> {
    if (givenUp.size >= most) await forgetEnded();
    if (givenUp.size >= most) throw busy();
    return pool.connect().catch((error: Error) => {
      throw isExhausted(error) ? busy(error) : error;
    });
  }

  return {
    deadlines,
    async use(prepare, use, seconds) {
      const client = await connect();
      let sound = false;
      const giveUp = async () => {
        sound = false;
        const { processID } = client as unknown as { processID: number };
        givenUp.add(processID);
        log.warn('a statement of a request does not end, and is given up', { backend: processID });
      };
      try {
        const work = async () => {
          await prepare(client);
          sound = true;
          return use(client);
        };
        return await (seconds === undefined ? work() : deadlines.hold(work, seconds, giveUp, GRACE_SECONDS));
      } finally {
        client.release(!sound); // of one that is not sound, the connection is cut
      }
    },
    end: () => pool.end(),
  };
}

/** SQLSTATE too_many_connections, and what the pool says when all of its own are in use. */
const isExhausted = ({ code, message }: Error & { code?: string }): boolean =>
  code === '53300' || message.startsWith('timeout exceeded');
