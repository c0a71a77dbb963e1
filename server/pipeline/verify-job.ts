/** A finished job's map, held against the network once more. */

import { Problem } from '../../errors/problem.ts';
import { isDetector, type Network, wantedBands, weightsOf } from '../../models/registry.ts';
import type { Proof } from '../../models/verify/verify-windows.ts';
import { isReady } from '../scenes/ready-scene.ts';
import { fetchWorking } from '../scenes/working-copy.ts';
import { getJob } from '../store/tables/jobs.ts';
import { getScene } from '../store/tables/scenes.ts';
import type { PipelineTools } from '../tools.ts';
import { parseParameters } from './job-parameters.ts';
import { networkView } from './network-view.ts';
import { planGrid } from './plan.ts';

export interface VerificationWindows {
  /** The same seed takes the same windows. */
  seed: number;
  windows: number;
}

/**
 * Computes random windows of a job's map in one pass. Throws `not_found`, `conflict` for a job that is not done, and
 * `bad_request` for what cannot be proved.
 */
export async function verifyJob(
  { db, files, compute }: Pick<PipelineTools, 'db' | 'files' | 'compute'>,
  networkOf: (id: string) => Promise<Network>,
  id: string,
  { seed, windows }: VerificationWindows,
): Promise<Proof> {
  const job = await getJob(db, id);
  if (!job) throw new Problem('not_found', `There is no job with the id "${id}".`);
  const scene = await getScene(db, job.scene);
  if (job.state !== 'done' || !scene || !isReady(scene)) {
    throw new Problem('conflict', `The job is ${job.state}; what is done can be proved.`);
  }
  const network = await networkOf(job.model);
  if (isDetector(network)) throw new Problem('bad_request', `"${network.id}" draws boxes; there is no map to prove.`);
  const parameters = parseParameters(job.parameters);
  if (job.report?.model_sha256 !== weightsOf(network, parameters.precision).sha256) {
    throw new Problem('conflict', `The network "${network.id}" is another one than when the job ran.`);
  }
  const workingPath = await fetchWorking(files, scene);
  const { view } = networkView(parameters, scene.report, wantedBands(network));
  const chosen = view && (await compute.chooseRendering({ path: workingPath, view }, {}));
  const device = job.report?.device?.name as 'cpu' | undefined;
  return compute.prove(
    {
      workingPath,
      ...(chosen && { rendering: chosen.rendering }),
      grid: await planGrid(workingPath, scene, network),
      plan: { stride: network.stride, halo: Math.ceil(network.halo / network.stride) * network.stride },
      fill: chosen?.meanColour ?? scene.report.meanColour,
      network,
      run: { device: device ?? 'cpu', precision: parameters.precision ?? 'fp32', features: false },
      classesPath: await files.fetch(`jobs/${id}/classes.tif`),
      scoresPath: await files.fetch(`jobs/${id}/scores.tif`),
      windows,
      seed,
    },
    {},
  );
}
