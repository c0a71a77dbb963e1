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
  /** Pixels of whose answers the truth tells whether they are right, and how many of them are wrong. */
  known: number;
  wrong: number;
  /** height * width of `Verdict`. */
  verdicts: Uint8Array;
}

/** Of an answer: what the truth says of it. */
export const Verdict = { unknown: 0, right: 1, wrong: 2 } as const;

export const CHIP_PIXELS = 256;
/** Chips of which less is known say little. */
const LEAST_KNOWN = 0.1;

/** Adds the chips of a map; `worst` is kept in order, the worst first, and no longer than `most`. */
export function addWorstChips(worst: WorstChip[], map: EvaluatedMap, tally: Tally, most: number): void {
  for (let y = 0; y < map.height; y += CHIP_PIXELS) {
    for (let x = 0; x < map.width; x += CHIP_PIXELS) {
      const width = Math.min(CHIP_PIXELS, map.width - x);
      const height = Math.min(CHIP_PIXELS, map.height - y);
      const crop = (pixels: Uint8Array, bands: number) => cropOf(pixels, bands, map.width, { x, y, width, height });
      const [truth, predicted] = [crop(map.truth, 1), crop(map.predicted, 1)];
      const verdicts = truth.map((code, i) => verdictOf(isRight(tally, code, predicted[i])));
      const known = verdicts.reduce((sum, verdict) => sum + Number(verdict !== Verdict.unknown), 0);
      const wrong = verdicts.reduce((sum, verdict) => sum + Number(verdict === Verdict.wrong), 0);
      if (known < LEAST_KNOWN * width * height || wrong === 0) continue;
      const last = worst[most - 1];
      if (last && wrong / known <= last.wrong / last.known) continue;
      worst.push({
        name: map.name,
        ...{ x, y, width, height, known, wrong, truth, predicted, verdicts },
        ...(map.image && { image: crop(map.image, 3) }),
      });
      worst.sort((a, b) => b.wrong / b.known - a.wrong / a.known);
      worst.length = Math.min(worst.length, most);
    }
  }
}

function verdictOf(right: boolean | null): number {
  if (right === null) return Verdict.unknown;
  return right ? Verdict.right : Verdict.wrong;
}

function cropOf(pixels: Uint8Array, bands: number, stride: number, { x, y, width, height }: Window): Uint8Array {
  const crop = new Uint8Array(width * height * bands);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * stride + x) * bands;
    crop.set(pixels.subarray(start, start + width * bands), row * width * bands);
  }
  return crop;
}
