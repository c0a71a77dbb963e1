/** A painted band under the sun and through the camera: cast shadows by height, light, haze, blur, sensor noise. */
import type { Canvas } from './canvas.ts';
import { clamp, hash, sampleTexture } from './noise.ts';
import type { TownPalette } from './palette.ts';

/** Nothing stands higher than this; with the sun's height it bounds how far shadows reach. */
export const TALLEST_METRES = 30;
/** Blur reaches this far. */
export const BLUR_PIXELS = 1;

/** Odd multipliers that draw a byte for each channel from the same bits. */
const CHANNEL_MIX = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d] as const;

export function shadowReachMetres(look: TownPalette): number {
  return TALLEST_METRES / look.sunTangent;
}

/** Share of sunlight that reaches each pixel, by walking towards the sun over the heights. */
function sunlight(canvas: Canvas, look: TownPalette): Float32Array {
  const { columns, rows, gsdMetres, heightMetres } = canvas;
  const steps = Math.ceil(shadowReachMetres(look) / gsdMetres);
  const rise = gsdMetres * look.sunTangent;
  const shiftX = new Int32Array(steps + 1);
  const shiftY = new Int32Array(steps + 1);
  for (let k = 1; k <= steps; k++) {
    shiftX[k] = Math.round(k * look.sunX);
    shiftY[k] = Math.round(k * look.sunY);
  }
  const highest = blockMaxima(canvas);
  const sun = new Float32Array(columns * rows).fill(1);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const i = row * columns + column;
      const own = heightMetres[i] + 0.25;
      let over = 0;
      for (let k = 1; k <= steps; k++) {
        const y = row + shiftY[k];
        const x = column + shiftX[k];
        if (x < 0 || y < 0 || x >= columns || y >= rows) break;
        const ray = own + k * rise;
        if (ray > TALLEST_METRES) break;
        if ((k & 7) === 1) {
          // Skips eight steps where nothing around is as high as the ray.
          if (highest.at(x, y) < ray) {
            k += 7;
            continue;
          }
        }
        const above = heightMetres[y * columns + x] - ray;
        if (above > over) over = above;
        if (over > 0.7) break;
      }
      if (over > 0) sun[i] = 1 - Math.min(1, over / 0.7);
    }
  }
  return sun;
}

/** The greatest height within at least eight pixels of a place, from 16-pixel blocks. */
function blockMaxima(canvas: Canvas): { at(x: number, y: number): number } {
  const { columns, rows, heightMetres } = canvas;
  const across = Math.ceil(columns / 16);
  const down = Math.ceil(rows / 16);
  const own = new Float32Array(across * down).fill(-100);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const b = (y >> 4) * across + (x >> 4);
      if (heightMetres[y * columns + x] > own[b]) own[b] = heightMetres[y * columns + x];
    }
  }
  const around = new Float32Array(across * down);
  for (let b = 0; b < down; b++) {
    for (let a = 0; a < across; a++) {
      let most = -100;
      for (let d = Math.max(0, b - 1); d <= Math.min(down - 1, b + 1); d++) {
        for (let c = Math.max(0, a - 1); c <= Math.min(across - 1, a + 1); c++)
          most = Math.max(most, own[d * across + c]);
      }
      around[b * across + a] = most;
    }
  }
  return { at: (x, y) => around[(y >> 4) * across + (x >> 4)] };
}

/** RGB of the scene's pixels in a window (absolute columns and rows) that lies within the canvas by the blur's reach. */
export function expose(
  canvas: Canvas,
  look: TownPalette,
  seed: number,
  column0: number,
  row0: number,
  columns: number,
  rows: number,
): Uint8Array {
  const sun = sunlight(canvas, look);
  const stride = canvas.columns;
  const lit = new Float32Array(3 * stride * canvas.rows);
  const g = canvas.gsdMetres;
  const { soft } = look.textures;
  for (let row = 0; row < canvas.rows; row++) {
    for (let column = 0; column < stride; column++) {
      const i = row * stride + column;
      const x = (canvas.column + column) * g;
      const y = (canvas.row + row) * g;
      const weather = 1 + 0.025 * sampleTexture(soft, x * 0.06, y * 0.06);
      const r = canvas.colour[3 * i];
      const gr = canvas.colour[3 * i + 1];
      const b = canvas.colour[3 * i + 2];
      const grey = 0.3 * r + 0.59 * gr + 0.11 * b;
      const direct = sun[i] * Math.max(0, canvas.light[i]);
      for (let c = 0; c < 3; c++) {
        const own = grey + (canvas.colour[3 * i + c] - grey) * look.saturation;
        const light = look.shadow[c] + (1 - look.shadow[c]) * direct;
        const air = look.haze * (c === 2 ? 152 : c === 1 ? 142 : 134);
        lit[3 * i + c] = own * light * look.gain[c] * weather * (1 - look.haze) + air;
      }
    }
  }
  const image = new Uint8Array(3 * columns * rows);
  const { blur } = look;
  const centre = 1 - 4 * blur * (1 + blur * 0.5);
  const corner = blur * blur * 0.5;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const i = 3 * ((row0 + row - canvas.row) * stride + column0 + column - canvas.column);
      const down = 3 * stride;
      // Noise of the sensor: a part in all channels, a part in each, from the bytes of one hash.
      const bits = hash(seed, 80, column0 + column, row0 + row);
      const shared = ((bits & 255) + ((bits >>> 8) & 255)) / 255 - 1;
      for (let c = 0; c < 3; c++) {
        const k = i + c;
        const sides = lit[k - 3] + lit[k + 3] + lit[k - down] + lit[k + down];
        const corners = lit[k - down - 3] + lit[k - down + 3] + lit[k + down - 3] + lit[k + down + 3];
        const value = centre * lit[k] + blur * sides + corner * corners;
        const own = (Math.imul(bits, CHANNEL_MIX[c]) >>> 24) / 255 - 0.5;
        image[3 * (row * columns + column) + c] = Math.round(
          clamp(value + look.noise * (2 * shared + 1.2 * own), 0, 255),
        );
      }
    }
  }
  return image;
}
