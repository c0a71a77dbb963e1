/** Blocks are decoded to the same bytes wherever they are decoded, and damaged ones are told from others there too. */
import { expect, test } from 'vitest';
import { DECODING_THREADS, decodeRunsAnywhere, type RunsTask } from './codec-pool.ts';

const LENGTH = 1 << 20;
const ROW_BYTES = 1 << 10;

/** PackBits of rows in which a value and its repetitions take turns with the numbers that follow each other. */
function packed(): { segment: Uint8Array; plain: Uint8Array } {
  const segment: number[] = [];
  const plain: number[] = [];
  for (let i = 0; plain.length < LENGTH; i++) {
    const count = i % 2 ? 128 : 64;
    if (i % 2) {
      segment.push(257 - count, i & 255);
      for (let k = 0; k < count; k++) plain.push(i & 255);
    } else {
      segment.push(count - 1);
      for (let k = 0; k < count; k++) {
        segment.push((i + k) & 255);
        plain.push((i + k) & 255);
      }
    }
  }
  return { segment: Uint8Array.from(segment), plain: Uint8Array.from(plain.slice(0, LENGTH)) };
}

/** The sums of predictor 2, by definition. */
function summed(plain: Uint8Array, samples: number): Uint8Array {
  const out = plain.slice();
  for (let i = 0; i < out.length; i++) if (i % ROW_BYTES >= samples) out[i] += out[i - samples];
  return out;
}

test('here and in threads of their own', async () => {
  const { segment, plain } = packed();
  const task: RunsTask = { kind: 'packBits', segments: [segment], lengths: [LENGTH], predicted: null };
  const rgb: RunsTask = { ...task, predicted: { rowBytes: ROW_BYTES, samples: 3, size: 1 } };
  const sums = summed(plain, 3);
  const places = new Set<string>();
  for (let round = 0; round < 40; round++) {
    const answers = [task, rgb, { ...task, segments: [segment.subarray(0, segment.length >> 1)] }].map((one) => {
      const answer = decodeRunsAnywhere(one);
      places.add(answer instanceof Promise ? 'thread' : 'here');
      return answer instanceof Promise || answer === null ? answer : answer.slice();
    });
    const [whole, predicted, damaged] = await Promise.all(answers);
    expect(Buffer.compare(whole!, plain), `round ${round}`).toBe(0);
    expect(Buffer.compare(predicted!, sums), `round ${round}, with predictor`).toBe(0);
    expect(damaged).toBe(null);
  }
  expect(places.has('here')).toBe(true);
  expect(places.has('thread')).toBe(DECODING_THREADS > 1);
}, 60_000);
