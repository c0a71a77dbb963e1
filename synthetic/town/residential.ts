/** Blocks where people live: houses in gardens, rows of houses, blocks of flats. */
import { courtHouse, flatCovering, house, row, setBack, shed } from './houses.ts';
import { scatterTrees } from './land.ts';
import type { Random } from './noise.ts';
import type { Covering, District, RoofKind } from './plan.ts';
import { carPark, ground, type Site } from './site.ts';

export function houseBlock(district: District, place: Site, density: number, covering: Covering, random: Random): void {
  ground(district, place, 'lawn', random);
  const first = district.buildings.length;
  const two = place.depth > 38;
  const plotDepth = two ? place.depth / 2 : place.depth;
  const setback = random.between(3.5, 6.5);
  const leafy = random.between(0.8, 2.2);
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
        random.pick({ lawn: 6, meadow: 3, soil: 0.3 }),
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
      for (let t = random.next() * 7 * leafy; t > 0.5; t--) {
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

export function rowBlock(district: District, place: Site, covering: Covering, random: Random): void {
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

export function flatBlock(district: District, place: Site, covering: Covering, random: Random): void {
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
          setBack(pose, depth / 2),
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
        carPark(district, place, 0, a + depth / 2 + 3, a + depth / 2 + 17, 4, place.depth - 6, random);
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
        0,
        8,
        place.length * random.between(0.5, 0.9),
        depth + 11,
        place.depth - depth - 11,
        random,
      );
  }
  scatterTrees(district, place, 2, (place.length * place.depth) / 120, [1.5, 4.2], random, first);
}
