/** Buildings of each kind, made in their own frame: footprint, roofs and what stands on the roofs. */
import type { Random } from './noise.ts';
import type { Building, Covering, Furniture, Part, RoofKind } from './plan.ts';

/** Where a building's front middle stands, and the direction of its front; q goes to the left of it, away from the street. */
export type Pose = readonly [x: number, y: number, cos: number, sin: number];

interface Roof {
  kind: RoofKind;
  slope: number;
  eaveMetres: number;
}

function part(p0: number, p1: number, q0: number, q1: number, roof: Roof): Part {
  const ridgeAlongP = p1 - p0 >= q1 - q0;
  return { p0, p1, q0, q1, eaveMetres: roof.eaveMetres, roof: roof.kind, slope: roof.slope, ridgeAlongP };
}

function rectangle(p0: number, p1: number, q0: number, q1: number): number[] {
  return [p0, q0, p1, q0, p1, q1, p0, q1];
}

function build(pose: Pose, parts: Part[], outline: number[][], covering: Covering, random: Random): Building {
  const [x, y, cos, sin] = pose;
  const heightMetres = Math.max(
    ...parts.map((p) => p.eaveMetres + (Math.min(p.p1 - p.p0, p.q1 - p.q0) / 2) * (p.roof === 'saw' ? 0 : p.slope)),
  );
  const seed = Math.floor(random.next() * 4294967296);
  return { x, y, cos, sin, parts, outline, heightMetres, covering, furniture: [], unitMetres: 0, seed };
}

/** A free-standing house: a rectangle or an L, `width` along the street. */
export function house(pose: Pose, width: number, depth: number, covering: Covering, random: Random): Building {
  const modern = random.chance(0.13);
  const kind: RoofKind = modern ? 'flat' : random.pick({ gable: 6, hip: 4 });
  const roof: Roof = { kind, slope: modern ? 0 : random.between(0.45, 0.85), eaveMetres: random.between(3, 5.6) };
  const w = width / 2;
  const parts = [part(-w, w, 0, depth, roof)];
  const outline = [rectangle(-w, w, 0, depth)];
  if (random.chance(0.42) && width > 9) {
    // A wing towards the garden or the street, as wide as half of the front.
    const wing = width * random.between(0.42, 0.55);
    const out = random.between(2.5, 5.5);
    const side = random.chance(0.5) ? 1 : -1;
    const p0 = side > 0 ? w - wing : -w;
    const lower = { ...roof, eaveMetres: roof.eaveMetres - (random.chance(0.4) ? 0.6 : 0) };
    if (random.chance(0.5)) {
      parts.push({ ...part(p0, p0 + wing, depth * 0.4, depth + out, lower), ridgeAlongP: false });
      outline[0] =
        side > 0
          ? [-w, 0, w, 0, w, depth + out, w - wing, depth + out, w - wing, depth, -w, depth]
          : [-w, 0, w, 0, w, depth, -w + wing, depth, -w + wing, depth + out, -w, depth + out];
    } else {
      parts.push({ ...part(p0, p0 + wing, -out, depth * 0.6, lower), ridgeAlongP: false });
      outline[0] =
        side > 0
          ? [-w, 0, w - wing, 0, w - wing, -out, w, -out, w, depth, -w, depth]
          : [-w, -out, -w + wing, -out, -w + wing, 0, w, 0, w, depth, -w, depth];
    }
  }
  const building = build(pose, parts, outline, modern ? flatCovering(random) : covering, random);
  furnishPitched(building, random);
  return building;
}

/** A small low building: garage or shed. */
export function shed(pose: Pose, width: number, depth: number, covering: Covering, random: Random): Building {
  const kind: RoofKind = random.pick({ flat: 5, gable: 3, shed: 2 });
  const roof: Roof = { kind, slope: kind === 'flat' ? 0 : 0.4, eaveMetres: random.between(2.2, 2.8) };
  const w = width / 2;
  const own = kind === 'flat' ? flatCovering(random) : random.chance(0.5) ? covering : 'metal';
  return build(pose, [part(-w, w, 0, depth, roof)], [rectangle(-w, w, 0, depth)], own, random);
}

/** Houses wall to wall under one ridge, or a block of flats. */
export function row(
  pose: Pose,
  length: number,
  depth: number,
  unitMetres: number,
  eaveMetres: number,
  kind: RoofKind,
  covering: Covering,
  random: Random,
): Building {
  const roof: Roof = { kind, slope: kind === 'flat' ? 0 : random.between(0.5, 0.8), eaveMetres };
  const w = length / 2;
  const building = build(pose, [part(-w, w, 0, depth, roof)], [rectangle(-w, w, 0, depth)], covering, random);
  building.unitMetres = unitMetres;
  if (kind === 'flat') furnishFlat(building, random);
  else {
    const step = unitMetres || 11;
    for (let p = -w + step / 2; p < w; p += step) {
      if (random.chance(0.7))
        chimney(building, p + step * random.between(0.2, 0.45), depth * random.between(0.4, 0.6), random);
      if (random.chance(0.5)) skylight(building, p, depth * (random.chance(0.5) ? 0.25 : 0.75), random);
    }
  }
  return building;
}

/** A hall of industry or trade: flat, low gable, or saw-tooth. */
export function hall(pose: Pose, width: number, depth: number, random: Random): Building {
  const kind: RoofKind = random.pick({ flat: 6, gable: 4, saw: 1.5 });
  const roof: Roof = {
    kind,
    slope: kind === 'flat' ? 0 : kind === 'gable' ? 0.12 : 0.4,
    eaveMetres: random.between(5, 11),
  };
  const w = width / 2;
  const parts = [part(-w, w, 0, depth, roof)];
  let shell = rectangle(-w, w, 0, depth);
  if (random.chance(0.35)) {
    // Offices in front, lower than the hall.
    const wing = width * random.between(0.25, 0.45);
    const out = Math.min(9, depth * 0.3);
    parts.push(part(-w, -w + wing, -out, 0, { kind: 'flat', slope: 0, eaveMetres: roof.eaveMetres * 0.7 }));
    shell = [-w, -out, -w + wing, -out, -w + wing, 0, w, 0, w, depth, -w, depth];
  }
  const covering: Covering =
    kind === 'gable' || kind === 'saw' ? random.pick({ metal: 3, membrane: 1 }) : flatCovering(random);
  const building = build(pose, parts, [shell], covering, random);
  if (kind === 'flat') furnishFlat(building, random);
  else if (kind === 'gable') {
    for (let p = -w + 6; p < w - 6; p += 9) {
      for (const q of [0.27, 0.73])
        building.furniture.push({
          kind: 'skylight',
          p,
          q: q * depth,
          halfP: 0.9,
          halfQ: depth * 0.13,
          riseMetres: 0.1,
        });
    }
  }
  return building;
}

/** A building around a court, or three wings of one (open to the back). */
export function courtHouse(
  pose: Pose,
  width: number,
  depth: number,
  wing: number,
  closed: boolean,
  eaveMetres: number,
  kind: RoofKind,
  covering: Covering,
  random: Random,
): Building {
  const roof: Roof = {
    kind: kind === 'hip' ? 'hip' : kind,
    slope: kind === 'flat' ? 0 : random.between(0.5, 0.75),
    eaveMetres,
  };
  const w = width / 2;
  const parts = [part(-w, w, 0, wing, roof), part(-w, -w + wing, 0, depth, roof), part(w - wing, w, 0, depth, roof)];
  for (const k of [1, 2]) parts[k].ridgeAlongP = false;
  const outline: number[][] = [];
  if (closed) {
    parts.push(part(-w, w, depth - wing, depth, roof));
    outline.push(rectangle(-w, w, 0, depth), rectangle(-w + wing, w - wing, wing, depth - wing));
  } else {
    outline.push([
      -w,
      0,
      w,
      0,
      w,
      depth,
      w - wing,
      depth,
      w - wing,
      wing,
      -w + wing,
      wing,
      -w + wing,
      depth,
      -w,
      depth,
    ]);
  }
  const building = build(pose, parts, outline, covering, random);
  for (let p = -w + 5; p < w - 5; p += random.between(6, 11)) {
    if (kind === 'flat') box(building, p, wing * random.between(0.3, 0.7), random.between(0.6, 1.8), random);
    else {
      chimney(building, p, wing * random.between(0.35, 0.65), random);
      if (random.chance(0.6)) skylight(building, p + 2, wing * (random.chance(0.5) ? 0.22 : 0.78), random);
    }
  }
  return building;
}

/** Nave and tower. */
export function church(pose: Pose, random: Random): Building {
  const width = random.between(26, 34);
  const depth = random.between(12, 15);
  const w = width / 2;
  const q = depth / 2;
  const parts = [
    part(-w, w, 0, depth, { kind: 'gable', slope: 1.1, eaveMetres: 9 }),
    part(w * 0.25, w * 0.6, -4, depth + 4, { kind: 'gable', slope: 1.1, eaveMetres: 8 }),
    part(-w - 7, -w, q - 3.5, q + 3.5, { kind: 'hip', slope: 2, eaveMetres: 22 }),
  ];
  parts[1].ridgeAlongP = false;
  const a = w * 0.25;
  const b = w * 0.6;
  const shell = [
    -w - 7,
    q - 3.5,
    -w,
    q - 3.5,
    -w,
    0,
    a,
    0,
    a,
    -4,
    b,
    -4,
    b,
    0,
    w,
    0,
    w,
    depth,
    b,
    depth,
    b,
    depth + 4,
    a,
    depth + 4,
    a,
    depth,
    -w,
    depth,
    -w,
    q + 3.5,
    -w - 7,
    q + 3.5,
  ];
  return build(pose, parts, [shell], random.chance(0.6) ? 'tile' : 'slate', random);
}

export function flatCovering(random: Random): Covering {
  return random.pick({ gravel: 5, membrane: 4, metal: 1 });
}

function furnishPitched(building: Building, random: Random): void {
  const main = building.parts[0];
  const depth = main.q1 - main.q0;
  const width = main.p1 - main.p0;
  if (main.roof === 'flat') {
    if (random.chance(0.5))
      box(building, random.between(-width / 4, width / 4), depth * random.between(0.3, 0.7), 0.8, random);
    return;
  }
  if (random.chance(0.75))
    chimney(building, random.between(-width / 3, width / 3), depth * random.between(0.36, 0.64), random);
  for (let k = random.next() * 3; k > 1; k--)
    skylight(building, random.between(-width / 3, width / 3), depth * (random.chance(0.5) ? 0.25 : 0.75), random);
  if (random.chance(0.16) && main.ridgeAlongP) {
    const halfP = width * random.between(0.18, 0.34);
    building.furniture.push({
      kind: 'solar',
      p: 0,
      q: depth * (random.chance(0.5) ? 0.25 : 0.75),
      halfP,
      halfQ: depth * 0.15,
      riseMetres: 0.1,
    });
  }
}

function furnishFlat(building: Building, random: Random): void {
  const main = building.parts[0];
  const width = main.p1 - main.p0;
  const depth = main.q1 - main.q0;
  if (width < 8 || depth < 6) return;
  const solar = random.chance(0.11);
  const count = Math.min(26, Math.ceil((width * depth) / 90));
  if (solar) {
    const extent = width * random.between(0.2, 0.42);
    const shift = random.between(-1, 1) * (width * 0.44 - extent);
    for (let q = main.q0 + 2.5; q < main.q1 - 2.5; q += 2.6) {
      building.furniture.push({ kind: 'solar', p: shift, q, halfP: extent, halfQ: 0.8, riseMetres: 0.4 });
    }
    return;
  }
  if (random.chance(0.5)) {
    building.furniture.push({
      kind: 'box',
      p: random.between(-width / 4, width / 4),
      q: depth / 2,
      halfP: 2,
      halfQ: Math.min(1.8, depth / 5),
      riseMetres: 2.4,
    });
  }
  for (let k = 0; k < count; k++) {
    const p = random.between(main.p0 + 2, main.p1 - 2);
    const q = random.between(main.q0 + 1.8, main.q1 - 1.8);
    if (random.chance(0.5)) skylight(building, p, q, random);
    else box(building, p, q, random.between(0.4, 1.3), random);
  }
}

function add(
  building: Building,
  kind: Furniture['kind'],
  p: number,
  q: number,
  halfP: number,
  halfQ: number,
  riseMetres: number,
): void {
  building.furniture.push({ kind, p, q, halfP, halfQ, riseMetres });
}

function chimney(building: Building, p: number, q: number, random: Random): void {
  add(building, 'chimney', p, q, random.between(0.35, 0.6), random.between(0.35, 0.5), random.between(0.9, 1.6));
}

function skylight(building: Building, p: number, q: number, random: Random): void {
  add(building, 'skylight', p, q, random.between(0.45, 0.75), random.between(0.5, 0.8), 0.05);
}

function box(building: Building, p: number, q: number, half: number, random: Random): void {
  add(building, 'box', p, q, half, half * random.between(0.6, 1.3), random.between(0.6, 1.8));
}

/** The pose moved towards the street, so that a building is centred where the pose was. */
export function setBack([x, y, cos, sin]: Pose, q: number): Pose {
  return [x + q * sin, y - q * cos, cos, sin];
}
