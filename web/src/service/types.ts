/** The JSON of the service, as its own modules say it: the one place where the viewer reaches them. */
export type * from '../../../server/api/index.ts';
