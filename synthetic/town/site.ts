/**
 * A block's buildable ground in its own coordinates: a along one side and b inward from it, in metres; sides are 0 and
 * 2 (the long ones), 1 and 3 (the short ones), in the order of a walk around the block with the block to the right.
 */
import type { Frame } from './frame.ts';
import type { Pose } from './houses.ts';
import type { Random } from './noise.ts';
import type { Block, District, GroundKind, Tree } from './plan.ts';

export interface Site {
  length: number;
  depth: number;
  point(side: number, a: number, b: number): [number, number];
  /** The pose of a building whose front middle is at (a, b), fronting the side. */
  pose(side: number, a: number, b: number): Pose;
  /** The same, turned by a quarter. */
  turnedPose(side: number, a: number, b: number): Pose;
  /** A rectangle of ground. */
  patch(
    district: District,
    side: number,
    a0: number,
    a1: number,
    b0: number,
    b1: number,
    kind: GroundKind,
    random: Random,
  ): void;
  tree(
    district: District,
    side: number,
    a: number,
    b: number,
    radiusMetres: number,
    random: Random,
    firstBuilding: number,
  ): void;
  hedge(district: District, side: number, a: number, b0: number, b1: number, random: Random): void;
  hedgeAlong(district: District, side: number, b: number, random: Random): void;
  car(district: District, side: number, a: number, b: number, across: boolean, random: Random): void;
  lorry(district: District, side: number, a: number, b: number, random: Random): void;
}

export function site(frame: Frame, block: Block): Site {
  const chord = (ua: number, va: number, ub: number, vb: number): number => {
    const [xa, ya] = frame.toGround(ua, va);
    const [xb, yb] = frame.toGround(ub, vb);
    return Math.hypot(xb - xa, yb - ya);
  };
  // The frame stretches: ground metres per metre of the frame, where it is shortest across the block.
  const shares = [0.05, 0.5, 0.95];
  const [spanU, spanV] = [block.u1 - block.u0, block.v1 - block.v0];
  const scaleU =
    Math.min(...shares.map((t) => chord(block.u0, block.v0 + t * spanV, block.u1, block.v0 + t * spanV))) / spanU;
  const scaleV =
    Math.min(...shares.map((t) => chord(block.u0 + t * spanU, block.v0, block.u0 + t * spanU, block.v1))) / spanV;
  const [left, top, right, bottom] = block.insets;
  const u0 = block.u0 + left / scaleU;
  const u1 = block.u1 - right / scaleU;
  const v0 = block.v0 + top / scaleV;
  const v1 = block.v1 - bottom / scaleV;
  const sizeU = (u1 - u0) * scaleU;
  const sizeV = (v1 - v0) * scaleV;
  const alongU = sizeU >= sizeV;
  const length = Math.max(sizeU, sizeV);
  const depth = Math.min(sizeU, sizeV);

  // Quarter turns keep the orientation, so that inward is always the same hand.
  const local = (side: number, a: number, b: number): [number, number] => {
    const turn = side & 3;
    const [s, t] =
      turn === 0 ? [a, b] : turn === 1 ? [length - b, a] : turn === 2 ? [length - a, depth - b] : [b, depth - a];
    return alongU ? [u0 + s / scaleU, v0 + t / scaleV] : [u1 - t / scaleU, v0 + s / scaleV];
  };
  const point = (side: number, a: number, b: number): [number, number] => frame.toGround(...local(side, a, b));
  const pose = (side: number, a: number, b: number): Pose => {
    const [x, y] = point(side, a, b);
    const [xa, ya] = point(side, a - 3, b);
    const [xb, yb] = point(side, a + 3, b);
    const size = Math.hypot(xb - xa, yb - ya);
    return [x, y, (xb - xa) / size, (yb - ya) / size];
  };
  const seedOf = (random: Random) => Math.floor(random.next() * 4294967296);

  return {
    length,
    depth,
    point,
    pose,
    turnedPose(side, a, b) {
      const [x, y, cos, sin] = pose(side, a, b);
      return [x, y, -sin, cos];
    },
    patch(district, side, a0, a1, b0, b1, kind, random) {
      if (a1 <= a0 || b1 <= b0) return;
      const ring: number[] = [];
      const steps = Math.max(1, Math.round((a1 - a0) / 8));
      for (let k = 0; k <= steps; k++) ring.push(...point(side, a0 + ((a1 - a0) * k) / steps, b0));
      for (let k = steps; k >= 0; k--) ring.push(...point(side, a0 + ((a1 - a0) * k) / steps, b1));
      const [, , cos, sin] = pose(side, (a0 + a1) / 2, (b0 + b1) / 2);
      district.areas.push({ kind, ring, angle: Math.atan2(sin, cos), seed: seedOf(random) });
    },
    tree(district, side, a, b, radiusMetres, random, firstBuilding) {
      const [x, y] = point(side, a, b);
      const conifer = random.chance(0.12);
      const tree: Tree = {
        x,
        y,
        radiusMetres: conifer ? radiusMetres * 0.7 : radiusMetres,
        heightMetres: radiusMetres * (conifer ? 4 : random.between(1.7, 2.5)),
        conifer,
        seed: seedOf(random),
      };
      if (!standsOnBuilding(district, firstBuilding, tree)) district.trees.push(tree);
    },
    hedge(district, side, a, b0, b1, random) {
      for (let b = b0; b < b1; b += 1) bush(district, point(side, a, b), random);
    },
    hedgeAlong(district, side, b, random) {
      for (let a = 0; a < length; a += 1) bush(district, point(side, a, b), random);
    },
    car(district, side, a, b, across, random) {
      const [x, y, cos, sin] = pose(side, a, b);
      const [c, s] = across ? [-sin, cos] : [cos, sin];
      district.cars.push({ x, y, cos: c, sin: s, lengthMetres: random.between(3.8, 4.8), seed: seedOf(random) });
    },
    lorry(district, side, a, b, random) {
      const [x, y, cos, sin] = pose(side, a, b);
      district.cars.push({ x, y, cos: -sin, sin: cos, lengthMetres: random.between(6, 12), seed: seedOf(random) });
    },
  };
}

/** Covers the whole site, and a little beyond it up to the roads. */
export function ground(district: District, place: Site, kind: GroundKind, random: Random): void {
  place.patch(district, 0, -3, place.length + 3, -3, place.depth + 3, kind, random);
}

/** Stalls in rows with aisles between them, some taken. */
export function carPark(
  district: District,
  place: Site,
  side: number,
  a0: number,
  a1: number,
  b0: number,
  b1: number,
  random: Random,
  kind: GroundKind = 'carpark',
): void {
  if (a1 - a0 < 8 || b1 - b0 < 7) return;
  place.patch(district, side, a0, a1, b0, b1, kind, random);
  const taken = random.between(0.3, 0.85);
  const alongA = a1 - a0 > b1 - b0;
  const [length, depth] = alongA ? [a1 - a0, b1 - b0] : [b1 - b0, a1 - a0];
  for (let t = 2.8; t < depth - 2; t += t % 16.5 < 6 ? 11 : 5.5) {
    for (let s = 1.5; s < length - 1; s += 2.6) {
      if (kind === 'carpark') {
        const line = (d: number, e: number) => (alongA ? [a0 + d, b0 + e] : [a0 + e, b0 + d]);
        const [la, lb] = line(s - 1.3, t);
        if (alongA) place.patch(district, side, la - 0.12, la + 0.4, lb - 2.4, lb + 2.4, 'paint', random);
        else place.patch(district, side, la - 2.4, la + 2.4, lb - 0.12, lb + 0.4, 'paint', random);
      }
      if (!random.chance(taken)) continue;
      if (alongA) place.car(district, side, a0 + s + 0.1, b0 + t, true, random);
      else place.car(district, side, a0 + t, b0 + s + 0.1, false, random);
    }
  }
}

function bush(district: District, [x, y]: [number, number], random: Random): void {
  district.trees.push({
    x,
    y,
    radiusMetres: random.between(0.55, 0.85),
    heightMetres: random.between(1.1, 1.9),
    conifer: false,
    seed: Math.floor(random.next() * 4294967296),
  });
}

function standsOnBuilding(district: District, firstBuilding: number, tree: Tree): boolean {
  const reach = tree.radiusMetres * 0.5;
  for (let k = firstBuilding; k < district.buildings.length; k++) {
    const building = district.buildings[k];
    const dx = tree.x - building.x;
    const dy = tree.y - building.y;
    const p = dx * building.cos + dy * building.sin;
    const q = dy * building.cos - dx * building.sin;
    for (const part of building.parts) {
      if (p > part.p0 - reach && p < part.p1 + reach && q > part.q0 - reach && q < part.q1 + reach) return true;
    }
  }
  return false;
}
