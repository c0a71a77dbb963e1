/** Which samples a nodata value stands for. */
import { expect, test } from 'vitest';
import { nodataAsSample, type SampleType } from './samples.ts';

const CASES: [SampleType, number, number | null][] = [
  ['uint8', 255, 255],
  ['uint8', 256, null],
  ['uint8', -1, null],
  ['uint8', 1.5, 1], // as GDAL has it
  ['int16', -9999.9, -9999],
  ['int8', -128, -128],
  ['uint32', 4294967295, 4294967295],
  ['uint16', Number.NaN, null],
  ['int32', Number.NEGATIVE_INFINITY, null],
  ['float32', 0.1, Math.fround(0.1)],
  ['float32', 1e40, Number.POSITIVE_INFINITY],
  ['float64', Number.NaN, Number.NaN],
];

test.each(CASES)('%s samples, nodata %d: %d', (type, nodata, sample) => {
  expect(nodataAsSample(type, nodata)).toBe(sample);
});
