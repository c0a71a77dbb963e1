/** Many reports of progress become few writes: the latest, at most four times a second. */
import type { JobProgress } from '../http/types.ts';

const INTERVAL_MS = 250;

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
        console.error('progress was not stored:', error);
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
