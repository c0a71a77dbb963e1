import { expect, test } from 'vitest';
import type { JobJson, SceneJson } from '../service/types.ts';
import { createEstimate, workOf } from './work.ts';

const scene = { id: 's', state: 'ingesting', progress: 0.31 } as SceneJson;
const job = (state: JobJson['state'], stage: JobJson['progress']['stage'], done = 0, total = 0) =>
  ({ id: 'j', state, progress: { stage, done, total, share: 0.42 } }) as JobJson;
const states = (work: ReturnType<typeof workOf>) => work?.steps.map(({ state }) => state);

test('a scene is read before anything else', () => {
  const work = workOf(scene, null);
  expect(work).toMatchObject({ id: 's', title: 'Reading the image', share: 0.31, isJob: false });
  expect(states(work)).toEqual(['current', 'pending', 'pending', 'pending', 'pending']);
});

test('a job goes from step to step and counts what can be counted', () => {
  expect(states(workOf(scene, job('queued', 'ingest')))).toEqual(['done', 'pending', 'pending', 'pending', 'pending']);
  const work = workOf(scene, job('running', 'stitch', 1200, 3000));
  expect(states(work)).toEqual(['done', 'done', 'current', 'pending', 'pending']);
  expect(work?.steps.map(({ detail }) => detail)).toEqual(['', '', '1,200 / 3,000 chips', '', '']);
  const drawing = workOf(scene, job('running', 'vectorize', 2, 8));
  expect(drawing?.steps.map(({ detail }) => detail)).toEqual(['', '', '', '2 / 8 strips', '']);
  expect(states(workOf(scene, job('running', 'store')))).toEqual(['done', 'done', 'done', 'done', 'current']);
});

test('nothing is under way once a job has ended', () => {
  const ready = { ...scene, state: 'ready' } as SceneJson;
  for (const state of ['done', 'failed', 'cancelled'] as const) expect(workOf(ready, job(state, 'store'))).toBeNull();
  expect(workOf(undefined, null)).toBeNull();
});

test('time left follows from the pace since the work was first seen', () => {
  let now = 0;
  const estimate = createEstimate(() => now);
  expect(estimate('j', 0.1)).toBe('');
  now = 60_000;
  expect(estimate('j', 0.12)).toBe('');
  expect(estimate('j', 0.3)).toBe('about 4 min left');
  expect(estimate('other', 0.5)).toBe('');
});
