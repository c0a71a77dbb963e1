/**
 * A place where rings or lines cross (Shamos and Hoey, 1976): time follows the number of positions
 * and its logarithm, whatever the shape. Rings may touch in points, as holes do.
 */
import type { Position } from 'geojson';
import { createStatus } from './sweep-status.ts';

/** Coordinates up to here are compared, exactly, on a grid of 2⁻⁴² (a millionth of a millimetre in degrees). */
export const MOST_COORDINATE = 1000;
const GRID = 2 ** 42;
/** Positions that the grid does not tell apart are passed over; so many are somebody's game. */
const MOST_COLLAPSED = 100;

/** Null where nothing crosses. Lines that follow one another over a length cross; so do more than a few sides too short to tell. */
export function findCrossing(chains: readonly (readonly Position[])[]): Position | null {
  const xs: number[] = [];
  const ys: number[] = [];
  const [lefts, rights]: [number[], number[]] = [[], []];
  /** Of each point: those before and after it in its chain, -1 at the ends of a line. */
  const [previous, following]: [number[], number[]] = [[], []];
  let collapsed = 0;
  for (const chain of chains) {
    const first = xs.length;
    for (const [i, [lon, lat]] of chain.entries()) {
      const [x, y] = [Math.round(lon! * GRID), Math.round(lat! * GRID)];
      const last = xs.length - 1;
      if (i > 0 && x === xs[last] && y === ys[last]) {
        const [lonBefore, latBefore] = chain[i - 1]!;
        if ((lon !== lonBefore || lat !== latBefore) && ++collapsed > MOST_COLLAPSED) return [lon!, lat!];
        continue;
      }
      xs.push(x);
      ys.push(y);
    }
    const last = xs.length - 1;
    const closed = last - first >= 3 && xs[first] === xs[last] && ys[first] === ys[last];
    if (closed) {
      xs.pop();
      ys.pop();
    }
    const count = xs.length - first;
    for (let i = 0; i < count; i++) {
      previous.push(i > 0 ? first + i - 1 : closed ? first + count - 1 : -1);
      following.push(i + 1 < count ? first + i + 1 : closed ? first : -1);
    }
    for (let i = 0; i + (closed ? 0 : 1) < count; i++) {
      const [a, b] = [first + i, following[first + i]!];
      const forward = xs[a]! < xs[b]! || (xs[a] === xs[b] && ys[a]! < ys[b]!);
      lefts.push(forward ? a : b);
      rights.push(forward ? b : a);
    }
  }

  const side = (segment: number, point: number) => turn(xs, ys, lefts[segment]!, rights[segment]!, point);
  const samePlace = (a: number, b: number) => xs[a] === xs[b] && ys[a] === ys[b];
  const before = (a: number, b: number) => xs[a]! - xs[b]! || ys[a]! - ys[b]!;
  const place = (point: number): Position => [xs[point]! / GRID, ys[point]! / GRID];
  /** Of a segment that begins while another is there: on which side of it. */
  const beginsAbove = (later: number, earlier: number) => side(earlier, lefts[later]!) || side(earlier, rights[later]!);
  const compare = (a: number, b: number) => {
    if (a === b) return 0;
    const order = before(lefts[a]!, lefts[b]!) >= 0 ? beginsAbove(a, b) : -beginsAbove(b, a);
    return order || a - b;
  };

  /** Where two segments cross or follow one another; null where they are apart or touch. */
  function meeting(a: number | undefined, b: number | undefined): Position | null {
    if (a === undefined || b === undefined) return null;
    const [a0, a1, b0, b1] = [side(b, lefts[a]!), side(b, rights[a]!), side(a, lefts[b]!), side(a, rights[b]!)];
    if (a0 === 0 && a1 === 0) {
      const [begin, end] = [
        before(lefts[a]!, lefts[b]!) > 0 ? lefts[a]! : lefts[b]!,
        before(rights[a]!, rights[b]!) < 0 ? rights[a]! : rights[b]!,
      ];
      return before(begin, end) < 0 ? place(begin) : null;
    }
    if (a0 * a1 < 0 && b0 * b1 < 0) return crossing(a, b);
    return (
      passing(a, b0, lefts[b]!) ?? passing(a, b1, rights[b]!) ?? passing(b, a0, lefts[a]!) ?? passing(b, a1, rights[a]!)
    );
  }
  /** A chain that has a point on the inside of a segment, and goes on at its other side. */
  function passing(segment: number, sideOfPoint: number, point: number): Position | null {
    const [from, to] = [previous[point]!, following[point]!];
    if (sideOfPoint !== 0 || from < 0 || to < 0) return null;
    if (before(lefts[segment]!, point) >= 0 || before(point, rights[segment]!) >= 0) return null;
    return side(segment, from) * side(segment, to) < 0 ? place(point) : null;
  }
  function crossing(a: number, b: number): Position {
    const [p, q, r, s] = [lefts[a]!, rights[a]!, lefts[b]!, rights[b]!];
    const [dx, dy] = [(xs[q]! - xs[p]!) / GRID, (ys[q]! - ys[p]!) / GRID];
    const [ex, ey] = [(xs[s]! - xs[r]!) / GRID, (ys[s]! - ys[r]!) / GRID];
    const t = (((xs[r]! - xs[p]!) / GRID) * ey - ((ys[r]! - ys[p]!) / GRID) * ex) / (dx * ey - dy * ex);
    const [x, y] = place(p);
    return [x! + t * dx, y! + t * dy];
  }

  // At a place, what ends there goes before what begins there.
  const events = Array.from({ length: 2 * lefts.length }, (_, i) => i).sort((a, b) => {
    const [ends, others] = [a & 1, b & 1];
    const [p, q] = [(ends ? rights : lefts)[a >> 1]!, (others ? rights : lefts)[b >> 1]!];
    return before(p, q) || others - ends || a - b;
  });
  const status = createStatus(compare);
  for (const event of events) {
    const segment = event >> 1;
    if (event & 1) {
      const { below, above } = status.remove(segment);
      const found = meeting(below, above);
      if (found) return found;
    } else {
      const { below, above } = status.insert(segment);
      const found = meeting(segment, below) ?? meeting(segment, above);
      if (found) return found;
    }
  }
  return crossingAtPoint();

  /** Where chains that share a point go through one another there. */
  function crossingAtPoint(): Position | null {
    const inner = xs.flatMap((_, point) => (previous[point]! < 0 || following[point]! < 0 ? [] : point)).sort(before);
    for (let i = 0, end: number; i < inner.length; i = end) {
      end = i + 1;
      while (end < inner.length && samePlace(inner[i]!, inner[end]!)) end++;
      if (end - i < 2) continue;
      const centre = inner[i]!;
      const angle = (point: number) => Math.atan2(ys[point]! - ys[centre]!, xs[point]! - xs[centre]!);
      const arms = inner.slice(i, end).flatMap((point) => [
        { chain: point, at: angle(previous[point]!) },
        { chain: point, at: angle(following[point]!) },
      ]);
      arms.sort((a, b) => a.at - b.at);
      // Around the point the arms of chains that only touch are like brackets.
      const open: number[] = [];
      for (const { chain } of arms) {
        if (open.at(-1) === chain) open.pop();
        else open.push(chain);
      }
      if (open.length > 0) return place(centre);
    }
    return null;
  }
}

/** -1 | 0 | 1: on which side of the way from a to b the point c lies, left is 1; exact for whole numbers below 2⁵². */
function turn(xs: readonly number[], ys: readonly number[], a: number, b: number, c: number): number {
  const [ux, uy] = [xs[b]! - xs[a]!, ys[b]! - ys[a]!];
  const [vx, vy] = [xs[c]! - xs[a]!, ys[c]! - ys[a]!];
  const [left, right] = [ux * vy, uy * vx];
  const rounded = left - right;
  if (left === 0 || right === 0) return Math.sign(rounded);
  if (Math.abs(rounded) > Math.abs(left + right) * 2 ** -50) return Math.sign(rounded);
  const exact = BigInt(ux) * BigInt(vy) - BigInt(uy) * BigInt(vx);
  return exact > 0n ? 1 : exact < 0n ? -1 : 0;
}
