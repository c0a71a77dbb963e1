/**
 * CQL2 JSON (OGC 21-065r2) → a condition on features, with every value as a parameter. Comparisons, LIKE, BETWEEN, IN,
 * IS NULL, arithmetic, CASEI, the spatial functions and the temporal ones that a single time can answer.
 */
import { Problem } from '../../../errors/problem.ts';
import { timeSpan } from '../../api/datetime.ts';
import { MOST_COORDINATE } from '../../geometry/find-crossing.ts';
import { GEOMETRIES, MOST_POSITIONS, positionsOf, readGeometry } from '../../geometry/read-geometry.ts';
import { CAPTURED_AT } from './captured-at.ts';

export type QueryableType = 'boolean' | 'number' | 'text' | 'time' | 'geometry';

interface Term {
  sql: string;
  type: QueryableType;
  /** Of a DATE: times are compared with it by their day in UTC. */
  day?: true;
}

const json = (name: string, kind: string, type: string) =>
  `CASE WHEN jsonb_typeof(f.properties->'${name}') = '${kind}' THEN (f.properties->>'${name}')${type} END`;

/** What features can be filtered and sorted by: SQL over `features f JOIN jobs j`. */
export const QUERYABLES: Readonly<Record<string, Term>> = {
  id: { sql: 'f.id::text', type: 'text' },
  class: { sql: 'f.class', type: 'text' },
  score: { sql: 'f.score::double precision', type: 'number' },
  area_m2: { sql: 'f.area_m2', type: 'number' },
  perimeter_m: { sql: 'f.perimeter_m', type: 'number' },
  length_m: { sql: 'f.length_m', type: 'number' },
  width_m: { sql: json('width_m', 'number', '::double precision'), type: 'number' },
  orientation_deg: { sql: json('orientation_deg', 'number', '::double precision'), type: 'number' },
  regularized: { sql: json('regularized', 'boolean', '::boolean'), type: 'boolean' },
  review: { sql: json('review', 'string', ''), type: 'text' },
  job: { sql: 'j.id', type: 'text' },
  scene: { sql: 'j.scene', type: 'text' },
  model: { sql: 'j.model', type: 'text' },
  captured_at: { sql: CAPTURED_AT, type: 'time' },
  mapped_at: { sql: 'j.finished_at', type: 'time' },
  geometry: { sql: 'f.geom', type: 'geometry' },
};

/** More would be a table, not a filter. */
const MAX_TERMS = 1000;
/** Deeper is refused before the stack or the database's parser would be. */
const MAX_DEPTH = 64;
/** Of a text, in characters. */
const MAX_TEXT = 2000;
/** Of a pattern: each one more has to be tried at every place of a text. */
const MAX_WILDCARDS = 20;

const COMPARISONS = ['=', '<>', '<', '<=', '>', '>='];
const ARITHMETIC = ['+', '-', '*', '/'];
const SPATIAL: Readonly<Record<string, string>> = {
  s_intersects: 'ST_Intersects',
  s_disjoint: 'ST_Disjoint',
  s_contains: 'ST_Contains',
  s_within: 'ST_Within',
  s_equals: 'ST_Equals',
  s_touches: 'ST_Touches',
  s_crosses: 'ST_Crosses',
  s_overlaps: 'ST_Overlaps',
};
/**
 * @param parameters gets the filter's values; the SQL numbers them from where it stood
 * @returns a boolean SQL expression. Throws Problem bad_request that names what cannot be understood.
 */
export function cql2Condition(cql2: unknown, parameters: unknown[]): string {
  let terms = 0;
  let positions = 0;
  const parameter = (value: unknown, type: string) => {
    parameters.push(value);
    return `$${parameters.length}::${type}`;
  };

  function compile(node: unknown, depth: number): Term {
    if (++terms > MAX_TERMS || depth > MAX_DEPTH) fail(`it has more than ${MAX_TERMS} parts or ${MAX_DEPTH} levels`);
    if (typeof node === 'string' && node.includes('\0')) return fail('a text holds a null character');
    if (typeof node === 'string' && node.length > MAX_TEXT) return fail(`a text has more than ${MAX_TEXT} characters`);
    if (typeof node === 'string') return { sql: parameter(node, 'text'), type: 'text' };
    if (typeof node === 'number' && !Number.isFinite(node)) return fail('a number is too large');
    if (typeof node === 'number') return { sql: parameter(node, 'double precision'), type: 'number' };
    if (typeof node === 'boolean') return { sql: parameter(node, 'boolean'), type: 'boolean' };
    if (typeof node !== 'object' || node === null) return fail(`${JSON.stringify(node)} is not an expression`);
    if ('op' in node) return operation(node as { op: unknown; args?: unknown }, depth);
    if ('property' in node) return queryable(node.property);
    if ('date' in node) return { sql: parameter(instant(node.date), 'timestamptz'), type: 'time', day: true };
    if ('timestamp' in node) return { sql: parameter(instant(node.timestamp), 'timestamptz'), type: 'time' };
    if ('type' in node && 'coordinates' in node) return { sql: geometry(node), type: 'geometry' };
    if ('bbox' in node) return { sql: box(node.bbox), type: 'geometry' };
    return fail(`${JSON.stringify(node).slice(0, 60)} is not an expression`);
  }
  function typed(node: unknown, type: QueryableType, depth: number): string {
    return term(node, type, depth).sql;
  }
  function term(node: unknown, type: QueryableType, depth: number): Term {
    const compiled = compile(node, depth + 1);
    return compiled.type === type ? compiled : fail(`a ${type} is expected where a ${compiled.type} stands`);
  }
  /** The first argument, and the others of its type; where one is a DATE, the days of all of them. */
  function alike(
    first: unknown,
    others: unknown[],
    depth: number,
  ): { sqls: [string, ...string[]]; type: QueryableType } {
    const left = compile(first, depth + 1);
    const terms = [left, ...others.map((each) => term(each, left.type, depth))];
    const byDay = terms.some(({ day }) => day);
    const sqls = terms.map(({ sql, day }) => (byDay && !day ? `date_trunc('day', ${sql}, 'UTC')` : sql));
    return { sqls: sqls as [string, ...string[]], type: left.type };
  }
  function operation({ op, args }: { op: unknown; args?: unknown }, depth: number): Term {
    if (typeof op !== 'string' || !Array.isArray(args)) return fail('an operation has "op" and "args"');
    const count = (n: number) => args.length === n || fail(`"${op}" takes ${n} arguments`);
    const condition = (sql: string): Term => ({ sql: `(${sql})`, type: 'boolean' });
    if (op === 'and' || op === 'or') {
      if (args.length < 2) fail(`"${op}" takes two arguments or more`);
      return condition(args.map((arg) => typed(arg, 'boolean', depth)).join(` ${op.toUpperCase()} `));
    }
    if (op === 'not') return count(1) && condition(`NOT ${typed(args[0], 'boolean', depth)}`);
    if (op === 'isNull') return count(1) && condition(`${compile(args[0], depth + 1).sql} IS NULL`);
    if (op === 'like') {
      checkPattern(args[1]);
      return count(2) && condition(`${typed(args[0], 'text', depth)} LIKE ${typed(args[1], 'text', depth)}`);
    }
    if (op === 'between') {
      count(3);
      const [sql, low, high] = alike(args[0], args.slice(1), depth).sqls;
      return condition(`${sql} BETWEEN ${low} AND ${high}`);
    }
    if (op === 'in') {
      count(2);
      if (!Array.isArray(args[1]) || args[1].length === 0) return fail('"in" takes a list of values');
      const [sql, ...items] = alike(args[0], args[1], depth).sqls;
      return condition(`${sql} IN (${items.join(', ')})`);
    }
    if (op === 'casei') return count(1) && { sql: `lower(${typed(args[0], 'text', depth)})`, type: 'text' };
    if (op in SPATIAL) {
      count(2);
      return condition(`${SPATIAL[op]}(${typed(args[0], 'geometry', depth)}, ${typed(args[1], 'geometry', depth)})`);
    }
    if (op.startsWith('t_')) return condition(temporal(op, args, depth));
    if (COMPARISONS.includes(op)) {
      count(2);
      const { sqls, type } = alike(args[0], args.slice(1), depth);
      if (type === 'geometry') fail('geometries are compared by S_EQUALS');
      return condition(sqls.join(` ${op} `));
    }
    if (ARITHMETIC.includes(op)) {
      count(2);
      const [left, right] = args.map((arg) => typed(arg, 'number', depth)) as [string, string];
      return { sql: `(${left} ${op} ${op === '/' ? `nullif(${right}, 0)` : right})`, type: 'number' };
    }
    const known = [
      'and',
      'or',
      'not',
      ...COMPARISONS,
      'like',
      'between',
      'in',
      'isNull',
      'casei',
      ...Object.keys(SPATIAL),
    ];
    return fail(
      `there is no operation "${op.slice(0, 40)}"; known are ${known.join(', ')}, t_after, t_before, t_during`,
    );
  }
  /** A feature's time is an instant, so against an interval the functions come down to comparisons with its ends. */
  function temporal(op: string, args: unknown[], depth: number): string {
    if (args.length !== 2) fail(`"${op}" takes 2 arguments`);
    const time = typed(args[0], 'time', depth);
    const [first, last] = ends(args[1]);
    // The database refuses parameters that its statement does not use.
    const end = op === 't_before' ? null : endOf(last, 'to', depth);
    if (op === 't_after') return end ? `${time} > ${end}` : 'FALSE';
    const start = endOf(first, 'from', depth);
    if (op === 't_before') return start ? `${time} < ${start}` : 'FALSE';
    if (op === 't_equals' && start && end) return `${time} = ${start} AND ${time} = ${end}`;
    const inside = (low: string, high: string) =>
      [start && `${time} ${low} ${start}`, end && `${time} ${high} ${end}`].filter(Boolean).join(' AND ') || 'TRUE';
    if (op === 't_during') return inside('>', '<');
    if (op === 't_intersects') return inside('>=', '<=');
    if (op === 't_disjoint') return `NOT (${inside('>=', '<=')})`;
    return fail(
      `"${op.slice(0, 40)}" cannot be asked of a single time; take t_after, t_before, t_during or t_intersects`,
    );
  }
  function ends(node: unknown): unknown[] {
    const interval = typeof node === 'object' && node !== null && 'interval' in node ? node.interval : [node, node];
    return Array.isArray(interval) && interval.length === 2 ? interval : fail('an interval has two ends');
  }
  /** A DATE lasts its whole day. */
  function endOf(node: unknown, which: 'from' | 'to', depth: number): string | null {
    if (node === '..') return null;
    const literal = typeof node === 'object' && node !== null && 'date' in node ? node.date : node;
    return typeof literal === 'string' ? parameter(instant(literal, which), 'timestamptz') : typed(node, 'time', depth);
  }
  function geometry(node: object): string {
    const wrong = (what: string) => new Problem('bad_request', `The filter cannot be used: of a geometry, ${what}.`);
    const read = readGeometry(node, {
      types: GEOMETRIES,
      mostPositions: MOST_POSITIONS,
      before: positions,
      onEarth: false,
      wrong,
    });
    positions += positionsOf(read);
    return `ST_MakeValid(ST_SetSRID(ST_GeomFromGeoJSON(${parameter(JSON.stringify(read), 'text')}), 4326))`;
  }
  function box(bbox: unknown): string {
    const known = (each: unknown) => typeof each === 'number' && Math.abs(each) <= MOST_COORDINATE;
    if (!Array.isArray(bbox) || ![4, 6].includes(bbox.length) || !bbox.every(known)) {
      return fail('a bbox has four or six numbers, degrees');
    }
    const half = bbox.length / 2;
    const corners = [bbox[0], bbox[1], bbox[half], bbox[half + 1]].map((each) => parameter(each, 'double precision'));
    return `ST_MakeEnvelope(${corners.join(', ')}, 4326)`;
  }

  return typed(cql2, 'boolean', 0);
}

/** Of LIKE; what a property holds needs no looking at. */
function checkPattern(pattern: unknown): void {
  if (typeof pattern === 'object' && pattern !== null && 'op' in pattern && pattern.op === 'casei') {
    if ('args' in pattern && Array.isArray(pattern.args)) checkPattern(pattern.args[0]);
  }
  if (typeof pattern !== 'string') return;
  if (pattern.split('%').length > MAX_WILDCARDS + 1) fail(`a pattern has more than ${MAX_WILDCARDS} "%"`);
  if (/(?<!\\)(\\\\)*\\$/.test(pattern)) fail('a pattern ends in a lone backslash');
}

function queryable(name: unknown): Term {
  const known = Object.keys(QUERYABLES);
  if (typeof name === 'string' && known.includes(name)) return QUERYABLES[name]!;
  return fail(`there is no property ${JSON.stringify(name)?.slice(0, 60)}; there are ${known.join(', ')}`);
}

function fail(what: string): never {
  throw new Problem('bad_request', `The filter cannot be used: ${what}.`);
}

function instant(text: unknown, which: 'from' | 'to' = 'from'): string {
  const span = typeof text === 'string' ? timeSpan(text, { zoneless: true }) : null;
  return span
    ? new Date(span[which]).toISOString()
    : fail(`${JSON.stringify(text)?.slice(0, 60)} is not an RFC 3339 date or time`);
}
