/** An outage of the database or the file store is told twice: when it is first met, and when it is over. */
import { log } from '../../log.ts';
import { isUnreachable } from './unreachable.ts';

/** An outage is over when nothing of it was met for so long. */
const QUIET_MS = 15_000;

interface Outage {
  begunMs: number;
  lastMs: number;
  met: number;
  over: NodeJS.Timeout;
}

let outage: Outage | null = null;

/** Logs an error; of one that says that database or file store are out of reach, only the first of many. */
export function logFault(message: string, error: unknown): void {
  if (!isUnreachable(error)) {
    log.error(message, { error });
    return;
  }
  const now = performance.now();
  if (outage) {
    Object.assign(outage, { lastMs: now, met: outage.met + 1 });
    outage.over.refresh();
    return;
  }
  log.error('the database or the file store is out of reach; what needs it waits, and is not logged again', { error });
  outage = { begunMs: now, lastMs: now, met: 1, over: setTimeout(end, QUIET_MS) };
  outage.over.unref();
}

function end(): void {
  const { begunMs, lastMs, met } = outage!;
  outage = null;
  log.warn('the database and the file store are in reach again', {
    seconds: Math.round((lastMs - begunMs) / 1000),
    met,
  });
}
