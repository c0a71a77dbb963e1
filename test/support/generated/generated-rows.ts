/** Row houses of known walls for tests, with the planes of probabilities that an unsure network would give for them. */

import type { BuildingWindow } from '../../../vectorizer/buildings/instances.ts';
import { box, emptyMap, fill, placed } from './generated-buildings.ts';
import { randomNumbers } from './generated-maps.ts';

export interface DrawnRow extends BuildingWindow {
  houses: number;
  /** Number of the house from 1, 0 outside. */
  truth: Uint8Array;
  label: string;
}

/** Two to nine houses, fronts staggered, at any angle; a third of the rows bends. Sides in pixels. */
export function drawRow(seed: number): DrawnRow {
  const random = randomNumbers(seed);
  const houses = 2 + Math.floor(8 * random());
  const [wide, deep, degrees] = [11 + 9 * random(), 16 + 12 * random(), 180 * random()];
  const side = Math.ceil(houses * wide + deep + 30);
  const map = emptyMap(side, side);
  const bend = seed % 3 === 0 ? Math.ceil(houses / 2) : houses;
  for (let i = 0; i < houses; i++) {
    const along = Math.min(i, bend) - houses / 2;
    const stagger = Math.round(3 * random());
    // After the bend the houses go on at a right angle, side by side with the last one.
    const outline =
      i < bend
        ? box(along * wide, -deep / 2 - stagger, (along + 1) * wide, deep / 2)
        : box(
            (along - 1) * wide,
            deep / 2 + (i - bend) * wide,
            (along - 1) * wide + deep,
            deep / 2 + (i - bend + 1) * wide,
          );
    fill(map, placed([outline], (degrees * Math.PI) / 180, side / 2, side / 2), i + 1);
  }
  const truth = map.classes;
  return { ...planesOf(truth, side, side, random), houses, truth, label: `seed ${seed}, ${houses} houses of ${wide} x ${deep} at ${degrees}°` }; // biome-ignore format: one line
}

/**
 * Borders two pixels wide with a probability of about 0.75 and gaps of one to three pixels, weaker at their ends, and
 * buildings of about 0.9 with noise on both.
 */
export function planesOf(truth: Uint8Array, width: number, height: number, random: () => number): BuildingWindow {
  const inside = truth.map((house) => (house > 0 ? 1 : 0));
  const building = new Uint8Array(truth.length);
  const border = new Uint8Array(truth.length);
  const gaps = Array.from({ length: Math.ceil(truth.length / 250) }, () => [
    random() * width,
    random() * height,
    0.5 + random(),
  ]);
  const noise = (spread: number) => spread * (random() + random() + random() - 1.5);
  const clamp = (value: number) => Math.round(Math.min(255, Math.max(0, value)));
  for (let i = 0; i < truth.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const around = [i - 1, i + 1, i - width, i + width].map((j) => truth[j] ?? 0);
    const touching = truth[i] > 0 && around.some((other) => other > 0 && other !== truth[i]);
    const open = around.some((other) => other === 0);
    const gap = touching && gaps.some(([gapX, gapY, radius]) => Math.hypot(gapX - x, gapY - y) < radius);
    building[i] = clamp((truth[i] ? (open ? 170 : 230) : open ? 90 : 20) + noise(50));
    border[i] = clamp((touching ? (gap ? 40 : open ? 140 : 190) : 15) + noise(70));
  }
  return { width, height, inside, building, border };
}
