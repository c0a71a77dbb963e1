/** A network, images and what was drawn on them → the network taught by it, and what held-back labels say of that. */
import { readFile, writeFile } from 'node:fs/promises';
import { Problem } from '../../errors/problem.ts';
import { openScene } from '../../tiler/working-copy/open-scene.ts';
import { readOnnx } from '../onnx/read-onnx.ts';
import type { Network } from '../registry.ts';
import { type Fitted, fitCorrection } from './fit-correction.ts';
import { foldHead } from './fold-head.ts';
import { byKey, FOLDS, mean, standardError } from './held-back.ts';
import { type LabelledScene, type Place, type ReadSamples, readSamples } from './read-samples.ts';
import { teachableLayers } from './taught-layers.ts';

/** Plain data: it crosses a process border. */
export interface TeachRequest {
  network: Network;
  scenes: readonly TaughtScene[];
  /** Names of all classes: the network's in its order, then new ones. */
  names: readonly string[];
  /** The same seed, images and labels make the same network. */
  seed: number;
  /** Where the taught network is written. */
  outputPath: string;
}

/** A working copy with what was drawn on it. */
export interface TaughtScene extends Omit<LabelledScene, 'open'> {
  workingPath: string;
}

/** What held-back labels say of one class. */
export interface TaughtClass {
  class: string;
  labels: number;
  /** Share of their pixels that was told rightly, with the network as it was and as it was taught by the others. */
  before: number | null;
  after: number | null;
}

export interface TeachingReport {
  /** Labels on imagery, and others. */
  labels: number;
  outside: number;
  /** Whether held-back labels are told better: else the taught network maps as the one that it was made of. */
  better: boolean;
  /** Whether the labels were drawn mostly where the map was wrong: then they do not say how good it is. */
  drawn_on_errors: boolean;
  /** Share of held-back labels that is told rightly, and the change with its 95 % interval; null where too few were given. */
  agreement: { before: number; after: number; change: number; interval: [low: number, high: number] } | null;
  classes: TaughtClass[];
  /** Places in the list of labels of those that the others contradict. */
  contradicted: number[];
  /** How strongly the correction is held back: weight of what the network says elsewhere, and ridge. */
  strength: { anchors: number; ridge: number };
}

export interface Taught {
  report: TeachingReport;
  /** Where labels would teach most, the best first. */
  paintNext: (Place & { doubt: number })[];
}

/** A label whose class has less than this probability by the others is contradicted. */
const CONTRADICTED = 0.1;
const PLACES_TO_PAINT = 5;
/** Places to paint are so many model pixels apart. */
const APART_PIXELS = 48;

/** Throws `not_teachable`, and `labels_unusable` where no label lies on imagery. */
export async function teach(request: TeachRequest, progress: (share: number) => void): Promise<Taught> {
  const { network, scenes, names, seed, outputPath } = request;
  const bytes = await readFile(network.modelPath);
  const model = readOnnx(bytes);
  const teachable = teachableLayers(model, network);
  if (teachable.object && names.length > network.classes.length) {
    throw new Problem(
      'not_teachable',
      `The network "${network.id}" tells one kind of object and the rest apart, and no further classes; teach those to landuse-unet.`,
    );
  }
  const opened = scenes.map(({ workingPath, ...scene }) => ({ ...scene, open: () => openScene(workingPath) }));
  const read = await readSamples(network, teachable, opened, { seed, progress: (share) => progress(share / 2) });
  if (read.labelled.places.length === 0) {
    throw new Problem(
      'labels_unusable',
      'No label lies on imagery: compare their coordinates with the image, in degrees of longitude and latitude.',
    );
  }
  const fitted = fitCorrection(read, teachable.layers, network.classes.length, names.length);
  await writeFile(outputPath, foldHead(bytes, model, teachable, fitted.correction, names));
  progress(1);
  return { report: reportOf(read, fitted, names), paintNext: placesToPaint(read, fitted.doubt) };
}

function reportOf({ units, labelled, outside }: ReadSamples, fitted: Fitted, names: readonly string[]): TeachingReport {
  const { before, after, better, strength, drawnOnErrors } = fitted;
  const labels = [...new Set(units.map(({ label }) => label.index))].sort((a, b) => a - b);
  const labelOf = labelled.unit.map((unit) => labels.indexOf(units[unit].label.index));
  const byLabel = (values: Float64Array) => byKey(labelOf, labels.length, values, 'mean');
  const [was, is, chance] = [before.right, after?.right, after?.chance].map((values) => values && byLabel(values));
  const changes = is?.map((right, i) => right - was![i]);
  // Parts of a few labels were held back, not whole ones.
  const parts = [...new Set(labelled.unit)];
  const moved =
    after &&
    byKey(
      labelled.unit,
      units.length,
      after.right.map((right, i) => right - before.right[i]),
      'mean',
    );
  const allowed = new Map(units.map(({ label }) => [label.index, label.allowed]));
  const seen = new Set(labelOf);
  return {
    labels: seen.size,
    outside,
    better,
    drawn_on_errors: drawnOnErrors,
    agreement: changes
      ? {
          ...{ before: mean(was!), after: mean(is!), change: mean(changes) },
          interval: intervalOf(labels.length < FOLDS ? parts.map((unit) => moved![unit]) : changes),
        }
      : null,
    classes: names.map((name, code) => {
      const own = labels.flatMap((index, i) => (seen.has(i) && allowed.get(index)!.join() === `${code}` ? i : []));
      const share = (values: number[] | undefined) =>
        values && own.length > 0 ? mean(own.map((i) => values[i])) : null;
      return { class: name, labels: own.length, before: share(was), after: share(is) };
    }),
    contradicted: chance ? labels.filter((_, i) => seen.has(i) && chance[i] < CONTRADICTED) : [],
    strength,
  };
}

function intervalOf(changes: readonly number[]): [low: number, high: number] {
  const half = 1.96 * standardError(changes);
  return [mean(changes) - half, mean(changes) + half];
}

/** Doubtful places that do not look alike: each next one weighs doubt with how far it is from those before. */
export function placesToPaint({ anchors }: ReadSamples, doubt: readonly number[]): Taught['paintNext'] {
  const channels = anchors.features.length / Math.max(1, anchors.places.length);
  const distance = (a: number, b: number) => {
    let sum = 0;
    for (let f = 0; f < channels; f++) {
      sum += (anchors.features[a * channels + f] - anchors.features[b * channels + f]) ** 2;
    }
    return Math.sqrt(sum);
  };
  const chosen: number[] = [];
  const nearest = anchors.places.map(() => Infinity);
  const isApart = (i: number) =>
    chosen.every((j) => {
      const [a, b] = [anchors.places[i], anchors.places[j]];
      return a.scene !== b.scene || Math.hypot(a.x - b.x, a.y - b.y) >= APART_PIXELS;
    });
  while (chosen.length < PLACES_TO_PAINT) {
    let best: { i: number; worth: number } | null = null;
    for (const [i, near] of nearest.entries()) {
      const worth = doubt[i] * (Number.isFinite(near) ? near : 1);
      if (worth > (best?.worth ?? 0) && isApart(i)) best = { i, worth };
    }
    if (!best) break;
    chosen.push(best.i);
    for (const i of nearest.keys()) nearest[i] = Math.min(nearest[i], distance(i, best.i));
  }
  return chosen.map((i) => ({ ...anchors.places[i], doubt: doubt[i] }));
}
