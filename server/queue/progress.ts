/** Many reports of progress become few writes: the latest, at most four times a second. */
import type { JobProgress, Stage } from '../api/index.ts';
import { log } from '../log.ts';

const INTERVAL_MS = 250;

/** Share of a job's time that each stage takes on a CPU, for one progress bar over all of them. */
const STAGE_SHARES: readonly [Stage, number][] = [
  ['plan', 0.02],
  ['infer', 0.88],
  ['vectorize', 0.08],
  ['store', 0.02],
];

/** A stage's units with the share of the whole job. */
export function stageProgress(stage: Stage, done: number, total: number): JobProgress {
  const at = STAGE_SHARES.findIndex(([name]) => name === stage);
  const before = STAGE_SHARES.slice(0, at).reduce((sum, [, share]) => sum + share, 0);
  return { stage, done, total, share: before + STAGE_SHARES[at][1] * (total > 0 ? done / total : 1) };
}

export interface ProgressReporter {
  report(progress: JobProgress): void;
  /** Resolves when no write is under way and none will follow; what was not yet written is dropped. */
  end(): Promise<void>;
}

/** @param write stores progress; one call follows the other. What it throws is logged: progress is not the work. */
export function reportProgress(write: (progress: JobProgress) => Promise<void>): ProgressReporter {
  let latest: JobProgress | null = null;
  let timer: NodeJS.Timeout | null = null;
  let writing: Promise<void> = Promise.resolve();
  let lastWrite = Number.NEGATIVE_INFINITY;
  let ended = false;

  const flush = () => {
    writing = writing.then(async () => {
      timer = null;
      const progress = latest;
      latest = null;
      if (!progress || ended) return;
      lastWrite = performance.now();
      try {
        await write(progress);
      } catch (error) {
        log.error('progress was not stored', { error });
      }
      schedule();
    });
  };
  const schedule = () => {
    if (!latest || timer || ended) return;
    timer = setTimeout(flush, Math.max(0, lastWrite + INTERVAL_MS - performance.now()));
  };

  return {
    report(progress) {
      latest = progress;
      schedule();
    },
    async end() {
      ended = true;
      if (timer) clearTimeout(timer);
      await writing;
    },
  };
}
