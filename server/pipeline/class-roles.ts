/** Which classes of a network become buildings with straight walls, a road network, and water that bounds them. */
import type { Network } from '../../models/registry.ts';
import type { SegmentationJob } from './segmentation-job.ts';

/** What of a job's map becomes which features. */
export const tracingOf = ({ network, finestOnly }: SegmentationJob) => ({
  finestOnly: finestOnly === true,
  codes: { building: codeOf(network, BUILDING), road: codeOf(network, ROAD), water: codeOf(network, WATER) },
});

/** Class names that make objects; networks of others have their own way of writing them. */
const BUILDING = /^(building|house|roof|building footprint)s?$/i;
const ROAD = /^(road|street)s?$/i;
const WATER = /^(water|water body|water bodies)$/i;

const codeOf = (network: Network, name: RegExp): number | null =>
  network.classes.find((each) => name.test(each.name.replaceAll('_', ' ')))?.value ?? null;
