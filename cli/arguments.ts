/** Command lines: `parseArgs` of Node, with its complaints as wrong calls. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** The call itself is wrong: exit status 2. */
export class WrongCall extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/** Options by name and the positional arguments, of which there must be as many as `positionals` allows. */
export function readArguments<T extends Options>(
  args: string[],
  options: T,
  positionals: readonly [least: number, most: number],
): Parsed<T> {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
    const count = parsed.positionals.length;
    if (count < positionals[0]) throw new WrongCall('a file name is missing');
    if (count > positionals[1]) throw new WrongCall(`"${parsed.positionals[positionals[1]]}" is one argument too many`);
    return parsed;
  } catch (error) {
    if (error instanceof TypeError) throw new WrongCall(error.message);
    throw error;
  }
}

/** A number option. Throws a wrong call for anything else. */
export function readNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new WrongCall(`--${name} takes a number; got "${text}"`);
  return value;
}
