/** The child's side of work in child processes: named tasks are answered, bytes of files elsewhere asked of the parent. */
import { Worker } from 'node:worker_threads';
import { noRoomOf } from '../../errors/no-room.ts';
import { Problem } from '../../errors/problem.ts';
import { readRemoteThrough } from '../../tiler/geotiff/byte-source.ts';
import type { Answer, Given } from './child-messages.ts';

export interface TaskContext<Progress = unknown> {
  progress(value: Progress): void;
}

/** Answers tasks until the parent is gone, then exits at once, also in the middle of one. */
// biome-ignore lint/suspicious/noExplicitAny: inputs cross a process border; each task declares its own
export function answerTasks(tasks: Record<string, (input: any, context: TaskContext<any>) => Promise<unknown>>): void {
  const send = (answer: Answer) => process.connected && process.send!(answer);
  process.on('disconnect', () => process.exit(1));
  new Worker(new URL('./exit-with-parent.ts', import.meta.url), { workerData: { parent: process.ppid } }).unref();
  const takeGiven = askForBytes(send);
  process.on('message', async (message: { id: number; task: string; input: unknown } | Given) => {
    if ('ask' in message) return takeGiven(message);
    const { id, task, input } = message;
    try {
      const value = await tasks[task](input, { progress: (value) => send({ id, kind: 'progress', value }) });
      send({ id, kind: 'result', value });
    } catch (error) {
      const problem = error instanceof Problem ? error : noRoomOf(error);
      if (problem) return send({ id, kind: 'problem', code: problem.code, detail: problem.message });
      const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
      send({ id, kind: 'error', message, stack });
    }
  });
}

/** Files elsewhere are asked of the parent. Returns what takes its answers. */
function askForBytes(send: (answer: Answer) => void): (given: Given) => void {
  const waiting = new Map<number, (given: Given) => void>();
  let asks = 0;
  const ask = async (path: string, position: number, length: number): Promise<Given> => {
    const given = await new Promise<Given>((resolve) => {
      waiting.set(++asks, resolve);
      send({ kind: 'read', ask: asks, path, position, length });
    });
    if (given.problem) throw new Problem(given.problem.code, given.problem.detail);
    return given;
  };
  readRemoteThrough(async (path) => {
    const { size, items } = await ask(path, 0, 0);
    return {
      size: size!,
      ...(items && { items }),
      async read(position, length, into) {
        if (length === 0) return Buffer.alloc(0);
        const { bytes } = await ask(path, position, length);
        // What arrives lies anywhere within a message; numbers want memory of their own.
        const own = into ?? Buffer.allocUnsafeSlow(bytes!.length);
        own.set(bytes!);
        return own.subarray(0, bytes!.length);
      },
      announce: (ranges) => void (ranges.length > 1 && send({ kind: 'announce', path, ranges })),
      close: async () => {},
    };
  });
  return (given) => {
    waiting.get(given.ask)?.(given);
    waiting.delete(given.ask);
  };
}
