/** For tests of written TIFFs: what their layouts have in common. */
import type { TiffLayout } from '../../tiler/geotiff/write-tiff.ts';

export const BASE: TiffLayout = {
  width: 1,
  height: 1,
  bands: 3,
  compression: 'zstd',
  geotransform: [500_000, 0.5, 0, 4_000_000, 0, -0.25],
  epsg: 32640,
  overviews: 'average',
};
export const PALETTE = [
  [0, 0, 0],
  [255, 10, 20],
  [3, 250, 7],
] as const;
