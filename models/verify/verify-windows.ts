/** Random windows of a finished map are computed again in one pass each, and compared with what stands in the map. */

import { openRaster } from '../../tiler/geotiff/raster.ts';
import type { ChipPlan } from '../../tiler/grid/chips.ts';
import { type ModelGrid, readModelWindow } from '../../tiler/grid/model-grid.ts';
import type { Rendering } from '../../tiler/rendering/rendering.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import type { Network } from '../registry.ts';
import { CLASS_NODATA } from '../runtime/answer.ts';
import type { RunOptions, SessionSource } from '../runtime/session.ts';

export interface VerifyRequest {
  workingPath: string;
  rendering?: Rendering;
  grid: ModelGrid;
  plan: Pick<ChipPlan, 'halo' | 'stride'>;
  fill: readonly number[];
  network: Network;
  run: RunOptions;
  classesPath: string;
  scoresPath: string;
  windows: number;
  /** The same seed takes the same windows. */
  seed: number;
}

export interface Proof {
  seed: number;
  windows: number;
  /** Pixels that were compared: those with an answer in the map. */
  pixels: number;
  /** Of them, those whose class or score is another in one pass. */
  differing: number;
  /** Largest difference of a score, 0..255. */
  max_score_delta: number;
}

/** Side of a window, about: none fits the chips that the map was made of. */
const WINDOW_PIXELS = 300;

/** Networks of one size see what they always see, elsewhere. */
function windowSide({ adapter }: Network, { halo, stride }: VerifyRequest['plan']): number {
  const { width = null, height = null } = adapter?.input ?? {};
  if (width !== null && height !== null) return Math.min(width, height) - 2 * halo;
  return Math.ceil(WINDOW_PIXELS / stride) * stride;
}

/** Takes windows anywhere on the grid, on the stride. */
export async function verifyMap(request: VerifyRequest, sessions: SessionSource): Promise<Proof> {
  const { grid, plan, network, fill, windows, seed } = request;
  const { halo, stride } = plan;
  const scene = await openScene(request.workingPath, request.rendering);
  const [classes, scores] = await Promise.all([openRaster(request.classesPath), openRaster(request.scoresPath)]);
  const proof: Proof = { seed, windows, pixels: 0, differing: 0, max_score_delta: 0 };
  try {
    const session = await sessions.open();
    const random = mulberry32(seed);
    const origin = (size: number) => Math.floor((random() * size) / stride) * stride;
    const side = windowSide(network, plan);
    for (let i = 0; i < windows; i++) {
      const [x, y] = [origin(Math.max(1, grid.width - side / 2)), origin(Math.max(1, grid.height - side / 2))];
      const whole = side + 2 * halo;
      const { pixels } = await readModelWindow(scene, grid, fill, {
        x: x - halo,
        y: y - halo,
        width: whole,
        height: whole,
      });
      const answer = await session.infer(pixels, whole, whole);
      const [width, height] = [Math.min(side, grid.width - x), Math.min(side, grid.height - y)];
      const stored = await classes.read(0, { x, y, width, height });
      const storedScores = await scores.read(0, { x, y, width, height });
      for (let at = 0; at < width * height; at++) {
        if (stored.pixels[at] === CLASS_NODATA) continue;
        const from = (Math.floor(at / width) + halo) * whole + (at % width) + halo;
        const delta = Math.abs(answer.scores[from] - storedScores.pixels[at]);
        proof.pixels++;
        proof.differing += Number(delta > 0 || answer.classes[from] !== stored.pixels[at]);
        proof.max_score_delta = Math.max(proof.max_score_delta, delta);
      }
    }
    return proof;
  } finally {
    await Promise.all([scene.close(), classes.close(), scores.close()]);
  }
}

/** Tommy Ettinger's generator of 32 bits of state, 0..1. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
