/**
 * Road networks: ours against scikit-image's skeletonize + sknw (PyPI), as they come and with spurs under 8 m removed, on
 * the same masks: generated towns, whose true network is known (the exact class map; one made worse by rough borders,
 * specks and tree crowns; the shipped network's answer), and road labels of ../shared/data. Times are of the processor, all threads
 * together. A false face is one that no face of the true network is like (IoU 0.5); a small one has less than 200 m².
 * Run: node bench/roads.ts [FOLDER to keep the towns in]
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNetwork } from '../models/registry.ts';
import { openNetwork } from '../models/runtime/session.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { apls, type Graph } from '../vectorizer/roads/apls.ts';
import { roadNetwork } from '../vectorizer/roads/network.ts';
import { createRoadSurface } from '../vectorizer/roads/surface.ts';
import { pythonWith, run } from './python.ts';
import { degrade } from './roads/degrade.ts';
import { type TrueNetwork, trueNetwork } from './roads/true-network.ts';

const REQUIREMENTS = [
  'numpy==2.4.6',
  'scikit-image==0.26.0',
  'networkx==3.6.1',
  'sknw==0.15',
  'pillow==13.0.0',
  'shapely==2.2.0',
];
const CODES = { road: 2, blocked: [1, 4] };
const SIZE = 1536;
const SPUR_METRES = 8;

interface Mask {
  name: string;
  width: number;
  height: number;
  metres: number;
  classes: Uint8Array;
  scores: Uint8Array;
  truth: TrueNetwork | null;
}

const python = pythonWith('roads', REQUIREMENTS);
const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'planimeter-roads-'));
console.log(
  'mask                      by               APLS  length m  error %  width m  false/10 km  missed faces  small  parts  dead ends %  nodes  of 5+  CPU s   Mpx/s',
);
for await (const mask of masks()) {
  report(mask, 'ours', () => ours(mask));
  const skeleton = skeletonGraph(mask);
  report(mask, 'skeleton+sknw', () => skeleton);
  report(mask, 'the same, pruned', () => ({ ...prune(skeleton, mask.metres), seconds: skeleton.seconds }));
}
if (!process.argv[2]) rmSync(folder, { recursive: true });

async function* masks(): AsyncGenerator<Mask> {
  const network = await openNetwork(await findNetwork('landuse-unet'), { threads: 1 });
  for (const seed of [7, 11, 12]) {
    const town = join(folder, `town-${seed}`);
    if (!existsSync(town)) await writeTown(town, { seed, width: SIZE, height: SIZE });
    const raster = await openRaster(join(town, 'truth.tif'));
    const { pixels: classes } = await raster.read(0, { x: 0, y: 0, width: SIZE, height: SIZE });
    const truth = trueNetwork(join(town, 'roads.geojson'), raster.geotransform, SIZE, SIZE);
    await raster.close();
    const base = { width: SIZE, height: SIZE, metres: 0.5, scores: new Uint8Array(classes.length).fill(255), truth };
    console.log(`town ${seed}: true network of ${lengthMetres(truth, 0.5).toFixed(0)} m`);
    yield { ...base, name: `town ${seed} exact`, classes };
    for (const strength of [1, 2]) {
      yield {
        ...base,
        name: `town ${seed} degraded ${strength}`,
        classes: degrade(classes, SIZE, SIZE, strength, seed),
      };
    }
    const image = await openRaster(join(town, 'image.tif'));
    const { pixels } = await image.read(0, { x: 0, y: 0, width: SIZE, height: SIZE });
    await image.close();
    yield { ...base, name: `town ${seed} network`, ...(await network.infer(pixels, SIZE, SIZE)) };
  }
  await network.close();

  const data = fileURLToPath(new URL('../../shared/data', import.meta.url));
  if (!existsSync(data)) {
    console.log('SKIPPED: ../shared/data is not here');
    return;
  }
  for (const [name, file, metres] of [
    ['massachusetts label', 'massachusetts-roads-a/labels', 1],
    ['dubai 3-1 label', 'dubai-tile3/labels/part1.png', 1],
    ['dubai 8-1 label', 'dubai-tile8/labels/part1.png', 1],
  ] as const) {
    const script = `
import sys, glob, os, numpy as np
from PIL import Image
path = sys.argv[1]
path = path if os.path.isfile(path) else sorted(glob.glob(path + "/*.png"))[0]
label = np.asarray(Image.open(path))
label.astype(np.uint8).tofile(sys.argv[2])
print(label.shape[1], label.shape[0])`;
    const raw = join(folder, 'label.raw');
    const [width, height] = run(python, ['-c', script, join(data, file), raw])
      .trim()
      .split(' ')
      .map(Number);
    const classes = new Uint8Array(await (await import('node:fs/promises')).readFile(raw));
    yield { name, width, height, metres, classes, scores: new Uint8Array(classes.length).fill(255), truth: null };
  }
}

function ours(mask: Mask): Graph & { seconds: number } {
  const measure = () => {
    const start = process.cpuUsage();
    const surface = createRoadSurface(mask.width, mask.height, CODES);
    surface.addRows(mask.height, mask.classes, mask.scores);
    const network = roadNetwork(surface.finish(), { pixelMetres: mask.metres });
    const { user, system } = process.cpuUsage(start);
    return { ...network, seconds: (user + system) / 1e6 };
  };
  measure(); // sknw compiles itself before it is measured, so does this
  return measure();
}

function skeletonGraph(mask: Mask): Graph & { seconds: number } {
  const file = join(folder, 'mask.raw');
  writeFileSync(
    file,
    mask.classes.map((code) => (code === CODES.road ? 1 : 0)),
  );
  const script = fileURLToPath(new URL('roads/skeleton.py', import.meta.url));
  return JSON.parse(run(python, [script, `${mask.width}`, `${mask.height}`, file]));
}

/** Takes dead-end edges shorter than SPUR_METRES away, again and again, as users of skeletons do. */
function prune(graph: Graph, metres: number): Graph {
  let { edges } = graph;
  for (let before = -1; before !== edges.length; ) {
    before = edges.length;
    const degree = degrees(graph.nodes.length, edges);
    edges = edges.filter(
      (edge) =>
        Math.min(degree[edge.from], degree[edge.to]) > 1 ||
        lengthMetres({ ...graph, edges: [edge] }, metres) >= SPUR_METRES,
    );
  }
  return { nodes: graph.nodes, edges };
}

function report(mask: Mask, by: string, draw: () => Graph & { seconds: number }): void {
  const graph = draw();
  const length = lengthMetres(graph, mask.metres);
  const degree = degrees(graph.nodes.length, graph.edges).filter((count) => count > 0);
  const ends = degree.filter((count) => count === 1).length / Math.max(1, degree.length);
  const { small, ...faces } = facesOf(mask, graph);
  const falseFaces = mask.truth ? ((faces.false_faces * 1e4) / length).toFixed(1) : '-';
  const missed = mask.truth ? `${faces.missed} of ${faces.true_faces}` : '-';
  const widthError = mask.truth && faces.width_error !== null ? faces.width_error.toFixed(2) : '-';
  let [score, error] = ['-', '-'];
  if (mask.truth) {
    const truth = lengthMetres(mask.truth, mask.metres);
    score = apls(mask.truth, graph, { unitMetres: mask.metres, maxSources: 300 }).toFixed(3);
    error = ((100 * (length - truth)) / truth).toFixed(1);
  }
  const speed = (mask.width * mask.height) / 1e6 / graph.seconds;
  console.log(
    [
      mask.name.padEnd(25),
      by.padEnd(16),
      score.padStart(5),
      length.toFixed(0).padStart(9),
      error.padStart(8),
      widthError.padStart(8),
      falseFaces.padStart(12),
      missed.padStart(13),
      String(small).padStart(6),
      String(components(graph)).padStart(6),
      (100 * ends).toFixed(0).padStart(12),
      String(degree.length).padStart(6),
      String(degree.filter((count) => count >= 5).length).padStart(6),
      graph.seconds.toFixed(2).padStart(6),
      speed.toFixed(1).padStart(7),
    ].join(' '),
  );
}

/** What faces.py prints; all but `small` only where the truth is known. */
interface Faces {
  small: number;
  true_faces: number;
  missed: number;
  false_faces: number;
  width_error: number | null;
}

function facesOf({ metres, truth }: Mask, drawn: Graph): Faces {
  const edgesOf = ({ edges }: Graph) =>
    edges.map((edge) => ({
      line: Array.from({ length: edge.points.length / 2 }, (_, i) => [edge.points[2 * i], edge.points[2 * i + 1]]),
      width: (edge as { widthMetres?: number }).widthMetres ?? null,
    }));
  const task = join(folder, 'faces.json');
  writeFileSync(task, JSON.stringify({ metres, drawn: edgesOf(drawn), truth: truth && edgesOf(truth) }));
  return JSON.parse(run(python, [fileURLToPath(new URL('roads/faces.py', import.meta.url)), task]));
}

function lengthMetres({ edges }: Graph, metres: number): number {
  let length = 0;
  for (const { points } of edges) {
    for (let i = 2; i < points.length; i += 2) {
      length += Math.hypot(points[i] - points[i - 2], points[i + 1] - points[i - 1]);
    }
  }
  return length * metres;
}

function degrees(nodes: number, edges: Graph['edges']): number[] {
  const degree = new Array<number>(nodes).fill(0);
  for (const { from, to } of edges) {
    degree[from]++;
    degree[to]++;
  }
  return degree;
}

function components({ nodes, edges }: Graph): number {
  const parent = nodes.map((_, node) => node);
  const root = (node: number): number => {
    let at = node;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]];
    return at;
  };
  for (const { from, to } of edges) parent[root(from)] = root(to);
  return new Set(edges.map(({ from }) => root(from))).size;
}
