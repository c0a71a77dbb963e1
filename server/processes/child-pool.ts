/** Children of one kind, each with one task at a time; tasks that find none free wait in the order in which they came. */
import { type ChildOptions, createChild, type TaskOptions } from './child-process.ts';

export interface ChildPool {
  run<Result, Progress = never>(task: string, input: unknown, options?: TaskOptions<Progress>): Promise<Result>;
  stop(): Promise<void>;
}

/** At most `size` processes, which start as they are needed. */
export function createChildPool(options: ChildOptions, size: number): ChildPool {
  const children = Array.from({ length: size }, () => createChild(options));
  const free = [...children];
  const waiting: ((child: (typeof children)[number]) => void)[] = [];
  return {
    async run(task, input, taskOptions) {
      const child = free.shift() ?? (await new Promise<(typeof children)[number]>((resolve) => waiting.push(resolve)));
      try {
        taskOptions?.signal?.throwIfAborted();
        return await child.run(task, input, taskOptions);
      } finally {
        const next = waiting.shift();
        if (next) next(child);
        else free.unshift(child);
      }
    },
    stop: async () => {
      await Promise.all(children.map((child) => child.stop()));
    },
  };
}
