/** What an image may be used for and who is to be named with it: in words. */
import type { SceneRights } from '../api/index.ts';

/** Name and text of those that were said. */
export const saidRights = ({ license, attribution }: SceneRights): [name: string, text: string][] =>
  Object.entries({ license, attribution }).filter((entry): entry is [string, string] => entry[1] !== null);

/** In one sentence each; empty where nothing was said. */
export const rightsText = ({ license, attribution }: SceneRights): string =>
  [attribution && `Image: ${attribution}.`, license && `Its licence: ${license}.`].filter(Boolean).join(' ');

/** For places that take markup, as TileJSON's and PMTiles' attribution. */
export const attributionMarkup = ({ attribution }: Pick<SceneRights, 'attribution'>): string =>
  (attribution ?? '').replaceAll('&', '&amp;').replaceAll('"', '&quot;');
