/**
 * LZW and PackBits of large scenes in threads of their own: node:zlib and sharp bring threads along, the kernels do not.
 * Threads start once a process has decoded so much that they are worth it, and keep no process alive.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { decodeRuns, differences } from './codecs.ts';
import type { PredictedRows } from './predictors.ts';

export interface RunsTask {
  kind: 'lzw' | 'packBits';
  segments: readonly Uint8Array[];
  lengths: readonly number[];
  /** Given where predictor 2 is to be undone as well. */
  predicted: PredictedRows | null;
}

/** As many threads decode as libuv has for node:zlib, but no more than there are processors. */
export const DECODING_THREADS = Math.min(availableParallelism(), Number(process.env.UV_THREADPOOL_SIZE ?? 4));

/** Decoded by the caller's thread before others start. */
const ALONE_BYTES = 64 << 20;

interface Thread {
  worker: Worker;
  /** What waits for answers, in the order of the questions. */
  waiting: { resolve: (bytes: Uint8Array | null) => void; reject: (error: Error) => void }[];
}

let threads: Thread[] | null = null;
let decodedBytes = 0;

/**
 * The segments' plain bytes, one behind the other, without the predictor if it is given; null where a segment is damaged
 * or has fewer than its length. It may be scratch memory.
 */
export function decodeRunsAnywhere(task: RunsTask): Uint8Array | null | Promise<Uint8Array | null> {
  decodedBytes += task.lengths.reduce((sum, length) => sum + length, 0);
  if (decodedBytes > ALONE_BYTES && DECODING_THREADS > 1) threads ??= startThreads();
  if (threads?.length)
    return ask(
      threads.reduce((a, b) => (b.waiting.length < a.waiting.length ? b : a)),
      task,
    );
  const runs = decodeRuns(task.kind, task.segments, task.lengths);
  return runs && task.predicted ? differences(runs, 'add', task.predicted) : runs;
}

function ask({ worker, waiting }: Thread, task: RunsTask): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    waiting.push({ resolve, reject });
    worker.ref();
    const segments = task.segments.map((segment) => new Uint8Array(segment));
    const transferred = segments.map(({ buffer }) => buffer);
    worker.postMessage({ ...task, segments } satisfies RunsTask, transferred);
  });
}

/** None where this process may not start threads. */
function startThreads(): Thread[] {
  if (process.permission && !process.permission.has('worker')) return [];
  return Array.from({ length: DECODING_THREADS }, () => {
    const thread: Thread = { worker: new Worker(new URL('./codec-worker.ts', import.meta.url)), waiting: [] };
    const { worker, waiting } = thread;
    worker.unref();
    worker.on('message', (bytes: Uint8Array | null) => {
      waiting.shift()?.resolve(bytes);
      if (waiting.length === 0) worker.unref();
    });
    worker.on('error', (error) => {
      threads = [];
      for (const { reject } of waiting.splice(0)) reject(error);
    });
    return thread;
  });
}
