/**
 * A network in a thread of its own: ONNX Runtime holds the thread that calls it for as long as the network runs, and
 * this one reads, stitches and writes meanwhile. What is asked before an answer has come waits in the thread, so that
 * the network need not wait.
 */
import { Worker } from 'node:worker_threads';
import { Problem, type ProblemCode } from '../../errors/problem.ts';
import type { Pixels } from '../../tiler/rendering/rendering.ts';
import type { Network } from '../registry.ts';
import type { Answer } from './answer.ts';
import type { NetworkSession, RunOptions } from './session.ts';

/** Chips lie in memory that both threads see. */
export interface ThreadQuestion {
  chips: Pixels[];
  width: number;
  height: number;
}

/** What the thread says: once what it opened, then an answer to each question, in their order. */
export type ThreadAnswer =
  | { opened: Pick<NetworkSession, 'device' | 'fallbackNodes' | 'planeCount'> & { batches: boolean } }
  | { answers: Answer[] }
  | { problem: { code: ProblemCode; detail: string } }
  | { error: { message: string; stack: string } };

export interface ThreadData {
  network: Network;
  options: RunOptions;
}

interface Waiting {
  resolve(answer: ThreadAnswer): void;
  reject(error: unknown): void;
}

/** As `openNetwork`, in a thread. It keeps no process alive while nothing is asked of it. */
export async function openNetworkThread(network: Network, options: RunOptions = {}): Promise<NetworkSession> {
  const workerData: ThreadData = { network, options };
  const worker = new Worker(new URL('./network-thread-entry.ts', import.meta.url), { workerData });
  const waiting: Waiting[] = [];
  let ended: Error | null = null;
  const end = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  worker.on('message', (answer: ThreadAnswer) => {
    const { resolve, reject } = waiting.shift()!;
    if (waiting.length === 0) worker.unref();
    if ('problem' in answer) reject(new Problem(answer.problem.code, answer.problem.detail));
    else if ('error' in answer) reject(Object.assign(new Error(answer.error.message), { stack: answer.error.stack }));
    else resolve(answer);
  });
  worker.on('error', end);
  worker.on('exit', () => end(new Error('the thread of the network has ended')));

  const answered = () =>
    new Promise<ThreadAnswer>((resolve, reject) => {
      if (ended) return reject(ended);
      worker.ref();
      waiting.push({ resolve, reject });
    });
  const close = async () => {
    await worker.terminate();
  };
  const opening = await answered().catch(async (error) => {
    await close();
    throw error;
  });
  const { batches, ...opened } = (opening as Extract<ThreadAnswer, { opened: unknown }>).opened;

  const free: SharedArrayBuffer[] = [];
  const inferBatch = async (chips: readonly Pixels[], width: number, height: number): Promise<Answer[]> => {
    const shared = chips.map((chip) => sharedCopy(chip, free));
    const answer = answered();
    worker.postMessage({ chips: shared, width, height } satisfies ThreadQuestion);
    try {
      return ((await answer) as Extract<ThreadAnswer, { answers: unknown }>).answers;
    } finally {
      for (const { buffer } of shared) if (free.length < MOST_FREE) free.push(buffer as SharedArrayBuffer);
    }
  };
  return {
    ...opened,
    infer: async (pixels, width, height) => (await inferBatch([pixels], width, height))[0],
    ...(batches && { inferBatch }),
    close,
  };
}

/** Memory of chips that is kept to be used again. */
const MOST_FREE = 4;

function sharedCopy<P extends Pixels>(pixels: P, free: SharedArrayBuffer[]): P {
  const known = free.findIndex(({ byteLength }) => byteLength === pixels.byteLength);
  const memory = known >= 0 ? free.splice(known, 1)[0] : new SharedArrayBuffer(pixels.byteLength);
  const copy = (pixels instanceof Uint8Array ? new Uint8Array(memory) : new Float32Array(memory)) as P;
  copy.set(pixels);
  return copy;
}
