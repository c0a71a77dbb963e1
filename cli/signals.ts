/** Ctrl-C and SIGTERM. */

/** For so long the same signal may come again by another way: npm, a launcher and systemd pass on what all were sent. */
const SAME_SIGNAL_MS = 500;

/** What has not stopped by then is ended: something hangs. */
const STOPPING_MS = 20_000;

/**
 * Runs `stop` on the first of these signals. A second one, which somebody meant, ends the process at once, and so does
 * the time that stopping may take.
 */
export function onSignal(signals: readonly NodeJS.Signals[], stop: (signal: NodeJS.Signals) => void): void {
  let firstMs: number | null = null;
  for (const signal of signals) {
    process.on(signal, () => {
      if (firstMs === null) {
        firstMs = performance.now();
        setTimeout(() => process.exit(1), STOPPING_MS).unref();
        stop(signal);
      } else if (performance.now() - firstMs > SAME_SIGNAL_MS) process.exit(1);
    });
  }
}
