/** A thread of `kernels-pool.ts`: segments of one block come in, their plain bytes go out. */
import { parentPort } from 'node:worker_threads';
import { decodeRuns, differences } from './kernels.ts';
import type { RunsTask } from './kernels-pool.ts';

parentPort!.on('message', ({ kind, segments, lengths, predicted }: RunsTask) => {
  const runs = decodeRuns(kind, segments, lengths);
  const bytes = runs && predicted ? differences(runs, 'add', predicted) : runs;
  const own = bytes && new Uint8Array(bytes);
  parentPort!.postMessage(own, own ? [own.buffer] : []);
});
