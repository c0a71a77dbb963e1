/**
 * What of a strip's land is not finished: faces that reach the line above or below it, with their borders. Plain data, to
 * be handed between threads and machines. Coordinates are pixel corners of the map.
 */

export interface OpenLand {
  strip: { index: number; y: number; rows: number };
  /** Of the map. */
  width: number;
  /** Faces along the first and the last row, from left to right; null where the map ends. */
  upper: FaceRuns | null;
  lower: FaceRuns | null;
  faces: OpenFaces;
  arcs: OpenArcs;
}

/** Faces along a line. */
export interface FaceRuns {
  /** Where each begins; the first at 0. */
  starts: Int32Array;
  faces: Int32Array;
}

/** Regions of the strip that reach a line. */
export interface OpenFaces {
  count: number;
  /** Class codes. */
  classes: Uint8Array;
  pixels: Float64Array;
  /** Those that have a score, and the sum of these. */
  classPixels: Float64Array;
  scoreSums: Float64Array;
  /** First pixel, in the map. */
  firstX: Int32Array;
  firstY: Int32Array;
  /** Of the borders. */
  vertices: Int32Array;
  /** 1 for those of so many vertices that the strip has published them, cut at its lines: they have no arcs. */
  gone: Uint8Array;
}

/** Borders of faces that are not gone, without those along the strip's lines. */
export interface OpenArcs {
  count: number;
  /** Arc i has the points offsets[i] .. offsets[i + 1] - 1 of xy, which is interleaved; loops repeat their first. */
  offsets: Int32Array;
  xy: Float64Array;
  /** Faces on both sides; -1 for what is finished, gone or outside of the map. */
  left: Int32Array;
  right: Int32Array;
  /** Where each begins and ends: 4 * junction + direction, -1 for loops, or a place on a line as `onLine` writes it. */
  from: Int32Array;
  to: Int32Array;
  junctions: number;
  /**
   * Exact corners that the piece at each end stands for where that end is on a line: of end e, 2 * arc for its first and
   * 2 * arc + 1 for its last, passed[2 * passedOffsets[e]] .. passed[2 * passedOffsets[e + 1] - 1].
   */
  passedOffsets: Int32Array;
  passed: Int32Array;
}

/** The end of an arc at x on the upper or lower line, as a number less than -1. */
export function onLine(x: number, isLower: boolean): number {
  return -2 - 2 * x - Number(isLower);
}

export function placeOnLine(end: number): { x: number; isLower: boolean } {
  const code = -2 - end;
  return { x: code >> 1, isLower: (code & 1) === 1 };
}
