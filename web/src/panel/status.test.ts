import { expect, test } from 'vitest';
import type { JobJson, SceneJson } from '../service/types.ts';
import { createState } from '../state.ts';
import { refusalOf, spokenOf, summaryOf } from './status.ts';

const problem = { code: 'internal', title: 'X', detail: 'Y' };

test('the sheet and screen readers hear of uploads, scenes and jobs as they go', () => {
  const state = createState();
  const told = () => [summaryOf(state), spokenOf(state)];
  expect(told()).toEqual(['', '']);
  state.upload.value = { name: 'a.tif', sentBytes: 1, totalBytes: 4, bytesPerSecond: 0, paused: true };
  expect(told()).toEqual(['Uploading 25 %', 'Upload paused']);
  state.upload.value = null;
  state.sceneId.value = 's';
  state.scenes.value = [{ id: 's', state: 'ingesting', progress: 0.5 } as SceneJson];
  expect(told()).toEqual(['Reading 50 %', 'Reading the image']);
  state.scenes.value = [{ id: 's', state: 'ready' } as SceneJson];
  state.job.value = { state: 'running', progress: { stage: 'infer', share: 0.5 } } as JobJson;
  expect(told()).toEqual(['Mapping 50 %', 'Mapping: infer']);
  state.job.value = { state: 'done', totals: [{ count: 2, area_m2: 842 }] } as JobJson;
  expect(told()).toEqual(['842\u00a0m² mapped', 'Done: 842\u00a0m² mapped']);
});

test('what waits for room is no refusal', () => {
  const state = createState();
  const noRoom = { ...problem, code: 'no_room' };
  state.sceneId.value = 's';
  state.scenes.value = [{ id: 's', state: 'uploaded', problem: noRoom } as SceneJson];
  const waits = 'Waiting for room on the disk';
  expect([refusalOf(state), summaryOf(state), spokenOf(state)]).toEqual([null, waits, waits]);
  state.scenes.value = [{ id: 's', state: 'ready', problem: null } as SceneJson];
  state.job.value = { state: 'queued', problem: noRoom } as JobJson;
  expect([refusalOf(state), summaryOf(state), spokenOf(state)]).toEqual([null, waits, waits]);
});

test('a refusal is of the scene, or of its job', () => {
  const state = createState();
  state.job.value = { state: 'failed', problem } as JobJson;
  expect([refusalOf(state)?.code, summaryOf(state)]).toEqual(['internal', 'Failed']);
  state.sceneId.value = 's';
  state.scenes.value = [{ id: 's', state: 'refused', problem: { ...problem, code: 'damaged_tiff' } } as SceneJson];
  expect([refusalOf(state)?.code, summaryOf(state)]).toEqual(['damaged_tiff', 'Refused']);
});
