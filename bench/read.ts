/**
 * Reading GeoTIFFs whole, by rows of blocks: ours beside rasterio (GDAL) with one thread and with two, and geotiff.js,
 * on the same generated files. One thread is compared by CPU time, which includes what libraries do beside; two by
 * wall time. Best of some runs. Run: node bench/read.ts [--size=8192] [--only=NAME]
 */
import { execFileSync, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromFile } from 'geotiff';
import { openSamples } from '../tiler/geotiff/raster.ts';
import { pythonWith } from './python.ts';

const REQUIREMENTS = ['numpy==2.4.6', 'rasterio==1.4.4'];
const RUNS = 3;
const ROWS = 512;
/** geotiff.js reads a part of this height. */
const PART_ROWS = 1024;

const FILES: Record<string, Record<string, string | number>> = {
  none: {},
  'none-planar': { interleave: 'band' },
  deflate: { compress: 'deflate' },
  'deflate-predictor': { compress: 'deflate', predictor: 2 },
  lzw: { compress: 'lzw' },
  'lzw-predictor': { compress: 'lzw', predictor: 2 },
  jpeg: { compress: 'jpeg', photometric: 'ycbcr', jpeg_quality: 85 },
  zstd: { compress: 'zstd' },
  'zstd-predictor': { compress: 'zstd', predictor: 2 },
  'uint16x4-deflate': { compress: 'deflate', dtype: 'uint16', count: 4 },
  'uint16x4-deflate-predictor': { compress: 'deflate', predictor: 2, dtype: 'uint16', count: 4 },
};

const GENERATE = `
import json, sys, numpy, rasterio
path, size, options = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
profile = dict(driver='GTiff', width=size, height=size, count=3, dtype='uint8', tiled=True, blockxsize=512, blockysize=512,
               interleave='pixel', crs='EPSG:32640', transform=rasterio.Affine(0.5, 0, 326000, 0, -0.5, 2784000),
               bigtiff='if_safer', num_threads='all_cpus')
profile.update(options)
random = numpy.random.default_rng(7)
wide = profile['dtype'] == 'uint16'
with rasterio.open(path, 'w', **profile) as d:
    x = numpy.arange(size)[None, :]
    for top in range(0, size, 512):
        y = numpy.arange(top, min(size, top + 512))[:, None]
        grain = random.normal(0, 3, (len(y), size))
        roofs = 40 * ((x // 37) % 5 == 0) * ((y // 29) % 4 == 0)
        bands = [120 + 60 * numpy.sin(x / 61 + b) * numpy.cos(y / 83 - b) + roofs + grain for b in range(profile['count'])]
        stack = numpy.clip(numpy.stack(bands), 0, 255)
        d.write((stack * 200 if wide else stack).astype(profile['dtype']), window=rasterio.windows.Window(0, top, size, len(y)))
`;

const READ = `
import json, sys, time, rasterio
path, rows, runs, threads = sys.argv[1], *map(int, sys.argv[2:5])
best = None
for _ in range(runs):
    cpu, wall = time.process_time(), time.perf_counter()
    with rasterio.open(path, num_threads=threads) as d:
        for top in range(0, d.height, rows):
            d.read(window=rasterio.windows.Window(0, top, d.width, min(rows, d.height - top)))
    figures = {'cpu': time.process_time() - cpu, 'wall': time.perf_counter() - wall}
    best = figures if best is None else {key: min(best[key], figures[key]) for key in best}
print(json.dumps(best))
`;

interface Figures {
  cpu: number;
  wall: number;
}

if (process.argv[2] === '--read') await readAsChild(process.argv[3], process.argv[4]);
else await compare();

async function compare(): Promise<void> {
  const flag = (name: string) => process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1];
  const size = Number(flag('size') ?? 8192);
  const only = flag('only');
  const python = pythonWith('read', REQUIREMENTS);
  const folder = mkdtempSync(join(tmpdir(), 'planimeter-read-'));
  const header = ['', 'Mpx/CPU s', "GDAL's", 'ratio', '2 threads', "GDAL's", 'ratio', 'geotiff.js', 'times'];
  console.log(header.map((text, i) => (i === 0 ? text.padEnd(28) : text.padStart(11))).join(''));
  try {
    for (const [name, options] of Object.entries(FILES)) {
      if (only && only !== name) continue;
      const path = join(folder, `${name}.tif`);
      execFileSync(python, ['-c', GENERATE, path, String(size), JSON.stringify(options)]);
      const gdal = (threads: number): Figures =>
        JSON.parse(String(execFileSync(python, ['-c', READ, path, String(ROWS), String(RUNS), String(threads)])));
      const [one, gdalOne] = [await inChild('ours', path, 1), gdal(1)];
      const [two, gdalTwo] = [await inChild('ours', path, 2), gdal(2)];
      const theirs = await inChild('geotiff.js', path, 1);
      const speed = (seconds: number, rows = size) => (size * rows) / 1e6 / seconds;
      const [ours, geotiff] = [speed(one.wall), speed(theirs.wall, Math.min(size, PART_ROWS))];
      const cells = [
        ...[speed(one.cpu).toFixed(0), speed(gdalOne.cpu).toFixed(0), (gdalOne.cpu / one.cpu).toFixed(2)],
        ...[speed(two.wall).toFixed(0), speed(gdalTwo.wall).toFixed(0), (gdalTwo.wall / two.wall).toFixed(2)],
        ...[geotiff.toFixed(1), (ours / geotiff).toFixed(1)],
      ];
      console.log(name.padEnd(28) + cells.map((cell) => cell.padStart(11)).join(''));
      rmSync(path);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A process of its own, with that many threads for decompression. */
function inChild(reader: string, path: string, threads: number): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, UV_THREADPOOL_SIZE: String(threads), VIPS_CONCURRENCY: '1' };
    const child = fork(fileURLToPath(import.meta.url), ['--read', reader, path], { env });
    child.once('message', (message) => resolve(message as Figures));
    child.once('exit', (code) => reject(new Error(`the reader ended with ${code}`)));
  });
}

async function readAsChild(reader: string, path: string): Promise<void> {
  const best: Figures = { cpu: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY };
  for (let run = 0; run < (reader === 'ours' ? RUNS : 1); run++) {
    const started = performance.now();
    const before = process.cpuUsage();
    await (reader === 'ours' ? readWhole(path) : readPart(path));
    const { user, system } = process.cpuUsage(before);
    best.cpu = Math.min(best.cpu, (user + system) / 1e6);
    best.wall = Math.min(best.wall, (performance.now() - started) / 1000);
  }
  process.send!(best);
}

async function readWhole(path: string): Promise<void> {
  const raster = await openSamples(path);
  for (let y = 0; y < raster.height; y += ROWS) {
    await raster.read(0, { x: 0, y, width: raster.width, height: Math.min(ROWS, raster.height - y) });
  }
  await raster.close();
}

async function readPart(path: string): Promise<void> {
  const tiff = await fromFile(path);
  const image = await tiff.getImage();
  await image.readRasters({
    window: [0, 0, image.getWidth(), Math.min(image.getHeight(), PART_ROWS)],
    interleave: true,
  });
  tiff.close();
}
