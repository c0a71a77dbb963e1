/**
 * Strips' open roads in, from the top, the edges that they make together out: parts that meet at a line become one edge,
 * which is drawn as if it had never been cut; streets go on through the strips. Memory follows what is open at one line.
 */
import type { Strip } from '../strips.ts';
import { drawEdge, type RoadEdge, type RoadOptions, type SketchCounts } from './network.ts';
import type { MeasuredLine } from './smooth-line.ts';
import { type OpenRoads, type PartEnd, type RoadTotals, STRIP_NODES, type StreetEdge } from './strip.ts';
import { directionsOf, pairEnds } from './strokes.ts';

/**
 * Parts whose ends at a line are no farther apart than this, or than their road is wide to one side, are of one edge. Ends
 * are apart where something decided on them that lies beyond a strip's margin.
 */
const MEET_PIXELS = 4;

/** Parts that follow each other, all from start to end. */
interface Chain {
  parts: MeasuredLine[];
  start: ChainEnd;
  end: ChainEnd;
  component: Component;
}

interface ChainEnd {
  chain: Chain;
  /** null: open at a line. */
  node: number | null;
  x: number;
  /** Half of the road's width there. */
  radius: number;
}

/** A connected part of the network, or one that went into another. */
interface Component {
  into: Component | null;
  /** How many ends of it are open at a line. */
  open: number;
}

/** Edges of one street, or one that went into another. */
interface Street {
  into: Street | null;
  edges: RoadEdge[];
  /** How many ends of it are at nodes where edges are missing. */
  waiting: number;
}

/** A node where edges are missing. */
interface Meeting {
  missing: number;
  ends: { street: Street; direction: number }[];
}

export function createRoadJoiner(options: RoadOptions) {
  const totals = emptyTotals();
  const meetings = new Map<number, Meeting>();
  let strips = 0;
  let unused = 0;
  let frontier: ChainEnd[] = [];
  let finished: StreetEdge[] = [];

  const take = (): StreetEdge[] => {
    const taken = finished;
    finished = [];
    return taken;
  };

  const addNode = (degree: number): number => {
    totals.nodes++;
    totals.degrees[degree] = (totals.degrees[degree] ?? 0) + 1;
    return unused--;
  };

  function close(component: Component, ends: number): void {
    component.open -= ends;
    if (component.open === 0) totals.components++;
  }

  function meet(a: ChainEnd, b: ChainEnd): void {
    close(merge(a.chain.component, b.chain.component), 2);
    const { chain } = a;
    if (b.chain === chain) {
      a.node = b.node = addNode(2);
      closeRing(chain.parts);
    } else {
      if (chain.end !== a) turn(chain);
      if (b.chain.start !== b) turn(b.chain);
      chain.parts.push(...b.chain.parts);
      chain.end = b.chain.end;
      chain.end.chain = chain;
    }
    drawIfWhole(chain);
  }

  /** Nothing goes on beyond the line. */
  function stop(end: ChainEnd): void {
    close(rootOf(end.chain.component), 1);
    end.node = addNode(1);
    drawIfWhole(end.chain);
  }

  function drawIfWhole({ parts, start, end }: Chain): void {
    if (start.node === null || end.node === null) return;
    const edge = drawEdge(concatenated(parts), start.node, end.node, options);
    totals.edges++;
    totals.report.lengthMetres += edge.lengthMetres;
    const street: Street = { into: null, edges: [edge], waiting: 0 };
    const met = addToMeetings(edge, street);
    if (met.length === 0) finishStreet(street);
    for (const node of met) {
      const meeting = meetings.get(node);
      if (meeting && --meeting.missing === 0) settle(node, meeting);
    }
  }

  /** Returns those of its ends' nodes where edges are, or were, missing. */
  function addToMeetings(edge: RoadEdge, street: Street): number[] {
    const directions = directionsOf(edge, options.pixelMetres);
    return [edge.from, edge.to].filter((node, k) => {
      const meeting = meetings.get(node);
      meeting?.ends.push({ street, direction: directions[k] });
      if (meeting) street.waiting++;
      return meeting;
    });
  }

  function settle(node: number, { ends }: Meeting): void {
    meetings.delete(node);
    for (const { street } of ends) rootOf(street).waiting--;
    for (const [a, b] of pairEnds(ends.map(({ direction }) => direction))) mergeStreets(ends[a].street, ends[b].street);
    for (const street of new Set(ends.map((end) => rootOf(end.street)))) if (street.waiting === 0) finishStreet(street);
  }

  function finishStreet({ edges }: Street): void {
    const streetMetres = edges.reduce((sum, { lengthMetres }) => sum + lengthMetres, 0);
    for (const edge of edges) finished.push({ ...edge, streetMetres });
  }

  return {
    /** The edges that a strip finishes. Throws a RangeError where it is not the next one. */
    append({ index }: Strip, open: OpenRoads): StreetEdge[] {
      if (index !== strips) throw new RangeError(`expected strip ${strips}, got ${index}`);
      strips++;
      unused = strips * STRIP_NODES - 1;
      addTotals(totals, open.totals);
      const { above, below, nodes } = chainsOf(open);
      for (const node of nodes) {
        const meeting = meetings.get(node);
        if (meeting) meeting.missing++;
        else meetings.set(node, { missing: 1, ends: [] });
      }
      const streets = new Map<number, Street>();
      for (const [i, edge] of open.held.entries()) {
        const street = streets.get(open.streets[i]) ?? { into: null, edges: [], waiting: 0 };
        streets.set(open.streets[i], street);
        street.edges.push(edge);
        addToMeetings(edge, street);
      }
      const upper = new Set(frontier);
      const across = nearestPairs([...frontier, ...above], (a, b) => upper.has(a) !== upper.has(b));
      const paired = new Set(across.flat());
      const left = [...frontier, ...above].filter((end) => !paired.has(end));
      const back = nearestPairs(left, (a, b) => upper.has(a) === upper.has(b) && a.chain !== b.chain);
      for (const end of back.flat()) paired.add(end);
      for (const [a, b] of [...across, ...back]) meet(a, b);
      for (const end of left) if (!paired.has(end)) stop(end);
      frontier = below;
      return take();
    },

    /** What all strips together are. Throws a RangeError where the last one is missing. */
    finish(): RoadTotals {
      if (frontier.length > 0) throw new RangeError(`expected a strip ${strips}`);
      return totals;
    },
  };
}

/** Parts as chains of one, their open ends, and of the others the nodes, one for each. */
function chainsOf({ parts }: OpenRoads): { above: ChainEnd[]; below: ChainEnd[]; nodes: number[] } {
  const ends: { above: ChainEnd[]; below: ChainEnd[]; nodes: number[] } = { above: [], below: [], nodes: [] };
  const components = new Map<number, Component>();
  for (const part of parts) {
    const component = components.get(part.component) ?? { into: null, open: 0 };
    components.set(part.component, component);
    const chain = { parts: [part], component } as unknown as Chain;
    const endAt = (at: PartEnd, i: number): ChainEnd => {
      const [x, radius] = [part.x[i], part.radius[i]];
      if (typeof at === 'number') {
        ends.nodes.push(at);
        return { chain, node: at, x, radius };
      }
      component.open++;
      const end = { chain, node: null, x, radius };
      ends[at].push(end);
      return end;
    };
    chain.start = endAt(part.start, 0);
    chain.end = endAt(part.end, part.x.length - 1);
  }
  return ends;
}

/** Ends that lie in each other's surface, the nearest first; each with at most one other. */
function nearestPairs(ends: readonly ChainEnd[], may: (a: ChainEnd, b: ChainEnd) => boolean): [ChainEnd, ChainEnd][] {
  const sorted = ends.toSorted((a, b) => a.x - b.x);
  const farthest = sorted.reduce((most, { radius }) => Math.max(most, radius), MEET_PIXELS);
  const near: { a: ChainEnd; b: ChainEnd; apart: number }[] = [];
  for (const [i, a] of sorted.entries()) {
    for (let k = i + 1; k < sorted.length && sorted[k].x - a.x <= farthest; k++) {
      const b = sorted[k];
      if (b.x - a.x <= Math.max(MEET_PIXELS, a.radius, b.radius) && may(a, b)) near.push({ a, b, apart: b.x - a.x });
    }
  }
  near.sort((p, q) => p.apart - q.apart);
  const used = new Set<ChainEnd>();
  const pairs: [ChainEnd, ChainEnd][] = [];
  for (const { a, b } of near) {
    if (used.has(a) || used.has(b)) continue;
    used.add(a).add(b);
    pairs.push([a, b]);
  }
  return pairs.sort(([a], [b]) => a.x - b.x);
}

function closeRing(parts: readonly MeasuredLine[]): void {
  const [first, last] = [parts[0], parts[parts.length - 1]];
  [last.x[last.x.length - 1], last.y[last.y.length - 1]] = [first.x[0], first.y[0]];
}

function turn(chain: Chain): void {
  chain.parts = chain.parts.toReversed().map(({ x, y, radius, scores }) => ({
    x: x.toReversed(),
    y: y.toReversed(),
    radius: radius.toReversed(),
    scores: scores.toReversed(),
  }));
  [chain.start, chain.end] = [chain.end, chain.start];
}

/** One line of parts. Where two meet the first one's point stays. */
function concatenated([first, ...others]: readonly MeasuredLine[]): MeasuredLine {
  const all = (of: (part: MeasuredLine) => number[]) => of(first).concat(...others.map((part) => of(part).slice(1)));
  return {
    x: all(({ x }) => x),
    y: all(({ y }) => y),
    radius: all((part) => part.radius),
    scores: all((p) => p.scores),
  };
}

function rootOf<T extends { into: T | null }>(member: T): T {
  let root = member;
  while (root.into) root = root.into;
  for (let at = member; at.into; ) {
    const next: T = at.into;
    if (next !== root) at.into = root;
    at = next;
  }
  return root;
}

function merge(a: Component, b: Component): Component {
  const [kept, gone] = [rootOf(a), rootOf(b)];
  if (kept === gone) return kept;
  gone.into = kept;
  kept.open += gone.open;
  return kept;
}

function mergeStreets(a: Street, b: Street): void {
  const [first, second] = [rootOf(a), rootOf(b)];
  if (first === second) return;
  const [kept, gone] = first.edges.length >= second.edges.length ? [first, second] : [second, first];
  gone.into = kept;
  kept.waiting += gone.waiting;
  kept.edges.push(...gone.edges);
  gone.edges = [];
}

function emptyTotals(): RoadTotals {
  const counts: SketchCounts = {
    bridges: 0,
    snappedEnds: 0,
    mergedJunctions: 0,
    prunedSpurs: 0,
    discardedPieces: 0,
    specks: 0,
    filledHoles: 0,
  };
  return { nodes: 0, edges: 0, components: 0, degrees: {}, report: { lengthMetres: 0, ...counts } };
}

function addTotals(sums: RoadTotals, { nodes, edges, components, degrees, report }: RoadTotals): void {
  sums.nodes += nodes;
  sums.edges += edges;
  sums.components += components;
  for (const [degree, count] of Object.entries(degrees)) {
    sums.degrees[Number(degree)] = (sums.degrees[Number(degree)] ?? 0) + count;
  }
  for (const name of Object.keys(report) as (keyof typeof report)[]) sums.report[name] += report[name];
}
