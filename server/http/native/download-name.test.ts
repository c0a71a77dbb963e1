import type { Response } from 'express';
import { expect, test } from 'vitest';
import { attach, downloadName } from './download-name.ts';

test.each([
  ['dubai.tif', 'dubai.gpkg'],
  ['Düsseldorf "Süd".TIFF', 'Düsseldorf _Süd_.gpkg'],
  ['测区二.tif', '测区二.gpkg'],
  ['نقشه\u200cها.tif', 'نقشه\u200cها.gpkg'],
  ['town.zip', 'town.gpkg'],
  ['v1.2 ortho', 'v1.2 ortho.gpkg'],
  ['../../etc/passwd', '_.._etc_passwd.gpkg'],
  ['a\r\nSet-Cookie: x', 'a_Set-Cookie_ x.gpkg'],
  ['evil\u202Efig.tif', 'evil_fig.gpkg'],
  ['.tif', 'scene.gpkg'],
  ['..', 'scene.gpkg'],
  ['', 'scene.gpkg'],
  ['con.tif', '_con.gpkg'],
  ['🗺'.repeat(300), `${'🗺'.repeat(50)}.gpkg`],
])('a scene called %j is downloaded as %j', (scene, expected) => {
  expect(downloadName(scene, '.gpkg')).toBe(expected);
});

test.each([
  ['dubai.gpkg', `attachment; filename="dubai.gpkg"; filename*=UTF-8''dubai.gpkg`],
  ['Süd-測.csv', `attachment; filename="Sud-_.csv"; filename*=UTF-8''S%C3%BCd-%E6%B8%AC.csv`],
  [`it's (1)*!.csv`, `attachment; filename="it's (1)*!.csv"; filename*=UTF-8''it%27s%20%281%29%2A%21.csv`],
])('%s is named in both ways', (name, expected) => {
  const set: string[] = [];
  attach({ set: (_: string, value: string) => set.push(value) } as unknown as Response, name);
  expect(set).toEqual([expected]);
});
