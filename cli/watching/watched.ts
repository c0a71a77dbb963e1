/** A place where images land, whatever it is: what lies there now, in the order in which it came. */
import type { Inputs } from '../inputs.ts';

export interface Found {
  /** By which it is known again: the path below the folder, the key below the prefix, the id of an item. */
  name: string;
  /** Another one whenever its bytes may be others. */
  version: string;
  /** Opens it as `segment` would. */
  read(): Promise<Inputs>;
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
  look(): Promise<Look>;
  /** Whether the image is not the one any more that was found. */
  hasChanged(found: Found): Promise<boolean>;
}
