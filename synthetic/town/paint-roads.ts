/** Roads onto the canvas: pavements, carriageways with wear and markings, bridges, and the cars on them. */
import { type Canvas, extent, fillRings, pixelIndex } from './canvas.ts';
import { hash, sampleTexture, texel, unit } from './noise.ts';
import { paintArea, tintOf } from './paint-ground.ts';
import { OTHER, ROAD, type TownPalette } from './palette.ts';
import { boundsOf, type Car, overlaps, type Road, toGround } from './plan.ts';
import { lineLength } from './street.ts';

const BRIDGE_METRES = 3.5;
/** A bridge begins in the middle of the road along the bank; its pavements begin beside that road. */
const LANDING_METRES = 5.5;

/** Height of a bridge's deck at a distance from its nearer end. */
function deck(end: number): number {
  return BRIDGE_METRES * Math.min(1, Math.max(0, (end - LANDING_METRES) / 14));
}

/** Called for each pixel of a road: index, signed distance from the centre line, distance along it (metres). */
type OnRoad = (index: number, column: number, row: number, across: number, along: number) => void;

/** Visits the pixels within `half` of the centre line, some more than once where the line bends. */
function stroke(canvas: Canvas, line: readonly number[], half: number, caps: boolean, visit: OnRoad): void {
  const g = canvas.gsdMetres;
  const lastColumn = canvas.column + canvas.columns - 1;
  const lastRow = canvas.row + canvas.rows - 1;
  let start = 0;
  for (let k = 2; k < line.length; k += 2) {
    const xa = line[k - 2];
    const ya = line[k - 1];
    const dx = line[k] - xa;
    const dy = line[k + 1] - ya;
    const length = Math.hypot(dx, dy);
    const cos = dx / length;
    const sin = dy / length;
    const row0 = Math.max(canvas.row, Math.ceil((Math.min(ya, ya + dy) - half) / g - 0.5));
    const row1 = Math.min(lastRow, Math.floor((Math.max(ya, ya + dy) + half) / g - 0.5));
    const column0 = Math.max(canvas.column, Math.ceil((Math.min(xa, xa + dx) - half) / g - 0.5));
    const column1 = Math.min(lastColumn, Math.floor((Math.max(xa, xa + dx) + half) / g - 0.5));
    for (let row = row0; row <= row1; row++) {
      const py = (row + 0.5) * g - ya;
      for (let column = column0; column <= column1; column++) {
        const px = (column + 0.5) * g - xa;
        const along = px * cos + py * sin;
        const across = py * cos - px * sin;
        if (across > half || across < -half) continue;
        if (along < 0 || along > length) {
          // Round joints; the ends of the whole line are round only where roads meet.
          if (!caps && (along < 0 ? k === 2 : k + 2 >= line.length)) continue;
          const beyond = along < 0 ? along : along - length;
          if (beyond * beyond + across * across > half * half) continue;
        }
        visit(pixelIndex(canvas, column, row), column, row, across, start + along);
      }
    }
    start += length;
  }
}

function onCanvas(canvas: Canvas, road: Road, margin: number): boolean {
  return overlaps(boundsOf(road.line, margin), extent(canvas));
}

/** The pavements beside a carriageway, painted before all carriageways so that they end where roads meet. */
export function paintPavement(canvas: Canvas, road: Road, look: TownPalette): void {
  const half = road.widthMetres / 2 + road.sidewalkMetres;
  if (road.sidewalkMetres === 0 || !onCanvas(canvas, road, half)) return;
  const { fine, grain } = look.textures;
  const edge = half - 0.6;
  const length = lineLength(road.line);
  stroke(canvas, road.line, half, !road.bridge, (i, column, row, across, along) => {
    const end = Math.min(along, length - along);
    if (road.bridge && end < LANDING_METRES) return;
    const brightness = 1 + 0.05 * texel(fine, column, row) + 0.04 * texel(grain, column, row);
    const rail = road.bridge && Math.abs(across) > edge;
    for (let c = 0; c < 3; c++) canvas.colour[3 * i + c] = look.pavement[c] * brightness * (rail ? 1.12 : 1);
    canvas.classes[i] = OTHER;
    canvas.heightMetres[i] = road.bridge ? deck(end) + (rail ? 1 : 0) : 0.1;
  });
}

export function paintCarriageway(canvas: Canvas, road: Road, look: TownPalette): void {
  const half = road.widthMetres / 2;
  if (!onCanvas(canvas, road, half)) return;
  strokeCarriageway(canvas, road, look);
  if (road.kind === 'roundabout') {
    // The island hides the ends of the roads that lead here.
    paintArea(canvas, { kind: 'lawn', ring: island(road), angle: 0, seed: road.seed }, look);
  }
}

/** What a roundabout's carriageway encloses: its centre line drawn together by half its width. */
function island(road: Road): number[] {
  const points = road.line.length / 2 - 1;
  let x = 0;
  let y = 0;
  for (let k = 0; k < points; k++) {
    x += road.line[2 * k] / points;
    y += road.line[2 * k + 1] / points;
  }
  const ring: number[] = [];
  for (let k = 0; k < points; k++) {
    const dx = road.line[2 * k] - x;
    const dy = road.line[2 * k + 1] - y;
    const share = 1 - road.widthMetres / 2 / Math.hypot(dx, dy);
    ring.push(x + dx * share, y + dy * share);
  }
  return ring;
}

function strokeCarriageway(canvas: Canvas, road: Road, look: TownPalette): void {
  const half = road.widthMetres / 2;
  const { soft, fine, grain } = look.textures;
  const paved = road.kind !== 'track' && road.kind !== 'path';
  const base = paved ? look.asphalt : road.kind === 'path' ? look.ground.gravel.colour : look.ground.soil.colour;
  const tint = tintOf(road.seed, paved ? look.asphaltVariety : 7);
  const lane = road.kind === 'arterial' ? half / 2 : half * 0.55;
  const shift = hash(road.seed, 9) & 511;
  const age = unit(road.seed, 8);
  const length = lineLength(road.line);
  stroke(canvas, road.line, half, !road.bridge, (i, column, row, across, along) => {
    const side = Math.abs(across);
    let brightness = 1 + 0.035 * texel(fine, column, row) + 0.035 * texel(grain, column, row);
    brightness += 0.05 * sampleTexture(soft, column * 0.17, row * 0.17);
    if (paved) {
      // Wheels polish two tracks in each lane; oil darkens the middle of it; dust lies at the kerb.
      const track = side - lane;
      brightness += 0.035 * Math.cos(track * 3.6) * (1 - age * 0.5);
      if (half - side < 0.5) brightness += 0.06;
      // Patches of newer asphalt.
      if (sampleTexture(soft, along * 0.22 + shift, across * 0.5 + shift) > 1.75 - 0.5 * age) brightness -= 0.1;
    } else if (road.kind === 'track' && side < 0.45) {
      // Grass between the wheels.
      for (let c = 0; c < 3; c++) canvas.colour[3 * i + c] = look.ground.meadow.colour[c] * brightness;
      return;
    }
    for (let c = 0; c < 3; c++) canvas.colour[3 * i + c] = (base[c] + tint[c]) * brightness;
    canvas.classes[i] = paved ? ROAD : OTHER;
    canvas.heightMetres[i] = road.bridge ? deck(Math.min(along, length - along)) : 0;
  });
}

/** Centre and edge lines and crossings; clear of the junctions at both ends. */
export function paintMarkings(canvas: Canvas, road: Road, look: TownPalette): void {
  if (road.kind === 'roundabout') return;
  const centre = road.kind === 'arterial' || (road.kind === 'street' && road.seed % 3 === 0);
  const crossings = road.sidewalkMetres > 0 && !road.bridge && (road.kind === 'arterial' || road.seed % 5 < 2);
  if (!centre && !crossings) return;
  const half = road.widthMetres / 2;
  if (!onCanvas(canvas, road, half)) return;
  const length = lineLength(road.line);
  const clear = road.bridge ? 0 : 9;
  const wear = 0.35 + 0.5 * unit(road.seed, 12);
  const { fine } = look.textures;
  stroke(canvas, road.line, half, false, (i, column, row, across, along) => {
    const side = Math.abs(across);
    const end = Math.min(along, length - along);
    if (end < clear) return;
    let strength = 0;
    if (crossings && end < clear + 3.2) {
      if (end > clear + 0.4 && (across + 60) % 1.1 < 0.55 && side < half - 0.3) strength = 0.95;
    } else if (crossings && end < clear + 5) {
      if (end > clear + 4.2 && along > length / 2 === across > 0) strength = 0.8;
    } else if (centre) {
      const dashed = along % 9 < 4;
      if (dashed) strength = Math.max(0, 1 - side / 0.42);
      if (road.kind === 'arterial') strength = Math.max(strength, 0.8 * (1 - Math.abs(side - half + 0.45) / 0.36));
    }
    strength *= wear * (1 + 0.25 * texel(fine, column, row));
    if (strength <= 0) return;
    for (let c = 0; c < 3; c++) canvas.colour[3 * i + c] += (226 - canvas.colour[3 * i + c]) * Math.min(1, strength);
  });
}

/** A car seen from above: bonnet, dark glass, roof. It takes the class of what it stands on. */
export function paintCar(canvas: Canvas, car: Car, look: TownPalette): void {
  const half = car.lengthMetres / 2;
  const lorry = car.lengthMetres > 5.5;
  const wide = lorry ? 1.2 : 0.9;
  const colour = lorry ? look.cars[car.seed % 3] : look.cars[car.seed % look.cars.length];
  const corners = [
    [-half, -wide],
    [half, -wide],
    [half, wide],
    [-half, wide],
  ];
  const g = canvas.gsdMetres;
  const ring = corners.flatMap(([p, q]) => toGround(car, p, q));
  if (!overlaps(boundsOf(ring), extent(canvas))) return;
  fillRings(canvas, [ring], (row, from, to) => {
    for (let column = from; column < to; column++) {
      const i = pixelIndex(canvas, column, row);
      // Not under a bridge, not on a roof.
      if (canvas.heightMetres[i] > 5 || canvas.heightMetres[i] < -1) continue;
      const p = ((column + 0.5) * g - car.x) * car.cos + ((row + 0.5) * g - car.y) * car.sin;
      const glass = lorry ? p > half - 1.7 && p < half - 1.2 : (p > half * 0.2 && p < half * 0.52) || p < -half * 0.68;
      const shade = glass ? 0.42 : 1;
      for (let c = 0; c < 3; c++) canvas.colour[3 * i + c] = colour[c] * shade + (glass ? 12 : 0);
      canvas.heightMetres[i] += lorry ? 3 : 1.4;
    }
  });
}
