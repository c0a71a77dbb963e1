/** What the vectorizer takes and gives: bands of a class map in, regions with their polygons out. */

/** One 4-connected region. */
export interface Region {
  class: number;
  /** Mean probability 0–1 over the pixels that had the region's class before small regions were given to it. */
  score: number;
  /** Area of the exact region. */
  pixels: number;
  /** First pixel in raster order: the region's identity. */
  x: number;
  y: number;
  /**
   * rings[0] is the shell, the others are holes; closed (first vertex repeated), flat [x0, y0, x1, y1, …]. As the map
   * is displayed the shell runs counter-clockwise and the holes clockwise. Each begins at its topmost, then leftmost
   * vertex, and holes come in the order of these.
   */
  rings: Float64Array[];
  /** Only where these are the rings of one of the pieces that the region is published in. */
  piece?: Piece;
}

/** What tells the pieces of a region apart. */
export interface Piece {
  /** Cell of the grid. */
  column: number;
  row: number;
  /** Of the polygons in that cell. */
  index: number;
  /** Side of the cells. */
  cellPixels: number;
  /** How much of its perimeter, in pixels, are cuts along lines between strips. Default 0. */
  linePixels?: number;
}

export interface ClassBand {
  rows: number;
  /** rows * width class codes. */
  classes: Uint8Array;
  /** rows * width probabilities of these classes, 0–255. */
  scores: Uint8Array;
}

export interface VectorizeOptions {
  width: number;
  height: number;
  pixelAreaM2: number;
  /** Regions of less area are given to a neighbour, by class code if need be. 0, and classes not named: none. */
  minAreaM2: number | ReadonlyMap<number, number>;
  /** So are slivers: regions whose mean width (area by half the perimeter) is less. Default 0: none. */
  minWidthPixels?: number;
  /** How far a simplified border may lie from the exact one, in pixels. 0: exact borders. */
  tolerancePixels: number;
  /** Class code of pixels without a class. They get no polygon. */
  nodata: number;
  /** For regions to be published: those of very many vertices come in pieces. Default: all regions are whole. */
  pieces?: {
    /** Of a polygon. */
    maxVertices: number;
    /** Largest side of the cells that the pieces lie in: a power of two. */
    cellPixels: number;
  };
}
