/**
 * Shapes of land use: sharp angles, spikes, vertices and distances of simplified borders, ours beside GEOS's coverage
 * simplification (shapely, PyPI) at the same tolerance, on the class maps of generated towns and on those of a folder.
 * Angles are counted at every vertex of every ring, but on the map's edge; a spike is one of under 45° whose edges are
 * both longer than 2 pixels. Run: node bench/shapes.ts [FOLDER of class maps, *.tif]
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeTown } from '../synthetic/town/town.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { wholeOf } from '../tiler/geotiff/window.ts';
import { trimCombs } from '../vectorizer/trace/trim-combs.ts';
import { vectorize } from '../vectorizer/vectorize.ts';
import { pythonWith, run } from './python.ts';

const REQUIREMENTS = ['numpy==2.4.6', 'shapely==2.2.0'];
const TOLERANCE_PIXELS = 1;
const MIN_AREA_PIXELS = 20;
const NODATA = 255;
const SEEDS = [1, 2, 3, 4, 7, 42];
const SPIKE_PIXELS = 2;

type Rings = readonly (readonly number[] | Float64Array)[];

interface ClassMap {
  name: string;
  width: number;
  height: number;
  classes: Uint8Array;
}

const python = pythonWith('coverage', REQUIREMENTS);
const peer = fileURLToPath(new URL('shapes/peer.py', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'planimeter-shapes-'));
try {
  console.log('map               by      < 20°  < 30°  < 45°  spikes (per 1,000)  vertices a 1,000 px   CPU s');
  for (const map of await mapsOf(process.argv[2])) await compare(map);
} finally {
  rmSync(folder, { recursive: true });
}

async function mapsOf(given: string | undefined): Promise<ClassMap[]> {
  const read = async (name: string, path: string): Promise<ClassMap> => {
    const raster = await openRaster(path);
    const { width, height } = raster;
    const { pixels } = await raster.read(0, wholeOf(raster));
    await raster.close();
    return { name, width, height, classes: pixels };
  };
  const maps: ClassMap[] = [];
  for (const seed of SEEDS) {
    const { truth } = await writeTown(join(folder, `town-${seed}`), { seed, width: 1024, height: 1024, gsdMetres: 1 });
    maps.push(await read(`town ${seed}`, truth));
  }
  for (const file of given ? readdirSync(given).filter((name) => name.endsWith('.tif')) : []) {
    maps.push(await read(basename(file, '.tif'), join(given!, file)));
  }
  return maps;
}

async function compare(map: ClassMap): Promise<void> {
  const { width, height } = map;
  const begun = process.cpuUsage();
  const ours = await draw(map, TOLERANCE_PIXELS);
  const { user, system } = process.cpuUsage(begun);
  report(map, 'ours', ours, (user + system) / 1e6);

  const exact = join(folder, 'exact');
  writeFileSync(exact, (await draw(map, 0)).map((rings) => `${JSON.stringify(rings.map(pairs))}\n`).join(''));
  const lines = run(python, [peer, exact, String(TOLERANCE_PIXELS)])
    .trim()
    .split('\n');
  const seconds = Number(lines.pop());
  report(
    { width, height, name: '' },
    'GEOS',
    lines.map((line) => (JSON.parse(line) as number[][][]).map((ring) => ring.flat())),
    seconds,
  );
}

/** As a strip is drawn: combs trimmed, small areas given to their neighbours. */
async function draw({ width, height, classes }: ClassMap, tolerancePixels: number): Promise<Float64Array[][]> {
  const trimmed = trimCombs(classes, width, NODATA);
  const { regions } = await vectorize([{ rows: height, classes: trimmed, scores: new Uint8Array(trimmed.length) }], {
    ...{
      width,
      height,
      pixelAreaM2: 1,
      minAreaM2: MIN_AREA_PIXELS,
      minWidthPixels: 1,
      tolerancePixels,
      nodata: NODATA,
    },
  });
  return Array.from(regions, ({ rings }) => rings);
}

function pairs(ring: Float64Array): number[][] {
  return Array.from({ length: ring.length / 2 }, (_, i) => [ring[2 * i], ring[2 * i + 1]]);
}

function report(
  { name, width, height }: Omit<ClassMap, 'classes'>,
  by: string,
  polygons: readonly Rings[],
  seconds: number,
): void {
  const counts = { 20: 0, 30: 0, 45: 0 };
  let [vertices, spikes, length] = [0, 0, 0];
  for (const ring of polygons.flat()) {
    const count = ring.length / 2 - 1;
    for (let i = 0; i < count; i++) {
      const [before, after] = [(i + count - 1) % count, i + 1];
      const [x, y] = [ring[2 * i], ring[2 * i + 1]];
      const a = [ring[2 * before] - x, ring[2 * before + 1] - y];
      const b = [ring[2 * after] - x, ring[2 * after + 1] - y];
      const [toBefore, toAfter] = [Math.hypot(a[0], a[1]), Math.hypot(b[0], b[1])];
      length += toAfter;
      if (x <= 0 || y <= 0 || x >= width || y >= height) continue;
      vertices++;
      const cosine = (a[0] * b[0] + a[1] * b[1]) / (toBefore * toAfter);
      const degrees = (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
      for (const limit of [20, 30, 45] as const) if (degrees < limit) counts[limit]++;
      if (degrees < 45 && Math.min(toBefore, toAfter) > SPIKE_PIXELS) spikes++;
    }
  }
  const share = (count: number, digits: number) => ((1000 * count) / vertices).toFixed(1).padStart(digits);
  console.log(
    `${name.padEnd(17)} ${by.padEnd(5)} ${share(counts[20], 7)}${share(counts[30], 7)}${share(counts[45], 7)}${share(spikes, 8)}` +
      `${((1000 * vertices) / length).toFixed(0).padStart(33)}${seconds.toFixed(2).padStart(8)}`,
  );
}
