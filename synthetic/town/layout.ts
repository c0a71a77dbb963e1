/**
 * What stands where: one cell of the arterial lattice becomes a district of roads, blocks, river and everything on
 * them. A district is a function of seed and cell alone; cells are planned when a band of pixels needs them.
 */
import { fillBlock } from './fill-block.ts';
import { CELL_METRES, type Frame, RIVER_HALF_METRES } from './frame.ts';
import { fillLand } from './land.ts';
import { hash, type Random, randomStream, unit } from './noise.ts';
import { type Block, type Bounds, boundsOf, type District, overlaps, type RoadKind } from './plan.ts';
import { planRiver } from './river.ts';
import { addRoad, COUNTRY_DENSITY, DUAL_METRES, hasMainRoad, isDual, ROAD_WIDTHS, roadInset } from './roads.ts';

/** The districts that reach into a ground box, in a fixed order; those planned before are taken from `known`. */
export function districtsIn(frame: Frame, box: Bounds, known: ReadonlyMap<string, District>): Map<string, District> {
  const { u0, v0, u1, v1 } = frame.boxAround(box.x0, box.y0, box.x1, box.y1);
  const districts = new Map<string, District>();
  for (let j = Math.floor(v0 / CELL_METRES) - 1; j <= Math.ceil(v1 / CELL_METRES); j++) {
    for (let i = Math.floor(u0 / CELL_METRES) - 1; i <= Math.ceil(u1 / CELL_METRES); i++) {
      if (!overlaps(districtBounds(frame, i, j), box)) continue;
      const key = `${i},${j}`;
      districts.set(key, known.get(key) ?? planDistrict(frame, key, i, j));
    }
  }
  return districts;
}

/** Holds all that a district paints: its cell, its river, and what hangs over its edges. */
function districtBounds(frame: Frame, i: number, j: number): Bounds {
  const ring: number[] = [];
  const v0 = frame.lineV(j) - RIVER_HALF_METRES;
  for (let t = 0; t <= 1; t += 0.25) {
    const u = frame.lineU(i) + t * (frame.lineU(i + 1) - frame.lineU(i));
    const v = v0 + t * (frame.lineV(j + 1) - v0);
    for (const [a, b] of [
      [u, v0],
      [u, frame.lineV(j + 1)],
      [frame.lineU(i), v],
      [frame.lineU(i + 1), v],
    ]) {
      ring.push(...frame.toGround(a, b));
    }
  }
  return boundsOf(ring, 25);
}

/** Radius of a roundabout's centre line. */
const ROUNDABOUT_METRES = 9;

/** Some crossings of four main roads in town, not on the river, are roundabouts. */
function isRoundabout(frame: Frame, i: number, j: number): boolean {
  if (frame.isRiver(j) || unit(frame.seed, 62, i, j) > 0.5) return false;
  const [u, v] = [frame.lineU(i), frame.lineV(j)];
  if (frame.density(u, v) < COUNTRY_DENSITY) return false;
  const arms = [middle(frame, i, j), middle(frame, i - 1, j - 1)];
  return arms.every((arm) => hasMainRoad(frame, 'u', i, u, arm.v) && hasMainRoad(frame, 'v', j, arm.u, v));
}

/** The cell's extent between its border roads, and its middle. */
function middle(frame: Frame, i: number, j: number) {
  const v0 = frame.lineV(j) + (frame.isRiver(j) ? RIVER_HALF_METRES : 0);
  const v1 = frame.lineV(j + 1) - (frame.isRiver(j + 1) ? RIVER_HALF_METRES : 0);
  return { v0, v1, u: (frame.lineU(i) + frame.lineU(i + 1)) / 2, v: (v0 + v1) / 2 };
}

function addRoundabout(frame: Frame, district: District, u: number, v: number, random: Random): void {
  const line: number[] = [];
  for (let k = 0; k <= 24; k++) {
    const t = ((k % 24) / 24) * 2 * Math.PI;
    line.push(...frame.toGround(u + ROUNDABOUT_METRES * Math.cos(t), v + ROUNDABOUT_METRES * Math.sin(t)));
  }
  const [widthMetres, sidewalkMetres] = ROAD_WIDTHS.roundabout;
  const seed = Math.floor(random.next() * 4294967296);
  district.roads.push({ kind: 'roundabout', line, widthMetres, sidewalkMetres, bridge: false, seed });
}

/** Both sides of a main road along v, as far as the roundabouts at its ends. */
function addDual(
  frame: Frame,
  district: District,
  u0: number,
  u1: number,
  v: number,
  [atStart, atEnd]: [boolean, boolean],
  random: Random,
): void {
  const clear = Math.sqrt(ROUNDABOUT_METRES ** 2 - DUAL_METRES ** 2);
  for (const side of [-DUAL_METRES, DUAL_METRES]) {
    const ends = [u0 + (atStart ? clear : 0), v + side, u1 - (atEnd ? clear : 0), v + side];
    addRoad(frame, district, 'carriageway', ends, random);
  }
}

function planDistrict(frame: Frame, key: string, i: number, j: number): District {
  const district: District = { key, areas: [], roads: [], buildings: [], trees: [], cars: [] };
  const random = randomStream(hash(frame.seed, 50, i, j));
  const u0 = frame.lineU(i);
  const u1 = frame.lineU(i + 1);
  const { v0, v1, u: uMiddle, v: vMiddle } = middle(frame, i, j);
  const clear = (a: number, b: number) => (isRoundabout(frame, a, b) ? ROUNDABOUT_METRES : 0);
  if (isRoundabout(frame, i, j)) addRoundabout(frame, district, u0, v0, random);

  // Of its four sides a district owns the left and the upper one, and the lower one where a river follows.
  const sides: ['u' | 'v', number, number, number, boolean][] = [
    ['u', i, u0, vMiddle, true],
    ['v', j, uMiddle, v0, true],
    ['u', i + 1, u1, vMiddle, false],
    ['v', j + 1, uMiddle, v1, frame.isRiver(j + 1)],
  ];
  const roads: Block['roads'] = [0, 0, 0, 0];
  const insets = sides.map(([axis, line, u, v, owned], side) => {
    const main = hasMainRoad(frame, axis, line, u, v);
    const kind: RoadKind = main ? (axis === 'v' && frame.isRiver(line) ? 'street' : 'arterial') : 'track';
    if (isDual(frame, axis, line, kind)) {
      roads[side] = DUAL_METRES;
      if (owned)
        addDual(frame, district, u0, u1, v, [isRoundabout(frame, i, line), isRoundabout(frame, i + 1, line)], random);
      return DUAL_METRES + roadInset('carriageway');
    }
    if (owned) {
      const ends =
        axis === 'u'
          ? [u, v0 + clear(i, j), u, v1 - clear(i, j + 1)]
          : [u0 + clear(i, line), v, u1 - clear(i + 1, line), v];
      addRoad(frame, district, kind, ends, random);
    }
    return roadInset(kind);
  }) as Block['insets'];

  if (frame.isRiver(j)) planRiver(frame, district, i, j, random);
  const industrial = isIndustrial(frame, i, j, uMiddle, vMiddle);
  divide(frame, district, { u0, v0, u1, v1, insets, roads }, industrial, 0, random);
  return district;
}

function isIndustrial(frame: Frame, i: number, j: number, u: number, v: number): boolean {
  const density = frame.density(u, v);
  return density > 0.16 && density < 0.62 && unit(frame.seed, 61, i, j) < 0.22;
}

/** Splits a block by streets until it has a size that its use asks for, then fills it. */
function divide(frame: Frame, district: District, block: Block, industrial: boolean, depth: number, random: Random) {
  const lengthU = block.u1 - block.u0;
  const lengthV = block.v1 - block.v0;
  const density = frame.density((block.u0 + block.u1) / 2, (block.v0 + block.v1) / 2);
  const country = density < COUNTRY_DENSITY && !industrial;
  const longest = industrial ? 175 : country ? 190 : density > 0.72 ? 105 : 135;
  const shortest = industrial ? 105 : country ? 130 : density > 0.72 ? 76 : 64;
  const across = lengthU >= lengthV;
  const long = Math.max(lengthU, lengthV);
  const short = Math.min(lengthU, lengthV);
  const splitLong = long > longest || (long > shortest * 2.1 && short > shortest);
  if (!splitLong && short <= shortest * 1.25) {
    if (country) fillLand(frame, district, block, density, random);
    else fillBlock(frame, district, block, density, industrial, random);
    return;
  }
  const alongU = splitLong ? across : !across;
  const share = random.between(0.42, 0.58);
  const first: Block = { ...block, insets: [...block.insets], roads: [...block.roads] };
  const second: Block = { ...block, insets: [...block.insets], roads: [...block.roads] };
  const [left, top, right, bottom] = block.roads;
  const kind: RoadKind = country ? (random.chance(0.3) ? 'track' : 'path') : depth < 2 ? 'street' : 'lane';
  // A path in the country is only a boundary between fields.
  const isRoad = !(country && kind === 'path');
  const inset = isRoad ? roadInset(kind) : 1.5;
  if (alongU) {
    const u = block.u0 + share * lengthU;
    first.u1 = u;
    second.u0 = u;
    first.insets[2] = inset;
    second.insets[0] = inset;
    first.roads[2] = 0;
    second.roads[0] = 0;
    if (isRoad) addRoad(frame, district, kind, [u, block.v0 + top, u, block.v1 - bottom], random);
  } else {
    const v = block.v0 + share * lengthV;
    first.v1 = v;
    second.v0 = v;
    first.insets[3] = inset;
    second.insets[1] = inset;
    first.roads[3] = 0;
    second.roads[1] = 0;
    if (isRoad) addRoad(frame, district, kind, [block.u0 + left, v, block.u1 - right, v], random);
  }
  divide(frame, district, first, industrial, depth + 1, random);
  divide(frame, district, second, industrial, depth + 1, random);
}
