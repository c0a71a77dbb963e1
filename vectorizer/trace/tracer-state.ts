/** What a tracer keeps between rows. */

import type { ArcGraph } from './arc-graph.ts';
import type { Labels } from './labels.ts';
import type { OpenBorders } from './open-borders.ts';
import type { Runs } from './runs.ts';

/** Everything a tracer keeps from row to row. */
export interface TracerState {
  labels: Labels;
  graph: ArcGraph;
  borders: OpenBorders;
  /** Open end of the border that comes down at each corner column. */
  hanging: Int32Array;
  /** The last row. */
  last: Runs;
}
