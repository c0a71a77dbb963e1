/** Tells errors that go away when there is room again (on a disk, in memory, for open files) from all others. */
import { Problem } from './problem.ts';

const FULL = 'the disk of the service is full; whoever runs it makes room on it';
const FILES = 'the service has as many files open as it may; whoever runs it raises that limit (ulimit -n)';
const MEMORY = 'the machine of the service has no memory left; whoever runs it ends what takes it';
const READ_ONLY = 'the disk of the service cannot be written to, it is mounted read-only; whoever runs it mends that';
const STORE = 'the bucket of the service takes nothing more; whoever runs it makes room there';

/** Codes of the system, SQLSTATEs of PostgreSQL, and codes of S3 in its several makes. */
const CODES: Readonly<Record<string, string>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EMFILE: FILES,
  ENFILE: FILES,
  EROFS: READ_ONLY,
  ENOMEM: MEMORY,
  '53100': FULL,
  '53200': MEMORY,
  InsufficientStorage: STORE,
  InsufficientCapacity: STORE,
  QuotaExceeded: STORE,
  XMinioStorageFull: STORE,
  XMinioAdminBucketQuotaExceeded: STORE,
  SlowDown: 'the bucket of the service asks for fewer requests',
};

/** The same of a program in WebAssembly (WASI's numbers), whose errors have no code. */
const WASI: Readonly<Record<number, string>> = { 51: FULL, 19: FULL, 33: FILES, 41: FILES, 69: READ_ONLY, 48: MEMORY };

/** Of libraries that hand on the text alone: PostgreSQL's and SQLite's words, and those of the C library. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/No space left on device|Disk quota exceeded|database or disk is full|\bENOSPC\b|\bEDQUOT\b/, FULL],
  [/Too many open files|\bEMFILE\b|\bENFILE\b/, FILES],
  [/Read-only file system|\bEROFS\b|attempt to write a readonly database/, READ_ONLY],
  [/Cannot allocate memory|\bENOMEM\b/, MEMORY],
];

/** HTTP's own status for it. */
const INSUFFICIENT_STORAGE = 507;
const RETRY_AFTER_S = 30;
const DEEPEST = 8;

/** Problem no_room where the error, or one that caused it, says that there is no room; else null. */
export function noRoomOf(error: unknown): Problem | null {
  let at = error;
  for (let depth = 0; depth < DEEPEST && typeof at === 'object' && at !== null; depth++) {
    if (at instanceof Problem && at.code === 'no_room') return at;
    const why = reasonOf(at);
    if (why) return noRoom(`Waiting for room: ${why}, and what waits goes on by itself.`, error);
    if (at instanceof AggregateError) at = at.errors.find(noRoomOf);
    else at = (at as Error).cause;
  }
  return null;
}

export const noRoom = (detail: string, cause?: unknown): Problem =>
  new Problem('no_room', detail, { cause, retryAfterSeconds: RETRY_AFTER_S });

function reasonOf(error: object): string | undefined {
  // Problems say what is wrong with somebody's input, whatever words they use.
  if (error instanceof Problem) return undefined;
  const { code, name, errno, message, status, syscall, $metadata } = error as Record<string, unknown>;
  if (typeof code === 'string' && Object.hasOwn(CODES, code)) return CODES[code];
  if (code === 'EAGAIN' && String(syscall).startsWith('spawn')) return MEMORY;
  if (typeof name === 'string' && Object.hasOwn(CODES, name)) return CODES[name];
  if (name === 'ErrnoError' && typeof errno === 'number') return WASI[errno];
  const answered = ($metadata as { httpStatusCode?: number } | undefined)?.httpStatusCode;
  if (status === INSUFFICIENT_STORAGE || answered === INSUFFICIENT_STORAGE) return STORE;
  return typeof message === 'string' ? WORDS.find(([pattern]) => pattern.test(message))?.[1] : undefined;
}
