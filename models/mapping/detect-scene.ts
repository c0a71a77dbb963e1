/** A detection network over a working copy, chip by chip → boxes around objects, in pixels of the model grid. */

import { noRoomOf } from '../../errors/no-room.ts';
import { Problem } from '../../errors/problem.ts';
import { type Area, areaRows } from '../../tiler/grid/area-mask.ts';
import { type Chip, type ChipPlan, chipAt, readChipsAt } from '../../tiler/grid/chips.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import type { Pixels, Rendering } from '../../tiler/rendering/rendering.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import type { Box } from '../imported/boxes.ts';
import { type ChipBoxes, chipDisagreement, type Extent, isCut, mergeBoxes } from '../imported/merge-boxes.ts';
import { detectAdapted } from '../imported/run.ts';
import type { Network } from '../registry.ts';
import * as ort from '../runtime/onnx-runtime.ts';
import { areaMasks, CHIP_ATTEMPTS, MAX_REASON, prepare } from './infer-chips.ts';
import type { FailedChip, Ledger } from './ledger.ts';
import type { MapResult } from './map-scene.ts';

export interface DetectRequest {
  workingPath: string;
  rendering?: Rendering;
  grid: ModelGrid;
  plan: ChipPlan;
  /** What stands where there is no imagery, in the network's bands. */
  fill: readonly number[];
  network: Network;
  /** Objects with their centre outside are left out, and chips that see nothing of it not computed; null: all. */
  area: Area | null;
}

export interface DetectResult {
  boxes: Box[];
  /** Share of the objects in sight of two chips that only one of them found. */
  disagreement: number;
  ledger: Ledger;
  chips: MapResult['chips'];
  inferMs: number;
  joinMs: number;
  peakRssBytes: number;
}

/** `onProgress` gets the number of chips done. Throws `aoi_outside`, and the last failure where every chip failed. */
export async function detectScene(request: DetectRequest, onProgress: (chips: number) => void): Promise<DetectResult> {
  const { grid, plan, network, fill, area } = request;
  const { adapter } = network;
  if (adapter?.output.kind !== 'boxes') throw new TypeError(`"${network.id}" detects no objects`);
  const adapted = { ...network, adapter, classes: network.classes.length };
  const scene = { x1: 0, y1: 0, x2: grid.width, y2: grid.height };
  const masks = areaMasks(area, grid, plan);
  const ledger: Ledger = { done: 0, nodata: 0, outside: 0, failed: 0, pending: 0 };
  const failed: FailedChip[] = [];
  const found: ChipBoxes[] = [];
  let [inferMs, computed] = [0, 0];
  let failure: unknown = null;

  const wanted = chipsInSight(area, grid, plan);
  if (wanted.size === 0) {
    throw new Problem('aoi_outside', 'No pixel of the scene has its centre in the area of interest.');
  }
  const session = await ort.InferenceSession.create(network.modelPath, {
    executionProviders: ['cpu'],
    interOpNumThreads: 1,
    executionMode: 'sequential',
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    logSeverityLevel: 3,
  });
  const raster = await openScene(request.workingPath, request.rendering);

  /** Null where the chip fails every time. */
  const detect = async (pixels: Pixels, window: Extent): Promise<ChipBoxes | null> => {
    const { x1, y1, x2, y2 } = window;
    for (let attempt = 0; attempt < CHIP_ATTEMPTS; attempt++) {
      try {
        const boxes = await detectAdapted(session, adapted, pixels, { width: x2 - x1, height: y2 - y1 });
        const placed = boxes.map((box) => ({
          ...box,
          ...{ x1: box.x1 + x1, x2: box.x2 + x1, y1: box.y1 + y1, y2: box.y2 + y1 },
        }));
        return { window, boxes: placed.filter((box) => hasCentreIn(box, scene)) };
      } catch (error) {
        if (error instanceof Problem || noRoomOf(error)) throw error;
        failure = error;
      }
    }
    return null;
  };

  const missing = new Map(allChips(plan).map((place) => [place.join('/'), place]));
  try {
    for (let next = [...wanted.values()]; next.length > 0; ) {
      for (const place of next) missing.delete(place.join('/'));
      const first = found.length;
      for await (const read of readChipsAt(raster, grid, plan, fill, next)) {
        const { chip, pixels, valid } = read;
        const counts = prepare(read, grid, masks(chip)).ledger;
        ledger.nodata += counts.nodata;
        ledger.outside += counts.outside;
        const started = performance.now();
        const boxes = valid.includes(1) ? await detect(pixels, windowOf(chip, plan)) : null;
        inferMs += performance.now() - started;
        ledger[boxes ? 'done' : 'failed'] += counts.done;
        if (boxes) found.push(boxes);
        else if (valid.includes(1)) failed.push(failedChip(chip, grid, failure));
        onProgress(++computed);
      }
      // What goes on beyond a chip at the area's edge is followed, so that it comes whole.
      const parts = found.slice(first).flatMap(({ window, boxes }) => boxes.map((box) => ({ ...box, window })));
      const cut = parts.filter((part) => isCut(part, scene));
      next = [...missing.values()].filter(([row, column]) => {
        const window = windowOf(chipAt(grid, plan, row, column), plan);
        return cut.some((part) => touch(part, window));
      });
    }
  } finally {
    await raster.close();
    await session.release();
  }
  if (found.length === 0 && failed.length > 0) throw failure;
  for (const [row, column] of missing.values()) {
    const { x, y, width, height } = chipAt(grid, plan, row, column);
    ledger.outside += Math.min(width, grid.width - x) * Math.min(height, grid.height - y);
  }
  const joining = performance.now();
  return {
    boxes: withCentreIn(area, mergeBoxes(found, scene, adapter.output.overlap), grid),
    disagreement: chipDisagreement(found, scene),
    ledger,
    chips: { done: found.length, nodata: computed - found.length - failed.length, outside: missing.size, failed },
    inferMs,
    joinMs: performance.now() - joining,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  };
}

type Place = [row: number, column: number];

const allChips = ({ rows, columns }: ChipPlan): Place[] =>
  Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns]);

const windowOf = ({ x, y, width, height }: Chip, { halo }: ChipPlan): Extent => ({
  x1: x - halo,
  y1: y - halo,
  x2: x + width + halo,
  y2: y + height + halo,
});

const touch = (a: Extent, b: Extent): boolean => a.x1 <= b.x2 && a.x2 >= b.x1 && a.y1 <= b.y2 && a.y2 >= b.y1;

/** Chips that see a pixel of the area, halo and all, by their place. */
function chipsInSight(area: Area | null, grid: ModelGrid, plan: ChipPlan): Map<string, Place> {
  const places = allChips(plan).map((place): [string, Place] => [place.join('/'), place]);
  if (!area) return new Map(places);
  const bands = new Map<number, Uint8Array>();
  const inSight = places.filter(([, [row, column]]) => {
    const { x1, y1, x2, y2 } = windowOf(chipAt(grid, plan, row, column), plan);
    const top = Math.max(0, y1);
    const rows = Math.min(grid.height, y2) - top;
    const band = bands.get(row) ?? areaRows(area, grid.width, top, rows);
    if (!bands.has(row)) bands.clear(); // chips come row by row
    bands.set(row, band);
    for (let y = 0; y < rows; y++) {
      const from = y * grid.width;
      if (band.subarray(from + Math.max(0, x1), from + Math.min(grid.width, x2)).includes(1)) return true;
    }
    return false;
  });
  return new Map(inSight);
}

function failedChip({ x, y, width, height }: Chip, grid: ModelGrid, failure: unknown): FailedChip {
  const reason = (failure instanceof Error ? failure.message : String(failure)).slice(0, MAX_REASON);
  return { x, y, width: Math.min(width, grid.width - x), height: Math.min(height, grid.height - y), reason };
}

const SCAN_ROWS = 256;

/** The boxes whose centre lies in a pixel of the area. */
function withCentreIn(area: Area | null, boxes: Box[], grid: ModelGrid): Box[] {
  if (!area) return boxes;
  const bands = new Map<number, Box[]>();
  for (const box of boxes) {
    const band = Math.floor((box.y1 + box.y2) / 2 / SCAN_ROWS);
    const inBand = bands.get(band) ?? [];
    inBand.push(box);
    bands.set(band, inBand);
  }
  return [...bands].flatMap(([band, inBand]) => {
    const mask = areaRows(area, grid.width, band * SCAN_ROWS, SCAN_ROWS);
    return inBand.filter(({ x1, y1, x2, y2 }) => {
      const [x, y] = [Math.floor((x1 + x2) / 2), Math.floor((y1 + y2) / 2) - band * SCAN_ROWS];
      return mask[y * grid.width + x] === 1;
    });
  });
}

/** What lies beyond the scene's edge is its reflection. */
function hasCentreIn({ x1, y1, x2, y2 }: Box, scene: Extent): boolean {
  const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return x >= 0 && y >= 0 && x < scene.x2 && y < scene.y2;
}
