/** How long a request's statement may take. */
import { Problem } from '../../../errors/problem.ts';
import { busy } from './turns.ts';

export const tooSlow = (seconds: number, cause?: unknown): Problem =>
  new Problem(
    'query_too_slow',
    `The database did not find the answer within ${seconds} seconds. Ask for less: a smaller box, a simpler filter, fewer zones.`,
    { cause },
  );

/** Statements that are ended when their time has passed, or when all are told to end. */
export interface Deadlines {
  /**
   * What the statement that `begin` sends resolves to. When its time has passed, or nobody wants it any more, `giveUp`
   * ends it, and the answer is Problem query_too_slow.
   * @param graceSeconds for which, after its time, the statement is waited for all the same
   */
  hold<T>(begin: () => Promise<T>, seconds: number, giveUp: () => Promise<void>, graceSeconds?: number): Promise<T>;
  /** Ends what is under way; what comes after is Problem busy. */
  endAll(): void;
}

export function createDeadlines(): Deadlines {
  const underWay = new Set<() => void>();
  let ending = false;
  return {
    async hold(begin, seconds, giveUp, graceSeconds = 0) {
      if (ending) throw busy();
      const statement = begin();
      let end!: () => void;
      const ended = new Promise<'ended'>((resolve) => {
        end = () => resolve('ended');
      });
      const timer = setTimeout(end, (seconds + graceSeconds) * 1000);
      underWay.add(end);
      try {
        const first = await Promise.race([statement.then((value) => ({ value })), ended]);
        if (first !== 'ended') return first.value;
        statement.catch(() => {}); // it fails when it is ended
        await giveUp();
        throw tooSlow(seconds);
      } finally {
        clearTimeout(timer);
        underWay.delete(end);
      }
    },
    endAll: () => {
      ending = true;
      for (const end of underWay) end();
    },
  };
}
