/**
 * Vector tiles of a scene of more than 100,000 features: bytes and time of every zoom, the whole way from the embedded
 * database to gzip. The scene is four towns of 8192² pixels beside each other. Run: node bench/vector-tiles.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobReport } from '../server/api/index.ts';
import { storeFeatures } from '../server/pipeline/store-features.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { beginStoring, publishJob } from '../server/store/tables/features.ts';
import { georeference } from '../server/store/tables/georeference.ts';
import { insertJob } from '../server/store/tables/jobs.ts';
import { insertScene } from '../server/store/tables/scenes.ts';
import { MAX_TILE_BYTES, packTile, tiledJob } from '../server/tiles/tile-of-job.ts';
import { firstZoom, mercatorX, mercatorY, nativeZoom } from '../server/tiles/web-mercator.ts';
import { vectorizeMap } from '../server/tracing/map-to-features.ts';
import { writeTown } from '../synthetic/town/town.ts';
import type { Geotransform } from '../tiler/crs/geotransform.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { createTiffWriter } from '../tiler/geotiff/write-tiff.ts';

const SIDE = Number(process.argv[2] ?? 8192);
const GSD_M = 0.5;
const EPSG = 32640;
const GEOTRANSFORM: Geotransform = [326_000, GSD_M, 0, 2_784_000, 0, -GSD_M];
/** Of a zoom, so many tiles are made, evenly chosen. */
const TILES_PER_ZOOM = 100;
const MOST_MS = 50;

const folder = await mkdtemp(join(tmpdir(), 'planimeter-vector-tiles-'));
const db = await openDatabase({});
try {
  const { truth } = await writeTown(folder, { seed: 77, width: SIDE, height: SIDE, gsdMetres: GSD_M });
  const classesPath = join(folder, 'classes.tif');
  await repeat(truth, classesPath);
  const featuresPath = join(folder, 'features.bin');
  const geometry = await vectorizeMap(
    {
      ...{ classesPath, scoresPath: null, featuresPath, minAreaM2: 10, toleranceMetres: 0.5 },
      ...{ pixelMetres: { x: GSD_M, y: GSD_M }, codes: { building: 1, road: 2, water: 4 } },
    },
    () => {},
  );
  const job = 'towns';
  await insertScene(db, { id: 'towns', name: 'towns.tif', upload: null, sha256: '', bytes: 0 });
  await insertJob(db, { id: job, scene: 'towns', model: '', parameters: {} });
  const classNames = new Map(['other', 'building', 'road', 'vegetation', 'water'].entries());
  const stored = { id: job, turn: await beginStoring(db, job), epsg: EPSG, classNames };
  const counts = await storeFeatures(db, stored, featuresPath, { signal: AbortSignal.timeout(3_600_000) });
  const size = { width: 2 * SIDE, height: 2 * SIDE };
  const report = { geometry, model_grid: { ...size, gsd_m: GSD_M } } as unknown as JobReport;
  await publishJob(db, job, report);
  const { bbox } = await georeference(db, { epsg: EPSG, geotransform: GEOTRANSFORM, ...size });
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  console.log(`${total} features: ${JSON.stringify(counts)}; buildings by level:`);
  console.table(geometry.blocks);
  for (let zoom = firstZoom(bbox); zoom <= nativeZoom(GSD_M, bbox); zoom++) await measure(zoom, job, report, bbox);
} finally {
  await db.close();
  await rm(folder, { recursive: true, force: true });
}

async function repeat(source: string, path: string): Promise<void> {
  const raster = await openRaster(source);
  const writer = await createTiffWriter(path, {
    ...{ width: 2 * SIDE, height: 2 * SIDE, bands: 1, epsg: EPSG, geotransform: GEOTRANSFORM },
    ...{ nodata: 255, compression: 'zstd', overviews: 'none' },
  });
  for (let y = 0; y < 2 * SIDE; y++) {
    const { pixels } = await raster.read(0, { x: 0, y: y % SIDE, width: SIDE, height: 1 });
    const row = new Uint8Array(2 * SIDE);
    row.set(pixels);
    row.set(pixels, SIDE);
    await writer.writeRows(1, row);
  }
  await writer.finish();
  await raster.close();
}

async function measure(z: number, job: string, report: JobReport, [west, south, east, north]: number[]): Promise<void> {
  const column = (lon: number) => Math.floor(mercatorX(lon) * 2 ** z);
  const row = (lat: number) => Math.floor(mercatorY(lat) * 2 ** z);
  const tiles = [];
  for (let y = row(north); y <= row(south); y++) {
    for (let x = column(west); x <= column(east); x++) tiles.push({ z, x, y });
  }
  const step = Math.max(1, tiles.length / TILES_PER_ZOOM);
  const bytes: number[] = [];
  const times: number[] = [];
  for (let k = 0; Math.floor(k) < tiles.length; k += step) {
    const started = performance.now();
    const packed = await packTile(db, tiledJob({ id: job, report }), tiles[Math.floor(k)]);
    times.push(performance.now() - started);
    bytes.push(packed?.compressed.length ?? 0);
  }
  times.sort((a, b) => a - b);
  const [median, slowest, largest] = [times[times.length >> 1], times.at(-1)!, Math.max(...bytes)];
  if (largest > MAX_TILE_BYTES) process.exitCode = 1;
  const kept = largest <= MAX_TILE_BYTES && slowest <= MOST_MS ? '' : '  OVER THE LIMIT';
  const figures = `largest ${(largest / 1000).toFixed(0)} kB, median ${median.toFixed(0)} ms, slowest ${slowest.toFixed(0)} ms`;
  console.log(`zoom ${z}: ${times.length} of ${tiles.length} tiles, ${figures}${kept}`);
}
