/** Segments of simplified arcs. */

/** Pieces between kept vertices: piece p runs from vertex starts[p] to ends[p] of arc arcs[p]. */
import type Flatbush from 'flatbush';
export interface Pieces {
  count: number;
  starts: Int32Array;
  ends: Int32Array;
  arcs: Int32Array;
  index: Flatbush;
}
