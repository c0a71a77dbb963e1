/** Buildings of two dates: which are the same, and what became of them. */
import { boxOf, indexOf } from '../../vectorizer/box.ts';
import { intersectionOverUnion } from '../../vectorizer/buildings/polygon-iou.ts';

/** Of one date; rings in pixels of the first map, closed, x and y interleaved. */
export interface DatedBuilding {
  rings: Float64Array[];
  areaM2: number;
}

export const CHANGES = ['appeared', 'gone', 'grown', 'shrunk', 'unchanged'] as const;

export interface BuildingChange {
  change: (typeof CHANGES)[number];
  /** Index of the building before and after; null where there is none. */
  before: number | null;
  after: number | null;
  /** Intersection over union of both; 0 where there is one alone. */
  iou: number;
  /** Less than both images' error explains. */
  withinError: boolean;
}

/** Of its area, that must have been no building before, or be none any more. */
const LEAST_NEW_SHARE = 0.7;
/** Pairs of less are two buildings. */
const LEAST_IOU = 0.1;

/**
 * Pairs by falling IoU, each building once. What remains is new or gone where most of it lies on no building of the other
 * date; a part of a building that another date draws as one is unchanged.
 * @param errorPixels how far outlines may lie beside each other without a change
 */
export function matchBuildings(
  before: readonly DatedBuilding[],
  after: readonly DatedBuilding[],
  pixelAreaM2: number,
  errorPixels: number,
): BuildingChange[] {
  const pairs = pairsOf(before, after);
  const covered = { before: new Float64Array(before.length), after: new Float64Array(after.length) };
  for (const { a, b, commonM2 } of pairs) {
    covered.before[a] += commonM2;
    covered.after[b] += commonM2;
  }
  const changes: BuildingChange[] = [];
  const matched = { before: new Set<number>(), after: new Set<number>() };
  for (const { a, b, iou } of pairs.toSorted((p, q) => q.iou - p.iou || p.a - q.a || p.b - q.b)) {
    if (iou < LEAST_IOU || matched.before.has(a) || matched.after.has(b)) continue;
    matched.before.add(a);
    matched.after.add(b);
    const growth = after[b].areaM2 - before[a].areaM2;
    const error = errorM2(before[a], pixelAreaM2, errorPixels);
    const differs = growth > 0 ? after[b].areaM2 - covered.after[b] : before[a].areaM2 - covered.before[a];
    const withinError = differs <= error;
    const change = withinError ? 'unchanged' : growth > 0 ? 'grown' : 'shrunk';
    changes.push({ change, before: a, after: b, iou, withinError });
  }
  const alone = (buildings: readonly DatedBuilding[], date: 'before' | 'after', change: 'appeared' | 'gone') => {
    for (const [i, building] of buildings.entries()) {
      if (matched[date].has(i)) continue;
      const newM2 = building.areaM2 - covered[date][i];
      const isNew = newM2 >= LEAST_NEW_SHARE * building.areaM2;
      const withinError = newM2 <= errorM2(building, pixelAreaM2, errorPixels);
      const place = date === 'before' ? { before: i, after: null } : { before: null, after: i };
      const told = isNew && !withinError ? change : 'unchanged';
      changes.push({ change: told, ...place, iou: 0, withinError: told === 'unchanged' });
    }
  };
  alone(before, 'before', 'gone');
  alone(after, 'after', 'appeared');
  return changes;
}

function pairsOf(before: readonly DatedBuilding[], after: readonly DatedBuilding[]) {
  const pairs: { a: number; b: number; iou: number; commonM2: number }[] = [];
  if (before.length === 0 || after.length === 0) return pairs;
  const index = indexOf(before.map(({ rings }) => boxOf(rings[0])));
  for (const [b, { rings, areaM2 }] of after.entries()) {
    for (const a of index.search(...boxOf(rings[0]))) {
      const iou = intersectionOverUnion(before[a].rings, rings);
      if (iou > 0) pairs.push({ a, b, iou, commonM2: (iou / (1 + iou)) * (before[a].areaM2 + areaM2) });
    }
  }
  return pairs;
}

/** A rim of the error's width along the whole outline. */
function errorM2({ rings }: DatedBuilding, pixelAreaM2: number, errorPixels: number): number {
  let outline = 0;
  for (const ring of rings) {
    for (let i = 2; i < ring.length; i += 2) outline += Math.hypot(ring[i] - ring[i - 2], ring[i + 1] - ring[i - 1]);
  }
  return outline * errorPixels * pixelAreaM2;
}
