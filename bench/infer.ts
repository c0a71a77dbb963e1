/**
 * What stitching costs: mapping a generated scene against a bare loop over the same session and the same chips held in
 * memory, by chip size: `node bench/infer.ts [SIDE]`. Core pixels count, halos do not.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mapScene } from '../models/mapping/map-scene.ts';
import { findNetwork, type Precision } from '../models/registry.ts';
import { openNetwork } from '../models/runtime/session.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { type ChipPixels, planChips, readChips } from '../tiler/grid/chips.ts';
import { planModelGrid } from '../tiler/grid/model-grid.ts';
import { ingest } from '../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../tiler/ingest/validate-source.ts';
import { openScene } from '../tiler/working-copy/open-scene.ts';

const PRECISIONS: Precision[] = ['fp32', 'int8'];
const CORES = [256, 512, 1024, 1536, 2048];
const FILL = [120, 118, 101] as const;
const side = Number(process.argv[2] ?? 2048);

const folder = await mkdtemp(join(tmpdir(), 'planimeter-infer-'));
const network = await findNetwork(process.argv[3] ?? 'landuse-unet');
try {
  const { image } = await writeTown(folder, { seed: 1, width: side, height: side, gsdMetres: network.gsdMetres ?? 1 });
  const workingPath = join(folder, 'working.tif');
  await ingest(image, workingPath, DEFAULT_INGEST_LIMITS, () => {});
  const raster = await openScene(workingPath);
  const gsd = network.gsdMetres ?? 1;
  const grid = planModelGrid({ ...raster, gsdMetres: { x: gsd, y: gsd } }, gsd);
  const megapixels = (grid.width * grid.height) / 1e6;
  const results: { precision: Precision; core: number; bare: number; mapped: number }[] = [];
  for (const [precision, core] of PRECISIONS.flatMap((each) => CORES.map((core) => [each, core] as const))) {
    const session = await openNetwork(network, { precision });
    const plan = planChips(grid, network, core);
    const chips: ChipPixels[] = [];
    for await (const chip of readChips(raster, grid, plan, FILL, Array(plan.rows).keys())) chips.push(chip);
    const started = performance.now();
    for (const { chip, pixels } of chips) {
      await session.infer(pixels, chip.width + 2 * plan.halo, chip.height + 2 * plan.halo);
    }
    const bare = (performance.now() - started) / 1000;
    const file = (name: string) => join(folder, `${precision}-${core}-${name}`);
    const paths = { classesPath: file('c.tif'), scoresPath: file('s.tif'), chipCachePath: file('spool') };
    const request = {
      workingPath,
      grid,
      plan,
      fill: FILL,
      area: null,
      network,
      run: { precision },
      batch: 1,
      ...paths,
    };
    const again = performance.now();
    await mapScene(request, { open: async () => session, reopen: async () => session }, () => {});
    results.push({ precision, core, bare, mapped: (performance.now() - again) / 1000 });
    await session.close();
  }
  await raster.close();
  const best = results.reduce((a, b) => (b.mapped < a.mapped ? b : a));
  console.log('weights core   bare loop   mapped   share   (core Mpx/s; * the fastest)');
  for (const result of results) {
    const { precision, core, bare, mapped } = result;
    const [loop, map] = [megapixels / bare, megapixels / mapped].map((each) => each.toFixed(2).padStart(9));
    const share = ((100 * bare) / mapped).toFixed(0);
    console.log(
      `${precision}    ${String(core).padStart(4)} ${loop} ${map}   ${share.padStart(4)} % ${result === best ? '*' : ''}`,
    );
  }
} finally {
  await rm(folder, { recursive: true });
}
