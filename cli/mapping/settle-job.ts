/** A ready scene and what a command line says → the job: with which network, in which precision, and by which id. */
import { findNetwork, jobIdentity, listNetworks, type Network } from '../../models/registry.ts';
import type { DeviceChoice } from '../../models/runtime/device.ts';
import { jobId } from '../../server/content-ids.ts';
import { chooseModel, DEFAULT_NETWORK, modelReason } from '../../server/networks/choose-network.ts';
import { requireExtraMaps } from '../../server/pipeline/extra-maps.ts';
import type { JobParameters } from '../../server/pipeline/job-parameters.ts';
import { choosable } from '../../server/pipeline/preflight.ts';
import type { SegmentationJob } from '../../server/pipeline/segmentation-job.ts';
import { settlePrecision } from '../../server/pipeline/settle-precision.ts';
import type { ReadyScene } from '../../server/scenes/ready-scene.ts';
import type { MappingTools } from '../../server/tools.ts';

interface Said {
  /** Null: the network that suits the scene's pixel. */
  named: Network | null;
  given: JobParameters;
  device: DeviceChoice;
  /** Whether the finest level is all that is drawn. */
  finestOnly: boolean;
}

export async function settleJob(
  { chooseRun }: Pick<MappingTools, 'chooseRun'>,
  scene: ReadyScene,
  { named, given, device, finestOnly }: Said,
): Promise<SegmentationJob> {
  const networks = (await listNetworks()).map(choosable);
  const network = named ?? (await findNetwork(chooseModel(scene.gsd_m, networks)?.id ?? DEFAULT_NETWORK));
  requireExtraMaps(network, given);
  const parameters = await settlePrecision(given, network, device, chooseRun);
  const id = jobId(scene, jobIdentity(network), parameters);
  return {
    ...{ id, scene, network, parameters, finestOnly },
    modelReason: modelReason(scene.gsd_m, network.id, networks),
  };
}
