/**
 * Looks for damage while the service runs: counts the features of all jobs when it starts, and compares each stored file
 * with its hash once in some days, slowly, while nothing else is done. What is found is noted and said once.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Problem } from '../../errors/problem.ts';
import { log } from '../log.ts';
import type { Database } from '../store/database/database.ts';
import type { CheckedFileStore, ReadFile } from '../store/files/checked-files.ts';
import { compareJobs, walkFiles } from './find-damage.ts';

const DAY_MS = 24 * 3600_000;
const INTERVAL_MS = 3600_000;
/** How long a start waits for the features to be counted; the rest is counted while the service answers. */
const START_MS = 2000;
/** After each piece of a file it rests so many times as long as reading it took. */
const REST = 4;
const PIECE_BYTES = 2 ** 20;
/** How often it looks whether work goes on, and how long it waits for its end before each file. */
const BUSY_MS = 10_000;
const MOST_WAIT_MS = 3600_000;

export interface Watch {
  /** Resolves when all features are counted, or after two seconds. */
  begun: Promise<unknown>;
  stop(): Promise<unknown>;
}

/** PLANIMETER_CHECK_DAYS: within how many days each stored file is compared once; 0: never. Throws Problem bad_request. */
export function checkDaysOf({ PLANIMETER_CHECK_DAYS: text }: NodeJS.ProcessEnv): number {
  const days = text ? Number(text) : 7;
  if (days >= 0 && days <= 3650) return days;
  throw new Problem(
    'bad_request',
    `PLANIMETER_CHECK_DAYS is a number of days, such as 7, or 0 for never, not "${text}".`,
  );
}

export function watchDamage(db: Database, files: CheckedFileStore, days: number): Watch {
  const control = new AbortController();
  const { signal } = control;
  const counted = compareJobs(db, signal).catch((error) => log.error('counting features failed', { error }));
  let walking: Promise<unknown> = counted;
  const walk = () => {
    walking = walking
      .then(() => walkSlowly(db, files, days, signal))
      .catch((error) => {
        if (!signal.aborted) log.error('looking for damaged files failed', { error });
      });
  };
  const timer = days > 0 ? setInterval(walk, INTERVAL_MS).unref() : undefined;
  if (days > 0) walk();
  return {
    begun: Promise.race([counted, rest(START_MS, signal)]),
    stop() {
      clearInterval(timer);
      control.abort();
      return walking;
    },
  };
}

async function walkSlowly(db: Database, files: CheckedFileStore, days: number, signal: AbortSignal): Promise<void> {
  const goOn = async () => {
    const until = Date.now() + MOST_WAIT_MS;
    while (!signal.aborted && Date.now() < until && (await isBusy(db))) await rest(BUSY_MS, signal);
    return !signal.aborted;
  };
  const before = new Date(Date.now() - days * DAY_MS);
  const { compared, recorded, damaged } = await walkFiles(db, files, { before, goOn, readFile: readSlowly(signal) });
  if (compared + recorded.length === 0) return;
  const counts = { compared, recorded: recorded.length, damaged: damaged.length };
  log.info('stored files were compared; those stored before there were hashes are recorded, not verified', counts);
}

async function isBusy(db: Database): Promise<boolean> {
  const [busy] = await db.query(
    `SELECT 1 FROM planimeter.jobs WHERE state = 'running'
     UNION ALL SELECT 1 FROM planimeter.scenes WHERE state = 'ingesting' LIMIT 1`,
  );
  return busy !== undefined;
}

const readSlowly =
  (signal: AbortSignal): ReadFile =>
  async (path) => {
    const hash = createHash('sha256');
    let started = performance.now();
    for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES, signal })) {
      hash.update(piece);
      await rest(REST * (performance.now() - started), signal);
      started = performance.now();
    }
    return hash.digest('hex');
  };

function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds);
    timer.unref();
    signal.addEventListener('abort', end);
    function end() {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    }
  });
}
