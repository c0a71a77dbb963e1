/** Ctrl-C and SIGTERM. */

/** For so long the same signal may come again by another way: npm, a launcher and systemd pass on what all were sent. */
const SAME_SIGNAL_MS = 500;

/** Runs `stop` on the first of these signals; a second one, which somebody meant, ends the process at once. */
export function onSignal(signals: readonly NodeJS.Signals[], stop: (signal: NodeJS.Signals) => void): void {
  for (const signal of signals) {
    let firstMs: number | null = null;
    process.on(signal, () => {
      if (firstMs === null) {
        firstMs = performance.now();
        stop(signal);
      } else if (performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(1);
    });
  }
}
