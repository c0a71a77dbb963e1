/** Blocks of trade and industry: halls with yards, shops with car parks, building sites. */
import { hall, row } from './houses.ts';
import { blob } from './land.ts';
import type { Random } from './noise.ts';
import type { District } from './plan.ts';
import { carPark, ground, type Site } from './site.ts';

export function shopBlock(district: District, place: Site, random: Random): void {
  ground(district, place, 'concrete', random);
  const depth = Math.min(place.depth * 0.5, random.between(24, 42));
  const width = Math.max(14, place.length * random.between(0.55, 0.85));
  district.buildings.push(hall(place.pose(2, place.length / 2, 9.5), width, depth - 4, random));
  carPark(district, place, 0, 3, place.length - 3, 3, place.depth - depth - 9, random);
}

export function industryBlock(district: District, place: Site, random: Random): void {
  ground(district, place, 'lawn', random);
  const first = district.buildings.length;
  const two = place.depth > 75;
  for (const side of two ? [0, 2] : [0]) {
    const room = two ? place.depth / 2 : place.depth;
    let a = random.between(0, 4);
    while (a < place.length - 26) {
      let plot = random.between(38, 95);
      if (place.length - a - plot < 34) plot = place.length - a;
      yard(district, place, side, a, a + plot, room, random, first);
      a += plot;
    }
  }
}

/** One firm: its yard, its hall, what lies about, and a green edge to the street. */
function yard(
  district: District,
  place: Site,
  side: number,
  a0: number,
  a1: number,
  room: number,
  random: Random,
  first: number,
): void {
  const verge = random.between(1.5, 4);
  const kind = random.pick({ concrete: 4, gravel: 2.5, court: 3 });
  place.patch(district, side, a0 + 1, a1 - 1, verge, room - 1, kind, random);
  const setback = random.between(7, 18);
  const width = (a1 - a0) * random.between(0.55, 0.85);
  const depth = Math.min(room - setback - 12, random.between(22, 55));
  const middle = (a0 + a1) / 2 + random.between(-0.5, 0.5) * (a1 - a0 - width - 4);
  if (depth > 9) district.buildings.push(hall(place.pose(side, middle, setback + 7), width, depth - 4, random));
  if (setback > 11 && random.chance(0.7)) {
    carPark(
      district,
      place,
      side,
      a0 + 4,
      a1 - 4,
      verge,
      setback + 2,
      random,
      random.chance(0.6) ? 'carpark' : 'court',
    );
  }
  const back = setback + depth + 6;
  for (let k = 0; k < 7; k++) {
    const a = random.between(a0 + 2, a1 - 12);
    const b = random.chance(0.5) ? random.between(back, room - 6) : random.between(verge + 1, setback);
    if (b > room - 5) continue;
    const pile = random.chance(0.3);
    if (pile)
      blob(district, place, side, a, b, random.between(2, 5), random.pick({ sand: 2, gravel: 2, soil: 2 }), random);
    else if (random.chance(0.4)) {
      place.patch(
        district,
        side,
        a,
        a + random.between(4, 16),
        b,
        b + random.between(3, 7),
        random.pick({ gravel: 2, concrete: 3, meadow: 2, court: 2 }),
        random,
      );
    } else {
      // Lorries and containers side by side.
      for (let t = 0; t < 5; t++) if (random.chance(0.3)) place.lorry(district, side, a + 3.3 * t, b + 2, random);
    }
  }
  for (let a = a0 + 3; a < a1; a += random.between(7, 14)) {
    if (random.chance(0.5)) place.tree(district, side, a, verge / 2, random.between(1.2, 2.6), random, first);
  }
  for (let b = verge; b < room; b += random.between(4, 12)) {
    if (random.chance(0.5)) place.tree(district, side, a1 - 0.5, b, random.between(1, 2.4), random, first);
  }
}

/** Bare ground, heaps, foundations, the first storeys of something. */
export function buildingSite(district: District, place: Site, random: Random): void {
  ground(district, place, 'soil', random);
  for (let k = 0; k < 9; k++) {
    const a = random.between(4, place.length - 4);
    const b = random.between(4, place.depth - 4);
    blob(
      district,
      place,
      0,
      a,
      b,
      random.between(2, Math.min(14, place.depth / 4)),
      random.pick({ sand: 3, gravel: 3, soil: 5, meadow: 1 }),
      random,
    );
  }
  for (let k = Math.floor(random.next() * 3); k >= 0; k--) {
    const a = random.between(0.1, 0.6) * place.length;
    const b = random.between(0.15, 0.5) * place.depth;
    const width = random.between(9, Math.min(30, place.length * 0.35));
    const depth = random.between(8, Math.min(16, place.depth * 0.35));
    if (random.chance(0.5)) place.patch(district, 0, a, a + width, b, b + depth, 'concrete', random);
    else {
      const pose = place.pose(0, a + width / 2, b);
      district.buildings.push(
        row(pose, width, depth, 0, random.between(3, 9), 'flat', random.chance(0.6) ? 'gravel' : 'membrane', random),
      );
    }
  }
  for (let k = 0; k < 6; k++) {
    if (random.chance(0.5)) place.car(district, 0, 6 + 4 * k, 4, random.chance(0.7), random);
    else if (random.chance(0.4))
      place.lorry(district, 0, random.between(4, place.length - 4), random.between(5, place.depth - 5), random);
  }
}
