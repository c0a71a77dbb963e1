/** Which classes of a network become buildings with straight walls, a road network, and water that bounds them. */
import { type ClassRole, roleOf } from '../../models/class-roles.ts';
import type { NetworkClass } from '../../models/registry.ts';
import type { ObjectCodes } from '../tracing/draw-options.ts';
import type { SegmentationJob } from './segmentation-job.ts';

/** What of a job's map becomes which features. */
export const tracingOf = ({ network, finestOnly }: SegmentationJob) => ({
  finestOnly: finestOnly === true,
  codes: objectCodes(network.classes),
});

type Classes = readonly Pick<NetworkClass, 'name' | 'value' | 'role'>[];

/** The codes of the classes that make objects. */
export const objectCodes = (classes: Classes): ObjectCodes => ({
  building: codeOf(classes, 'building'),
  road: codeOf(classes, 'road'),
  water: codeOf(classes, 'water'),
});

const codeOf = (classes: Classes, wanted: ClassRole): number | null =>
  (classes.find(({ role }) => role === wanted) ?? classes.find((each) => roleOf(each) === wanted))?.value ?? null;
