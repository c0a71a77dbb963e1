/** Memory that is used over and over, so that reading a scene does not ask the system for each block's pages anew. */
import type { Samples } from './samples.ts';

/** Larger ones go back to the system, and of others no more than this many are kept. */
const MOST_BYTES = 8 << 20;
const MOST_KEPT = 8;
const STEP_BYTES = 1 << 18;

const free: Buffer[] = [];
const memories = new WeakSet<object>();

/** Says that what lies in this memory is soon overwritten. */
export function markScratch(memory: ArrayBufferLike): void {
  memories.add(memory);
}

/** Lends a buffer of that many bytes until `use` is done. */
export async function withPooledBuffer<Result>(
  bytes: number,
  use: (buffer: Buffer) => Promise<Result>,
): Promise<Result> {
  const known = free.findIndex(({ length }) => length >= bytes);
  const size = Math.ceil(bytes / STEP_BYTES) * STEP_BYTES;
  const buffer = known >= 0 ? free.splice(known, 1)[0] : Buffer.allocUnsafeSlow(size);
  markScratch(buffer.buffer);
  try {
    return await use(buffer.subarray(0, bytes));
  } finally {
    if (buffer.length <= MOST_BYTES && free.push(buffer) > MOST_KEPT) free.shift();
  }
}

/** The same values, in memory of their own: that of `spare`, which nobody reads any more, where it is as large. */
export function kept<S extends Samples>(samples: S, spare: Samples | null = null): S {
  if (!memories.has(samples.buffer)) return samples;
  if (spare?.length !== samples.length || spare.constructor !== samples.constructor) return samples.slice() as S;
  spare.set(samples);
  return spare as S;
}
