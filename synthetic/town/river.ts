/** The river's reach within one lattice column: water between two wandering banks, bridges, and green along it. */
import { type Frame, RIVER_HALF_METRES } from './frame.ts';
import type { Random } from './noise.ts';
import type { Area, District, GroundKind } from './plan.ts';
import { addRoad, COUNTRY_DENSITY, frameLine, hasMainRoad } from './roads.ts';

export function planRiver(frame: Frame, district: District, i: number, j: number, random: Random): void {
  const u0 = frame.lineU(i);
  const u1 = frame.lineU(i + 1);
  const v = frame.lineV(j);
  const strip = (kind: GroundKind, widen: number): Area => {
    const ring: number[] = [];
    const steps = Math.ceil((u1 - u0) / 4);
    // Water overlaps the reaches beside it a little, which closes the joint.
    const joint = widen === 0 ? 0.8 : 0;
    const at = (k: number) => u0 - joint + ((u1 - u0 + 2 * joint) * k) / steps;
    const bank = (u: number, side: number) => {
      const reach = frame.reach(j, u);
      const half = Number.isFinite(widen) ? Math.min(reach.half + widen, RIVER_HALF_METRES) : RIVER_HALF_METRES;
      const middle = Number.isFinite(widen) ? reach.middle : 0;
      ring.push(...frame.toGround(u, v + middle + side * half));
    };
    for (let k = 0; k <= steps; k++) bank(at(k), -1);
    for (let k = steps; k >= 0; k--) bank(at(k), 1);
    return { kind, ring, angle: 0, seed: Math.floor(random.next() * 4294967296) };
  };
  const town = frame.density((u0 + u1) / 2, v) > COUNTRY_DENSITY;
  district.areas.push(strip('meadow', Infinity), strip(town ? 'gravel' : 'soil', 2.2), strip('water', 0));

  if (hasMainRoad(frame, 'u', i, u0, v)) {
    addRoad(frame, district, 'arterial', [u0, v - RIVER_HALF_METRES, u0, v + RIVER_HALF_METRES], random, true);
  }
  for (const side of [-1, 1]) {
    if (town && random.chance(0.7)) {
      const w = v + side * (RIVER_HALF_METRES - 9);
      const line = frameLine(frame, u0 + 8, w, u1 - 8, w);
      district.roads.push({
        kind: 'path',
        line,
        widthMetres: 2.4,
        sidewalkMetres: 0,
        bridge: false,
        seed: random.next() * 1e9,
      });
    }
    const thick = random.between(0.2, 0.75);
    for (let u = u0 + 10; u < u1 - 10; u += 4.5) {
      if (!random.chance(thick)) continue;
      const reach = frame.reach(j, u);
      const inner = reach.half + side * reach.middle + 3.5;
      const [x, y] = frame.toGround(u, v + side * random.between(inner, RIVER_HALF_METRES - 11));
      if (inner > RIVER_HALF_METRES - 12) continue;
      const radiusMetres = random.between(1.5, 4.2);
      district.trees.push({
        x,
        y,
        radiusMetres,
        heightMetres: radiusMetres * random.between(1.8, 2.4),
        conifer: false,
        seed: Math.floor(random.next() * 4294967296),
      });
    }
  }
}
