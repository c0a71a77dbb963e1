/** The encoder's features of a scene are those of one pass over all of it, whatever the chips. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeTown } from '../../synthetic/town/town.ts';
import { openSamples } from '../../tiler/geotiff/raster.ts';
import { planChips } from '../../tiler/grid/chips.ts';
import { planModelGrid, readModelWindow } from '../../tiler/grid/model-grid.ts';
import { ingest } from '../../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../../tiler/ingest/validate-source.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import { findNetwork } from '../registry.ts';
import { openNetwork } from '../runtime/session.ts';
import { keepSession } from '../runtime/session-cache.ts';
import { mapScene } from './map-scene.ts';

const FILL = [120, 118, 101] as const;
const folder = await mkdtemp(join(tmpdir(), 'planimeter-features-'));
const sessions = keepSession();
afterAll(() => sessions.close());
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each(['landuse-unet', 'landuse-fcn', 'buildings-unet'])(
  'features of %s, stitched from chips of several sizes',
  async (id) => {
    const network = await findNetwork(id);
    const { stride, channels } = network.features!;
    const gsd = network.gsdMetres!;
    const { image } = await writeTown(folder, { seed: 5, width: 421, height: 333, gsdMetres: gsd });
    const workingPath = join(folder, `${id}.tif`);
    await ingest(image, workingPath, DEFAULT_INGEST_LIMITS, () => {});
    const scene = await openScene(workingPath);
    const grid = planModelGrid({ ...scene, gsdMetres: { x: gsd, y: gsd } }, gsd);
    const [columns, rows] = [Math.ceil(grid.width / stride), Math.ceil(grid.height / stride)];

    const { halo } = network;
    const [width, height] = [columns * stride + 2 * halo, rows * stride + 2 * halo];
    const session = await openNetwork(network, { threads: 1, features: true });
    const whole = await session.infer(
      (await readModelWindow(scene, grid, FILL, { x: -halo, y: -halo, width, height })).pixels,
      width,
      height,
    );
    await session.close();
    await scene.close();

    for (const core of [64, 256, 1024]) {
      const file = (name: string) => join(folder, `${id}-${core}-${name}`);
      const paths = { classesPath: file('c.tif'), scoresPath: file('s.tif'), planesPath: file('p.tif') };
      const run = { threads: 2, features: true };
      const plan = planChips(grid, network, core);
      const featuresPath = file('f.tif');
      const request = {
        ...paths,
        workingPath,
        grid,
        plan,
        fill: FILL,
        area: null,
        network,
        run,
        batch: 1,
        featuresPath,
      };
      const chipCachePath = await mkdtemp(join(folder, 'spool-'));
      await mapScene({ ...request, chipCachePath }, sessions.of(network, run), () => {});
      const raster = await openSamples(featuresPath);
      expect([raster.width, raster.height, raster.bands, raster.sampleType]).toEqual([
        columns,
        rows,
        channels,
        'float32',
      ]);
      expect(raster.epsg).toBe(scene.epsg);
      const [x0, dx, , y0, , dy] = raster.geotransform;
      expect([x0, y0]).toEqual([grid.geotransform[0], grid.geotransform[3]]);
      expect([dx, dy]).toEqual([grid.geotransform[1] * stride, grid.geotransform[5] * stride]);
      const { pixels } = await raster.read(0, { x: 0, y: 0, width: columns, height: rows });
      await raster.close();
      const across = width / stride;
      let differing = 0;
      for (let band = 0; band < channels; band++) {
        for (let y = 0; y < rows; y++) {
          for (let x = 0; x < columns; x++) {
            const at = band * across * (height / stride) + (y + halo / stride) * across + x + halo / stride;
            differing += Number(pixels[(y * columns + x) * channels + band] !== whole.features![at]);
          }
        }
      }
      expect(differing, `core ${core}`).toBe(0);
    }
  },
);
