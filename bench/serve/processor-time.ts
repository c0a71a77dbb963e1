/** Processor time of processes and all their descendants: on a machine that others use too, it says more than the clock. */
import { readdirSync, readFileSync } from 'node:fs';

/** Of what Linux counts processor time in, in a second. */
const TICKS = 100;

interface Process {
  parent: number;
  ticks: number;
}

/** Milliseconds so far; those of descendants that have ended are counted with who waited for them. Linux alone tells. */
export function processorMilliseconds(roots: readonly number[]): number {
  const processes = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    const found = /^\d+$/.test(name) ? processOf(Number(name)) : null;
    if (found) processes.set(Number(name), found);
  }
  const belongs = (pid: number): boolean =>
    roots.includes(pid) || (processes.has(pid) && belongs(processes.get(pid)!.parent));
  let ticks = 0;
  for (const [pid, process] of processes) if (belongs(pid)) ticks += process.ticks;
  return (1000 * ticks) / TICKS;
}

/** Null where it has just ended. */
export function processOf(pid: number): Process | null {
  try {
    // proc(5): the name, in parentheses, may hold anything; then state, parent, …, utime, stime, cutime, cstime.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
      .map(Number);
    return { parent: fields[1]!, ticks: fields[11]! + fields[12]! + fields[13]! + fields[14]! };
  } catch {
    return null;
  }
}
