/**
 * Polygons of class maps: ours against GDAL's polygonize (rasterio.features.shapes), the same maps in one go, both into
 * memory, one thread each, the best of some runs by CPU time (all threads: the garbage collector's count too). Ours
 * also sums scores, and has every ring in typed arrays. Beside it the whole way with sieve and simplification, and the peak memory
 * of a process that reads the map band by band. Run: node bench/vectorize.ts [--large]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ClassMap, noiseMap, smoothMap, urbanMap } from '../test/support/generated/generated-maps.ts';
import type { ClassBand } from '../vectorizer/region.ts';
import { vectorize } from '../vectorizer/vectorize.ts';
import { pythonWith } from './python.ts';

const REQUIREMENTS = ['numpy==2.4.6', 'rasterio==1.4.4'];
const BAND_ROWS = 512;
const SIEVE_PIXELS = 16;
const TOLERANCE_PIXELS = 1;

const SHAPES = `
import sys, json, time, numpy
from rasterio.features import shapes
path, width, height, runs = sys.argv[1], *map(int, sys.argv[2:5])
classes = numpy.fromfile(path, numpy.uint8).reshape(height, width)
best = None
for _ in range(runs):
    cpu, wall = time.process_time(), time.perf_counter()
    polygons = sum(1 for _ in shapes(classes, connectivity=4))
    figures = {'seconds': time.process_time() - cpu, 'wall': time.perf_counter() - wall, 'polygons': polygons}
    if best is None or figures['seconds'] < best['seconds']: best = figures
print(json.dumps(best))
`;

interface Figures {
  seconds: number;
  wall: number;
  polygons: number;
  vertices: number;
  peakBytes: number;
}

interface Measurement {
  path: string;
  width: number;
  height: number;
  runs: number;
  simplified: boolean;
  /** Reads the map band by band, so that it does not count as memory of ours. */
  streamed: boolean;
}

const measurement = process.argv.find((argument) => argument.startsWith('--measure='));
if (measurement) console.log(JSON.stringify(await measure(JSON.parse(measurement.slice('--measure='.length)))));
else compare(process.argv.includes('--large'));

function compare(large: boolean): void {
  const maps: [string, number, (width: number, height: number) => ClassMap][] = [
    ['smooth', 4096, (width, height) => smoothMap(1, width, height, 6, { scale: 80 })],
    ['urban', 4096, (width, height) => urbanMap(1, width, height)],
    ['noise', 2048, (width, height) => noiseMap(1, width, height, 6)],
  ];
  if (large) maps.push(['smooth', 16384, maps[0][2]], ['urban', 16384, maps[1][2]]);
  const python = pythonWith('shapes', REQUIREMENTS);
  const folder = mkdtempSync(join(tmpdir(), 'planimeter-vectorize-'));
  const path = join(folder, 'classes');
  const columns = ['', 'polygons', 'vertices', 'Mpx/s', "GDAL's", 'ratio', 'wall', 'peak MB', 'simplified', 'peak MB'];
  console.log(columns.map((column, i) => (i === 0 ? column.padEnd(16) : column.padStart(11))).join(''));
  for (const [name, size, draw] of maps) {
    writeFileSync(path, draw(size, size).classes);
    const runs = size > 4096 ? 1 : name === 'noise' ? 2 : 15;
    const map = { path, width: size, height: size, runs };
    const theirs = shapes(python, map);
    const exact = inChild({ ...map, simplified: false, streamed: false });
    const exactPeak = inChild({ ...map, runs: 1, simplified: false, streamed: true }).peakBytes;
    const simplified = inChild({ ...map, runs: Math.min(runs, 2), simplified: true, streamed: false });
    const simplifiedPeak = inChild({ ...map, runs: 1, simplified: true, streamed: true }).peakBytes;
    if (theirs.polygons !== exact.polygons) {
      throw new Error(`${name} ${size}: expected ${theirs.polygons} polygons, got ${exact.polygons}`);
    }
    const speed = ({ seconds }: { seconds: number }): number => (size * size) / 1e6 / seconds;
    const cells = [
      ...[exact.polygons, exact.vertices, speed(exact).toFixed(1)],
      ...[speed(theirs).toFixed(2), (theirs.seconds / exact.seconds).toFixed(1)],
      ...[`${exact.wall.toFixed(2)} s`, (exactPeak / 1e6).toFixed(0)],
      ...[speed(simplified).toFixed(1), (simplifiedPeak / 1e6).toFixed(0)],
    ];
    console.log(`${name} ${size}²`.padEnd(16) + cells.map((cell) => String(cell).padStart(11)).join(''));
  }
  rmSync(folder, { recursive: true });
}

function shapes(python: string, { path, width, height, runs }: Omit<Measurement, 'simplified' | 'streamed'>) {
  const result = spawnSync(python, ['-c', SHAPES, path, String(width), String(height), String(runs)]);
  if (result.status !== 0) throw new Error(String(result.stderr));
  return JSON.parse(String(result.stdout)) as Pick<Figures, 'seconds' | 'wall' | 'polygons'>;
}

function inChild(measurement: Measurement): Figures {
  const script = fileURLToPath(import.meta.url);
  const flags = ['--max-old-space-size=8192', script, `--measure=${JSON.stringify(measurement)}`];
  const result = spawnSync(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (result.status !== 0) throw new Error(`the measurement ended with ${result.status ?? result.signal}`);
  return JSON.parse(String(result.stdout));
}

async function measure(measurement: Measurement): Promise<Figures> {
  const { path, width, height, runs, simplified, streamed } = measurement;
  const whole = streamed ? null : readFileSync(path);
  const file = streamed ? openSync(path, 'r') : 0;
  const buffer = new Uint8Array(streamed ? BAND_ROWS * width : 0);
  const scores = new Uint8Array(BAND_ROWS * width).fill(200);
  function* bands(): Generator<ClassBand> {
    for (let y = 0; y < height; y += BAND_ROWS) {
      const rows = Math.min(BAND_ROWS, height - y);
      const classes = whole ? whole.subarray(y * width, (y + rows) * width) : buffer.subarray(0, rows * width);
      if (!whole) readSync(file, classes, 0, rows * width, y * width);
      yield { rows, classes, scores: scores.subarray(0, rows * width) };
    }
  }
  const options = {
    ...{ width, height, pixelAreaM2: 1, nodata: 255 },
    minAreaM2: simplified ? SIEVE_PIXELS : 0,
    tolerancePixels: simplified ? TOLERANCE_PIXELS : 0,
  };
  let best: Figures | null = null;
  for (let run = 0; run < runs; run++) {
    const started = performance.now();
    const before = process.cpuUsage();
    let drawn = 0;
    const result = await vectorize(bands(), options);
    const { regions, offsets, order } = result.polygons;
    for (const ring of order) drawn += offsets[ring + 1] - offsets[ring];
    if (drawn !== result.report.vertices) throw new Error(`expected ${result.report.vertices} vertices, got ${drawn}`);
    const used = process.cpuUsage(before);
    const seconds = (used.user + used.system) / 1e6;
    const wall = (performance.now() - started) / 1000;
    if (!best || seconds < best.seconds) {
      best = { seconds, wall, polygons: regions.count, vertices: drawn, peakBytes: 0 };
    }
  }
  return { ...best!, peakBytes: peakBytes() };
}

/** Linux lets a child's maxRSS begin at its parent's, but not its high-water mark. */
function peakBytes(): number {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  const mark = /VmHWM:\s*(\d+) kB/.exec(status);
  return 1024 * (mark ? Number(mark[1]) : process.resourceUsage().maxRSS);
}
