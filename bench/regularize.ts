/**
 * Building outlines: ours against buildingregulariser (PyPI) on masks of labelled imagery in ../shared/data: the labels as
 * they are, labels made worse as networks make them, and the shipped network's answers. The same polygons go into both,
 * the un-degraded label is the reference, one thread each. Run: node bench/regularize.ts [FOLDER to keep files in]
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNetwork } from '../models/registry.ts';
import { openNetwork } from '../models/runtime/session.ts';
import { type Building, regularizeBuildings } from '../vectorizer/buildings/regularize.ts';
import { vectorize } from '../vectorizer/vectorize.ts';
import { pythonWith, run } from './python.ts';

const REQUIREMENTS = [
  ...['numpy==2.4.6', 'rasterio==1.4.4', 'shapely==2.2.0', 'geopandas==1.2.0', 'buildingregulariser==0.2.5'],
];
const MIN_AREA_M2 = 12;
/** Of the tolerance in pixels and in metres the larger one holds. */
const TOLERANCE = { pixels: 1.25, metres: 0.5 };
const MIN_IOU = 0.85;

interface Mask {
  name: string;
  kind: 'label' | 'degraded' | 'network';
  width: number;
  height: number;
  metres: number;
}

interface Figures {
  buildings: number;
  matched: number;
  iou: number;
  polis: number;
  turn: number;
  turn_median: number;
  vertices: number;
  invalid: number;
  overlaps: number;
  seconds: number;
}

const data = fileURLToPath(new URL('../../shared/data', import.meta.url));
if (!existsSync(data)) {
  console.log('SKIPPED: ../shared/data is not here');
  process.exit(0);
}
const python = pythonWith('regularize', REQUIREMENTS);
const script = (name: string) => fileURLToPath(new URL(`regularize/${name}`, import.meta.url));
const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'planimeter-regularize-'));
run(python, [script('masks.py'), data, folder]);
const masks: Mask[] = JSON.parse(readFileSync(join(folder, 'masks.json'), 'utf8'));

const session = await openNetwork(await findNetwork('landuse-unet'), { threads: 1 });
const buildings: Building[][] = [];
for (const mask of masks) {
  const file = join(folder, `${mask.name}.${mask.kind}`);
  let classes = new Uint8Array(readFileSync(`${file}.mask`));
  if (mask.kind === 'network') {
    const answer = await session.infer(new Uint8Array(readFileSync(`${file}.image`)), mask.width, mask.height);
    classes = answer.classes.map((code) => (code === 1 ? 1 : 0));
  }
  buildings.push(await buildingsOf(mask, classes));
}
await session.close();

regularizeAll(); // once to be compiled, as any server is after its first scenes
const seconds: Record<string, number> = {};
const results = regularizeAll(seconds);
writeFileSync(join(folder, 'raw.json'), JSON.stringify(buildings.map((list) => list.map(({ rings }) => plain(rings)))));
const plainResults = results.map((list) => list.map((building) => ({ ...building, rings: plain(building.rings) })));
writeFileSync(join(folder, 'ours.json'), JSON.stringify({ results: plainResults }));
const figures: Record<string, Record<string, Figures>> = JSON.parse(run(python, [script('compare.py'), folder]));
for (const [kind, columns] of Object.entries(figures)) printTable(kind, columns);
if (!process.argv[2]) rmSync(folder, { recursive: true });

/** The rings of all building regions, exact. */
async function buildingsOf({ width, height, metres }: Mask, classes: Uint8Array): Promise<Building[]> {
  const scores = new Uint8Array(classes.length).fill(255);
  const { regions } = await vectorize([{ rows: height, classes, scores }], {
    ...{ width, height, tolerancePixels: 0, nodata: 255 },
    ...{ pixelAreaM2: metres ** 2, minAreaM2: MIN_AREA_M2 },
  });
  return [...regions].filter((region) => region.class === 1).map(({ rings }) => ({ rings }));
}

function regularizeAll(seconds: Record<string, number> = {}) {
  return masks.map(({ kind, metres }, i) => {
    const before = process.cpuUsage();
    const result = regularizeBuildings(buildings[i], {
      ...{ pixelMetresX: metres, pixelMetresY: metres, minIou: MIN_IOU },
      toleranceMetres: Math.max(TOLERANCE.pixels * metres, TOLERANCE.metres),
    });
    const used = process.cpuUsage(before);
    seconds[kind] = (seconds[kind] ?? 0) + (used.user + used.system) / 1e6;
    return result;
  });
}

function plain(rings: Float64Array[]): number[][] {
  return rings.map((ring) => [...ring]);
}

function printTable(kind: string, columns: Record<string, Figures>): void {
  const made = masks.flatMap((mask, i) => (mask.kind === kind ? results[i] : []));
  const share = made.filter(({ regularized }) => regularized).length / made.length;
  const kinds = ['rectilinear', 'diagonal', 'circle', 'simplified'];
  const counts = kinds.map((name) => `${name} ${made.filter((building) => building.kind === name).length}`).join(', ');
  columns.ours.seconds = seconds[kind];
  const rows: [string, (f: Figures) => number, number][] = [
    ['IoU with the reference', (f) => f.iou, 4],
    ['PoLiS distance, m', (f) => f.polis, 3],
    ['rotation error, mean °', (f) => f.turn, 2],
    ['rotation error, median °', (f) => f.turn_median, 2],
    ['vertices per building', (f) => f.vertices, 1],
    ['buildings per CPU second', (f) => f.buildings / f.seconds, 0],
    ['invalid polygons', (f) => f.invalid, 0],
    ['overlaps of neighbours', (f) => f.overlaps, 0],
    ['polygons matched', (f) => f.matched, 0],
  ];
  console.log(`\n${kind}: ${made.length} buildings; ${(100 * share).toFixed(1)} % regularized (${counts})`);
  const head = ['', 'ours', 'theirs', 'ratio', 'theirs, tuned', 'ratio', 'raw'];
  console.log(head.map((text, i) => (i === 0 ? text.padEnd(26) : text.padStart(14))).join(''));
  for (const [name, figure, digits] of rows) {
    const [ours, theirs, tuned, raw] = [columns.ours, columns.theirs, columns['theirs tuned'], columns.raw].map(figure);
    const cells = [
      ...[ours.toFixed(digits), theirs.toFixed(digits), (ours / theirs).toFixed(3)],
      ...[tuned.toFixed(digits), (ours / tuned).toFixed(3), raw.toFixed(digits)],
    ];
    console.log(name.padEnd(26) + cells.map((text) => text.padStart(14)).join(''));
  }
}
