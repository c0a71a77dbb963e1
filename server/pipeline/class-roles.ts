/** Which classes of a network become buildings with straight walls, a road network, and water that bounds them. */
import { type ClassRole, roleOf } from '../../models/class-roles.ts';
import type { Network } from '../../models/registry.ts';
import type { SegmentationJob } from './segmentation-job.ts';

/** What of a job's map becomes which features. */
export const tracingOf = ({ network, finestOnly }: SegmentationJob) => ({
  finestOnly: finestOnly === true,
  codes: { building: codeOf(network, 'building'), road: codeOf(network, 'road'), water: codeOf(network, 'water') },
});

const codeOf = ({ classes }: Network, wanted: ClassRole): number | null =>
  (classes.find(({ role }) => role === wanted) ?? classes.find((each) => roleOf(each) === wanted))?.value ?? null;
