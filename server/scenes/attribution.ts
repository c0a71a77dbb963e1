/** What an image may be used for and who is to be named with it: what people say of it → checked texts, and their words. */
import { Problem } from '../../errors/problem.ts';

export interface SceneRights {
  /** An SPDX identifier such as CC-BY-4.0, an address, or words; null where nobody said. */
  license: string | null;
  /** As it is to be shown with the image, such as "© Somebody 2026"; plain text. */
  attribution: string | null;
}

/** Of each. */
export const MAX_CHARACTERS = 300;

/**
 * The members that were said; an empty text or null takes one back. Throws `bad_request` for what is no text, too long,
 * or markup, which maps would show as such.
 */
export function parseRights(said: { license?: unknown; attribution?: unknown }): Partial<SceneRights> {
  const rights: Partial<SceneRights> = {};
  for (const name of ['license', 'attribution'] as const) {
    if (said[name] !== undefined) rights[name] = said[name] === null ? null : checked(name, said[name]);
  }
  return rights;
}

function checked(name: string, value: unknown): string | null {
  if (typeof value !== 'string') throw new Problem('bad_request', `"${name}" is a text.`);
  const text = value.normalize('NFC').trim();
  if ([...text].length > MAX_CHARACTERS) {
    throw new Problem(
      'bad_request',
      `"${name}" has at most ${MAX_CHARACTERS} characters; give the address of a longer text.`,
    );
  }
  if (/[<>\p{C}\p{Zl}\p{Zp}]/u.test(text)) {
    throw new Problem('bad_request', `"${name}" is plain text in one line, without < and >.`);
  }
  return text === '' ? null : text;
}

/** Name and text of those that were said. */
export const saidRights = ({ license, attribution }: SceneRights): [name: string, text: string][] =>
  Object.entries({ license, attribution }).filter((entry): entry is [string, string] => entry[1] !== null);

/** In one sentence each; empty where nothing was said. */
export const rightsText = ({ license, attribution }: SceneRights): string =>
  [attribution && `Image: ${attribution}.`, license && `Its licence: ${license}.`].filter(Boolean).join(' ');

/** For places that take markup, as TileJSON's and PMTiles' attribution. */
export const attributionMarkup = ({ attribution }: Pick<SceneRights, 'attribution'>): string =>
  (attribution ?? '').replaceAll('&', '&amp;').replaceAll('"', '&quot;');
