/** How the features of a map are drawn: what all of its strips and their joining have in common. */
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import type { Plane } from './split-row-houses.ts';
import type { ObjectCodes } from './trace-raster.ts';

export interface DrawOptions {
  /** Of the map, in pixels. */
  size: { width: number; height: number };
  geotransform: Geotransform;
  /** Ground size of a pixel. */
  pixelMetres: { x: number; y: number };
  minAreaM2: number;
  toleranceMetres: number;
  /** Class code of pixels without a class. */
  nodata: number;
  /** Without the levels of detail that maps of smaller scales are drawn from. */
  finestOnly?: boolean;
  codes: ObjectCodes;
  /** What the bands of the planes' rasters say; with one of touching borders row houses are told apart. */
  planes?: readonly Plane[];
}
