/** Turns on what one at a time may use: heavy ones wait for all others, and nobody waits longer than they want to. */
import { Problem } from '../../../errors/problem.ts';

const RETRY_AFTER_S = 5;

/** How long a request's statement waits for the database. */
export const REQUEST_WAIT_SECONDS = 20;

export const busy = (cause?: unknown): Problem =>
  new Problem('busy', 'The database is busy with other requests: ask again in a few seconds.', {
    cause,
    retryAfterSeconds: RETRY_AFTER_S,
  });

export interface Turns {
  /** Resolves to what ends the turn. Throws Problem busy when it does not come within `waitSeconds` (0: however long). */
  take(wanted: { heavy: boolean; waitSeconds: number }): Promise<() => void>;
}

export function createTurns(): Turns {
  const light = new Set<() => void>();
  const heavy = new Set<() => void>();
  let taken = false;

  const next = () => {
    for (const queue of [light, heavy]) {
      for (const begin of queue) {
        queue.delete(begin);
        return begin();
      }
    }
    taken = false;
  };
  return {
    take: ({ heavy: isHeavy, waitSeconds }) =>
      new Promise((resolve, reject) => {
        if (!taken) {
          taken = true;
          return resolve(next);
        }
        const queue = isHeavy ? heavy : light;
        const begin = () => {
          clearTimeout(timer);
          resolve(next);
        };
        const giveUp = () => {
          queue.delete(begin);
          reject(busy());
        };
        const timer = waitSeconds > 0 ? setTimeout(giveUp, waitSeconds * 1000) : undefined;
        queue.add(begin);
      }),
  };
}
