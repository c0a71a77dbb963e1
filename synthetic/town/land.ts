/** Green and open land: parks, sports grounds, fields, meadows, orchards, woods and farms. */
import type { Frame } from './frame.ts';
import { hall, house, shed } from './houses.ts';
import type { Random } from './noise.ts';
import type { Block, District, GroundKind } from './plan.ts';
import { ground, type Site, site } from './site.ts';

export function fillLand(frame: Frame, district: District, block: Block, density: number, random: Random): void {
  const place = site(frame, block);
  const wooded = frame.wood((block.u0 + block.u1) / 2, (block.v0 + block.v1) / 2) > 0.75;
  const use = wooded
    ? 'wood'
    : random.pick({
        field: 10,
        meadow: 3,
        orchard: 1,
        wood: 0.7,
        farm: density > 0.05 ? 0.9 : 0.4,
        strips: 2.5,
        'gravel-pit': 0.35,
      });
  if (use === 'wood') wood(district, place, random);
  else if (use === 'farm') farm(district, place, random);
  else if (use === 'orchard') orchard(district, place, random);
  else if (use === 'gravel-pit') gravelPit(district, place, random);
  else if (use === 'strips') {
    for (let a = -1; a < place.length; ) {
      const width = random.between(18, 50);
      place.patch(district, 0, a, Math.min(a + width, place.length + 1), -1, place.depth + 1, crop(random), random);
      a += width;
    }
  } else {
    ground(district, place, 'meadow', random);
    place.patch(
      district,
      0,
      -0.5,
      place.length + 0.5,
      -0.5,
      place.depth + 0.5,
      use === 'meadow' ? 'meadow' : crop(random),
      random,
    );
    if (use === 'meadow')
      scatterTrees(district, place, 3, random.between(0, 9), [2, 4.5], random, district.buildings.length);
  }
  if (use !== 'wood' && random.chance(0.55)) hedgerow(district, place, Math.floor(random.next() * 4), random);
}

function crop(random: Random): GroundKind {
  return random.pick({ crop: 4, maize: 2.5, wheat: 4, ploughed: 2.2, meadow: 1.5 });
}

function wood(district: District, place: Site, random: Random): void {
  ground(district, place, 'undergrowth', random);
  const conifers = random.next() ** 2;
  const spacing = random.between(4.2, 5.2);
  const big = random.between(2.6, 3.8);
  for (let b = 1; b < place.depth; b += spacing) {
    for (let a = 1; a < place.length; a += spacing) {
      if (random.chance(0.06)) continue;
      const [x, y] = place.point(0, a + random.between(-1.9, 1.9), b + random.between(-1.9, 1.9));
      const conifer = random.chance(conifers * 0.9);
      const radiusMetres = conifer ? random.between(1.6, 2.7) : big * random.between(0.6, 1.3);
      district.trees.push({
        x,
        y,
        radiusMetres,
        heightMetres: conifer ? random.between(10, 17) : random.between(8, 13) + radiusMetres,
        conifer,
        seed: Math.floor(random.next() * 4294967296),
      });
    }
  }
}

function orchard(district: District, place: Site, random: Random): void {
  ground(district, place, 'meadow', random);
  const spacing = random.between(5, 8);
  const radius = spacing * random.between(0.24, 0.36);
  for (let b = 4; b < place.depth - 3; b += spacing) {
    for (let a = 4; a < place.length - 3; a += spacing * 0.8) {
      if (random.chance(0.9))
        place.tree(district, 0, a, b, radius * random.between(0.8, 1.15), random, district.buildings.length);
    }
  }
}

function farm(district: District, place: Site, random: Random): void {
  ground(district, place, crop(random), random);
  const first = district.buildings.length;
  const middle = place.length * random.between(0.3, 0.7);
  place.patch(district, 0, middle - 34, middle + 34, 0, 52, 'meadow', random);
  place.patch(district, 0, middle - 24, middle + 24, 0, 40, random.pick({ gravel: 2, concrete: 1 }), random);
  district.buildings.push(house(place.pose(0, middle - 13, 6), 15, 10, 'tile', random));
  district.buildings.push(hall(place.pose(0, middle + 13, 16), 18, 26, random));
  if (random.chance(0.7)) district.buildings.push(hall(place.pose(0, middle - 12, 29), 22, 13, random));
  if (random.chance(0.6)) district.buildings.push(shed(place.pose(0, middle + 14, 3), 12, 6, 'tile', random));
  for (let k = 0; k < 14; k++)
    place.tree(
      district,
      0,
      middle + random.between(-33, 33),
      random.between(0, 50),
      random.between(2, 4.4),
      random,
      first,
    );
  for (let k = 0; k < 3; k++)
    place.car(district, 0, middle + random.between(-4, 4), 8 + 6 * k, random.chance(0.5), random);
}

function gravelPit(district: District, place: Site, random: Random): void {
  ground(district, place, 'soil', random);
  place.patch(district, 0, 5, place.length - 5, 5, place.depth - 5, 'gravel', random);
  place.patch(
    district,
    0,
    place.length * 0.1,
    place.length * 0.5,
    place.depth * 0.2,
    place.depth * 0.8,
    'sand',
    random,
  );
  pond(
    district,
    place,
    place.length * 0.7,
    place.depth * 0.5,
    Math.min(place.depth * 0.3, place.length * 0.22),
    random,
  );
  scatterTrees(district, place, 1, 16, [1.2, 3], random, district.buildings.length);
}

export function fillPark(district: District, place: Site, random: Random): void {
  ground(district, place, 'lawn', random);
  const crossing = random.between(0.3, 0.7);
  const ways = [
    [place.point(0, place.length * crossing, -2), place.point(0, place.length * (1 - crossing), place.depth + 2)],
    [place.point(0, -2, place.depth * (1 - crossing)), place.point(0, place.length + 2, place.depth * crossing)],
  ];
  for (const [[xa, ya], [xb, yb]] of ways) {
    const line: number[] = [];
    const bow = random.between(-0.16, 0.16);
    for (let k = 0; k <= 12; k++) {
      const t = k / 12;
      const side = bow * Math.sin(Math.PI * t);
      line.push(xa + (xb - xa) * t - (yb - ya) * side, ya + (yb - ya) * t + (xb - xa) * side);
    }
    district.roads.push({
      kind: 'path',
      line,
      widthMetres: 2.4,
      sidewalkMetres: 0,
      bridge: false,
      seed: Math.floor(random.next() * 4294967296),
    });
  }
  const wet = random.chance(0.45) && place.depth > 40;
  if (wet)
    pond(
      district,
      place,
      place.length * (crossing > 0.5 ? 0.8 : 0.2),
      place.depth * 0.26,
      Math.min(11, place.depth * 0.15),
      random,
    );
  scatterTrees(
    district,
    place,
    1.5,
    (place.length * place.depth) / (wet ? 170 : 100),
    [2, 5],
    random,
    district.buildings.length,
  );
}

export function fillPitch(district: District, place: Site, random: Random): void {
  ground(district, place, 'lawn', random);
  const first = district.buildings.length;
  const length = Math.min(place.length - 12, 100);
  const width = Math.min(place.depth - 10, 64);
  if (width < 24 || length < 40) {
    fillPark(district, place, random);
    return;
  }
  const a = (place.length - length) / 2;
  const b = (place.depth - width) / 2;
  place.patch(district, 0, a - 3, a + length + 3, b - 3, b + width + 3, 'pitch', random);
  const line = (a0: number, a1: number, b0: number, b1: number) => {
    const h = 0.24;
    place.patch(district, 0, a0 - h, a1 + h, b0 - h, b0 + h, 'paint', random);
    place.patch(district, 0, a0 - h, a1 + h, b1 - h, b1 + h, 'paint', random);
    place.patch(district, 0, a0 - h, a0 + h, b0, b1, 'paint', random);
    place.patch(district, 0, a1 - h, a1 + h, b0, b1, 'paint', random);
  };
  line(a, a + length / 2, b, b + width);
  line(a + length / 2, a + length, b, b + width);
  line(a, a + 14, b + width / 2 - 15, b + width / 2 + 15);
  line(a + length - 14, a + length, b + width / 2 - 15, b + width / 2 + 15);
  scatterTrees(district, place, 0.5, 0, [2, 3], random, first);
  for (const side of [0, 1, 2, 3]) {
    const run = side % 2 === 0 ? place.length : place.depth;
    for (let s = 3; s < run - 2; s += 7)
      if (random.chance(0.7)) place.tree(district, side, s, 2, random.between(1.8, 3.2), random, first);
  }
}

/** A round pond of uneven shore, its muddy rim first. */
function pond(district: District, place: Site, a: number, b: number, radius: number, random: Random): void {
  const shore = uneven(random);
  blob(district, place, 0, a, b, radius + 0.9, 'soil', random, shore);
  blob(district, place, 0, a, b, radius, 'water', random, shore);
  for (let k = 0; k < 10; k++) {
    const t = random.next() * 2 * Math.PI;
    const r = radius * 1.25 + 3;
    const [da, db] = [1.35 * r * Math.cos(t), r * Math.sin(t)];
    place.tree(district, 0, a + da, b + db, random.between(1.5, 3.4), random, district.buildings.length);
  }
}

/** A closed outline around 1, by angle. */
type Outline = (angle: number) => number;

function uneven(random: Random): Outline {
  const [p, q, r] = [random.next() * 6.283, random.next() * 6.283, random.next() * 6.283];
  return (t) => 1 + 0.16 * Math.sin(2 * t + p) + 0.09 * Math.sin(3 * t + q) + 0.05 * Math.sin(5 * t + r);
}

/** A rounded area of ground, longer along the side than deep. */
export function blob(
  district: District,
  place: Site,
  side: number,
  a: number,
  b: number,
  radius: number,
  kind: GroundKind,
  random: Random,
  outline: Outline = uneven(random),
): void {
  const ring: number[] = [];
  for (let k = 0; k < 40; k++) {
    const t = (k / 40) * 2 * Math.PI;
    const r = radius * outline(t);
    ring.push(...place.point(side, a + 1.35 * r * Math.cos(t), b + r * Math.sin(t)));
  }
  district.areas.push({ kind, ring, angle: 0, seed: Math.floor(random.next() * 4294967296) });
}

function hedgerow(district: District, place: Site, side: number, random: Random): void {
  const length = side % 2 === 0 ? place.length : place.depth;
  for (let a = 0; a < length; a += random.between(2, 5)) {
    if (random.chance(0.2)) a += random.between(4, 14);
    place.tree(
      district,
      side,
      a,
      random.between(-0.5, 1.5),
      random.between(1.1, 2.9),
      random,
      district.buildings.length,
    );
  }
}

/** Trees anywhere on the site, but not on buildings, water or car parks that were laid out before. */
export function scatterTrees(
  district: District,
  place: Site,
  margin: number,
  count: number,
  radii: readonly [number, number],
  random: Random,
  firstBuilding: number,
): void {
  for (let k = 0; k < count; k++) {
    const a = random.between(margin, place.length - margin);
    const b = random.between(margin, place.depth - margin);
    place.tree(district, 0, a, b, random.between(radii[0], radii[1]), random, firstBuilding);
  }
}
