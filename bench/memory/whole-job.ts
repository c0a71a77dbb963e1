/** Peak memory of the processes of `planimeter segment` on a generated town, from the image to the features. Linux only. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeTown } from '../../synthetic/town/town.ts';

const PROGRAM = fileURLToPath(new URL('../../cli/planimeter.js', import.meta.url));
const WATCH_MS = 100;

export interface JobPeaks {
  /** Bytes, by what the process does; of several of a kind the largest. */
  byProcess: Record<string, number>;
  /** Of all processes at one moment, in bytes; pages that they share count for each. */
  together: number;
  seconds: number;
}

/** @param folder for the town, which stays there */
export async function peaksOfJob(folder: string, width: number, height: number): Promise<JobPeaks> {
  const { image } = await writeTown(join(folder, `town-${height}`), { seed: 5, width, height, gsdMetres: 1 });
  const started = performance.now();
  const job = spawn(process.execPath, [PROGRAM, 'segment', image, join(folder, `${height}.gpkg`)], {
    env: { ...process.env, PLANIMETER_DATA: join(folder, 'data') },
    stdio: 'ignore',
  });
  const peaks: JobPeaks = { byProcess: {}, together: 0, seconds: 0 };
  const watch = setInterval(() => look(job.pid!, peaks), WATCH_MS);
  const status = await new Promise((resolve) => job.once('exit', resolve));
  clearInterval(watch);
  if (status !== 0) throw new Error(`segment ended with ${status}`);
  return { ...peaks, seconds: (performance.now() - started) / 1000 };
}

function look(pid: number, peaks: JobPeaks): void {
  let together = 0;
  for (const each of treeOf(pid)) {
    try {
      const status = readFileSync(`/proc/${each}/status`, 'utf8');
      const bytes = (field: string) => 1024 * Number(new RegExp(`${field}:\\s*(\\d+) kB`).exec(status)?.[1] ?? 0);
      const entry = /([\w-]+)-entry\.ts/.exec(readFileSync(`/proc/${each}/cmdline`, 'utf8'));
      const name = each === pid ? 'segment' : entry?.[1];
      if (name === undefined) continue; // it begins
      peaks.byProcess[name] = Math.max(peaks.byProcess[name] ?? 0, bytes('VmHWM'));
      together += bytes('VmRSS');
    } catch {} // it has ended meanwhile
  }
  peaks.together = Math.max(peaks.together, together);
}

/** A process and all below it. */
function treeOf(pid: number): number[] {
  const children = threadsOf(pid).flatMap((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    } catch {
      return []; // it has ended meanwhile
    }
  });
  return [pid, ...children.flatMap(treeOf)];
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}
