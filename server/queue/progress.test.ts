import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { JobProgress } from '../api/index.ts';
import { reportProgress } from './progress.ts';

const at = (done: number): JobProgress => ({ stage: 'infer', done, total: 100, share: done / 100 });

test('writes at most four times a second, one at a time, the first at once and the latest in the end', async () => {
  const written: { done: number; time: number }[] = [];
  let writing = 0;
  const progress = reportProgress(async ({ done }) => {
    expect(++writing).toBe(1);
    written.push({ done, time: performance.now() });
    await sleep(20);
    writing--;
  });
  const started = performance.now();
  let reported = 0;
  while (performance.now() - started < 1100) {
    progress.report(at(++reported));
    await sleep(3);
  }
  await sleep(300);
  expect(written[0]!.time - started).toBeLessThan(150);
  expect(written.at(-1)!.done).toBe(reported);
  expect(written.length).toBeGreaterThanOrEqual(3);
  for (const [i, { done, time }] of written.entries()) {
    if (i === 0) continue;
    expect(time - written[i - 1]!.time).toBeGreaterThan(240);
    expect(done).toBeGreaterThan(written[i - 1]!.done);
  }
  await progress.end();
});

test('nothing is written after the end, and the end waits for what is being written', async () => {
  const written: number[] = [];
  const progress = reportProgress(async ({ done }) => {
    await sleep(50);
    written.push(done);
  });
  progress.report(at(1));
  await sleep(30);
  progress.report(at(2));
  await progress.end();
  expect(written).toEqual([1]);
  progress.report(at(3));
  await sleep(400);
  expect(written).toEqual([1]);
});
