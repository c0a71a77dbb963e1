/** Trees, bushes and hedges onto the canvas: crowns as lumpy domes or cones with heights, lit by their slopes. */
import type { Canvas } from './canvas.ts';
import { clamp, hash, sampleTexture, texel, unit } from './noise.ts';
import { tintOf } from './paint-ground.ts';
import { type Rgb, type TownPalette, VEGETATION } from './palette.ts';
import type { Tree } from './plan.ts';

export function paintTree(canvas: Canvas, tree: Tree, look: TownPalette): void {
  const g = canvas.gsdMetres;
  const reach = tree.radiusMetres * 1.25;
  const row0 = Math.max(canvas.row, Math.ceil((tree.y - reach) / g - 0.5));
  const row1 = Math.min(canvas.row + canvas.rows - 1, Math.floor((tree.y + reach) / g - 0.5));
  const column0 = Math.max(canvas.column, Math.ceil((tree.x - reach) / g - 0.5));
  const column1 = Math.min(canvas.column + canvas.columns - 1, Math.floor((tree.x + reach) / g - 0.5));
  if (row1 < row0 || column1 < column0) return;

  const colour: Rgb = tree.conifer ? look.conifer : look.leaves[hash(tree.seed, 1) % look.leaves.length];
  const tint = tintOf(tree.seed, 7);
  const { fine, grain } = look.textures;
  // Each crown cuts its own lumps from the textures.
  const offsetX = hash(tree.seed, 2) & 511;
  const offsetY = hash(tree.seed, 3) & 511;
  const lobes = 3 + (tree.seed % 3);
  const phase = unit(tree.seed, 7) * 2 * Math.PI;
  const lobed = tree.radiusMetres > 1.4 ? 0.1 : 0.04;
  const dome = Math.min(tree.heightMetres * 0.8, tree.radiusMetres * (tree.conifer ? 3 : 1.2));
  const base = tree.heightMetres - dome;
  const lumpScale = 0.75 / Math.max(0.7, Math.sqrt(tree.radiusMetres / 2.5));
  const texels = 0.9;
  for (let row = row0; row <= row1; row++) {
    const dy = (row + 0.5) * g - tree.y;
    for (let column = column0; column <= column1; column++) {
      const dx = (column + 0.5) * g - tree.x;
      const lump = sampleTexture(
        fine,
        offsetX + (dx / g) * lumpScale * texels,
        offsetY + (dy / g) * lumpScale * texels,
      );
      const angle = Math.atan2(dy, dx);
      const radius = tree.radiusMetres * (1 + lobed * Math.sin(lobes * angle + phase) + 0.6 * lobed * lump);
      const r = Math.hypot(dx, dy) / radius;
      if (r >= 1) continue;
      const profile = tree.conifer ? 1 - r : Math.sqrt(1 - r * r);
      const height = base + dome * profile + 0.22 * lump * Math.min(1, tree.radiusMetres / 2);
      const i = (row - canvas.row) * canvas.columns + column - canvas.column;
      if (height <= canvas.heightMetres[i]) continue;
      // The dome's slope towards the sun; a crown is rough and translucent, so only a part of the cosine law shows.
      const facing = (dx * look.sunX + dy * look.sunY) / tree.radiusMetres;
      const light = 0.86 + (tree.conifer ? 0.42 : 0.4) * facing + 0.17 * lump - 0.1 * r * r;
      canvas.heightMetres[i] = height;
      canvas.light[i] = clamp(light, 0.3, 1.5);
      canvas.classes[i] = VEGETATION;
      const brightness = 1 + 0.09 * texel(grain, column, row);
      for (let c = 0; c < 3; c++) canvas.colour[3 * i + c] = (colour[c] + tint[c]) * brightness;
    }
  }
}
