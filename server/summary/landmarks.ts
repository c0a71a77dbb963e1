/** Buildings that stand out: the largest, and those whose shape or place is far from the others'. */
import Flatbush from 'flatbush';

export interface Building {
  id: string;
  areaM2: number;
  perimeterM: number;
  /** Of its centroid, degrees. */
  lon: number;
  lat: number;
}

export const REASONS = ['area', 'compactness', 'isolation'] as const;
export type Reason = (typeof REASONS)[number];

export interface Landmark {
  building: Building;
  /** Most telling first. `typical` is the median of the job's buildings; `score` how far it is from that (see `zScores`). */
  reasons: { reason: Reason; value: number; typical: number; score: number }[];
}

/** Beyond it a value counts as unusual (Iglewicz and Hoaglin 1993). */
const UNUSUAL_SCORE = 3.5;
/** Of a normal distribution, its median absolute deviation in standard deviations; and its mean one, inverted. */
const MAD_OF_NORMAL = 0.6745;
const MEAN_DEVIATION_OF_NORMAL = 1.253314;
/** Fewer buildings have no usual measure. */
const LEAST_BUILDINGS = 8;
/** Where buildings are as like as in a drawing, a tenth more and a corner cut off are not unusual yet. */
const LEAST_DEVIATION = { ofLogarithm: 0.1, ofShare: 0.05 };
const METRES_PER_DEGREE = 111_195;

/**
 * @param largest how many of the largest are landmarks whatever the others are
 * @param most how many there are at most, the most unusual first
 */
export function landmarksOf(buildings: readonly Building[], largest: number, most: number): Landmark[] {
  if (buildings.length === 0) return [];
  const measures: Record<Reason, number[]> = {
    area: buildings.map(({ areaM2 }) => areaM2),
    // Polsby and Popper 1991: 1 of a circle, 0.785 of a square, near 0 of what is long or has wings and yards.
    compactness: buildings.map(({ areaM2, perimeterM }) => (4 * Math.PI * areaM2) / Math.max(perimeterM, 1e-9) ** 2),
    isolation: nearestNeighbours(buildings),
  };
  const scores: Record<Reason, Float64Array> = {
    // Sizes of buildings are about log-normal.
    area: zScores(
      measures.area.map((value) => Math.log(Math.max(value, 1e-9))),
      LEAST_DEVIATION.ofLogarithm,
    ),
    compactness: zScores(measures.compactness, LEAST_DEVIATION.ofShare).map((score) => -score),
    isolation: zScores(
      measures.isolation.map((value) => Math.log(Math.max(value, 1))),
      LEAST_DEVIATION.ofLogarithm,
    ),
  };
  const typical = Object.fromEntries(REASONS.map((reason) => [reason, median(measures[reason])])) as Record<
    Reason,
    number
  >;
  const byId = (a: number, b: number) => (buildings[a]!.id < buildings[b]!.id ? -1 : 1);
  const bySize = [...buildings.keys()].sort((a, b) => measures.area[b]! - measures.area[a]! || byId(a, b));
  const isLargest = new Set(bySize.slice(0, largest));
  const found = bySize.flatMap((i) => {
    const reasons = REASONS.filter(
      (reason) =>
        (reason === 'area' && isLargest.has(i)) ||
        // Shapes and places of sheds tell nothing.
        (scores[reason][i]! >= UNUSUAL_SCORE && (reason === 'area' || measures.area[i]! >= typical.area)),
    ).map((reason) => ({
      ...{ reason, value: measures[reason][i]!, typical: typical[reason], score: scores[reason][i]! },
    }));
    reasons.sort((a, b) => b.score - a.score);
    return reasons.length > 0 ? [{ building: buildings[i]!, reasons, isLargest: isLargest.has(i) }] : [];
  });
  return found
    .sort(
      (a, b) =>
        Number(b.isLargest) - Number(a.isLargest) || (a.isLargest ? 0 : b.reasons[0]!.score - a.reasons[0]!.score),
    )
    .slice(0, most)
    .map(({ building, reasons }) => ({ building, reasons }));
}

/**
 * How far values are from their median, in standard deviations that outliers do not move: by the median absolute
 * deviation, by the mean one where half of the values are the same (Iglewicz and Hoaglin 1993); 0 of few values.
 */
function zScores(values: readonly number[], leastDeviation: number): Float64Array {
  const middle = median(values);
  const deviations = values.map((value) => Math.abs(value - middle));
  const mad = median(deviations);
  const mean = deviations.reduce((sum, each) => sum + each, 0) / values.length;
  const deviation = Math.max(leastDeviation, mad > 0 ? mad / MAD_OF_NORMAL : mean * MEAN_DEVIATION_OF_NORMAL);
  const known = values.length >= LEAST_BUILDINGS;
  return Float64Array.from(values, (value) => (known ? (value - middle) / deviation : 0));
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length / 2;
  return sorted.length === 0 ? 0 : (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

/** Of a building, those that are looked at. */
const NEIGHBOURS = 8;

/**
 * Metres between each building and the nearest other one, both taken as circles of their areas around their centroids;
 * 0 of a single one.
 */
function nearestNeighbours(buildings: readonly Building[]): number[] {
  if (buildings.length < 2) return buildings.map(() => 0);
  const first = buildings[0]!;
  const parallel = Math.cos((first.lat * Math.PI) / 180);
  const places = buildings.map(({ lon, lat, areaM2 }) => {
    const east = ((((lon - first.lon + 540) % 360) + 360) % 360) - 180;
    return {
      x: east * parallel * METRES_PER_DEGREE,
      y: (lat - first.lat) * METRES_PER_DEGREE,
      radius: Math.sqrt(areaM2 / Math.PI),
    };
  });
  const index = new Flatbush(places.length);
  for (const { x, y } of places) index.add(x, y, x, y);
  index.finish();
  return places.map(({ x, y, radius }, i) => {
    const gaps = index.neighbors(x, y, NEIGHBOURS + 1).flatMap((other) => {
      const place = places[other]!;
      return other === i ? [] : [Math.hypot(place.x - x, place.y - y) - radius - place.radius];
    });
    return Math.max(0, Math.min(...gaps));
  });
}
