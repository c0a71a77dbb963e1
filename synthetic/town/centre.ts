/** Blocks of a town's middle: houses wall to wall around courts, and squares. */
import { church, flatCovering, row, setBack } from './houses.ts';
import { scatterTrees } from './land.ts';
import type { Random } from './noise.ts';
import type { Covering, District } from './plan.ts';
import { ground, type Site } from './site.ts';

export function courtBlock(district: District, place: Site, covering: Covering, random: Random): void {
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

export function squareBlock(district: District, place: Site, random: Random): void {
  ground(district, place, 'paving', random);
  const first = district.buildings.length;
  if (place.length > 58 && place.depth > 34) {
    const [x, y, cos, sin] = place.pose(0, place.length / 2 + 4, place.depth / 2);
    district.buildings.push(church(setBack([x, y, cos, sin], 7), random));
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
