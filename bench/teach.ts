/**
 * Teaching with simulated strokes, on places that the network was not trained on: mean IoU of the classes that are
 * labelled there, on the rest of the images that the strokes lie on / on other images of the place, after 10, 50 and 200
 * strokes. Strokes are drawn on each class in turn, anywhere, only where the map is wrong, or (20) at the places that
 * teaching asks for; beside them a random forest on filters of the image, as ilastik has it, on the same strokes.
 * Run: node bench/teach.ts FOLDER [PLACE…] [--seeds=N] [--model=ID] [--without-forest], where FOLDER holds manifest.json
 * with `places` (`place`, `gsd_m`, `split`), PLACE/images and PLACE/labels (codes of classes; 252, 253, 254: not
 * vegetation, not a road, not a building; 255: unknown).
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inferBands } from '../models/mapping/map-scene.ts';
import { readOnnx } from '../models/onnx/read-onnx.ts';
import { findNetwork } from '../models/registry.ts';
import { openNetwork } from '../models/runtime/session.ts';
import { fitCorrection } from '../models/teaching/fit-correction.ts';
import type { Correction } from '../models/teaching/fold-head.ts';
import { type PlacedLabel, unitsOf } from '../models/teaching/label-pixels.ts';
import { type Place, readSamples, type Samples } from '../models/teaching/read-samples.ts';
import { teachableLayers } from '../models/teaching/taught-layers.ts';
import { placesToPaint } from '../models/teaching/teach.ts';
import { type Random, randomStream } from '../synthetic/town/noise.ts';
import { planChips } from '../tiler/grid/chips.ts';
import { type ModelGrid, planModelGrid, readModelWindow } from '../tiler/grid/model-grid.ts';
import { readMask } from '../tiler/images/mask.ts';
import { readRgbImage } from '../tiler/images/rgb-image.ts';
import { pythonWith, run } from './python.ts';

const FOREST_REQUIREMENTS = ['numpy==2.4.6', 'scikit-learn==1.9.1', 'scipy'];
const STROKES = [10, 50, 200];
const ASKED_FOR = 20;
const ASKED_AT_ONCE = 5;
/** Pixels of each half of a place that maps are judged by. */
const JUDGED = 30_000;
const CLASSES = 5;
/** What a code says a pixel may be. */
const ALLOWED = new Map<number, number[]>([
  ...Array.from({ length: CLASSES }, (_, code): [number, number[]] => [code, [code]]),
  ...[3, 2, 1].map((not, i): [number, number[]] => [252 + i, [0, 1, 2, 3, 4].filter((code) => code !== not)]),
]);
const UNKNOWN = 255;
const GREY = [128, 128, 128];
const MODES = ['classes in turn', 'anywhere', 'on errors'] as const;

const flags = Object.fromEntries(
  process.argv
    .slice(2)
    .flatMap((each) => (each.startsWith('--') ? [each.slice(2).split('=') as [string, string?]] : [])),
);
const [folder, ...wanted] = process.argv.slice(2).filter((each) => !each.startsWith('--'));
if (folder === undefined) {
  console.log('give a folder of labelled places: node bench/teach.ts FOLDER (its form is said in this file)');
  process.exit(0);
}
const seeds = Number(flags.seeds ?? 5);
const network = await findNetwork(flags.model ?? 'landuse-unet');
const teachable = teachableLayers(readOnnx(await readFile(network.modelPath)), network);
const python = 'without-forest' in flags ? null : pythonWith('forest', FOREST_REQUIREMENTS);
const forest = fileURLToPath(new URL('teach/forest.py', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'planimeter-bench-teach-'));

const { places } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as {
  places: { place: string; gsd_m: number; split: string }[];
};
try {
  for (const { place, gsd_m } of places.filter((each) =>
    wanted.length > 0 ? wanted.includes(each.place) : each.split === 'val',
  )) {
    await measure(place, gsd_m);
  }
} finally {
  rmSync(scratch, { recursive: true });
}

interface Labelled {
  grid: ModelGrid;
  open(): ReturnType<typeof readRgbImage>;
  fill: readonly number[];
  /** Codes of the model pixels. */
  truth: Uint8Array;
}

async function readPlace(place: string, gsdMetres: number): Promise<Labelled[]> {
  const files = readdirSync(join(folder!, place, 'images'))
    .filter((file) => /\.(jpe?g|png)$/.test(file))
    .sort();
  const images: Labelled[] = [];
  for (const file of files) {
    const open = () => readRgbImage(join(folder!, place, 'images', file), { x: gsdMetres, y: gsdMetres });
    const image = await open();
    const grid = planModelGrid({ ...image, gsdMetres: { x: gsdMetres, y: gsdMetres } }, network.gsdMetres);
    const mask = await readMask(join(folder!, place, 'labels', file.replace(/\.\w+$/, '.png')), UNKNOWN);
    const truth = new Uint8Array(grid.width * grid.height);
    for (let i = 0; i < truth.length; i++) {
      const x = Math.floor((((i % grid.width) + 0.5) * mask.width) / grid.width);
      truth[i] =
        mask.codes[Math.floor(((Math.floor(i / grid.width) + 0.5) * mask.height) / grid.height) * mask.width + x]!;
    }
    images.push({ grid, open, fill: GREY, truth });
  }
  return images;
}

async function measure(place: string, gsdMetres: number): Promise<void> {
  const images = await readPlace(place, gsdMetres);
  const own = images.filter((_, i) => i % 2 === 0);
  const others = images.length > 1 ? images.filter((_, i) => i % 2 === 1) : own;
  const judged = await Promise.all([own, others].map((half) => judgedPixels(half)));
  const score = (correction: Correction | null) =>
    judged.map((half) => iou(half, correctedClasses(half.samples, correction)));
  const [here, there] = score(null);
  console.log(`\n${place}: ${images.length} images; mean IoU as it is ${two(here!)} / ${two(there!)}`);
  const maps = await Promise.all(own.map((image) => mapOf(image)));
  for (const mode of MODES) {
    const row: string[] = [];
    for (const count of STROKES) {
      const found: number[][] = [];
      const told: number[] = [];
      const beside: number[][] = [];
      for (let seed = 1; seed <= seeds; seed++) {
        const strokes = draw(own, maps, count, mode, randomStream(1000 * count + seed));
        const { correction, after, before } = await taughtBy(own, strokes, seed);
        found.push(score(correction));
        if (after) told.push(mean(after.right) - mean(before.right));
        if (python) beside.push(await byForest(own, judged, strokes, seed));
      }
      const peer = beside.length > 0 ? ` (forest ${both(beside)})` : '';
      row.push(`${count}: ${both(found)}${peer}`);
    }
    console.log(`  ${mode.padEnd(16)} ${row.join('   ')}`);
  }
  const asked: number[][] = [];
  const anywhere: number[][] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const random = randomStream(7000 + seed);
    let strokes = draw(own, maps, ASKED_AT_ONCE, 'anywhere', random);
    while (strokes.length < ASKED_FOR) {
      const { next } = await taughtBy(own, strokes, seed);
      const drawn = next.flatMap(({ scene, x, y }) => strokeAt(own, scene, x, y, strokes.length, random) ?? []);
      if (drawn.length === 0) break;
      strokes = [...strokes, ...drawn.map((stroke, i) => ({ ...stroke, index: strokes.length + i }))];
    }
    asked.push(score((await taughtBy(own, strokes, seed)).correction));
    const plain = draw(own, maps, ASKED_FOR, 'anywhere', randomStream(7000 + seed));
    anywhere.push(score((await taughtBy(own, plain, seed)).correction));
  }
  console.log(`  where it asks    ${ASKED_FOR}: ${both(asked)}, anywhere ${both(anywhere)}`);
}

interface Stroke extends PlacedLabel {
  scene: number;
}

async function taughtBy(images: readonly Labelled[], strokes: readonly Stroke[], seed: number) {
  const scenes = images.map((image, scene) => ({ ...image, labels: strokes.filter((each) => each.scene === scene) }));
  const read = await readSamples(network, teachable, scenes, { seed });
  const fitted = fitCorrection(read, teachable.layers, network.classes.length, network.classes.length);
  return { ...fitted, next: placesToPaint(read, fitted.doubt).slice(0, ASKED_AT_ONCE) };
}

interface Judged {
  samples: Samples;
  codes: Uint8Array;
}

async function judgedPixels(images: readonly Labelled[]): Promise<Judged> {
  const scenes = images.map((image) => ({ ...image, labels: [] }));
  const { anchors: samples } = await readSamples(network, teachable, scenes, { seed: 99, anchorCount: JUDGED });
  return { samples, codes: Uint8Array.from(samples.places, (at) => codeAt(images, at)) };
}

function codeAt(images: readonly Labelled[], { scene, x, y }: Place): number {
  const { truth, grid } = images[scene]!;
  return truth[y * grid.width + x]!;
}

function correctedClasses({ places, features, logits }: Samples, correction: Correction | null): Uint8Array {
  const channels = features.length / places.length;
  return Uint8Array.from(places, (_, i) => {
    const z = Float64Array.from(logits.subarray(i * CLASSES, (i + 1) * CLASSES));
    if (correction) {
      for (let c = 0; c < CLASSES; c++) z[c]! += correction.bias[c]!;
      let from = i * channels;
      for (const [l, { channels: own }] of correction.layers.entries()) {
        const weights = correction.weights[l]!;
        for (let c = 0; c < CLASSES; c++) {
          for (let f = 0; f < own; f++) z[c]! += weights[c * own + f]! * features[from + f]!;
        }
        from += own;
      }
    }
    return z.indexOf(Math.max(...z));
  });
}

/** Mean of the classes that are labelled. */
function iou({ codes }: Judged, told: Uint8Array): number {
  const ious: number[] = [];
  for (let c = 0; c < CLASSES; c++) {
    let [both, either, positive] = [0, 0, 0];
    for (const [i, code] of codes.entries()) {
      const allowed = ALLOWED.get(code);
      if (!allowed) continue;
      const is = code === c;
      const isNot = !allowed.includes(c);
      positive += Number(is);
      both += Number(is && told[i] === c);
      either += Number(is || (isNot && told[i] === c));
    }
    if (positive > 0) ious.push(both / either);
  }
  return mean(ious);
}

/** The map of an image by the network as it is, by the pixels that samples are drawn from. */
async function mapOf(image: Labelled): Promise<Uint8Array> {
  const session = await openNetwork(network);
  const { grid, fill } = image;
  const classes = new Uint8Array(grid.width * grid.height);
  let y = 0;
  const raster = await image.open();
  for await (const band of inferBands(session, network, { raster, grid, plan: planChips(grid, network, 512), fill })) {
    classes.set(band.classes, y * grid.width);
    y += band.rows;
  }
  await session.close();
  return classes;
}

function draw(
  images: readonly Labelled[],
  maps: readonly Uint8Array[],
  count: number,
  mode: (typeof MODES)[number],
  random: Random,
): Stroke[] {
  const codes = [...new Set(images.flatMap(({ truth }) => [...new Set(truth)]))]
    .filter((code) => ALLOWED.has(code))
    .sort();
  const area = images.reduce((sum, { truth }) => sum + truth.length, 0);
  const strokes: Stroke[] = [];
  for (let tries = 0; strokes.length < count && tries < 200_000; tries++) {
    let at = Math.floor(random.next() * area);
    let scene = 0;
    for (; at >= images[scene]!.truth.length; scene++) at -= images[scene]!.truth.length;
    const { truth, grid } = images[scene]!;
    const allowed = ALLOWED.get(truth[at]!);
    if (!allowed) continue;
    if (mode === 'on errors' && allowed.includes(maps[scene]![at]!)) continue;
    if (mode === 'classes in turn' && truth[at] !== codes[strokes.length % codes.length]) continue;
    strokes.push(strokeAt(images, scene, at % grid.width, Math.floor(at / grid.width), strokes.length, random)!);
  }
  return strokes;
}

/** A stroke of 8 to 40 pixels through a place, as far as its class reaches. */
function strokeAt(
  images: readonly Labelled[],
  scene: number,
  x: number,
  y: number,
  index: number,
  random: Random,
): Stroke | null {
  const { truth, grid } = images[scene]!;
  const code = truth[y * grid.width + x]!;
  const allowed = ALLOWED.get(code);
  if (!allowed) return null;
  const [length, angle] = [random.between(8, 40), random.between(0, Math.PI)];
  const end = (way: number): [number, number] => {
    let last: [number, number] = [x, y];
    for (let t = 1; t < length / 2; t++) {
      const [u, v] = [Math.round(x + way * t * Math.cos(angle)), Math.round(y + way * t * Math.sin(angle))];
      if (u < 0 || v < 0 || u >= grid.width || v >= grid.height || truth[v * grid.width + u] !== code) break;
      last = [u, v];
    }
    return last;
  };
  const points = Float64Array.from([end(-1), end(1)].flat(), (each) => each + 0.5);
  return { scene, index, allowed, shape: { kind: 'line', points, halfWidth: 1 } };
}

/** The same strokes, learnt by a random forest. */
async function byForest(
  images: readonly Labelled[],
  halves: readonly Judged[],
  strokes: readonly Stroke[],
  seed: number,
): Promise<number[]> {
  const files: object[] = [];
  for (const [i, { grid, open, fill }] of images.entries()) {
    const { pixels } = await readModelWindow(await open(), grid, fill, {
      x: 0,
      y: 0,
      width: grid.width,
      height: grid.height,
    });
    const path = join(scratch, `${i}.rgb`);
    writeFileSync(path, pixels);
    files.push({ path, width: grid.width, height: grid.height });
  }
  // What says what a place is not is another class to a forest.
  const labelled = strokes.flatMap((stroke) =>
    unitsOf(stroke, images[stroke.scene]!.grid).flatMap(({ pixels }) =>
      Array.from({ length: pixels.length / 2 }, (_, i) => {
        const code = stroke.allowed.length === 1 ? stroke.allowed[0] : 0;
        return [stroke.scene, pixels[2 * i], pixels[2 * i + 1], code];
      }),
    ),
  );
  const [half] = halves;
  const asked = half!.samples.places.map(({ scene, x, y }) => [scene, x, y]);
  const job = join(scratch, 'job.json');
  writeFileSync(job, JSON.stringify({ files, labelled, asked, seed }));
  const told = Uint8Array.from(JSON.parse(run(python!, [forest, job])) as number[]);
  return [iou(half!, told)];
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / Math.max(1, values.length);
}

function two(value: number): string {
  return value.toFixed(3);
}

function both(rows: readonly (readonly number[])[]): string {
  return rows[0]!.map((_, i) => two(mean(rows.map((row) => row[i]!)))).join(' / ');
}
