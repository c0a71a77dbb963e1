/**
 * Chips of a working copy go through the network; their answers are kept in a cache. A chip that fails is tried again;
 * one that cannot be had is recorded as failed and the others go on.
 */

import { noRoomOf } from '../../errors/no-room.ts';
import { Problem } from '../../errors/problem.ts';
import type { Raster } from '../../tiler/geotiff/raster.ts';
import { type Area, areaRows } from '../../tiler/grid/area-mask.ts';
import { type Chip, type ChipPixels, type ChipPlan, chipAt, readChipsAt } from '../../tiler/grid/chips.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import type { Pixels } from '../../tiler/rendering/rendering.ts';
import type { Answer } from '../runtime/answer.ts';
import type { NetworkSession, SessionSource } from '../runtime/session.ts';
import type { ChipCache } from './chip-cache.ts';
import type { ChipRows } from './shards.ts';

/** How often a chip is begun before it counts as failed, over all runs of a job. */
export const CHIP_ATTEMPTS = 3;

export interface ChipSource {
  raster: Raster<Pixels>;
  grid: ModelGrid;
  plan: ChipPlan;
  /** What stands where there is no imagery, in the network's bands. */
  fill: readonly number[];
  /** Nothing outside is computed. */
  area: Area | null;
}

/** Turns the answer over core and halo into what is kept; `live` tells the core's pixels that want an answer. */
export type EncodeAnswer = (answer: Answer, chip: Chip, live: Uint8Array) => Uint8Array;

/**
 * Computes what the cache does not hold yet of some rows, up to `batch` chips at a time; a batch that fails is halved.
 * The network is given the next ones before the last answers are recorded, so that it need not wait.
 * Problems are thrown. Returns the last other failure, null where there was none.
 */
export async function inferChips(
  source: ChipSource,
  sessions: SessionSource,
  cache: ChipCache,
  encode: EncodeAnswer,
  { first, end }: ChipRows,
  options: { batch: number; onProgress(chips: number): void },
): Promise<unknown> {
  const { raster, grid, plan, fill, area } = source;
  let { batch } = options;
  let session: NetworkSession | null = null;
  let failure: unknown = null;
  const tick = () => options.onProgress(cache.records.size);
  const masks = areaMasks(area, grid, plan);

  /** Records chips that nothing is to be computed of; yields the others. */
  async function* wanted(): AsyncGenerator<[row: number, column: number]> {
    for (let row = first; row < end; row++) {
      for (let column = 0; column < plan.columns; column++) {
        if (cache.get(row, column)) continue;
        const chip = chipAt(grid, plan, row, column);
        const mask = masks(chip);
        if (!mask || mask.includes(1)) {
          yield [row, column];
          continue;
        }
        const outside = pixelsInside(chip, grid);
        await cache.finish({ row, column, state: 'outside', ledger: { done: 0, nodata: 0, outside, failed: 0 } });
        tick();
      }
    }
  }

  const done = (chip: Waiting, answer: Answer) => {
    const { row, column } = chip.chip;
    const ledger = { ...chip.ledger, failed: 0 };
    return cache.finish({ row, column, state: 'done', ledger }, encode(answer, chip.chip, chip.live));
  };

  /** Hands chips to the network. */
  const begin = (group: readonly Waiting[]): Given => {
    const [width, height] = windowSize(group[0].chip, plan);
    const places = group.map(({ chip }): [number, number] => [chip.row, chip.column]);
    if (group.length > 1) cache.beginBatch(places);
    else cache.begin(...places[0]);
    const answers =
      group.length > 1
        ? session!.inferBatch!(
            group.map(({ pixels }) => pixels),
            width,
            height,
          )
        : session!.infer(group[0].pixels, width, height).then((answer) => [answer]);
    answers.catch(() => {}); // looked at when its turn comes
    return { group, answers };
  };

  /** Records the answers of chips; those that failed are tried again, fewer at a time. */
  const record = async ({ group, answers }: Given): Promise<void> => {
    try {
      for (const [i, answer] of (await answers).entries()) await done(group[i], answer);
      return;
    } catch (error) {
      if (error instanceof Problem || noRoomOf(error)) throw error;
      failure = error;
    }
    await given?.answers.catch(() => {}); // the session is closed next
    session = await sessions.reopen();
    const left = group.filter(({ chip }) => !cache.get(chip.row, chip.column));
    if (group.length > 1) batch = Math.ceil(group.length / 2);
    for (let i = 0; i < left.length; i += batch) await alone(left.slice(i, i + batch));
  };

  /** Chips with nothing else under way. One that was begun too often has failed. */
  const alone = async (group: readonly Waiting[]): Promise<void> => {
    const [{ chip, ledger }] = group;
    const { row, column } = chip;
    if (group.length > 1 || cache.attempts(row, column) < CHIP_ATTEMPTS) return record(begin(group));
    const lost = { ...ledger, done: 0, failed: ledger.done };
    const reason = failure instanceof Error ? failure.message : 'The process that computed it died.';
    await cache.finish({ row, column, state: 'failed', ledger: lost, reason: reason.slice(0, MAX_REASON) });
  };

  /** What the network works on, while the answers before it are recorded. */
  let given: Given | null = null;
  const recordGiven = async (next: Given | null) => {
    const before = given;
    given = next;
    if (before) await record(before);
  };

  const compute = async (group: readonly Waiting[]): Promise<void> => {
    session ??= await sessions.open();
    if (group.some(({ chip }) => cache.suspect(chip.row, chip.column))) {
      await recordGiven(null); // whose process died may take no other chip along
      for (const waiting of group) await alone([waiting]);
      return;
    }
    const size = session.inferBatch ? group.length : 1;
    for (let i = 0; i < group.length; i += size) await recordGiven(begin(group.slice(i, i + size)));
  };

  let group: Waiting[] = [];
  const flush = async () => {
    const full = group;
    group = [];
    if (full.length > 0) await compute(full);
    tick();
  };
  try {
    for await (const read of readChipsAt(raster, grid, plan, fill, wanted())) {
      const waiting = prepare(read, grid, masks(read.chip));
      if (waiting.ledger.done === 0) {
        const { row, column } = read.chip;
        await cache.finish({ row, column, state: 'nodata', ledger: { ...waiting.ledger, failed: 0 } });
        tick();
        continue;
      }
      const [one] = group;
      if (one && (one.chip.width !== read.chip.width || one.chip.height !== read.chip.height)) await flush();
      group.push(waiting);
      if (group.length >= batch) await flush();
    }
    await flush();
    await recordGiven(null);
    tick();
    return failure;
  } finally {
    await (given as Given | null)?.answers.catch(() => {});
  }
}

interface Given {
  group: readonly Waiting[];
  answers: Promise<Answer[]>;
}

/** Of a failed chip's reason; runtimes can be wordy. */
export const MAX_REASON = 300;

export interface Waiting extends ChipPixels {
  live: Uint8Array;
  ledger: { done: number; nodata: number; outside: number };
}

const windowSize = (chip: Chip, { halo }: ChipPlan): [number, number] => [
  chip.width + 2 * halo,
  chip.height + 2 * halo,
];

const pixelsInside = (chip: Chip, grid: ModelGrid): number =>
  Math.min(chip.width, grid.width - chip.x) * Math.min(chip.height, grid.height - chip.y);

/** Counts the core's pixels within the grid and tells which of them want an answer. */
export function prepare(read: ChipPixels, grid: ModelGrid, mask: Uint8Array | null): Waiting {
  const { chip, valid } = read;
  const live = mask ? valid.map((each, i) => each & mask[i]) : valid;
  const done = countOnes(live);
  const pixels = pixelsInside(chip, grid);
  const inside = mask ? countOnes(mask) : pixels;
  return { ...read, live, ledger: { done, nodata: inside - done, outside: pixels - inside } };
}

function countOnes(flags: Uint8Array): number {
  if (!flags.includes(0)) return flags.length; // at the speed of memory, as most are
  let ones = 0;
  for (let i = 0; i < flags.length; i++) ones += flags[i];
  return ones;
}

/** Rows of chips whose masks are kept. */
const MASK_ROWS = 3;

/** Of a chip's core: height * width of 0|1, 0 beyond the grid; null where all is inside. */
export function areaMasks(area: Area | null, grid: ModelGrid, plan: ChipPlan): (chip: Chip) => Uint8Array | null {
  if (!area) return () => null;
  const rows = new Map<number, Uint8Array>();
  return (chip) => {
    let band = rows.get(chip.row);
    if (!band) {
      band = areaRows(area, grid.width, chip.y, Math.min(plan.core, grid.height - chip.y));
      rows.set(chip.row, band);
      if (rows.size > MASK_ROWS) rows.delete(rows.keys().next().value!);
    }
    const mask = new Uint8Array(chip.width * chip.height);
    const columns = Math.min(chip.width, grid.width - chip.x);
    for (let y = 0; y < chip.height && chip.y + y < grid.height; y++) {
      const from = y * grid.width + chip.x;
      mask.set(band.subarray(from, from + columns), y * chip.width);
    }
    return mask;
  };
}
