/** A generated town in the bands and values that a network takes: what networks are tried on that nobody knows. */

import { makeFrame } from '../../synthetic/town/frame.ts';
import { makePalette } from '../../synthetic/town/palette.ts';
import { renderBand } from '../../synthetic/town/render.ts';
import type { Raster } from '../../tiler/geotiff/raster.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import type { Pixels } from '../../tiler/rendering/rendering.ts';
import type { AdapterInput } from '../adapter.ts';

const TOWN_GSD_M = 0.5;
const TOWN_SEED = 5;
/** Stored values of the generated scene: of 12 bits, as sensors have them. */
const STORED_PER_BYTE = 16;

/** height * width of the network's bands, RGB where it names none. */
export function probeScene(input: Pick<AdapterInput, 'names' | 'stored'>, width: number, height: number): Pixels {
  const [frame, look] = [makeFrame(TOWN_SEED), makePalette(TOWN_SEED)];
  const rgb = renderBand(frame, look, TOWN_GSD_M, width, 0, height, new Map()).image;
  const { names, stored } = input;
  if (!names) return rgb;
  const count = rgb.length / 3;
  const pixels = stored ? new Float32Array(count * names.length) : new Uint8Array(count * names.length);
  const scale = stored ? STORED_PER_BYTE : 1;
  for (const [band, name] of names.entries()) {
    const colour = ['red', 'green', 'blue'].indexOf(name);
    for (let i = 0; i < count; i++) {
      const [red, green, blue] = rgb.subarray(i * 3, i * 3 + 3);
      // Vegetation is bright in near infrared; what else there is, is about as bright as the picture.
      const value = colour >= 0 ? rgb[i * 3 + colour] : /^nir/.test(name) ? 1.8 * green - 0.5 * red : (red + blue) / 2;
      pixels[i * names.length + band] = Math.round(Math.min(255, Math.max(0, value)) * scale);
    }
  }
  return pixels;
}

/** The same as a raster of so many pixels along each side, with the grid that is its own. */
export function generatedRaster(input: Pick<AdapterInput, 'names' | 'stored'>, size: number) {
  const bands = input.names?.length ?? 3;
  const all = probeScene(input, size, size);
  const geotransform: ModelGrid['geotransform'] = [0, TOWN_GSD_M, 0, 0, 0, -TOWN_GSD_M];
  const levels = [{ width: size, height: size }];
  const raster: Raster<Pixels> = {
    ...{ width: size, height: size, bands, geotransform, epsg: null, nodata: null, levels },
    async read(_, { x, y, width, height }) {
      const pixels = cut(all, bands, size, x, { width, height }, y);
      return { pixels, valid: new Uint8Array(width * height).fill(1) };
    },
    async close() {},
  };
  const gsdMetres = { x: TOWN_GSD_M, y: TOWN_GSD_M };
  const grid: ModelGrid = {
    ...{ width: size, height: size, level: 0, levelPixelsX: 1, levelPixelsY: 1, gsdMetres, geotransform },
  };
  return { raster, grid, fill: new Array<number>(bands).fill(0) };
}

/** Pixels of a part of a scene, whose first one lies `x` pixels from the left and `y` from the top. */
export function cut<P extends Pixels>(
  scene: P,
  bands: number,
  sceneWidth: number,
  x: number,
  { width, height }: { width: number; height: number },
  y = 0,
): P {
  const pixels = scene.slice(0, width * height * bands) as P;
  for (let row = 0; row < height; row++) {
    const from = ((row + y) * sceneWidth + x) * bands;
    pixels.set(scene.subarray(from, from + width * bands), row * width * bands);
  }
  return pixels;
}
