/**
 * What stitching costs: mapping a generated scene in the compute process, as jobs do, against a bare loop over a session
 * of the same network and the same chips held in memory, by chip size: `node bench/infer.ts [SIDE] [NETWORK]`. Core
 * pixels count, halos do not. Best of some runs, in turns.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNetwork, type Precision } from '../models/registry.ts';
import { openNetwork } from '../models/runtime/session.ts';
import { startCompute } from '../server/processes/compute.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { type ChipPixels, planChips, readChips } from '../tiler/grid/chips.ts';
import { type ModelGrid, planModelGrid } from '../tiler/grid/model-grid.ts';
import { ingest } from '../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../tiler/ingest/validate-source.ts';
import { openScene } from '../tiler/working-copy/open-scene.ts';

const PRECISIONS: Precision[] = ['fp32', 'int8'];
const CORES = [512, 1024, 2048];
const RUNS = 2;
const FIRST_SIDE = 256;
const FILL = [120, 118, 101] as const;
const side = Number(process.argv[2] ?? 4096);

const folder = await mkdtemp(join(tmpdir(), 'planimeter-infer-'));
const network = await findNetwork(process.argv[3] ?? 'landuse-unet');
const compute = startCompute();
setPriority(constants.priority.PRIORITY_BELOW_NORMAL); // as the compute process has it
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
    const plan = planChips(grid, network, core);
    const timeMap = async (grid: ModelGrid, name: string): Promise<number> => {
      const file = (what: string) => join(folder, `${precision}-${core}-${name}-${what}`);
      const paths = { classesPath: file('c.tif'), scoresPath: file('s.tif'), chipCachePath: file('spool') };
      const plan = planChips(grid, network, core);
      const work = { workingPath, grid, plan, fill: FILL, area: null, network, run: { precision }, batch: 1 };
      const started = performance.now();
      await compute.map({ ...work, ...paths }, {});
      return (performance.now() - started) / 1000;
    };
    await timeMap({ ...grid, width: FIRST_SIDE, height: FIRST_SIDE }, 'first'); // loads the network
    const session = await openNetwork(network, { precision });
    const chips: ChipPixels[] = [];
    for await (const chip of readChips(raster, grid, plan, FILL, Array(plan.rows).keys())) chips.push(chip);
    const best = { precision, core, bare: Number.POSITIVE_INFINITY, mapped: Number.POSITIVE_INFINITY };
    for (let run = 0; run < RUNS; run++) {
      const started = performance.now();
      for (const { chip, pixels } of chips) {
        await session.infer(pixels, chip.width + 2 * plan.halo, chip.height + 2 * plan.halo);
      }
      best.bare = Math.min(best.bare, (performance.now() - started) / 1000);
      best.mapped = Math.min(best.mapped, await timeMap(grid, `run-${run}`));
    }
    results.push(best);
    await session.close();
  }
  await raster.close();
  const fastest = results.reduce((a, b) => (b.mapped < a.mapped ? b : a));
  console.log('weights core   bare loop   mapped   share   (core Mpx/s; * the fastest)');
  for (const result of results) {
    const { precision, core, bare, mapped } = result;
    const [loop, map] = [megapixels / bare, megapixels / mapped].map((each) => each.toFixed(2).padStart(9));
    const share = ((100 * bare) / mapped).toFixed(0);
    console.log(
      `${precision}    ${String(core).padStart(4)} ${loop} ${map}   ${share.padStart(4)} % ${result === fastest ? '*' : ''}`,
    );
  }
} finally {
  await compute.stop();
  await rm(folder, { recursive: true });
}
