import { expect, test } from 'vitest';
import { TRIMMED_PIXELS, trimCombs } from './trim-combs.ts';

const NODATA = 255;

/** Rows of digits; `.` is nodata. */
const mapOf = (...rows: string[]) => ({
  width: rows[0]!.length,
  classes: Uint8Array.from(rows.join(''), (sign) => (sign === '.' ? NODATA : Number(sign))),
});
const trimmed = (...rows: string[]) => {
  const { width, classes } = mapOf(...rows);
  const after = trimCombs(classes, width, NODATA);
  return rows.map((_, y) =>
    [...after.subarray(y * width, (y + 1) * width)].map((code) => (code === NODATA ? '.' : code)).join(''),
  );
};

test('teeth go, what they stand on stays', () => {
  expect(trimmed('111111111', '112111211', '112111211', '222222222', '222222222')).toEqual([
    '111111111',
    '111111111',
    '111111111',
    '222222222',
    '222222222',
  ]);
});

test('a long line loses so many pixels at its end, and one from rim to rim stays', () => {
  const [, line] = trimmed('1111111111', '2222222211', '1111111111');
  expect(line).toBe(`${'2'.repeat(8 - TRIMMED_PIXELS)}${'1'.repeat(2 + TRIMMED_PIXELS)}`);
  expect(trimmed('111', '222', '111')[1]).toBe('222');
});

test('what lies between two classes, or beside nothing, is nobody’s tooth', () => {
  expect(trimmed('1.2.1', '1.2.1', '22222')).toEqual(['1.2.1', '1.2.1', '22222']);
  expect(trimmed('1112333', '1112333', '2222222')).toEqual(['1112333', '1112333', '2222222']);
});

test('what is far enough from the edge of a window is what it is in the map, 50 seeds', () => {
  for (let seed = 1; seed <= 50; seed++) {
    let state = seed;
    const [width, height] = [17, 40];
    const classes = Uint8Array.from({ length: width * height }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 24) % 3;
    });
    const whole = trimCombs(classes, width, NODATA);
    const [from, to] = [9, 31];
    const part = trimCombs(classes.slice(from * width, to * width), width, NODATA);
    const inner = [TRIMMED_PIXELS * width, (to - from - TRIMMED_PIXELS) * width] as const;
    expect(part.slice(...inner), `seed ${seed}`).toEqual(whole.slice(from * width + inner[0], from * width + inner[1]));
  }
});
