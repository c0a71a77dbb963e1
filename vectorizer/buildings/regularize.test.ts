/** Shapes of known corners, rasterized at many rotations and sizes, must come back as what they were. */
import { expect, test } from 'vitest';
import { vectorizeMap } from '../generated-maps.ts';
import { regularizeBuildings } from './regularize.ts';

const OPTIONS = { pixelMetresX: 0.5, pixelMetresY: 0.5, toleranceMetres: 1, minIou: 0.85 };

test('a rectangle that lies along the pixels keeps its corners', async () => {
  const classes = new Uint8Array(40 * 30);
  for (let y = 5; y < 20; y++) classes.fill(1, y * 40 + 8, y * 40 + 33);
  const { regions } = await vectorizeMap({ width: 40, height: 30, classes });
  const building = regions.find((region) => region.class === 1)!;
  const [result] = regularizeBuildings([building], OPTIONS);
  expect(result).toMatchObject({ regularized: true, kind: 'rectilinear' });
  expect(result.iou).toBeGreaterThan(0.98);
  expect(result.rings[0]).toHaveLength(10);
});
