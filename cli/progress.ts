/** Progress on standard error: a bar on a terminal, a line every tenth of the way elsewhere. */
import { CLEAR_LINE } from './terminal.ts';

const BAR_WIDTH = 28;

export interface ProgressBar {
  /** `share` is 0..1. */
  update(label: string, share: number): void;
  /** Ends the line. */
  end(): void;
}

export function createProgressBar(): ProgressBar {
  const { isTTY } = process.stderr;
  let lastTenth = -1;
  let lastLabel = '';
  return {
    update(label, share) {
      const tenth = Math.floor(share * 10);
      if (isTTY) {
        const filled = Math.round(share * BAR_WIDTH);
        const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
        process.stderr.write(`${CLEAR_LINE}${bar} ${String(Math.round(share * 100)).padStart(3)} % ${label}`);
      } else if (tenth !== lastTenth || label !== lastLabel) {
        process.stderr.write(`${String(Math.round(share * 100)).padStart(3)} % ${label}\n`);
      }
      lastTenth = tenth;
      lastLabel = label;
    },
    end() {
      if (isTTY) process.stderr.write(CLEAR_LINE);
    },
  };
}
