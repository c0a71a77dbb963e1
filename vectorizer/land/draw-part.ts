/** A finished part's arcs chained into rings. */
import { type DrawnRing, drawRing, orderRings } from '../polygons/draw-ring.ts';
import { type HalfArc, leftOf, type Node, type Part } from './open-map.ts';

/** The rings of a part as a region has them. What no open part needs any more is let go. */
export function drawPart(part: Part): Float64Array[] {
  const rings: DrawnRing[] = [];
  for (const arc of part.arcs) {
    for (const backwards of [false, true]) {
      const half = { arc, backwards };
      if (isDrawn(half) || leftOf(half) !== part) continue;
      const xy = walkRing(half, part);
      rings.push(drawRing(Float64Array.from(xy), 0, xy.length));
    }
  }
  for (const arc of part.arcs) {
    if (!arc.leftDrawn || !arc.rightDrawn) continue;
    for (const end of [arc.from, arc.to]) if (end) end.node.leaving[end.direction] = null;
  }
  part.arcs = [];
  return orderRings(rings);
}

function isDrawn({ arc, backwards }: HalfArc): boolean {
  return backwards ? arc.rightDrawn : arc.leftDrawn;
}

function walkRing(start: HalfArc, part: Part): number[] {
  const xy: number[] = [];
  for (let half = start; !isDrawn(half); ) {
    const { arc, backwards } = half;
    if (backwards) arc.rightDrawn = true;
    else arc.leftDrawn = true;
    const begin = backwards ? arc.to : arc.from;
    const { points } = arc;
    const first = begin?.node.skipped ? 2 : 0;
    if (backwards) for (let i = points.length - 2 - first; i > 0; i -= 2) xy.push(points[i], points[i + 1]);
    else for (let i = first; i < points.length - 2; i += 2) xy.push(points[i], points[i + 1]);
    const end = backwards ? arc.from : arc.to;
    if (!end) break;
    half = nextOf(end.node, end.direction, part);
  }
  return xy;
}

/** As `nextHalf` of the arc graph: where a part touches itself at a corner only, its ring goes straight across. */
function nextOf({ leaving }: Node, direction: number, part: Part): HalfArc {
  const beside = leaving[(direction + 1) & 3];
  const ahead = leaving[(direction + 2) & 3];
  const across = leaving[(direction + 3) & 3];
  if (!beside) return (ahead ?? across)!;
  if (!ahead || !across) return beside;
  return leftOf(across) === part ? across : beside;
}
