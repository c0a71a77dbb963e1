/** What the writer writes passes the strict validation of rio-cogeo, as working COG, class map and score map. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judge, pythonWithCogeo } from '../../test/support/python.ts';
import { createSamples, type SampleType } from './samples.ts';
import { createTiffWriter, type TiffLayout } from './write-tiff.ts';

const VALIDATE = `
import json, sys
from rio_cogeo.cogeo import cog_validate
json.dump([cog_validate(path, strict=True) for path in json.load(sys.stdin)], sys.stdout)
`;

const PLACE = { width: 1700, height: 1300, geotransform: [326_000, 0.5, 0, 2_784_000, 0, -0.5], epsg: 32640 } as const;
const base = (bands: number, rest: Partial<TiffLayout>): TiffLayout => {
  return { ...PLACE, geotransform: [...PLACE.geotransform], bands, compression: 'zstd', overviews: 'average', ...rest };
};
const TYPES: SampleType[] = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'float32', 'float64'];
const CASES: [name: string, layout: TiffLayout, classicLimitBytes?: number][] = [
  ...TYPES.map((sampleType): [string, TiffLayout] => [`working COG of ${sampleType}`, base(3, { sampleType })]),
  ['working COG with a mask', base(3, { mask: true })],
  ['working COG of four bands with a mask', base(4, { mask: true, sampleType: 'uint16' })],
  ['working COG as BigTIFF', base(3, { mask: true }), 1000],
  ['working COG smaller than a tile', base(3, { width: 90, height: 40, mask: true })],
  ['class map', base(1, { compression: 'deflate', nodata: 255, palette: [[1, 2, 3]], overviews: 'majority' })],
  ['score map', base(1, { compression: 'deflate', nodata: 0 })],
];

test('working COGs, class maps and score maps are valid COGs', async () => {
  const python = pythonWithCogeo();
  if (!python) return;
  const folder = await mkdtemp(join(tmpdir(), 'cog-'));
  try {
    const paths: string[] = [];
    for (const [i, [, layout, classicLimitBytes]] of CASES.entries()) {
      const { width, height, bands, sampleType = 'uint8', mask } = layout;
      const path = join(folder, `${i}.tif`);
      const options = { growing: i % 2 === 0, ...(classicLimitBytes !== undefined && { classicLimitBytes }) };
      const writer = await createTiffWriter(path, layout, options);
      const pixels = createSamples(sampleType, width * height * bands);
      for (let at = 0; at < pixels.length; at++) pixels[at] = (at >> 8) % 100;
      const valid = Uint8Array.from({ length: width * height }, (_, pixel) => (pixel % 7 ? 1 : 0));
      await writer.writeRows(height, pixels, ...(mask ? [valid] : []));
      await writer.finish();
      paths.push(path);
    }
    const verdicts = judge<[valid: boolean, errors: string[], warnings: string[]][]>(python, VALIDATE, paths);
    const named = verdicts.map((verdict, i) => [CASES[i][0], ...verdict]);
    expect(named).toEqual(CASES.map(([name]) => [name, true, [], []]));
  } finally {
    await rm(folder, { recursive: true });
  }
}, 180_000);
