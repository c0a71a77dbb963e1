import { expect, test } from 'vitest';
import { addToTally, createTally, scoreTally } from './evaluate.ts';
import { evaluationReport } from './evaluation-report.ts';
import { addWorstChips, CHIP_PIXELS, type WorstChip } from './worst-chips.ts';

const CLASSES = [
  { name: 'other', color: '#dddddd' },
  { name: '<script>', color: '#cc4444' },
];

/** Two chips beside each other; `wrong` pixels of the right one are wrong. */
function map(name: string, wrong: number) {
  const [width, height] = [2 * CHIP_PIXELS, CHIP_PIXELS];
  const truth = new Uint8Array(width * height);
  const predicted = truth.slice();
  for (let i = 0; i < wrong; i++) predicted[Math.floor(i / CHIP_PIXELS) * width + CHIP_PIXELS + (i % CHIP_PIXELS)] = 1;
  truth.fill(255, 0, 50);
  const image = Uint8Array.from({ length: width * height * 3 }, (_, i) => i % 251);
  return { name, width, height, truth, predicted, scores: truth.map(() => 200), image };
}

test('the worst chips are kept, the worst first, with their own pixels', () => {
  const worst: WorstChip[] = [];
  for (const [i, wrong] of [10, 900, 0, 300, 40_000].entries())
    addWorstChips(worst, map(`m${i}`, wrong), createTally(CLASSES), 3);
  expect(worst.map(({ name, x, wrong }) => [name, x, wrong])).toEqual([
    ['m4', 256, 40_000],
    ['m1', 256, 900],
    ['m3', 256, 300],
  ]);
  const [{ predicted, image, width }] = worst;
  expect(predicted.reduce((sum, code) => sum + code, 0)).toBe(40_000);
  expect(image![width * 3]).toBe((CHIP_PIXELS * 2 * 3 + CHIP_PIXELS * 3) % 251);
});

test('the report stands by itself: no address leads out of it, names are escaped, pictures are in it', async () => {
  const worst: WorstChip[] = [];
  const evaluated = map('a.png', 900);
  const tally = createTally(CLASSES);
  addToTally(tally, evaluated);
  addWorstChips(worst, evaluated, tally, 3);
  const html = await evaluationReport({ title: 'T & U', subject: 'S', classes: CLASSES }, scoreTally(tally), worst);
  expect(html).not.toMatch(/<script|https?:|src="(?!data:image\/webp;base64,)/);
  expect(html.match(/<img /g)!.length).toBe(4);
  expect(html).toContain('T &#38; U');
  expect(html).toContain('900');
  expect(html).toContain('Calibration curve');
});
