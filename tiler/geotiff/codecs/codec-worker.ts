/** A thread of `codec-pool.ts`: segments of one block come in, their plain bytes go out. */
import { parentPort } from 'node:worker_threads';
import type { RunsTask } from './codec-pool.ts';
import { decodeRuns, differences } from './codecs.ts';

parentPort!.on('message', ({ kind, segments, lengths, predicted }: RunsTask) => {
  const runs = decodeRuns(kind, segments, lengths);
  const bytes = runs && predicted ? differences(runs, 'add', predicted) : runs;
  const own = bytes && new Uint8Array(bytes);
  parentPort!.postMessage(own, own ? [own.buffer] : []);
});
