/** The JSON that the HTTP interface speaks, as types; the viewer imports these and nothing else of ours. */

export type * from './accuracy.ts';
export type * from './common.ts';
export type * from './features.ts';
export type * from './findings.ts';
export type * from './job-report.ts';
export type * from './jobs.ts';
export type * from './labels.ts';
export type * from './models.ts';
export type * from './points.ts';
export type * from './replay.ts';
export type * from './scenes.ts';
export type * from './service.ts';
export type * from './summary.ts';
