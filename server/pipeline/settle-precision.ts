/** With which weights a job runs: those that were asked for, else those that measured faster. */

import { Problem } from '../../errors/problem.ts';
import type { Network } from '../../models/registry.ts';
import type { DeviceChoice } from '../../models/runtime/device.ts';
import type { RunChooser } from '../../models/runtime/run-profile.ts';
import type { JobParameters } from './job-parameters.ts';

/**
 * The parameters with the precision that the job will run in, which its answer depends on: the one asked for, or the
 * fastest on the device. Throws `bad_request` for one that the network does not have.
 */
export async function settlePrecision(
  parameters: JobParameters,
  network: Network,
  device: DeviceChoice,
  chooseRun: RunChooser,
): Promise<JobParameters> {
  if (parameters.precision === 'int8' && !network.int8) {
    throw new Problem('bad_request', `"${network.id}" has no 8-bit weights; leave "precision" out.`);
  }
  if (!network.int8 || parameters.precision) return parameters;
  return { ...parameters, precision: (await chooseRun(network, parameters.device ?? device)).precision };
}
