/** How a network is run on a device: with which weights, in chips of which size, how many at a time. */

import type { Network, Precision } from '../registry.ts';
import type { Device, DeviceChoice } from './device.ts';

/** How a network is run. */
export interface Run {
  /** That it was measured on. */
  device?: Device;
  precision: Precision;
  /** Side of a chip's core in model pixels: large cores waste less on halos, small ones need less memory. */
  core: number;
  /** Chips at a time. */
  batch: number;
  /** The fastest of each precision, core pixels; empty where nothing was measured. */
  core_mpx_s: Partial<Record<Precision, number>>;
}

/** What is right on most CPUs (`bench/infer.ts`). */
export const DEFAULT_RUN: Run = { precision: 'fp32', core: 1024, batch: 1, core_mpx_s: {} };

/** The fastest way to run a network on a device: measured when first asked, remembered from then on. */
export type RunChooser = (network: Network, device: DeviceChoice) => Promise<Run>;
