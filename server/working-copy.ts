/** Where a scene's pixels are read from: its working COG, or the card of an image that is read in place. */
import type { FileStore } from './store/files.ts';
import type { Scene } from './store/scenes.ts';

export function workingPathOf(files: FileStore, { id, report }: Pick<Scene, 'id' | 'report'>): string {
  return files.path(`scenes/${id}/working.${report?.inPlace ? 'remote' : 'tif'}`);
}
