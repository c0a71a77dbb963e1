/** Where a scene's pixels are read from: its working COG, or the card of an image that is read in place. */
import type { FetchOptions, FileStore } from '../store/files/file-store.ts';
import type { Scene } from '../store/tables/scenes.ts';

type WithReport = Pick<Scene, 'id' | 'report'>;

export const workingKeyOf = ({ id, report }: WithReport): string =>
  `scenes/${id}/working.${report?.inPlace ? 'remote' : 'tif'}`;

/** A path on this machine's disk to read it from. */
export const fetchWorking = (files: FileStore, scene: WithReport, how?: FetchOptions): Promise<string> =>
  files.fetch(workingKeyOf(scene), how);
