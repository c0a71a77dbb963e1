import { expect, test } from 'vitest';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { addToTally, createTally, onlyClass, scoreTally } from './evaluate.ts';
import { addWorstChips, type WorstChip } from './worst-chips.ts';

const CLASSES = ['other', 'building', 'road', 'vegetation', 'water'].map((name) => ({ name }));

/** Mulberry32: a seed gives the same numbers everywhere. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function randomMap(seed: number, width: number, height: number) {
  const next = random(seed);
  const truth = Uint8Array.from({ length: width * height }, () => (next() < 0.1 ? 255 : Math.floor(next() * 5)));
  const predicted = truth.map((code) => (code < 5 && next() < 0.6 ? code : Math.floor(next() * 5)));
  const scores = truth.map(() => 1 + Math.floor(next() * 255));
  return { width, height, truth, predicted, scores };
}

test('pixels without a score say nothing of the calibration', () => {
  const tally = createTally(CLASSES);
  const map = randomMap(1, 37, 23);
  addToTally(tally, { ...map, scores: map.scores.fill(0) });
  expect(scoreTally(tally).ece).toBeNull();
});

// A score on the border of two bins is in the upper one here, and in the lower one of scikit-learn's curve.
const SKLEARN = `
import json, sys, numpy as np
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, jaccard_score, precision_score, recall_score, f1_score, accuracy_score

def scores(d):
  t, p, s = (np.array(d[k]) for k in ('truth', 'predicted', 'scores'))
  k = t < 5
  t, p, s = t[k], p[k], s[k] / 255
  each = dict(labels=range(5), average=None, zero_division=0)
  edges = np.minimum((s * 15).astype(int), 14)
  ece = sum(abs(s[edges == b].mean() - (t == p)[edges == b].mean()) * (edges == b).mean() for b in range(15) if (edges == b).any())
  return dict(iou=list(jaccard_score(t, p, **each)), precision=list(precision_score(t, p, **each)),
    recall=list(recall_score(t, p, **each)), f1=list(f1_score(t, p, **each)), accuracy=accuracy_score(t, p), ece=ece,
    confusion=confusion_matrix(t, p, labels=range(5)).tolist(),
    curve=np.transpose(calibration_curve(t == p, np.minimum(s + 1e-9, 1), n_bins=15)).tolist())

print(json.dumps([scores(d) for d in json.load(sys.stdin)]))
`;

type Judged = Record<'iou' | 'precision' | 'recall' | 'f1', number[]> &
  Record<'accuracy' | 'ece', number> &
  Record<'confusion' | 'curve', number[][]>;

const python = pythonWithJudges();

test.skipIf(!python)('agrees with scikit-learn', () => {
  const seeds = Array.from({ length: 20 }, (_, i) => i + 1);
  const maps = seeds.map((seed) => randomMap(seed, 37, 23));
  const plain = maps.map((map) =>
    Object.fromEntries(Object.entries(map).map(([name, v]) => [name, typeof v === 'number' ? v : [...v]])),
  );
  const judged = judge<Judged[]>(python!, SKLEARN, plain);
  for (const [i, theirs] of judged.entries()) {
    const seed = seeds[i];
    const tally = createTally(CLASSES);
    addToTally(tally, maps[i]);
    const ours = scoreTally(tally);
    ours.classes.forEach((row, c) => {
      for (const name of ['iou', 'precision', 'recall', 'f1'] as const) {
        expect(row[name], `seed ${seed}, ${row.class} ${name}`).toBeCloseTo(theirs[name][c], 10);
      }
    });
    expect(ours.accuracy, `seed ${seed}`).toBeCloseTo(theirs.accuracy, 10);
    expect(ours.confusion.slice(0, 5).map((row) => row.slice(0, 5))).toEqual(theirs.confusion);
    const points = ours.calibration.flatMap((bin) => (bin.count > 0 ? [[bin.accuracy, bin.confidence]] : []));
    expect(points.length).toBe(theirs.curve.length);
    for (const [b, point] of points.entries()) {
      for (const [k, value] of point.entries())
        expect(value, `seed ${seed}, bin ${b}`).toBeCloseTo(theirs.curve[b][k], 7);
    }
    expect(ours.ece, `seed ${seed}`).toBeCloseTo(theirs.ece, 10);
  }
});

/** Boundary IoU straight from its definition, pixel by pixel. */
function boundaryIou(map: ReturnType<typeof randomMap>, code: number, distance: number): number {
  const { width, height, truth, predicted } = map;
  const inBand = (codes: Uint8Array, x: number, y: number) => {
    if (codes[y * width + x] !== code) return false;
    for (let dy = -distance; dy <= distance; dy++) {
      for (let dx = -distance; dx <= distance; dx++) {
        const [nx, ny] = [x + dx, y + dy];
        if (nx < 0 || ny < 0 || nx >= width || ny >= height || codes[ny * width + nx] !== code) return true;
      }
    }
    return false;
  };
  let [both, either] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (truth[y * width + x] >= 5) continue;
      const [a, b] = [inBand(truth, x, y), inBand(predicted, x, y)];
      both += Number(a && b);
      either += Number(a || b);
    }
  }
  return both / either;
}

test('boundary IoU follows its definition', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const blocky = randomMap(seed, 60, 50);
    for (const codes of [blocky.truth, blocky.predicted]) {
      for (let i = 0; i < codes.length; i++) {
        const [x, y] = [i % 60, Math.floor(i / 60)];
        codes[i] = codes[(y - (y % 12)) * 60 + (x - (x % 15))];
      }
    }
    const tally = createTally(CLASSES);
    addToTally(tally, blocky);
    const distance = Math.round(0.02 * Math.hypot(60, 50));
    scoreTally(tally).classes.forEach((row, code) => {
      if (row.boundary_iou === null) return;
      expect(row.boundary_iou, `seed ${seed}, ${row.class}`).toBeCloseTo(boundaryIou(blocky, code, distance), 10);
    });
  }
});

test('partial labels count only what they say', () => {
  const tally = createTally(CLASSES);
  const truth = Uint8Array.of(1, 254, 254, 253, 253, 252, 252, 3, 255);
  const predicted = Uint8Array.of(1, 1, 3, 2, 1, 3, 0, 3, 1);
  addToTally(tally, { width: 9, height: 1, truth, predicted });
  const { classes, accuracy, miou } = scoreTally(tally);
  const [, building, road, vegetation] = classes;
  expect(building).toMatchObject({ iou: 0.5, precision: 0.5, recall: 1 });
  expect(vegetation).toMatchObject({ iou: 0.5, precision: 0.5, recall: 1 });
  // Of eight pixels of which something is known, three are said to be what they are not.
  expect(accuracy).toBe(5 / 8);
  expect(miou).toBe(0.5);
  // A claimed road that is none: there is no road to be found, and so no IoU; but the claim is wrong.
  expect(road).toMatchObject({ iou: null, precision: 0, recall: null, f1: null, boundary_iou: null });
});

test('a class that does not occur in the truth has no IoU and no part in the mean', () => {
  const tally = createTally(CLASSES);
  const truth = Uint8Array.of(1, 1, 254, 254);
  addToTally(tally, { width: 4, height: 1, truth, predicted: Uint8Array.of(1, 0, 0, 4) });
  const { miou, classes } = scoreTally(tally);
  expect(classes.map(({ iou }) => iou)).toEqual([null, 0.5, null, null, null]);
  // "Other" where a building is, is wrong; where none is, nothing is known of it.
  expect(classes.map(({ precision }) => precision)).toEqual([null, 1, null, null, null]);
  expect(miou).toBe(0.5);
});

test('where nothing is known there is no score', () => {
  const tally = createTally(CLASSES);
  addToTally(tally, { width: 2, height: 1, truth: Uint8Array.of(255, 255), predicted: Uint8Array.of(1, 0) });
  expect(scoreTally(tally)).toMatchObject({ miou: null, accuracy: null, ece: null });
});

test('an image that tells of one class alone says nothing of the calibration', () => {
  const tally = createTally(CLASSES);
  const scores = new Uint8Array(4).fill(200);
  const predicted = Uint8Array.of(1, 1, 0, 0);
  addToTally(tally, { width: 4, height: 1, truth: Uint8Array.of(1, 1, 254, 254), predicted, scores });
  expect(scoreTally(tally).ece).toBeNull();
  addToTally(tally, { width: 4, height: 1, truth: Uint8Array.of(1, 1, 0, 0), predicted, scores });
  expect(scoreTally(tally).ece).toBeCloseTo(1 - 200 / 255, 10);
});

test('a truth of one class alone: all else that is known is only known not to be it', () => {
  const truth = onlyClass(Uint8Array.of(0, 1, 2, 254, 253, 255), 'building', CLASSES);
  expect([...truth]).toEqual([254, 1, 254, 254, 255, 255]);
  expect(() => onlyClass(truth, 'roof', CLASSES)).toThrow(/"roof" is none of the classes other, building/);
});

test('one class alone may be any of them', () => {
  const tally = createTally(CLASSES, 'water');
  const truth = onlyClass(Uint8Array.of(4, 0, 2, 1, 254, 255), 'water', CLASSES);
  addToTally(tally, { width: 6, height: 1, truth, predicted: Uint8Array.of(4, 4, 0, 1, 4, 4) });
  const { classes, accuracy, miou } = scoreTally(tally);
  expect(classes[4]).toMatchObject({ iou: 0.5, precision: 0.5, recall: 1 });
  expect([accuracy, miou]).toEqual([3 / 4, 0.5]);
});

test('partial labels mean classes by what they are drawn as, whatever they are called', () => {
  const classes = [
    { name: 'Boden' },
    { name: 'Baum' },
    { name: 'Wiese', role: 'vegetation' },
    { name: 'Haus' },
  ] as const;
  const tally = createTally(classes);
  const truth = Uint8Array.of(252, 252, 252, 254, 254, 253);
  addToTally(tally, { width: 6, height: 1, truth, predicted: Uint8Array.of(1, 2, 3, 3, 0, 0) });
  expect(scoreTally(tally)).toMatchObject({ accuracy: 2 / 5, unknown_codes: { 253: 1 } });
  // "No vegetation" is no meadow either, but a meadow is one of two kinds.
  expect([...onlyClass(Uint8Array.of(0, 1, 2, 252, 254), 'Wiese', classes)]).toEqual([251, 251, 2, 251, 255]);
});

test('codes that say nothing are counted', () => {
  const tally = createTally(CLASSES);
  addToTally(tally, { width: 5, height: 1, truth: Uint8Array.of(0, 9, 9, 255, 254), predicted: new Uint8Array(5) });
  expect(scoreTally(tally).unknown_codes).toEqual({ 9: 2, 255: 1 });
});

test('the worst chips of a place that labels one class are those of its false alarms, too', () => {
  const worst: WorstChip[] = [];
  const tally = createTally(CLASSES);
  const map = { name: 'm', width: 4, height: 1, truth: Uint8Array.of(254, 254, 254, 1) };
  addWorstChips(worst, { ...map, predicted: Uint8Array.of(1, 1, 0, 1) }, tally, 3);
  expect(worst).toMatchObject([{ known: 4, wrong: 2, verdicts: Uint8Array.of(2, 2, 1, 1) }]);
});

test('nodata where the truth is known is a miss', () => {
  const tally = createTally(CLASSES);
  addToTally(tally, { width: 2, height: 1, truth: Uint8Array.of(4, 4), predicted: Uint8Array.of(4, 255) });
  expect(scoreTally(tally)).toMatchObject({ accuracy: 0.5, miou: 0.5 });
});
