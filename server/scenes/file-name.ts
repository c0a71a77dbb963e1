/** What joins letters and parts them, in Persian, Hindi and emoji, is part of a name; other invisible signs are not. */
const MISLEADING = /(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}]/gu;

/** The last part of a name that a client sent, without anything that could mislead a reader or a file system. */
export function fileName(sent: string | null | undefined): string {
  const last = (sent ?? '').normalize('NFC').split(/[/\\]/).at(-1)!;
  const clean = last
    .replace(MISLEADING, '')
    .replace(/^[.\s]+/, '')
    .trimEnd();
  return [...clean].slice(0, 200).join('') || 'image.tif';
}
