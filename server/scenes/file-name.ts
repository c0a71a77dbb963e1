/** The last part of a name that a client sent, without anything that could mislead a reader or a file system. */
export function fileName(sent: string | null | undefined): string {
  const last = (sent ?? '').normalize('NFC').split(/[/\\]/).at(-1)!;
  const clean = last
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .replace(/^[.\s]+/, '')
    .trimEnd();
  return [...clean].slice(0, 200).join('') || 'image.tif';
}
