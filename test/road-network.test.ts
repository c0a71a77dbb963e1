/** The road network drawn from a generated town's exact class map, whole and in strips, against the town's own lines. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { trueNetwork } from '../bench/roads/true-network.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { apls } from '../vectorizer/roads/apls.ts';
import { roadNetwork } from '../vectorizer/roads/network.ts';
import { createRoadSurface } from '../vectorizer/roads/surface.ts';
import { drawInStrips, graphOf } from './support/generated/road-strips.ts';

const SIZE = 1024;

test.each([5, 6])('town %d: the drawn network leads where the true one does', async (seed) => {
  const folder = await mkdtemp(join(tmpdir(), 'planimeter-town-'));
  try {
    await writeTown(folder, { seed, width: SIZE, height: SIZE });
    const raster = await openRaster(join(folder, 'truth.tif'));
    const { pixels } = await raster.read(0, { x: 0, y: 0, width: SIZE, height: SIZE });
    await raster.close();
    const truth = trueNetwork(join(folder, 'roads.geojson'), raster.geotransform, SIZE, SIZE);

    const map = {
      width: SIZE,
      height: SIZE,
      classes: pixels as Uint8Array,
      scores: new Uint8Array(SIZE * SIZE).fill(255),
    };
    const surface = createRoadSurface(SIZE, SIZE, { road: 2, blocked: [1, 4] });
    for (let y = 0; y < SIZE; y += 256) {
      const band = pixels.subarray(y * SIZE, (y + 256) * SIZE);
      surface.addRows(256, band, new Uint8Array(band.length).fill(255));
    }
    const network = roadNetwork(surface.finish(), { pixelMetres: 0.5 });

    const trueLength = truth.edges.reduce((sum, { points }) => sum + lengthOf(points) * 0.5, 0);
    expect(trueLength).toBeGreaterThan(2000);
    expect(Math.abs(network.report.lengthMetres / trueLength - 1)).toBeLessThan(0.03);
    expect(apls(truth, network, { unitMetres: 0.5 })).toBeGreaterThan(0.85);

    const strips = drawInStrips(map, { rows: 192, margin: 256 }, { pixelMetres: 0.5 });
    const { nodes, edges, components, report } = network;
    expect(strips.totals).toMatchObject({ nodes: nodes.length, edges: edges.length, components });
    expect(Math.abs(strips.totals.report.lengthMetres - report.lengthMetres)).toBeLessThan(
      0.0005 * report.lengthMetres,
    );
    expect(apls(network, graphOf(strips.edges), { unitMetres: 0.5 })).toBeGreaterThan(0.999);
  } finally {
    await rm(folder, { recursive: true });
  }
});

function lengthOf(points: ArrayLike<number>): number {
  let length = 0;
  for (let i = 2; i < points.length; i += 2) {
    length += Math.hypot(points[i] - points[i - 2], points[i + 1] - points[i - 1]);
  }
  return length;
}
