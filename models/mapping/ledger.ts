/** What became of every chip of a job. */

/** Model-grid pixels by what became of them; they add up to width * height. */
export interface Ledger {
  done: number;
  nodata: number;
  outside: number;
  failed: number;
  pending: number;
}

export interface FailedChip {
  /** Of its core, in model pixels. */
  x: number;
  y: number;
  width: number;
  height: number;
  reason: string;
}
