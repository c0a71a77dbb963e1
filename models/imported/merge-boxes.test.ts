/** A perfect detector looks at a scene chip by chip: every object must come out once and whole, whatever its size. */
import { expect, test } from 'vitest';
import { type Box, iou } from './boxes.ts';
import { type ChipBoxes, chipDisagreement, type Extent, mergeBoxes } from './merge-boxes.ts';

const SCENE: Extent = { x1: 0, y1: 0, x2: 1500, y2: 1100 };
const CORE = 192;
const HALO = 32;

function randomOf(seed: number) {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

/** Objects of 8 to 600 pixels that do not touch. */
function objects(seed: number): Box[] {
  const random = randomOf(seed);
  const placed: Box[] = [];
  for (let i = 0; i < 400; i++) {
    const [w, h] = [8 + 600 * random() ** 4, 8 + 600 * random() ** 4];
    const [x, y] = [random() * (SCENE.x2 - w), random() * (SCENE.y2 - h)];
    const box = { x1: x, y1: y, x2: x + w, y2: y + h, class: Math.floor(random() * 3), score: 0.5 + random() / 2 };
    const apart = placed.every(
      (other) => x > other.x2 + 6 || y > other.y2 + 6 || box.x2 < other.x1 - 6 || box.y2 < other.y1 - 6,
    );
    if (apart) placed.push(box);
  }
  return placed;
}

/** What a perfect detector gives: the part of each object within the window, a pixel off, slivers left out. */
function seen(all: readonly Box[], seed: number): ChipBoxes[] {
  const random = randomOf(seed + 77);
  const chips: ChipBoxes[] = [];
  for (let y = 0; y < SCENE.y2; y += CORE) {
    for (let x = 0; x < SCENE.x2; x += CORE) {
      const window = { x1: x - HALO, y1: y - HALO, x2: x + CORE + HALO, y2: y + CORE + HALO };
      const boxes = all.flatMap((object) => {
        const off = () => random() - 0.5;
        const part = {
          ...object,
          x1: Math.max(object.x1 + off(), window.x1),
          y1: Math.max(object.y1 + off(), window.y1),
          x2: Math.min(object.x2 + off(), window.x2),
          y2: Math.min(object.y2 + off(), window.y2),
          score: object.score * (0.9 + random() / 10),
        };
        return part.x2 - part.x1 > 6 && part.y2 - part.y1 > 6 ? [part] : [];
      });
      chips.push({ window, boxes });
    }
  }
  return chips;
}

test('objects of any size come out once and whole', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const truth = objects(seed);
    const found = mergeBoxes(seen(truth, seed), SCENE, 0.45);
    for (const object of truth) {
      const matches = found.filter((box) => box.class === object.class && iou(box, object) > 0.75);
      expect(matches.length, `seed ${seed}, ${JSON.stringify(object)}`).toBe(1);
    }
    expect(found.length, `seed ${seed}`).toBe(truth.length);
    expect(
      truth.some(({ x1, x2 }) => x2 - x1 > CORE + 2 * HALO),
      `seed ${seed}: none is larger than a chip`,
    ).toBe(true);
  }
});

test('what one chip finds and its neighbour does not is counted', () => {
  const window = (x: number): Extent => ({ x1: x, y1: 0, x2: x + 200, y2: 200 });
  const box = (x: number): Box => ({ x1: x, y1: 50, x2: x + 20, y2: 70, class: 0, score: 1 });
  const scene = { x1: 0, y1: 0, x2: 350, y2: 200 };
  const agreeing = [
    { window: window(0), boxes: [box(20), box(165)] },
    { window: window(150), boxes: [box(165.5), box(300)] },
  ];
  expect(chipDisagreement(agreeing, scene)).toBe(0);
  expect(chipDisagreement([agreeing[0], { window: window(150), boxes: [] }], scene)).toBe(1);
});

test('nothing found is nothing', () => {
  expect(mergeBoxes([{ window: SCENE, boxes: [] }], SCENE, 0.5)).toEqual([]);
});
