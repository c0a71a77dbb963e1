/** Evaluated maps, chip by chip → the few on which the prediction is furthest from the truth, with their pixels. */
import type { Window } from '../../tiler/geotiff/window.ts';
import { isRight, type Tally } from './evaluate.ts';

export interface EvaluatedMap {
  name: string;
  width: number;
  height: number;
  truth: Uint8Array;
  predicted: Uint8Array;
  /** RGB of the image, where there is one. */
  image?: Uint8Array;
}

export interface WorstChip extends EvaluatedMap {
  /** Upper left pixel in the map. */
  x: number;
  y: number;
  /** Pixels whose truth is known, and how many of them are wrong. */
  known: number;
  wrong: number;
}

export const CHIP_PIXELS = 256;
/** Chips of which less is known say little. */
const LEAST_KNOWN = 0.1;

/** Adds the chips of a map; `worst` is kept in order, the worst first, and no longer than `most`. */
export function addWorstChips(worst: WorstChip[], map: EvaluatedMap, tally: Tally, most: number): void {
  for (let y = 0; y < map.height; y += CHIP_PIXELS) {
    for (let x = 0; x < map.width; x += CHIP_PIXELS) {
      const width = Math.min(CHIP_PIXELS, map.width - x);
      const height = Math.min(CHIP_PIXELS, map.height - y);
      let [known, wrong] = [0, 0];
      for (let row = y; row < y + height; row++) {
        for (let i = row * map.width + x; i < row * map.width + x + width; i++) {
          const right = isRight(tally, map.truth[i], map.predicted[i]);
          if (right === null) continue;
          known++;
          if (!right) wrong++;
        }
      }
      if (known < LEAST_KNOWN * width * height || wrong === 0) continue;
      const last = worst[most - 1];
      if (last && wrong / known <= last.wrong / last.known) continue;
      const crop = (pixels: Uint8Array, bands: number) => cropOf(pixels, bands, map.width, { x, y, width, height });
      worst.push({
        name: map.name,
        ...{ x, y, width, height, known, wrong },
        truth: crop(map.truth, 1),
        predicted: crop(map.predicted, 1),
        ...(map.image && { image: crop(map.image, 3) }),
      });
      worst.sort((a, b) => b.wrong / b.known - a.wrong / a.known);
      worst.length = Math.min(worst.length, most);
    }
  }
}

function cropOf(pixels: Uint8Array, bands: number, stride: number, { x, y, width, height }: Window): Uint8Array {
  const crop = new Uint8Array(width * height * bands);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * stride + x) * bands;
    crop.set(pixels.subarray(start, start + width * bands), row * width * bands);
  }
  return crop;
}
