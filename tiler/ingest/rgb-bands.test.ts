/** Which bands are taken for red, green and blue, and whether that is a guess. */
import { expect, test } from 'vitest';
import { Photometric } from '../geotiff/tiff-tags.ts';
import { type BandMetadata, chooseBands } from './rgb-bands.ts';

const gray: BandMetadata = {
  bands: 1,
  photometric: Photometric.minIsBlack,
  alphaBand: null,
  roles: new Map(),
  names: new Map(),
};
const named = (names: string[]) => new Map(names.entries());

test.each<[name: string, facts: Partial<BandMetadata>, bands: number[], code: string, guessed: boolean]>([
  ['gray', {}, [1, 1, 1], 'gray_repeated', false],
  ['gray with alpha first', { bands: 2, alphaBand: 0 }, [2, 2, 2], 'gray_repeated', false],
  ['two bands', { bands: 2 }, [1, 1, 1], 'gray_repeated', true],
  ['RGB', { bands: 3, photometric: Photometric.rgb }, [1, 2, 3], 'bands_rgb', false],
  ['RGB and near infrared', { bands: 4, photometric: Photometric.rgb }, [1, 2, 3], 'bands_rgb', false],
  ['unnamed', { bands: 5 }, [1, 2, 3], 'bands_rgb', true],
  ['unnamed after alpha', { bands: 4, alphaBand: 1 }, [1, 3, 4], 'bands_rgb', true],
  ['named', { bands: 4, names: named(['Blue', 'green', ' RED', 'nir']) }, [3, 2, 1], 'bands_named', false],
  ['Sentinel-2', { bands: 4, names: named(['B02', 'B03', 'B04', 'B08']) }, [3, 2, 1], 'bands_named', false],
  ['Landsat, which could be any', { bands: 4, names: named(['B1', 'B2', 'B3', 'B4']) }, [1, 2, 3], 'bands_rgb', true],
  ['two of three names', { bands: 3, names: named(['red', 'green', 'x']) }, [1, 2, 3], 'bands_rgb', true],
  [
    'a role of the alpha band',
    {
      bands: 4,
      alphaBand: 3,
      roles: new Map([
        [0, 'Red'],
        [1, 'Green'],
        [3, 'Blue'],
      ]),
    },
    [1, 2, 3],
    'bands_rgb',
    true,
  ],
  [
    'roles of bands that are not there',
    {
      bands: 3,
      roles: new Map([
        [7, 'Red'],
        [1, 'Green'],
        [2, 'Blue'],
      ]),
    },
    [1, 2, 3],
    'bands_rgb',
    true,
  ],
  [
    'roles before names',
    { bands: 3, roles: named(['Blue', 'Green', 'Red']), names: named(['r', 'g', 'b']) },
    [3, 2, 1],
    'bands_named',
    false,
  ],
])('%s', (_name, facts, bands, code, guessed) => {
  expect(chooseBands({ ...gray, ...facts })).toMatchObject({ bands, code, guessed });
});
