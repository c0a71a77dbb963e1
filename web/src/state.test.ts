import { expect, test } from 'vitest';
import { NO_SETTINGS } from './job-settings.ts';
import type { JobJson, ModelJson, SceneJson } from './service/types.ts';
import { createState } from './state.ts';

const scene = (id: string, state: SceneJson['state']) => ({ id, state }) as SceneJson;
const job = (parts: Partial<JobJson>) => ({ id: 'j', scene: 's', model: 'b', parameters: {}, ...parts }) as JobJson;

test('the scene that is open is the one of the list', () => {
  const state = createState();
  state.sceneId.value = 's';
  expect(state.scene.value).toBeUndefined();
  state.scenes.value = [scene('a', 'ready'), scene('s', 'uploaded')];
  expect(state.scene.value?.state).toBe('uploaded');
});

test('the network is that of the job shown, else the first', () => {
  const state = createState();
  state.models.value = [{ id: 'a' }, { id: 'b', task: 'detection' }] as ModelJson[];
  expect([state.model.value?.id, state.detects.value]).toEqual(['a', false]);
  state.job.value = job({ state: 'running' });
  expect([state.model.value?.id, state.detects.value]).toEqual(['b', true]);
});

test('settings are shown before the first job, and later when they are opened', () => {
  const state = createState();
  const shown = () => state.preflightShown.value;
  state.sceneId.value = 's';
  state.scenes.value = [scene('s', 'ingesting')];
  expect(shown()).toBe(false);
  state.scenes.value = [scene('s', 'ready')];
  expect(shown()).toBe(true);
  state.job.value = undefined; // being looked up
  expect(shown()).toBe(false);
  state.job.value = job({ state: 'done', parameters: { bands: [4, 3, 2] } });
  expect(shown()).toBe(false);
  expect(state.settingsShown.value).toEqual({ ...NO_SETTINGS, bands: [4, 3, 2] });
  state.settingsOpen.value = true;
  expect(shown()).toBe(true);
  expect(state.settingsShown.value).toEqual(NO_SETTINGS);
});

test('a job is done only when it is', () => {
  const state = createState();
  for (const each of ['queued', 'running', 'failed', 'cancelled'] as const) {
    state.job.value = job({ state: each });
    expect(state.doneJob.value).toBeNull();
  }
  state.job.value = job({ state: 'done' });
  expect(state.doneJob.value?.id).toBe('j');
});
