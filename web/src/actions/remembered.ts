/** What outlives a reload: the scene in the page's address, and which scenes still await their job. */

import { inAddress, writeToAddress } from '../address.ts';

/** Scenes this browser brought in and whose job has not been asked for: their job starts by itself. */
const EXPECTED_KEY = 'planimeter.expected';

export const sceneInAddress = (): string | null => inAddress('scene');
export const writeSceneToAddress = (id: string | null): void => writeToAddress('scene', id);

function expectedScenes(): Set<string> {
  try {
    return new Set(JSON.parse(localStorage.getItem(EXPECTED_KEY) ?? '[]'));
  } catch {
    return new Set();
  }
}

export const isJobExpected = (sceneId: string): boolean => expectedScenes().has(sceneId);

export function expectJob(sceneId: string, expected: boolean): void {
  const scenes = expectedScenes();
  if (expected) scenes.add(sceneId);
  else scenes.delete(sceneId);
  try {
    localStorage.setItem(EXPECTED_KEY, JSON.stringify([...scenes]));
  } catch {
    // Storage is closed to this page: after a reload the job is started by its button.
  }
}
