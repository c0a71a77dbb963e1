/** Small buildings become blocks of them: all are accounted for, and blocks lie where the buildings are. */
import { expect, test } from 'vitest';
import { randomNumbers } from '../../test/support/generated/generated-maps.ts';
import { buildingBlocks, loneBuildingPixels, type SmallBuilding } from './blocks.ts';

const LEVEL = 4;
const SIZE = { width: 1500, height: 1100, level: LEVEL };

function village(random: () => number, x: number, y: number, count: number, spread: number): SmallBuilding[] {
  return Array.from({ length: count }, () => ({
    x: x + spread * (random() - 0.5),
    y: y + spread * (random() - 0.5),
    pixels: 400,
    score: 0.5 + random() / 2,
  }));
}

test('a dense village is one block with all of its houses, a lonely shed is counted as left out', async () => {
  const random = randomNumbers(5);
  const houses = Array.from({ length: 100 }, (_, i) => ({
    ...{ x: 400 + (i % 10) * 30, y: 300 + Math.floor(i / 10) * 30, pixels: 400, score: random() },
  }));
  const shed = { x: 1300, y: 900, pixels: 50, score: 0.9 };
  const { blocks, leftOut } = await buildingBlocks([...houses, shed], SIZE);
  expect(leftOut).toBe(1);
  expect(blocks).toHaveLength(1);
  expect(blocks[0].buildings).toBe(100);
  expect(blocks[0].score).toBeCloseTo(houses.reduce((sum, { score }) => sum + score, 0) / 100, 9);
  const [xs, ys] = [0, 1].map((axis) => blocks[0].rings[0].filter((_, i) => i % 2 === axis));
  expect(Math.min(...xs)).toBeGreaterThan(350);
  expect(Math.max(...xs)).toBeLessThan(720);
  expect(Math.min(...ys)).toBeGreaterThan(250);
  expect(Math.max(...ys)).toBeLessThan(620);
});

test('every building is in one block or left out, and rings stay in the map', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = randomNumbers(seed);
    const buildings = Array.from({ length: 12 }, () =>
      village(random, 100 + 1300 * random(), 100 + 900 * random(), 40, 190),
    ).flat();
    const { blocks, leftOut } = await buildingBlocks(buildings, SIZE);
    const inside = blocks.reduce((sum, block) => sum + block.buildings, 0);
    expect(inside + leftOut, `seed ${seed}`).toBe(buildings.length);
    expect(new Set(blocks.map(({ x, y }) => `${x} ${y}`)).size, `seed ${seed}`).toBe(blocks.length);
    for (const { rings } of blocks) {
      for (const ring of rings) {
        for (let i = 0; i < ring.length; i++) {
          expect(ring[i] >= 0 && ring[i] <= (i % 2 === 0 ? SIZE.width : SIZE.height), `seed ${seed}`).toBe(true);
        }
      }
    }
  }
});

test('a building by itself covers two pixels of the map at least', () => {
  expect(loneBuildingPixels(0)).toBe(2);
  expect(loneBuildingPixels(3)).toBe(2 * 8 * 8);
});
