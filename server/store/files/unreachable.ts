/** Errors that say nothing of the work, but that the database or the file store could not be reached in the middle of it. */

/** The file store does not answer. */
export class StoreUnreachable extends Error {}

/** SQLSTATE classes 08 (connection exceptions) and 57P (the server stops or starts), 53300 (too many connections). */
const SQL_STATES = /^(08...|57P..|53300)$/;
const SYSTEM_ERRORS = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'];
/** What `pg` says of connections that end; these errors have no code. */
const LOST =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout exceeded when trying to connect)/;

export function isUnreachable(error: unknown): boolean {
  if (error instanceof StoreUnreachable) return true;
  const { code, message } = error as { code?: string; message?: string };
  return SQL_STATES.test(code ?? '') || SYSTEM_ERRORS.includes(code ?? '') || LOST.test(message ?? '');
}
