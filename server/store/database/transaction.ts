/** BEGIN … COMMIT or ROLLBACK on a session, the same way for both engines. */
import type { Session } from './database.ts';

/**
 * Commits what `run` did, or rolls back when it throws. A statement that fails makes the whole fail, also when its
 * error is caught: PostgreSQL would answer the COMMIT with a silent ROLLBACK.
 */
export async function inTransaction<T>(session: Session, run: (q: Session) => Promise<T>): Promise<T> {
  let failure: unknown = null;
  const noted = (error: unknown): never => {
    failure ??= error;
    throw error;
  };
  await session.query('BEGIN');
  try {
    const result = await run({
      query: <R>(...statement: Parameters<Session['query']>) => session.query<R>(...statement).catch(noted),
      execute: (script) => session.execute(script).catch(noted),
    });
    if (failure) throw failure;
    await session.query('COMMIT');
    return result;
  } catch (error) {
    await session.query('ROLLBACK').catch(() => {}); // with a connection that is lost there is nothing to take back
    throw error;
  }
}
