/** How the features of a map are drawn: what all of its strips and their joining have in common. */
import type { Geotransform } from '../../tiler/crs/geotransform.ts';
import type { CoarseOptions } from '../../vectorizer/coarse-levels.ts';
import type { LandOptions } from '../../vectorizer/land/draw-strip.ts';
import { PUBLISHED_PIECES } from '../../vectorizer/polygons/grid-cuts.ts';
import type { RoadOptions } from '../../vectorizer/roads/network.ts';
import type { Plane } from './split-row-houses.ts';

/** Codes of the classes that make objects; null where the map has no such class. */
export interface ObjectCodes {
  building: number | null;
  road: number | null;
  water: number | null;
}

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

/** Levels of land use and buildings for maps of a smaller scale: a pixel there is 2^level pixels of the class map wide. */
const COARSE_LEVELS = [2, 3, 4, 5, 6, 7, 8];
/** A map of so many pixels needs no coarser level. */
const SMALL_MAP = 512;

/** The coarser levels of detail that a map has. */
export function coarseLevels({ size: { width, height }, finestOnly }: DrawOptions): number[] {
  return finestOnly ? [] : COARSE_LEVELS.filter((level) => Math.max(width, height) / 2 ** (level - 2) > SMALL_MAP);
}

export const pixelAreaOf = ({ pixelMetres: { x, y } }: DrawOptions): number => x * y;

/** The side of a square pixel of the same area, metres. */
const meanPixelMetres = (options: DrawOptions): number => Math.sqrt(pixelAreaOf(options));

export const levelOptions = (options: DrawOptions): CoarseOptions => ({
  ...options.size,
  pixelAreaM2: pixelAreaOf(options),
  minAreaM2: options.minAreaM2,
  nodata: options.nodata,
});

export const landOptions = (options: DrawOptions): LandOptions => ({
  tolerancePixels: options.toleranceMetres / meanPixelMetres(options),
  nodata: options.nodata,
  pieces: PUBLISHED_PIECES,
});

export const roadOptions = (options: DrawOptions): RoadOptions => ({
  pixelMetres: meanPixelMetres(options),
  pixelSidesMetres: options.pixelMetres,
});

/** A regular shape stands for a building only where it agrees with the pixels as well as this. */
export const MIN_BUILDING_IOU = 0.85;
/** Stair-steps of walls move by up to this many pixels before a straight wall describes them. */
export const WALL_PIXELS = 1.25;

export const wallOptions = (options: DrawOptions) => ({
  pixelMetresX: options.pixelMetres.x,
  pixelMetresY: options.pixelMetres.y,
  toleranceMetres: Math.max(options.toleranceMetres, WALL_PIXELS * meanPixelMetres(options)),
  minIou: MIN_BUILDING_IOU,
});
