/** What a child process may use of the machine: its priority, its memory, its time. */
import { closeSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import { Problem } from '../../errors/problem.ts';

/** Below the server, so that it answers while cores are busy. */
export function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // not allowed everywhere, and only a courtesy
  }
}

export interface ResidentMemory {
  bytes(): number;
  close(): void;
}

/**
 * Of a process: Linux tells it; elsewhere it is 0, and the heap limit holds. The file stays open and is read at once,
 * which costs a fifth of opening it each time.
 */
export function residentMemory(pid: number | undefined): ResidentMemory {
  const PAGE_BYTES = 4096;
  const text = Buffer.alloc(128);
  let file: number | null = null;
  try {
    file = openSync(`/proc/${pid}/statm`, 'r');
  } catch {} // not on Linux, or it has ended
  return {
    bytes() {
      if (file === null) return 0;
      try {
        const length = readSync(file, text, 0, text.length, 0);
        return Number(text.toString('latin1', 0, length).split(' ')[1] ?? 0) * PAGE_BYTES;
      } catch {
        return 0; // it has ended
      }
    },
    close() {
      if (file !== null) closeSync(file);
      file = null;
    },
  };
}

/** How often a child's wall time a busy machine may take. */
const MOST_TURNS = 3;
const BUSY_RETRY_SECONDS = 60;
/** A child that got this share of its wall time from a processor was slow itself. */
const OWN_SHARE = 0.8;

/** Ends a child whose time is over. */
export function limitTime(pid: number | undefined, wallMs: number, waits: boolean, end: (reason: Problem) => void) {
  let timer = setTimeout(look, wallMs);
  let turns = 1;
  let over = false;
  async function look() {
    const used = waits ? await processorMs(pid) : null;
    if (over) return;
    if (used === null || used >= OWN_SHARE * wallMs) return end(tooSlow(wallMs));
    if (turns++ < MOST_TURNS) {
      timer = setTimeout(look, wallMs);
      return;
    }
    const seconds = Math.round((MOST_TURNS * wallMs) / 1000);
    const detail = `The machine is too busy: in ${seconds} seconds this got ${(used / 1000).toFixed(1)} seconds of a processor. Try again later.`;
    end(new Problem('busy', detail, { retryAfterSeconds: BUSY_RETRY_SECONDS }));
  }
  return {
    stop() {
      over = true;
      clearTimeout(timer);
    },
  };
}

/** What a process and its threads got of processors so far; null where that is not told (Linux alone does). */
async function processorMs(pid: number | undefined): Promise<number | null> {
  const TICKS_PER_SECOND = 100;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  return Number.isFinite(user + system) && fields.length > 12 ? ((user + system) * 1000) / TICKS_PER_SECOND : null;
}

const tooSlow = (wallMs: number) =>
  new Problem('limit_exceeded', `Working on this took longer than the limit of ${wallMs / 1000} seconds.`);
