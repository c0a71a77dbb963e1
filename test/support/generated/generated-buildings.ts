/** Buildings of known corners for tests, drawn into class maps at pixel centres. Building n has the class n + 1. */

import type { Building } from '../../../vectorizer/buildings/regularize.ts';
import { type ClassMap, vectorizeMap } from './generated-maps.ts';

export type Outline = readonly (readonly [number, number])[];

/** Outlines in pixels about the origin, with sides of about `size`. */
export const SHAPES: Record<string, (size: number) => Outline[]> = {
  rectangle: (s) => [box(-s / 2, -s / 3, s / 2, s / 3)],
  L: (s) => [[[-s / 2, -s / 2], [s / 2, -s / 2], [s / 2, 0], [0, 0], [0, s / 2], [-s / 2, s / 2]]], // biome-ignore format: one line a shape
  T: (s) => [
    [[-s / 2, -s / 2], [s / 2, -s / 2], [s / 2, -s / 6], [s / 6, -s / 6], [s / 6, s / 2], [-s / 6, s / 2], [-s / 6, -s / 6], [-s / 2, -s / 6]], // biome-ignore format: one line a shape
  ],
  courtyard: (s) => [box(-s / 2, -s / 2, s / 2, s / 2), box(-s / 5, -s / 5, s / 5, s / 5)],
  chamfer: (s) => [[[-s / 2, -s / 2], [s / 2, -s / 2], [s / 2, s / 6], [s / 6, s / 2], [-s / 2, s / 2]]], // biome-ignore format: one line a shape
};

export function box(minX: number, minY: number, maxX: number, maxY: number): Outline {
  return [
    [minX, minY],
    [maxX, minY],
    [maxX, maxY],
    [minX, maxY],
  ];
}

export function circle(radius: number): Outline {
  return Array.from({ length: 180 }, (_, i) => {
    const angle = (i * Math.PI) / 90;
    return [radius * Math.cos(angle), radius * Math.sin(angle)] as const;
  });
}

export function placed(outlines: readonly Outline[], radians: number, x: number, y: number): Outline[] {
  const cos = Math.cos(radians);
  const sin = Math.sin(radians);
  return outlines.map((outline) => outline.map(([u, v]) => [x + cos * u - sin * v, y + sin * u + cos * v] as const));
}

/** Fills the pixels whose centre is inside an odd number of the outlines and that are still free. */
export function fill(map: ClassMap, outlines: readonly Outline[], value: number): void {
  for (let row = 0; row < map.height; row++) {
    const crossings: number[] = [];
    for (const outline of outlines) {
      for (let i = 0; i < outline.length; i++) {
        const [x0, y0] = outline[i];
        const [x1, y1] = outline[(i + 1) % outline.length];
        if (y0 > row + 0.5 === y1 > row + 0.5) continue;
        crossings.push(x0 + ((x1 - x0) * (row + 0.5 - y0)) / (y1 - y0));
      }
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      for (let x = Math.max(0, Math.ceil(crossings[i] - 0.5)); x + 0.5 < crossings[i + 1] && x < map.width; x++) {
        if (map.classes[row * map.width + x] === 0) map.classes[row * map.width + x] = value;
      }
    }
  }
}

export function emptyMap(width: number, height: number): ClassMap {
  return { width, height, classes: new Uint8Array(width * height) };
}

/** The exact rings of all regions that are not class 0, with their class. */
export async function buildingsOf(map: ClassMap): Promise<(Building & { class: number })[]> {
  const { regions } = await vectorizeMap(map);
  return regions.filter((region) => region.class !== 0);
}
