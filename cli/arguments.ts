/** Command lines: what a command takes, how its help shows it, and `parseArgs` of Node with its complaints as wrong calls. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { closestMatch } from 'leven';

/** The call itself is wrong: exit status 2. */
export class WrongCall extends Error {}

interface Option {
  type: 'string' | 'boolean';
  /** What its value is, in capitals or as one writes it. */
  value?: string;
  /** It may be given several times. */
  multiple?: boolean;
  help: string;
}
type Options = Readonly<Record<string, Option>>;
type Parsed<T extends NonNullable<ParseArgsConfig['options']>> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true; strict: true }>
>;

/** An option that is followed by a value. */
export const valued = (value: string, help: string) => ({ type: 'string', value, help }) as const;

/** An option that may be given several times, each with a value. */
export const repeated = (value: string, help: string) => ({ ...valued(value, help), multiple: true }) as const;

/** An option that is there or not. */
export const flag = (help: string) => ({ type: 'boolean', help }) as const;

/** Options of several commands. */
export const JSON_OPTION = flag('the result as JSON on standard output');
export const DATA_OPTION = valued('DIR', 'the data folder (PLANIMETER_DATA, else .planimeter)');
export const DEVICE_OPTION = valued('D', 'auto, cpu, webgpu or cuda[:N] (PLANIMETER_DEVICE, else auto)');
export const MIN_AREA_OPTION = valued('M2', 'smaller areas go to the neighbour they share most border with (20)');
export const TOLERANCE_OPTION = valued('M', 'how far a simplified border may leave the pixels, in metres (1)');
export const SRS_OPTION = valued('EPSG:CODE', 'the coordinate system of an image that names none');

/** Files of one scene at most. */
const MOST_INPUTS = 4096;

/**
 * Options by name, and the positional arguments. `positionals` names these: one in brackets may be missing, one that
 * ends in … may be several. Throws a wrong call that says what is missing, too much or unknown.
 */
export function readArguments<T extends Options>(
  args: string[],
  options: T,
  positionals: readonly string[] = [],
): Parsed<T> {
  const parsed = parse(args, options);
  const given = parsed.positionals;
  const missing = positionals.filter((name) => !name.startsWith('[')).slice(given.length);
  if (missing.length > 0) {
    throw new WrongCall(`${missing.join(' and ').replaceAll('…', '')} ${missing.length > 1 ? 'are' : 'is'} missing`);
  }
  const most = positionals.length + (positionals.some((name) => name.endsWith('…')) ? MOST_INPUTS - 1 : 0);
  if (given.length > most) throw new WrongCall(`"${given[most]}" is one argument too many`);
  return parsed;
}

function parse<T extends Options>(args: string[], options: T): Parsed<T> {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [, unknown] = /^Unknown option '(-[^']+)'/.exec(error.message) ?? [];
    if (!unknown) throw new WrongCall(error.message);
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new WrongCall(`there is no option ${unknown}.${didYouMean(unknown, known)}`);
  }
}

/** Letters that a word may be off. */
const MOST_WRONG_LETTERS = 2;

/** Of the known words that which was meant, if one is near. */
export const nearest = (word: string, known: readonly string[]): string | undefined =>
  closestMatch(word, known, { maxDistance: MOST_WRONG_LETTERS });

/** A question to put behind a complaint about a word; empty where none that is known is near. */
export function didYouMean(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? '' : ` Did you mean ${meant}?`;
}

/** A number option. Throws a wrong call for anything else. */
export function readNumber(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new WrongCall(`--${name} takes a number; got "${text}"`);
  return value;
}

/** The help of a command: the ways to call it, then its options; `more` stands below. */
export function usageOf(calls: readonly string[], options: Options, more = ''): string {
  const rows = Object.entries(options).map(([name, { value, help }]) => [`--${name}${value ? ` ${value}` : ''}`, help]);
  const ways = calls.map((call) => `  planimeter ${call}\n`).join('');
  return `${ways}\n${columns(rows as [string, string][])}${more && `\n${more}`}`;
}

/** Two columns, indented. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}

/** What a command does first, such as `models list`: one of the known actions. Throws a wrong call. */
export function readAction<Action extends string>(
  command: string,
  action: string | undefined,
  known: readonly Action[],
): Action {
  if (known.includes(action as Action)) return action as Action;
  const said = action === undefined ? '' : `, and not "${action}".${didYouMean(action, known)}`;
  throw new WrongCall(`${command} takes ${known.join(', ')}${said}`);
}
