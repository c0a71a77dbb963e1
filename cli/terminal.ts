/** What is printed of names and texts that others chose, so that a terminal shows it and obeys none of it. */

/** Moves to the beginning of the line and empties it: the one thing that this program tells a terminal to do. */
export const CLEAR_LINE = '\r\x1b[K';

const OBEYED = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Control characters and those that turn the direction of text around, as JSON escapes them: JSON stays the same JSON. */
export function printable(text: string): string {
  const escaped = (part: string) =>
    part.replace(OBEYED, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return text.startsWith(CLEAR_LINE) ? CLEAR_LINE + escaped(text.slice(CLEAR_LINE.length)) : escaped(text);
}

/** A name within a line: it cannot begin another. */
export const oneLine = (name: string): string => name.replaceAll('\n', '\\n').replaceAll('\t', '\\t');

/** From here on all text that this process prints is printable; when nobody reads on, as with `| head`, it ends well. */
export function guardTerminal(streams: NodeJS.WriteStream[] = [process.stdout, process.stderr]): void {
  for (const stream of streams) {
    const write = stream.write.bind(stream) as (chunk: unknown, ...rest: unknown[]) => boolean;
    stream.write = (chunk: unknown, ...rest: unknown[]) =>
      write(typeof chunk === 'string' ? printable(chunk) : chunk, ...rest);
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}
