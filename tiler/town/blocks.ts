/** What is built on a town block: by its density and use, houses with gardens, rows, flats, courts, halls, squares. */

import type { Frame } from './frame.ts';
import { church, courtHouse, flatCovering, hall, house, type Pose, row, shed } from './houses.ts';
import { fillLand, fillPark, fillPitch, scatterTrees } from './land.ts';
import type { Block } from './layout.ts';
import type { Random } from './noise.ts';
import type { Covering, District, RoofKind } from './plan.ts';
import { carPark, ground, type Site, site } from './site.ts';

type Use =
  | 'court'
  | 'rows'
  | 'houses'
  | 'flats'
  | 'park'
  | 'pitch'
  | 'shops'
  | 'square'
  | 'building-site'
  | 'industry'
  | 'country';

export function fillBlock(
  frame: Frame,
  district: District,
  block: Block,
  density: number,
  industrial: boolean,
  random: Random,
): void {
  const place = site(frame, block);
  if (place.length < 16 || place.depth < 16) {
    ground(district, place, 'lawn', random);
    return;
  }
  const use: Use = industrial
    ? random.pick({ industry: 8, 'building-site': 1, shops: 1 })
    : density > 0.72
      ? random.pick({ court: 12, square: 2, park: 1.5, flats: 2, rows: 2 })
      : density > 0.5
        ? random.pick({ rows: 5, flats: 5, houses: 5, park: 1, pitch: 1, shops: 1.6, 'building-site': 0.6 })
        : random.pick({ houses: 12, rows: 2, park: 0.8, pitch: 0.5, 'building-site': 0.6, country: 1.2 });
  // One covering prevails in a street.
  const covering: Covering = random.pick({ tile: 7, slate: 3 });
  if (use === 'court') courtBlock(district, place, covering, random);
  else if (use === 'rows') rowBlock(district, place, covering, random);
  else if (use === 'houses') houseBlock(district, place, density, covering, random);
  else if (use === 'flats') flatBlock(district, place, covering, random);
  else if (use === 'park') fillPark(district, place, random);
  else if (use === 'pitch') fillPitch(district, place, random);
  else if (use === 'shops') shopBlock(district, place, random);
  else if (use === 'square') squareBlock(district, place, random);
  else if (use === 'industry') industryBlock(district, place, random);
  else if (use === 'building-site') buildingSite(district, place, random);
  else fillLand(frame, district, block, density, random);
}

function houseBlock(district: District, place: Site, density: number, covering: Covering, random: Random): void {
  ground(district, place, 'lawn', random);
  const first = district.buildings.length;
  const two = place.depth > 38;
  const plotDepth = two ? place.depth / 2 : place.depth;
  const setback = random.between(3.5, 6.5);
  const leafy = random.between(0.5, 1.6);
  for (const side of two ? [0, 2] : [0]) {
    const wide = random.between(15, 23) * (density > 0.5 ? 0.85 : 1);
    const count = Math.max(1, Math.floor(place.length / wide));
    const plot = place.length / count;
    for (let k = 0; k < count; k++) {
      const a = (k + 0.5) * plot;
      place.patch(
        district,
        side,
        a - plot / 2,
        a + plot / 2,
        0,
        plotDepth,
        random.pick({ lawn: 7, meadow: 2, soil: 0.5 }),
        random,
      );
      if (random.chance(0.04)) continue;
      const width = Math.min(plot - 5.5, random.between(9, 14));
      const depth = Math.min(plotDepth * 0.5, random.between(7.5, 10.5));
      const own: Covering = random.chance(0.25) ? random.pick({ tile: 6, slate: 3, metal: 1 }) : covering;
      const turn = random.chance(0.22) && plotDepth > 21;
      const shift = random.between(-1, 1) * Math.max(0, (plot - width) / 2 - 2.2);
      const pose = place.pose(side, a + shift, setback + random.between(0, 2));
      district.buildings.push(
        turn
          ? house(pose, Math.min(depth, width), Math.min(width + 2, plotDepth * 0.55), own, random)
          : house(pose, width, depth, own, random),
      );
      // The drive lies where there is more room beside the house.
      const edge = shift > 0 ? a - plot / 2 + 1.9 : a + plot / 2 - 1.9;
      const garage = random.chance(0.6);
      place.patch(
        district,
        side,
        edge - 1.5,
        edge + 1.5,
        -0.5,
        garage ? setback + 3 : setback + 6,
        random.pick({ paving: 4, concrete: 3, gravel: 2 }),
        random,
      );
      if (garage && plot - width > 7)
        district.buildings.push(shed(place.pose(side, edge, setback + 3), 3.4, 6, own, random));
      if (random.chance(0.45)) place.car(district, side, edge, random.between(2.2, setback), true, random);
      // Terrace behind the house, a shed at the garden's end.
      if (random.chance(0.7))
        place.patch(
          district,
          side,
          a + shift - 3,
          a + shift + 3,
          setback + depth,
          setback + depth + 5.5,
          random.pick({ paving: 3, concrete: 1 }),
          random,
        );
      if (random.chance(0.35))
        district.buildings.push(
          shed(place.pose(side, a + random.between(-0.3, 0.3) * plot, plotDepth - 5), 3, 2.6, own, random),
        );
      if (random.chance(0.25))
        place.patch(district, side, a + plot * 0.1, a + plot * 0.4, plotDepth - 9, plotDepth - 4, 'soil', random);
      for (let t = random.next() * 6 * leafy; t > 0.5; t--) {
        place.tree(
          district,
          side,
          a + random.between(-0.48, 0.48) * plot,
          plotDepth * random.between(0.45, 0.98),
          random.between(1.2, 3.6),
          random,
          first,
        );
      }
      if (random.chance(0.5))
        place.tree(
          district,
          side,
          a + random.between(-0.45, 0.45) * plot,
          random.between(0.8, setback - 1),
          random.between(0.8, 2),
          random,
          first,
        );
      if (random.chance(0.6)) place.hedge(district, side, a + plot / 2, 2, plotDepth, random);
    }
    if (random.chance(0.5)) place.hedgeAlong(district, side, 0.8, random);
  }
}

function rowBlock(district: District, place: Site, covering: Covering, random: Random): void {
  ground(district, place, 'lawn', random);
  const first = district.buildings.length;
  const two = place.depth > 40;
  const plotDepth = two ? place.depth / 2 : place.depth;
  const unit = random.between(6, 8);
  const eave = random.between(5.5, 8.5);
  const kind: RoofKind = random.pick({ gable: 7, flat: 1 });
  const setback = random.between(2.5, 5);
  for (const side of two ? [0, 2] : [0]) {
    let a = 3;
    while (a < place.length - 3 * unit) {
      const units = Math.min(Math.floor((place.length - 3 - a) / unit), 3 + Math.floor(random.next() * 5));
      const length = units * unit;
      const depth = Math.min(random.between(9, 11), plotDepth * 0.5);
      const pose = place.pose(side, a + length / 2, setback);
      district.buildings.push(
        row(
          pose,
          length,
          depth,
          unit,
          eave + random.between(-0.4, 0.4),
          kind,
          kind === 'flat' ? flatCovering(random) : covering,
          random,
        ),
      );
      place.patch(district, side, a, a + length, 0, setback, random.pick({ paving: 2, lawn: 2, concrete: 1 }), random);
      for (let k = 0; k < units; k++) {
        const middle = a + (k + 0.5) * unit;
        place.patch(
          district,
          side,
          middle - unit / 2,
          middle + unit / 2,
          setback + depth,
          plotDepth,
          random.pick({ lawn: 6, paving: 1.2, soil: 1, meadow: 2 }),
          random,
        );
        place.patch(
          district,
          side,
          middle - unit / 2 + 0.4,
          middle + unit / 2 - 0.4,
          setback + depth,
          setback + depth + 3,
          random.pick({ paving: 3, concrete: 1 }),
          random,
        );
        if (random.chance(0.4)) place.hedge(district, side, middle + unit / 2, setback + depth, plotDepth, random);
        if (random.chance(0.3))
          district.buildings.push(shed(place.pose(side, middle, plotDepth - 3.2), 2.4, 2.4, covering, random));
        if (random.chance(0.55))
          place.tree(
            district,
            side,
            middle + random.between(-2, 2),
            random.between(setback + depth + 4, plotDepth - 1),
            random.between(1, 2.6),
            random,
            first,
          );
        if (random.chance(0.3)) place.car(district, side, middle, setback / 2, true, random);
      }
      a += length + random.between(3, 7);
    }
  }
}

function courtBlock(district: District, place: Site, covering: Covering, random: Random): void {
  ground(district, place, random.pick({ paving: 3, concrete: 2 }), random);
  const first = district.buildings.length;
  const wing = random.between(11, 13.5);
  // Houses along the long sides, then the gaps between them at the ends.
  const corner = wing + 1;
  for (let side = 0; side < 4; side++) {
    const length = side % 2 === 0 ? place.length : place.depth;
    const from = side % 2 === 0 ? 0.5 : corner;
    const to = side % 2 === 0 ? length - 0.5 : length - corner;
    let a = from;
    while (to - a > 6) {
      let width = random.between(12, 27);
      if (to - a - width < 9) width = to - a;
      if (width > 34) width /= 2;
      const own: Covering = random.chance(0.3) ? random.pick({ tile: 4, slate: 4, metal: 1 }) : covering;
      const flat = random.chance(0.22);
      const depth = wing + random.between(-1.2, 1.2);
      if (!random.chance(0.06)) {
        const pose = place.pose(side, a + width / 2, random.between(0.2, 0.6));
        district.buildings.push(
          row(
            pose,
            width - 0.1,
            depth,
            flat ? 0 : width,
            random.between(9, 17),
            flat ? 'flat' : 'gable',
            flat ? flatCovering(random) : own,
            random,
          ),
        );
        // A back wing into the court.
        if (random.chance(0.4) && place.depth > 3 * wing && side % 2 === 0) {
          const back = place.pose(side, a + width * (random.chance(0.5) ? 0.3 : 0.7), depth + 0.5);
          district.buildings.push(
            row(
              back,
              random.between(5, 8),
              Math.min(13, place.depth / 2 - wing - 2),
              0,
              random.between(4, 9),
              random.pick({ shed: 1, flat: 1 }),
              own,
              random,
            ),
          );
        }
      }
      a += width;
    }
  }
  if (place.depth > 2.6 * wing) {
    const inner = wing + 2.5;
    place.patch(
      district,
      0,
      inner,
      place.length - inner,
      inner,
      place.depth - inner,
      random.pick({ lawn: 4, paving: 2, concrete: 1, gravel: 1 }),
      random,
    );
    scatterTrees(district, place, inner + 1, (place.length * place.depth) / 420, [1.8, 4], random, first);
  }
}

function flatBlock(district: District, place: Site, covering: Covering, random: Random): void {
  ground(district, place, 'lawn', random);
  const first = district.buildings.length;
  const flat = random.chance(0.6);
  const depth = random.between(11, 14);
  const eave = random.between(11, 22);
  const own = flat ? flatCovering(random) : covering;
  if (random.chance(0.25) && place.length > 45 && place.depth > 40) {
    const width = Math.min(place.length - 12, random.between(40, 60));
    const closed = random.chance(0.4);
    district.buildings.push(
      courtHouse(
        place.pose(0, place.length / 2, 6),
        width,
        Math.min(place.depth - 12, 44),
        depth,
        closed,
        eave,
        flat ? 'flat' : 'gable',
        own,
        random,
      ),
    );
  } else if (random.chance(0.5)) {
    // Slabs across the block, car parks between them.
    const pitch = depth + random.between(20, 26);
    for (let a = 5 + depth / 2; a < place.length - depth / 2; a += pitch) {
      const pose = place.turnedPose(0, a, place.depth / 2);
      district.buildings.push(
        row(
          shiftBack(pose, depth / 2),
          Math.max(14, place.depth - 11),
          depth,
          0,
          eave,
          flat ? 'flat' : 'gable',
          own,
          random,
        ),
      );
      if (a + depth / 2 + 17 < place.length && random.chance(0.7))
        carPark(district, place, a + depth / 2 + 3, a + depth / 2 + 17, 4, place.depth - 6, random);
    }
  } else {
    const two = place.depth > 50;
    for (const side of two ? [0, 2] : [0]) {
      for (let a = 5; a < place.length - 24; ) {
        const length = Math.min(place.length - 5 - a, random.between(26, 52));
        district.buildings.push(
          row(place.pose(side, a + length / 2, 6), length, depth, 0, eave, flat ? 'flat' : 'gable', own, random),
        );
        a += length + random.between(9, 14);
      }
    }
    if (two)
      carPark(
        district,
        place,
        8,
        place.length * random.between(0.5, 0.9),
        depth + 11,
        place.depth - depth - 11,
        random,
      );
  }
  scatterTrees(district, place, 2, (place.length * place.depth) / 150, [1.5, 4.2], random, first);
}

function shopBlock(district: District, place: Site, random: Random): void {
  ground(district, place, 'concrete', random);
  const depth = Math.min(place.depth * 0.5, random.between(24, 42));
  const width = Math.max(14, place.length * random.between(0.55, 0.85));
  district.buildings.push(hall(place.pose(2, place.length / 2, 9.5), width, depth - 4, random));
  carPark(district, place, 3, place.length - 3, 3, place.depth - depth - 9, random);
}

function squareBlock(district: District, place: Site, random: Random): void {
  ground(district, place, 'paving', random);
  const first = district.buildings.length;
  if (place.length > 58 && place.depth > 34) {
    const [x, y, cos, sin] = place.pose(0, place.length / 2 + 4, place.depth / 2);
    district.buildings.push(church(shiftBack([x, y, cos, sin], 7), random));
    place.patch(district, 0, 3, place.length * 0.2, 3, place.depth - 3, 'lawn', random);
  } else
    place.patch(
      district,
      0,
      place.length * 0.3,
      place.length * 0.7,
      place.depth * 0.3,
      place.depth * 0.7,
      'lawn',
      random,
    );
  for (const side of [0, 1, 2, 3]) {
    const length = side % 2 === 0 ? place.length : place.depth;
    for (let a = 4; a < length - 3; a += 8) {
      if (random.chance(0.75)) place.tree(district, side, a, 3.5, random.between(2, 3), random, first);
    }
  }
}

function industryBlock(district: District, place: Site, random: Random): void {
  ground(district, place, random.pick({ concrete: 4, gravel: 3, court: 3 }), random);
  const first = district.buildings.length;
  const two = place.depth > 75;
  for (const side of two ? [0, 2] : [0]) {
    const room = two ? place.depth / 2 : place.depth;
    let a = random.between(4, 10);
    while (a < place.length - 20) {
      const width = Math.min(place.length - 5 - a, random.between(22, 75));
      if (width < 14) break;
      const setback = random.between(5, 14);
      const depth = Math.min(room - setback - 6, random.between(20, 55));
      if (depth > 10)
        district.buildings.push(hall(place.pose(side, a + width / 2, setback + 8), width, depth - 8, random));
      if (random.chance(0.5))
        carPark(
          district,
          place,
          a,
          a + width,
          side === 0 ? 1 : place.depth - setback - 4,
          side === 0 ? setback + 4 : place.depth - 1,
          random,
          'court',
        );
      a += width + random.between(8, 20);
    }
  }
  for (let k = 0; k < 6; k++) {
    const a = random.between(4, place.length - 14);
    const b = random.between(4, place.depth - 10);
    if (random.chance(0.5))
      place.patch(
        district,
        0,
        a,
        a + random.between(5, 16),
        b,
        b + random.between(4, 9),
        random.pick({ gravel: 2, soil: 2, meadow: 2, sand: 1 }),
        random,
      );
    for (let t = 0; t < 4; t++)
      if (random.chance(0.4)) place.car(district, 0, a + 3.4 * t, b, random.chance(0.9), random);
  }
  scatterTrees(district, place, 1, (place.length * place.depth) / 900, [1.5, 3.5], random, first);
}

function buildingSite(district: District, place: Site, random: Random): void {
  ground(district, place, 'soil', random);
  for (let k = 0; k < 5; k++) {
    const a = random.between(3, place.length - 12);
    const b = random.between(3, place.depth - 12);
    place.patch(
      district,
      0,
      a,
      a + random.between(6, 28),
      b,
      b + random.between(5, 18),
      random.pick({ sand: 3, gravel: 3, soil: 3, concrete: 2 }),
      random,
    );
  }
  if (random.chance(0.7))
    district.buildings.push(
      row(
        place.pose(0, place.length * 0.5, place.depth * 0.4),
        Math.min(30, place.length * 0.4),
        12,
        0,
        5,
        'flat',
        'gravel',
        random,
      ),
    );
  for (let k = 0; k < 5; k++) place.car(district, 0, 6 + 4 * k, 4, random.chance(0.7), random);
}

function shiftBack([x, y, cos, sin]: Pose, q: number): Pose {
  return [x + q * sin, y - q * cos, cos, sin];
}
