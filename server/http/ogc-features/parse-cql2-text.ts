/** CQL2 text (OGC 21-065r2, annex B) → CQL2 JSON, as far as features can be filtered by it. */
import type { Geometry, Position } from 'geojson';
import { Problem } from '../../../errors/problem.ts';
import { shorten } from '../../api/schema.ts';

/** A literal, a property, or an operation on arguments: CQL2 JSON. */
export type Cql2 =
  | string
  | number
  | boolean
  | { property: string }
  | { date: string }
  | { timestamp: string }
  | { interval: Cql2[] }
  | { bbox: number[] }
  | { op: string; args: (Cql2 | Cql2[])[] }
  | Geometry;

/** Brackets within brackets: deeper than anybody writes, shallower than the stack. */
const MAX_DEPTH = 64;

const TOKEN =
  /\s*(?:('(?:[^']|'')*')|("(?:[^"]|"")+")|(\d+(?:\.\d*)?(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?)|([\p{L}_:][\p{L}\p{N}_:.]*)|(<>|<=|>=|[-=<>()+*/,]))/iuy;

interface Token {
  kind: 'text' | 'name' | 'number' | 'word' | 'sign' | 'end';
  text: string;
  at: number;
}

const COMPARISONS = ['=', '<>', '<', '<=', '>', '>='];
const GEOMETRIES: Readonly<Record<string, { type: Geometry['type']; depth: number }>> = {
  POINT: { type: 'Point', depth: 0 },
  MULTIPOINT: { type: 'MultiPoint', depth: 1 },
  LINESTRING: { type: 'LineString', depth: 1 },
  MULTILINESTRING: { type: 'MultiLineString', depth: 2 },
  POLYGON: { type: 'Polygon', depth: 2 },
  MULTIPOLYGON: { type: 'MultiPolygon', depth: 3 },
};

/** Throws `bad_request` with the place where the text stops making sense. */
export function parseCql2Text(text: string): Cql2 {
  const tokens = tokenize(text);
  let next = 0;
  let depth = 0;

  const fail = (expected: string): never => {
    const { kind, text: found, at } = tokens[next]!;
    const where = kind === 'end' ? 'at its end' : `at character ${at + 1} ("${shorten(found)}")`;
    throw new Problem('bad_request', `The filter is not CQL2: ${expected} is expected ${where}.`);
  };
  const isWord = (word: string) => tokens[next]!.kind === 'word' && tokens[next]!.text.toUpperCase() === word;
  const isSign = (sign: string) => tokens[next]!.kind === 'sign' && tokens[next]!.text === sign;
  const taken = (found: boolean) => {
    if (found) next++;
    return found;
  };
  const takeWord = (word: string) => taken(isWord(word));
  const takeSign = (sign: string) => taken(isSign(sign));
  const expectSign = (sign: string) => takeSign(sign) || fail(`"${sign}"`);
  const expectText = (): string => {
    if (tokens[next]!.kind !== 'text') fail('a text in quotes');
    return unquote(tokens[next++]!.text);
  };
  const list = <T>(item: () => T): T[] => {
    expectSign('(');
    const items: T[] = [];
    do items.push(item());
    while (takeSign(','));
    expectSign(')');
    return items;
  };

  const either = (): Cql2 => chain('or', 'OR', both);
  const both = (): Cql2 => chain('and', 'AND', negation);
  function chain(op: string, word: string, part: () => Cql2): Cql2 {
    const args = [part()];
    while (takeWord(word)) args.push(part());
    return args.length === 1 ? args[0]! : { op, args };
  }
  function negation(): Cql2 {
    if (!takeWord('NOT')) return predicate();
    if (++depth > MAX_DEPTH) fail('something less nested');
    const inner = negation();
    depth--;
    return { op: 'not', args: [inner] };
  }
  function predicate(): Cql2 {
    const left = sum();
    const sign = COMPARISONS.find(isSign);
    if (sign) {
      next++;
      return { op: sign, args: [left, sum()] };
    }
    if (takeWord('IS')) {
      const not = takeWord('NOT');
      if (!takeWord('NULL')) fail('NULL');
      return negated(not, { op: 'isNull', args: [left] });
    }
    const not = takeWord('NOT');
    if (takeWord('LIKE')) return negated(not, { op: 'like', args: [left, sum()] });
    if (takeWord('IN')) return negated(not, { op: 'in', args: [left, list(sum)] });
    if (takeWord('BETWEEN')) {
      const low = sum();
      if (!takeWord('AND')) fail('AND');
      return negated(not, { op: 'between', args: [left, low, sum()] });
    }
    return not ? fail('LIKE, IN or BETWEEN') : left;
  }
  const sum = () => operators(['+', '-'], () => operators(['*', '/'], unary));
  function operators(signs: string[], part: () => Cql2): Cql2 {
    let left = part();
    for (let sign = signs.find(isSign); sign; sign = signs.find(isSign)) {
      next++;
      left = { op: sign, args: [left, part()] };
    }
    return left;
  }
  function unary(): Cql2 {
    if (!takeSign('-')) return value();
    const { kind, text: digits } = tokens[next]!;
    if (kind !== 'number') fail('a number');
    next++;
    return -Number(digits);
  }
  function value(): Cql2 {
    const token = tokens[next]!;
    if (takeSign('(')) {
      if (++depth > MAX_DEPTH) fail('something less nested');
      const inner = either();
      depth--;
      expectSign(')');
      return inner;
    }
    if (token.kind === 'text') return expectText();
    if (token.kind === 'number') return Number(tokens[next++]!.text);
    if (token.kind === 'name') return { property: unquote(tokens[next++]!.text) };
    if (token.kind !== 'word') return fail('a value');
    next++;
    const word = token.text.toUpperCase();
    if (word === 'TRUE' || word === 'FALSE') return word === 'TRUE';
    if (!isSign('(')) return { property: token.text };
    if (word in GEOMETRIES) return wkt(GEOMETRIES[word]!);
    if (word === 'BBOX') return { bbox: list(coordinate) };
    if (word === 'DATE') return { date: list(expectText)[0]! };
    if (word === 'TIMESTAMP') return { timestamp: list(expectText)[0]! };
    if (word === 'INTERVAL') return { interval: list(value) };
    if (++depth > MAX_DEPTH) fail('something less nested');
    const args = list(either);
    depth--;
    return { op: token.text.toLowerCase(), args };
  }
  function coordinate(): number {
    const sign = takeSign('-') ? -1 : 1;
    const { kind, text: digits } = tokens[next]!;
    if (kind !== 'number') fail('a number');
    next++;
    return sign * Number(digits);
  }
  function position(): Position {
    const numbers = [coordinate(), coordinate()];
    while (tokens[next]!.kind === 'number' || isSign('-')) numbers.push(coordinate());
    return numbers.slice(0, 2);
  }
  function wkt({ type, depth: levels }: { type: Geometry['type']; depth: number }): Geometry {
    const at = (level: number): unknown => {
      if (level > 0) return list(() => (level === 1 && !isSign('(') ? position() : at(level - 1)));
      expectSign('(');
      const point = position();
      expectSign(')');
      return point;
    };
    return { type, coordinates: at(levels) } as Geometry;
  }

  const parsed = either();
  if (tokens[next]!.kind !== 'end') fail('the end');
  return parsed;
}

function tokenize(text: string): Token[] {
  const kinds = ['text', 'name', 'number', 'word', 'sign'] as const;
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) {
      const found = shorten(text.slice(at).trimStart());
      throw new Problem('bad_request', `The filter is not CQL2: "${found}" cannot be read.`);
    }
    const kind = kinds.findIndex((_, i) => match[i + 1] !== undefined);
    const found = match[kind + 1]!;
    tokens.push({ kind: kinds[kind]!, text: found, at: TOKEN.lastIndex - found.length });
  }
  tokens.push({ kind: 'end', text: '', at: end });
  return tokens;
}

function unquote(text: string): string {
  const quote = text[0]!;
  return text.slice(1, -1).replaceAll(quote + quote, quote);
}

const negated = (not: boolean, cql2: Cql2): Cql2 => (not ? { op: 'not', args: [cql2] } : cql2);
