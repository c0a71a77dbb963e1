/** A rectangle of pixels: its upper left one, and how many there are. */
export interface Window {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The window that is all of a raster or of one of its levels. */
export const wholeOf = ({ width, height }: { width: number; height: number }): Window => ({
  x: 0,
  y: 0,
  width,
  height,
});
