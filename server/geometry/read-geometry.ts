/** GeoJSON geometries that people send, checked before anything is computed with them: what they cost is bounded. */
import type { Geometry, Position } from 'geojson';
import type { Problem } from '../../errors/problem.ts';
import { isEntangled, MOST_OVERLAPS } from './entangled.ts';
import { findCrossing, MOST_COORDINATE } from './find-crossing.ts';

/** Most positions of a zone, and of all geometries of a filter or a search. */
export const MOST_POSITIONS = 10_000;
/** Lines may cross themselves, as tracks do, up to so many positions. */
const MOST_POSITIONS_OF_TANGLES = 1000;

type GeometryType = Exclude<Geometry['type'], 'GeometryCollection'>;

/** How deep the coordinates lie. */
const LEVELS: Readonly<Record<GeometryType, number>> = {
  Point: 0,
  MultiPoint: 1,
  LineString: 1,
  MultiLineString: 2,
  Polygon: 2,
  MultiPolygon: 3,
};
export const GEOMETRIES = Object.keys(LEVELS) as GeometryType[];
export const AREAS = ['Polygon', 'MultiPolygon'] as const satisfies GeometryType[];

export interface GeometryRules {
  types: readonly GeometryType[];
  mostPositions: number;
  /** Positions of other geometries that count with this one's. */
  before?: number;
  /** Whether coordinates beyond ±180 and ±90 are refused. */
  onEarth: boolean;
  /** Makes the refusal of what is wrong. */
  wrong(what: string): Problem;
}

/** The geometry with two numbers a position. Throws what `wrong` makes. */
export function readGeometry<Type extends GeometryType>(
  given: unknown,
  rules: GeometryRules & { types: readonly Type[] },
): Extract<Geometry, { type: Type }> {
  const { wrong, types, mostPositions, before = 0 } = rules;
  const { type, coordinates } = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>;
  if (!types.includes(type as Type)) {
    const found = typeof type === 'string' ? `"${type.slice(0, 40)}"` : 'a member without a type';
    throw wrong(`${found} is no ${types.join(', ').replace(/, (\w+)$/, ' or $1')} of GeoJSON`);
  }
  let positions = 0;
  const chains: Position[][] = [];
  const area = type === 'Polygon' || type === 'MultiPolygon';
  const line = type === 'LineString' || type === 'MultiLineString';

  function read(node: unknown, level: number): unknown {
    if (level === 0) return readPosition(node, rules);
    if (!Array.isArray(node) || node.length === 0) throw wrong('a list of coordinates is empty or none');
    if (level > 1) return node.map((each) => read(each, level - 1));
    positions += node.length;
    if (before + positions > mostPositions) {
      const whose = before > 0 ? 'there are' : 'it has';
      throw wrong(`${whose} more than ${mostPositions} positions, the limit; simplify it or send it in parts`);
    }
    const chain = node.map((each) => readPosition(each, rules));
    if (area) checkRing(chain, wrong);
    if (line && chain.length < 2) throw wrong('a line has fewer than two positions');
    chains.push(chain);
    return chain;
  }

  const read2d = read(coordinates, LEVELS[type as Type]);
  if (area || (line && positions > MOST_POSITIONS_OF_TANGLES)) checkCrossings(chains, wrong);
  return { type, coordinates: read2d } as unknown as Extract<Geometry, { type: Type }>;
}

export const positionsOf = ({ coordinates }: { coordinates: readonly unknown[] }): number =>
  (coordinates.flat(3) as number[]).length / 2;

function readPosition(node: unknown, { wrong, onEarth }: GeometryRules): Position {
  if (!Array.isArray(node) || node.length < 2 || !node.every(Number.isFinite)) {
    throw wrong('a position is not two numbers');
  }
  const [lon, lat] = node as [number, number];
  const [east, north] = onEarth ? [180, 90] : [MOST_COORDINATE, MOST_COORDINATE];
  if (Math.abs(lon) <= east && Math.abs(lat) <= north) return [lon, lat];
  throw wrong(`${lon}, ${lat} is no longitude and latitude`);
}

function checkRing(ring: readonly Position[], wrong: GeometryRules['wrong']): void {
  if (ring.length < 4) throw wrong('a ring has fewer than four positions');
  const [first, last] = [ring[0]!, ring.at(-1)!];
  if (first[0] !== last[0] || first[1] !== last[1])
    throw wrong('a ring is not closed: it does not end where it begins');
}

/** Refuses rings and lines that cross, with a place where they do, and those that are dear without crossing. */
function checkCrossings(chains: readonly Position[][], wrong: GeometryRules['wrong']): void {
  const found = findCrossing(chains);
  if (!found) {
    if (!isEntangled(chains)) return;
    throw wrong(
      `more than ${MOST_OVERLAPS} pairs of its sides overlap with their bounding boxes; simplify it or send it in parts`,
    );
  }
  const [lon, lat] = found.map((each) => Number(each.toFixed(9)));
  throw wrong(
    `it crosses itself at ${lon}, ${lat}; mend it with ST_MakeValid (PostGIS), make_valid (shapely) or "Fix geometries" (QGIS)`,
  );
}
