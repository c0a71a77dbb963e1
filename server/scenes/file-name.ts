import { MAX_NAME_CHARACTERS } from '../api/scenes.ts';
import { MISLEADING } from '../api/schema.ts';

const EVERY_MISLEADING = new RegExp(MISLEADING, 'gu');

/** The last part of a name that a client sent, without anything that could mislead a reader or a file system. */
export function fileName(sent: string | null | undefined): string {
  const last = (sent ?? '').normalize('NFC').split(/[/\\]/).at(-1)!;
  const clean = last
    .replace(EVERY_MISLEADING, '')
    .replace(/^[.\s]+/, '')
    .trimEnd();
  return [...clean].slice(0, MAX_NAME_CHARACTERS).join('') || 'image.tif';
}
