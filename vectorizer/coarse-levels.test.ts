import { expect, test } from 'vitest';
import { noiseMap, randomNumbers } from '../test/support/generated/generated-maps.ts';
import { createCells } from './coarse-levels.ts';

/** The cells of a map as they are defined, pixel by pixel. */
function plainCells(width: number, height: number, side: number, classes: Uint8Array, scores: Uint8Array) {
  const cells: { cls: number; score: number }[] = [];
  for (let top = 0; top < height; top += side) {
    for (let left = 0; left < width; left += side) {
      const found = new Map<number, number[]>();
      for (let y = top; y < Math.min(height, top + side); y++) {
        for (let x = left; x < Math.min(width, left + side); x++) {
          const cls = classes[y * width + x];
          found.set(cls, [...(found.get(cls) ?? []), scores[y * width + x]]);
        }
      }
      const [cls, held] = [...found].sort(([a, of], [b, other]) => other.length - of.length || a - b)[0];
      cells.push({ cls, score: Math.round(held.reduce((a, b) => a + b) / held.length) });
    }
  }
  return cells;
}

test.each(Array.from({ length: 30 }, (_, seed) => seed))(
  'cells have the class of most of their pixels (seed %i)',
  (seed) => {
    const [width, height] = [1 + ((seed * 7) % 40), 1 + ((seed * 11) % 37)];
    const { classes } = noiseMap(seed, width, height, 1 + (seed % 4), 0.1);
    const random = randomNumbers(seed);
    const scores = classes.map(() => Math.floor(256 * random()));
    const levels = Array.from({ length: 1 + (seed % 5) }, () => [] as { cls: number; score: number }[]);
    const sinks = levels.map((level) => ({
      addRows: (_: number, rowClasses: Uint8Array, rowScores: Uint8Array) =>
        rowClasses.forEach((cls, i) => {
          level.push({ cls, score: rowScores[i] });
        }),
    }));
    const cells = createCells(width, sinks);
    for (let y = 0; y < height; ) {
      const rows = Math.min(height - y, Math.floor(4 * random()));
      const part = [y * width, (y + rows) * width];
      cells.addRows(rows, classes.subarray(...part), scores.subarray(...part));
      y += rows;
    }
    cells.finish();
    for (const [i, level] of levels.entries()) {
      expect(level).toEqual(plainCells(width, height, 2 ** (i + 1), classes, scores));
    }
  },
);
