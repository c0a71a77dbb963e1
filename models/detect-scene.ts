/** A detection network over a working copy, chip by chip → boxes around objects, in pixels of the model grid. */
import * as ort from 'onnxruntime-node';
import { type ChipPlan, readChips } from '../tiler/chips.ts';
import type { ModelGrid } from '../tiler/model-grid.ts';
import { openScene, type Rendering } from '../tiler/rendering.ts';
import type { Box } from './foreign/boxes.ts';
import { type ChipBoxes, chipDisagreement, joinBoxes } from './foreign/join-boxes.ts';
import { detectAdapted } from './foreign/run.ts';
import type { Network } from './registry.ts';

export interface DetectRequest {
  workingPath: string;
  rendering?: Rendering;
  grid: ModelGrid;
  plan: ChipPlan;
  /** What stands where there is no imagery, in the network's bands. */
  fill: readonly number[];
  network: Network;
}

export interface DetectResult {
  boxes: Box[];
  /** Share of the objects in sight of two chips that only one of them found. */
  disagreement: number;
  /** Model-grid pixels that were looked at, and those without imagery. */
  done: number;
  nodata: number;
  inferMs: number;
  joinMs: number;
  peakRssBytes: number;
}

/** `onProgress` gets the number of chips done. */
export async function detectScene(request: DetectRequest, onProgress: (chips: number) => void): Promise<DetectResult> {
  const { grid, plan, network, fill } = request;
  const { adapter } = network;
  if (adapter?.output.kind !== 'boxes') throw new TypeError(`"${network.id}" detects no objects`);
  const adapted = { ...network, adapter, classes: network.classes.length };
  const session = await ort.InferenceSession.create(network.modelPath, {
    executionProviders: ['cpu'],
    interOpNumThreads: 1,
    executionMode: 'sequential',
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: 3,
  });
  const raster = await openScene(request.workingPath, request.rendering);
  const found: ChipBoxes[] = [];
  let [chips, done, inferMs] = [0, 0, 0];
  try {
    const rows = Array.from({ length: plan.rows }, (_, row) => row);
    for await (const { chip, pixels, valid } of readChips(raster, grid, plan, fill, rows)) {
      const live = valid.reduce((sum, each) => sum + each, 0);
      done += live;
      if (live > 0) {
        const size = { width: chip.width + 2 * plan.halo, height: chip.height + 2 * plan.halo };
        const [x, y] = [chip.x - plan.halo, chip.y - plan.halo];
        const started = performance.now();
        const boxes = await detectAdapted(session, adapted, pixels, size);
        inferMs += performance.now() - started;
        found.push({
          window: { x1: x, y1: y, x2: x + size.width, y2: y + size.height },
          boxes: boxes.map((box) => ({ ...box, x1: box.x1 + x, x2: box.x2 + x, y1: box.y1 + y, y2: box.y2 + y })),
        });
      }
      onProgress(++chips);
    }
  } finally {
    await raster.close();
    await session.release();
  }
  const joining = performance.now();
  const scene = { x1: 0, y1: 0, x2: grid.width, y2: grid.height };
  const inside = found.map(({ window, boxes }) => ({ window, boxes: boxes.filter((box) => hasCentreIn(box, scene)) }));
  return {
    boxes: joinBoxes(inside, scene, adapter.output.overlap),
    disagreement: chipDisagreement(inside, scene),
    done,
    nodata: grid.width * grid.height - done,
    inferMs,
    joinMs: performance.now() - joining,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** What lies beyond the scene's edge is its reflection. */
function hasCentreIn({ x1, y1, x2, y2 }: Box, scene: { x2: number; y2: number }): boolean {
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return x >= 0 && y >= 0 && x < scene.x2 && y < scene.y2;
}
