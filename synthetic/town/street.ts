/** What stands along a road: parked and moving cars, and rows of trees. */
import type { Random } from './noise.ts';
import type { District, Road } from './plan.ts';

export function furnishRoad(district: District, road: Road, density: number, random: Random): void {
  const { line, kind } = road;
  if (kind === 'track' || kind === 'path') return;
  const length = lineLength(line);
  const town = density > 0.3;
  if (!road.bridge && kind !== 'lane') rowOfTrees(district, road, length, town, random);
  const lane = kind === 'arterial' ? road.widthMetres / 4 : road.widthMetres / 4 + 0.2;
  const gap = kind === 'arterial' ? 45 : kind === 'street' ? 110 : 200;
  for (const side of [-1, 1]) {
    for (let s = random.next() * gap; s < length; s += gap * random.between(0.3, 1.7)) {
      addCar(district, line, s, side * lane, random);
    }
    if (kind === 'arterial' || road.bridge || !town) continue;
    const parked = random.chance(0.6) ? random.between(0.15, 0.75) * Math.min(1, density * 1.4) : 0;
    if (kind === 'lane' && side > 0) continue;
    for (let s = 12; s < length - 12; s += 5.9) {
      if (random.chance(parked))
        addCar(district, line, s + random.between(-0.4, 0.4), side * (road.widthMetres / 2 - 1.05), random);
    }
  }
}

function rowOfTrees(district: District, road: Road, length: number, town: boolean, random: Random): void {
  const spacing = random.between(8, 13);
  const radius = random.between(2, 3.4);
  for (const side of [-1, 1]) {
    if (!random.chance(road.kind === 'arterial' ? (town ? 0.75 : 0.45) : 0.4)) continue;
    const offset = road.widthMetres / 2 + road.sidewalkMetres * 0.6 + (town ? 0.4 : 2.5);
    for (let s = 11; s < length - 11; s += spacing) {
      if (random.chance(0.16)) continue;
      const [x, y] = pointAlong(road.line, s + random.between(-0.8, 0.8), side * offset);
      const r = radius * random.between(0.7, 1.2);
      district.trees.push({
        x,
        y,
        radiusMetres: r,
        heightMetres: r * random.between(1.9, 2.6),
        conifer: false,
        seed: Math.floor(random.next() * 4294967296),
      });
    }
  }
}

function addCar(district: District, line: readonly number[], s: number, offset: number, random: Random): void {
  const [x, y, cos, sin] = pointAlong(line, s, offset);
  const lorry = random.chance(0.05);
  district.cars.push({
    x,
    y,
    cos,
    sin,
    lengthMetres: lorry ? random.between(6, 9) : random.between(3.8, 4.9),
    seed: Math.floor(random.next() * 4294967296),
  });
}

/** Position and direction at a distance along a polyline, `offset` metres to its right. */
export function pointAlong(line: readonly number[], s: number, offset: number): [number, number, number, number] {
  let left = s;
  for (let k = 2; ; k += 2) {
    const dx = line[k] - line[k - 2];
    const dy = line[k + 1] - line[k - 1];
    const length = Math.hypot(dx, dy);
    if (left <= length || k + 2 >= line.length) {
      const cos = dx / length;
      const sin = dy / length;
      return [line[k - 2] + cos * left - sin * offset, line[k - 1] + sin * left + cos * offset, cos, sin];
    }
    left -= length;
  }
}

export function lineLength(line: readonly number[]): number {
  let length = 0;
  for (let k = 2; k < line.length; k += 2) length += Math.hypot(line[k] - line[k - 2], line[k + 1] - line[k - 1]);
  return length;
}
