import { expect, test } from 'vitest';
import { SceneChanges } from '../api/scenes.ts';
import { fileName } from './file-name.ts';

test.each(['نقشه\u200cها.tif', 'क्\u200dष.tif', '👩\u200d👧.tif', '测区二.tif'])('%j is a name', (name) => {
  expect(fileName(name)).toBe(name);
  expect(SceneChanges.parse({ name })).toEqual({ name });
});

test.each([
  ['a\u202egnp.tif', 'agnp.tif'],
  ['../../x.tif', 'x.tif'],
  ['.tif', 'tif'],
  ['a\u0000\u001b.tif', 'a.tif'],
  ['\u2066', 'image.tif'],
])('%j is none, and becomes %j', (name, clean) => {
  expect(fileName(name)).toBe(clean);
  expect(SceneChanges.safeParse({ name }).success).toBe(false);
});
