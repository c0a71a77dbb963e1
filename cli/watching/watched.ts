/** A place where images land, whatever it is: what lies there now, in the order in which it came. */
import type { SceneRights } from '../../server/api/scenes.ts';
import type { RemotePolicy } from '../../server/remote/policy.ts';
import type { Inputs } from '../inputs.ts';

export interface Found {
  /** By which it is known again: the path below the folder, the key below the prefix, the id of an item. */
  name: string;
  /** Another one whenever its bytes may be others. */
  version: string;
  /** Under which it is said to be. */
  rights?: Partial<SceneRights>;
  /**
   * Opens it as `segment` would; what must be fetched for that goes into the folder. Throws Problem remote_changed for
   * another one than was found.
   */
  read(folder: string): Promise<Inputs>;
}

export interface Look {
  /** Images that are there to the last byte, oldest first. */
  whole: Found[];
  /** Names of those that somebody may still be writing. */
  unfinished: string[];
}

export interface Watched {
  /** By which its images are told from those of other places. */
  place: string;
  /** Between two looks, at least. */
  lookMs: number;
  /** For images that are read where they lie. */
  policy: RemotePolicy | null;
  look(): Promise<Look>;
  /** Whether the image may be another one than was found, as far as reading it has not told. */
  hasChanged(found: Found): Promise<boolean>;
}
