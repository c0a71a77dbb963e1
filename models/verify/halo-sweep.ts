/**
 * What halos of several sizes are worth to a network: a part of a scene is mapped in chips with each, and compared with
 * one pass over the whole part. At the halo of its certificate nothing may differ.
 */

import type { Raster } from '../../tiler/geotiff/raster.ts';
import { type ModelGrid, readModelWindow } from '../../tiler/grid/model-grid.ts';
import type { Pixels } from '../../tiler/rendering/rendering.ts';
import { type Network, stitchesExactly } from '../registry.ts';
import type { Answer } from '../runtime/answer.ts';
import { openNetwork } from '../runtime/session.ts';

export interface HaloStep {
  halo: number;
  /** Share of the pixels whose class or score is another than in one pass. */
  differing: number;
  /** Largest difference of a probability, 0..1. */
  max_delta: number;
}

export interface HaloSweep {
  /** Side of the part that was mapped, and of the chips' cores, pixels. */
  size: number;
  core: number;
  steps: HaloStep[];
}

export interface SweepScene {
  raster: Raster<Pixels>;
  grid: ModelGrid;
  fill: readonly number[];
}

const HALOS = [0, 16, 32, 64, 96, 128, 192, 256];
/** Halos beyond this are not tried of networks whose field has no end. */
const FARTHEST_OF_ENDLESS = 128;
const CORE_PIXELS = 160;
const CORES = 3;

/**
 * Takes the middle of the scene, reflected where it is smaller. Networks of fixed size cannot see more than a chip in one
 * pass: null. No further step is begun after `budgetMs`; the halo of the certificate is tried first.
 */
export async function measureHalos(
  network: Network,
  { raster, grid, fill }: SweepScene,
  budgetMs: number,
): Promise<HaloSweep | null> {
  const { adapter, stride } = network;
  if (adapter && (adapter.output.kind !== 'map' || adapter.input.height !== null || adapter.input.width !== null)) {
    return null;
  }
  const started = performance.now();
  const core = Math.ceil(CORE_PIXELS / stride) * stride;
  const size = CORES * core;
  const middle = (extent: number) => Math.max(0, Math.floor((extent - size) / 2 / stride) * stride);
  const [left, top] = [middle(grid.width), middle(grid.height)];
  const run = async (halo: number, side: number, chips: [x: number, y: number][]): Promise<Answer[]> => {
    const session = await openNetwork({ ...network, halo });
    try {
      const whole = side + 2 * halo;
      const answers: Answer[] = [];
      for (const [x, y] of chips) {
        const window = { x: left + x - halo, y: top + y - halo, width: whole, height: whole };
        const { pixels } = await readModelWindow(raster, grid, fill, window);
        answers.push(cropAnswer(await session.infer(pixels, whole, whole), whole, halo, side));
      }
      return answers;
    } finally {
      await session.close();
    }
  };

  const exact = stitchesExactly(network);
  const farthest = exact ? Math.ceil(network.halo / stride) * stride : FARTHEST_OF_ENDLESS;
  const onStride = HALOS.map((halo) => Math.ceil(halo / stride) * stride).filter((halo) => halo < farthest);
  // The one that matters first: a slow network may not come to the others.
  const halos = [...new Set([farthest, ...onStride])];
  const [reference] = await run(farthest, size, [[0, 0]]);
  const places = Array.from({ length: CORES ** 2 }, (_, i): [number, number] => [
    (i % CORES) * core,
    Math.floor(i / CORES) * core,
  ]);
  const steps: HaloStep[] = [];
  for (const halo of halos) {
    if (steps.length > 0 && performance.now() - started > budgetMs) break;
    const answers = await run(halo, core, places);
    let [differing, most] = [0, 0];
    for (const [i, answer] of answers.entries()) {
      const found = compare(reference, answer, size, core, places[i]);
      differing += found.differing;
      most = Math.max(most, found.most);
    }
    steps.push({ halo, differing: differing / size ** 2, max_delta: Number(most.toPrecision(3)) });
  }
  return { size, core, steps: steps.sort((a, b) => a.halo - b.halo) };
}

/** Classes, scores and probabilities without the halo. */
function cropAnswer(answer: Answer, whole: number, halo: number, side: number): Answer {
  const crop = <T extends Uint8Array | Float32Array>(planes: T): T => {
    const count = planes.length / whole ** 2;
    const cropped = planes.slice(0, count * side ** 2) as T;
    for (let plane = 0, to = 0; plane < count; plane++) {
      for (let y = 0; y < side; y++, to += side) {
        const from = plane * whole ** 2 + (y + halo) * whole + halo;
        cropped.set(planes.subarray(from, from + side), to);
      }
    }
    return cropped;
  };
  const { probabilities } = answer;
  return {
    classes: crop(answer.classes),
    scores: crop(answer.scores),
    planes: answer.planes,
    ...(probabilities && { probabilities: crop(probabilities) }),
  };
}

function compare(all: Answer, part: Answer, size: number, core: number, [left, top]: readonly [number, number]) {
  let [differing, most] = [0, 0];
  const planes = part.probabilities ? part.probabilities.length / core ** 2 : 0;
  for (let y = 0, at = 0; y < core; y++) {
    for (let x = 0; x < core; x++, at++) {
      const there = (top + y) * size + left + x;
      const delta = Math.abs(all.scores[there] - part.scores[at]);
      if (delta > 0 || all.classes[there] !== part.classes[at]) differing++;
      if (planes === 0) most = Math.max(most, delta / 255);
      for (let plane = 0; plane < planes; plane++) {
        const p = all.probabilities![plane * size ** 2 + there] - part.probabilities![plane * core ** 2 + at];
        most = Math.max(most, Math.abs(p));
      }
    }
  }
  return { differing, most };
}
