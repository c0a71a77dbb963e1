/** What the layers of a network hold at labels, and at pixels drawn at random: the chips that they lie in, run once. */
import { readFile } from 'node:fs/promises';
import { type Random, randomStream } from '../../synthetic/town/noise.ts';
import type { Raster } from '../../tiler/geotiff/raster.ts';
import { type ChipPlan, planChips, readChipsAt } from '../../tiler/grid/chips.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import type { Pixels } from '../../tiler/rendering/rendering.ts';
import type { Network } from '../registry.ts';
import { withOutput } from '../runtime/class-probabilities.ts';
import * as ort from '../runtime/onnx-runtime.ts';
import { type PlacedLabel, type Unit, unitsOf } from './label-pixels.ts';
import type { Layer, Teachable } from './taught-layers.ts';

/** An image with what was drawn on it. */
export interface LabelledScene {
  open(): Promise<Raster<Pixels>>;
  grid: ModelGrid;
  /** What stands where there is no imagery, in the network's bands. */
  fill: readonly number[];
  labels: readonly PlacedLabel[];
}

/** Where a sample lies, model pixels. */
export interface Place {
  scene: number;
  x: number;
  y: number;
}

/** Values of all layers, one behind the other, and of the logits: a row a place. */
export interface Samples {
  places: Place[];
  /** places * all channels. */
  features: Float32Array;
  /** places * classes. */
  logits: Float32Array;
}

export interface LabelSamples extends Samples {
  /** Of each place, which unit it is of. */
  unit: number[];
}

export interface ReadSamples {
  units: (Unit & { scene: number })[];
  labelled: LabelSamples;
  /** Drawn at random among pixels with imagery. */
  anchors: Samples;
  /** Of all scenes, model pixels. */
  pixels: number;
  /** Labels of which no pixel lies on imagery. */
  outside: number;
}

/** Side of the chips, model pixels. */
const CORE = 512;
/** Pixels of a unit that are read … */
const PIXELS_A_UNIT = 10;
/** … fewer of each where there are many units, and then of some of them. */
const MOST_ROWS = 4000;
const ANCHORS = 1000;
/** Chips that anchors are taken from, beside those with labels. */
const ANCHOR_CHIPS = 12;

export interface ReadOptions {
  seed: number;
  /** Anchors of all scenes together, about. */
  anchorCount?: number;
  /** Gets the share that is done. */
  progress?: (share: number) => void;
}

export const channelsOf = (layers: readonly Layer[]): number => layers.reduce((sum, { channels }) => sum + channels, 0);

/** The same seed reads the same places. */
export async function readSamples(
  network: Network,
  teachable: Teachable,
  scenes: readonly LabelledScene[],
  { seed, anchorCount = ANCHORS, progress = () => {} }: ReadOptions,
): Promise<ReadSamples> {
  const random = randomStream(seed);
  const all = scenes.flatMap(({ labels, grid }, scene) =>
    labels.flatMap((label) => unitsOf(label, grid).map((unit) => ({ ...unit, scene }))),
  );
  const units = firstOf(all, MOST_ROWS, random);
  const each = Math.max(1, Math.min(PIXELS_A_UNIT, Math.floor(MOST_ROWS / Math.max(1, units.length))));
  const wanted = units.flatMap(({ pixels, scene }, unit) =>
    firstOf(
      Array.from({ length: pixels.length / 2 }, (_, i) => i),
      each,
      random,
    ).map((at) => ({
      ...{ unit, scene, x: pixels[2 * at], y: pixels[2 * at + 1] },
    })),
  );
  const pixels = scenes.reduce((sum, { grid }) => sum + grid.width * grid.height, 0);
  const [labelled, anchors] = [emptyTable(), emptyTable()];
  const session = await openLayers(network, teachable);
  try {
    for (const [scene, { grid }] of scenes.entries()) {
      const share = Math.max(1, Math.round((anchorCount * grid.width * grid.height) / pixels));
      const rows = chipRows(
        grid,
        network,
        wanted.filter((place) => place.scene === scene),
        share,
        random,
      );
      await readScene(session, scenes[scene], network, teachable, { ...rows, scene, labelled, anchors, random });
      progress((scene + 1) / scenes.length);
    }
  } finally {
    await session.release();
  }
  const seen = new Set(labelled.units.map((unit) => units[unit].label.index));
  const given = new Set(scenes.flatMap(({ labels }) => labels.map(({ index }) => index)));
  return {
    units,
    labelled: { ...samplesOf(labelled), unit: labelled.units },
    anchors: samplesOf(anchors),
    pixels,
    outside: given.size - seen.size,
  };
}

/** The network with its layers and logits as further outputs. */
async function openLayers(
  { modelPath, features }: Network,
  { layers, logits }: Teachable,
): Promise<ort.InferenceSession> {
  let bytes: Uint8Array = await readFile(modelPath);
  for (const name of [...layers.map((layer) => layer.name), logits]) {
    if (name !== features?.output) bytes = withOutput(bytes, name);
  }
  return ort.InferenceSession.create(bytes, { extra: { session: { intra_op: { allow_spinning: '0' } } } });
}

/** A place within a chip; `unit` is null of an anchor. */
interface Wanted {
  x: number;
  y: number;
  unit: number | null;
}

/** What is read of a scene: by chip the places of labels, and how many anchors. */
interface ChipRows {
  plan: ChipPlan;
  /** By row * columns + column. */
  chips: Map<number, Wanted[]>;
  anchorsEach: number;
}

function chipRows(
  grid: ModelGrid,
  network: Network,
  places: readonly (Place & { unit: number })[],
  anchors: number,
  random: Random,
): ChipRows {
  const plan = planChips(grid, network, CORE);
  const chips = new Map<number, Wanted[]>();
  for (const { x, y, unit } of places) {
    const key = Math.floor(y / plan.core) * plan.columns + Math.floor(x / plan.core);
    const wanted = chips.get(key);
    if (wanted) wanted.push({ x, y, unit });
    else chips.set(key, [{ x, y, unit }]);
  }
  const others = Array.from({ length: plan.rows * plan.columns }, (_, i) => i).filter((key) => !chips.has(key));
  for (const key of firstOf(others, ANCHOR_CHIPS, random)) chips.set(key, []);
  return { plan, chips, anchorsEach: Math.ceil(anchors / chips.size) };
}

interface Table {
  places: Place[];
  units: number[];
  features: Float32Array[];
  logits: Float32Array[];
}

const emptyTable = (): Table => ({ places: [], units: [], features: [], logits: [] });

const samplesOf = ({ places, features, logits }: Table): Samples => ({
  places,
  features: joined(features),
  logits: joined(logits),
});

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function readScene(
  session: ort.InferenceSession,
  { open, grid, fill }: LabelledScene,
  { classes }: Network,
  { layers, logits, side }: Teachable,
  asked: ChipRows & { scene: number; labelled: Table; anchors: Table; random: Random },
): Promise<void> {
  const { plan, chips, anchorsEach, scene, labelled, anchors, random } = asked;
  const raster = await open();
  const places = [...chips.keys()]
    .sort((a, b) => a - b)
    .map((key): [number, number] => [Math.floor(key / plan.columns), key % plan.columns]);
  const channels = channelsOf(layers);
  try {
    for await (const { chip, pixels, valid } of readChipsAt(raster, grid, plan, fill, places)) {
      const live = (x: number, y: number) => valid[(y - chip.y) * chip.width + x - chip.x] === 1;
      const wanted = chips.get(chip.row * plan.columns + chip.column)!.filter(({ x, y }) => live(x, y));
      for (let i = 0; i < anchorsEach; i++) {
        const x = chip.x + Math.floor(random.next() * chip.width);
        const y = chip.y + Math.floor(random.next() * chip.height);
        if (x < grid.width && y < grid.height && live(x, y)) wanted.push({ x, y, unit: null });
      }
      if (wanted.length === 0) continue;
      const [height, width] = [chip.height + 2 * plan.halo, chip.width + 2 * plan.halo];
      const image = new ort.Tensor('uint8', pixels as Uint8Array, [1, height, width, 3]);
      const found = await session.run({ image }, [...layers.map(({ name }) => name), logits]);
      const valueAt = (name: string, channel: number, row: number, column: number) => {
        const { data, dims } = found[name];
        return (data as Float32Array)[(channel * dims[2] + row) * dims[3] + column];
      };
      for (const { x, y, unit } of wanted) {
        const [row, column] = [y - chip.y + plan.halo, x - chip.x + plan.halo];
        const features = new Float32Array(channels);
        let at = 0;
        for (const { name, stride, channels: own } of layers) {
          const [cellRow, cellColumn] = [Math.floor(row / stride), Math.floor(column / stride)];
          for (let channel = 0; channel < own; channel++) features[at++] = valueAt(name, channel, cellRow, cellColumn);
        }
        const pixel = (row % side) * side + (column % side);
        const weighed = Float32Array.from(classes, (_, i) =>
          valueAt(logits, i * side ** 2 + pixel, Math.floor(row / side), Math.floor(column / side)),
        );
        const table = unit === null ? anchors : labelled;
        table.places.push({ scene, x, y });
        if (unit !== null) table.units.push(unit);
        table.features.push(features);
        table.logits.push(weighed);
      }
    }
  } finally {
    await raster.close();
  }
}

/** Some of a list, drawn at random (Fisher and Yates, as far as needed). */
function firstOf<T>(list: readonly T[], count: number, random: Random): T[] {
  const drawn = [...list];
  const most = Math.min(count, drawn.length);
  for (let i = 0; i < most; i++) {
    const j = i + Math.floor(random.next() * (drawn.length - i));
    [drawn[i], drawn[j]] = [drawn[j], drawn[i]];
  }
  return drawn.slice(0, most);
}
