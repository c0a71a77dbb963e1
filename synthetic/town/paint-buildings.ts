/** Buildings onto the canvas: roofs with their slopes, coverings, edges and furniture, as a surface with heights. */
import { type Canvas, extent, fillRings, pixelIndex } from './canvas.ts';
import { sampleTexture, texel, unit } from './noise.ts';
import { tintOf } from './paint-ground.ts';
import { BUILDING, type Rgb, type TownPalette } from './palette.ts';
import { type Building, boundsOf, type Covering, type Furniture, overlaps, type Part, toGround } from './plan.ts';

const VARIETY: Record<Covering, number> = { tile: 9, slate: 8, gravel: 8, membrane: 8, metal: 9 };
/** Texture of a covering: mottling over metres, from pixel to pixel. */
const TEXTURE: Record<Covering, readonly [number, number]> = {
  tile: [0.07, 0.06],
  slate: [0.05, 0.05],
  gravel: [0.05, 0.05],
  membrane: [0.03, 0.02],
  metal: [0.03, 0.02],
};

export function paintBuilding(canvas: Canvas, building: Building, look: TownPalette): void {
  const shell = building.outline[0];
  const onGround: number[] = [];
  for (let k = 0; k < shell.length; k += 2) onGround.push(...toGround(building, shell[k], shell[k + 1]));
  if (!overlaps(boundsOf(onGround, 2), extent(canvas))) return;
  for (const part of building.parts) paintPart(canvas, building, part, look);
  for (const item of building.furniture) paintFurniture(canvas, building, item, look);
}

function rectangle(building: Building, p0: number, p1: number, q0: number, q1: number): number[] {
  return [
    ...toGround(building, p0, q0),
    ...toGround(building, p1, q0),
    ...toGround(building, p1, q1),
    ...toGround(building, p0, q1),
  ];
}

function paintPart(canvas: Canvas, building: Building, part: Part, look: TownPalette): void {
  const colours = look.roofs[building.covering];
  const colour = colours[building.seed % colours.length];
  const tint = tintOf(building.seed, VARIETY[building.covering]);
  const [mottle, grit] = TEXTURE[building.covering];
  const { soft, fine, grain } = look.textures;
  const g = canvas.gsdMetres;
  const { cos, sin } = building;
  // Sunlight on a slope facing +p or +q, relative to level ground: cos of incidence over sin of elevation.
  const run = 1 / Math.hypot(1, part.slope);
  const towards = (x: number, y: number) =>
    run * (1 + (part.slope * (x * look.sunX + y * look.sunY)) / look.sunTangent);
  const lightP = towards(cos, sin);
  const lightMinusP = towards(-cos, -sin);
  const lightQ = towards(-sin, cos);
  const lightMinusQ = towards(sin, -cos);
  const middleP = (part.p0 + part.p1) / 2;
  const middleQ = (part.q0 + part.q1) / 2;
  const halfP = (part.p1 - part.p0) / 2;
  const halfQ = (part.q1 - part.q0) / 2;
  const stain = unit(building.seed, 30) * 0.06;
  const seam = building.covering === 'metal' ? 0.035 : 0;
  fillRings(canvas, [rectangle(building, part.p0, part.p1, part.q0, part.q1)], (row, from, to) => {
    for (let column = from; column < to; column++) {
      const i = pixelIndex(canvas, column, row);
      const dx = (column + 0.5) * g - building.x;
      const dy = (row + 0.5) * g - building.y;
      const p = dx * cos + dy * sin;
      const q = dy * cos - dx * sin;
      const fromP = halfP - Math.abs(p - middleP);
      const fromQ = halfQ - Math.abs(q - middleQ);
      let height = part.eaveMetres;
      let light = 1;
      let brightness = 1 + mottle * texel(fine, column, row) + grit * texel(grain, column, row);
      brightness += stain * sampleTexture(soft, column * 0.4, row * 0.4);
      if (part.roof === 'flat') {
        const edge = Math.min(fromP, fromQ);
        // A parapet, and dirt gathered behind it.
        if (edge < 0.55) {
          height += 0.5;
          brightness += 0.1;
        } else if (edge < 1.6) brightness -= 0.05;
      } else if (part.roof === 'saw') {
        const t = (p - part.p0 + 700) % 7;
        height += t * 0.35;
        light = t < 6 ? lightMinusP : lightP;
        if (t >= 6) brightness *= 0.6;
      } else {
        const acrossQ = part.ridgeAlongP;
        const hipped = part.roof === 'hip' && (acrossQ ? fromP < fromQ : fromQ < fromP);
        const rise = hipped ? Math.min(fromP, fromQ) : acrossQ ? fromQ : fromP;
        height += part.slope * (part.roof === 'shed' ? (q - part.q0) / 2 : rise);
        const alongP = acrossQ === hipped;
        if (part.roof === 'shed') light = lightMinusQ;
        else if (alongP) light = p > middleP ? lightP : lightMinusP;
        else light = q > middleQ ? lightQ : lightMinusQ;
        // The ridge catches light; gutters are darker; courses of tiles run along the eaves.
        const span = acrossQ ? halfQ : halfP;
        if (span - rise < 0.45 || (part.roof === 'hip' && Math.abs(fromP - fromQ) < 0.35)) brightness += 0.08;
        if (rise < 0.4) brightness -= 0.1;
        brightness += 0.03 * Math.sin(rise * 7.5);
        if (seam > 0) brightness += seam * Math.sin((acrossQ ? p : q) * 4.2);
      }
      if (height <= canvas.heightMetres[i]) continue;
      canvas.heightMetres[i] = height;
      canvas.light[i] = light;
      canvas.classes[i] = BUILDING;
      let unitShade = 0;
      if (building.unitMetres > 0) {
        // Owners renew their roofs one by one; a firewall stands between them.
        const house = Math.floor((p - building.parts[0].p0) / building.unitMetres);
        unitShade = (unit(building.seed, 31, house) - 0.5) * 20;
        if ((p - building.parts[0].p0) / building.unitMetres - house < 0.4 / building.unitMetres) brightness += 0.08;
      }
      for (let c = 0; c < 3; c++) canvas.colour[3 * i + c] = (colour[c] + tint[c] + unitShade) * brightness;
    }
  });
}

const FURNITURE: Record<Furniture['kind'], Rgb> = {
  chimney: [148, 120, 106],
  skylight: [88, 104, 120],
  solar: [46, 54, 78],
  box: [186, 188, 188],
};

function paintFurniture(canvas: Canvas, building: Building, item: Furniture, look: TownPalette): void {
  const colour = FURNITURE[item.kind];
  const g = canvas.gsdMetres;
  const { grain } = look.textures;
  const ring = rectangle(building, item.p - item.halfP, item.p + item.halfP, item.q - item.halfQ, item.q + item.halfQ);
  fillRings(canvas, [ring], (row, from, to) => {
    for (let column = from; column < to; column++) {
      const i = pixelIndex(canvas, column, row);
      if (canvas.classes[i] !== BUILDING) continue;
      let brightness = 1 + 0.05 * texel(grain, column, row);
      if (item.kind === 'solar') {
        const p = ((column + 0.5) * g - building.x) * building.cos + ((row + 0.5) * g - building.y) * building.sin;
        if ((p + 500) % 1.7 < 0.3) brightness += 0.5;
      }
      for (let c = 0; c < 3; c++) canvas.colour[3 * i + c] = colour[c] * brightness;
      canvas.heightMetres[i] += item.riseMetres;
    }
  });
}
