/** Areas of ground onto the canvas: mottled colours, furrows, mowing, ripples. */
import { type Canvas, fillRings, pixelIndex } from './canvas.ts';
import { clamp, hash, sampleTexture, texel, unit } from './noise.ts';
import type { Rgb, TownPalette } from './palette.ts';
import type { Area, GroundKind } from './plan.ts';

const WATER_LEVEL_METRES = -1.2;
/** Crops stand as high as this, and so cast a rim of shadow. */
const STANDING: Partial<Record<GroundKind, number>> = {
  maize: 1.8,
  wheat: 0.6,
  undergrowth: 0.4,
  water: WATER_LEVEL_METRES,
};

export function paintArea(canvas: Canvas, area: Area, look: TownPalette): void {
  const ground = look.ground[area.kind];
  const { soft, fine, grain } = look.textures;
  const height = STANDING[area.kind] ?? 0;
  const tint = tintOf(area.seed, ground.variety);
  const shift = hash(area.seed, 1) & 511;
  const [spacing, strength] = ground.rows;
  const turn = (2 * Math.PI) / spacing;
  const rowX = -Math.sin(area.angle) * turn;
  const rowY = Math.cos(area.angle) * turn;
  // Wheel tracks of the sprayer, a pair every 18 m.
  const tracked = area.kind === 'crop' || area.kind === 'wheat';
  const banded = area.kind === 'pitch';
  const g = canvas.gsdMetres;
  fillRings(canvas, [area.ring], (row, from, to) => {
    let i = pixelIndex(canvas, from, row);
    for (let column = from; column < to; column++, i++) {
      const x = column * g;
      const y = row * g;
      const large =
        sampleTexture(soft, x * 0.31 + shift, y * 0.31) + 0.6 * sampleTexture(soft, x * 1.7, y * 1.7 + shift);
      const t = clamp(0.5 + 0.36 * large, 0, 1);
      let brightness = 1 + ground.fine * texel(fine, column + shift, row) + ground.grain * texel(grain, column, row);
      if (strength > 0) {
        const wobble = 0.5 * sampleTexture(soft, x * 0.9, y * 0.9);
        let wave = Math.sin(x * rowX + y * rowY + wobble);
        if (banded) wave = wave > 0 ? 1 : -1;
        brightness += strength * wave;
        if (tracked) {
          const lane = ((x * rowX + y * rowY) / turn + 900000) % 18;
          if (lane < 0.6 || (lane > 2 && lane < 2.6)) brightness *= 0.9;
        }
      }
      const c = 3 * i;
      canvas.colour[c] = (ground.colour[0] + (ground.other[0] - ground.colour[0]) * t + tint[0]) * brightness;
      canvas.colour[c + 1] = (ground.colour[1] + (ground.other[1] - ground.colour[1]) * t + tint[1]) * brightness;
      canvas.colour[c + 2] = (ground.colour[2] + (ground.other[2] - ground.colour[2]) * t + tint[2]) * brightness;
      canvas.classes[i] = area.kind === 'paint' ? canvas.classes[i] : ground.class;
      canvas.heightMetres[i] = height;
    }
  });
}

/** A shift of colour for one object: mostly brightness, some hue. */
export function tintOf(seed: number, strength: number): Rgb {
  const bright = (unit(seed, 2) + unit(seed, 3) - 1) * strength * 1.4;
  const hue = strength * 0.45;
  return [
    bright + (unit(seed, 4) - 0.5) * hue * 1.6,
    bright + (unit(seed, 5) - 0.5) * hue,
    bright + (unit(seed, 6) - 0.5) * hue,
  ];
}
