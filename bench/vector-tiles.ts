/**
 * Vector tiles of a scene of more than 100,000 features, on both databases: bytes and time of every zoom as they are
 * served, those that are kept read from their file, and all of them drawn, the whole way from the database to gzip. The
 * scene is four towns of 8192² pixels beside each other. Run: node bench/vector-tiles.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bbox, JobReport } from '../server/api/index.ts';
import { intoDatabase, storeFeatures } from '../server/pipeline/store-features.ts';
import type { Database } from '../server/store/database/database.ts';
import { openDatabase } from '../server/store/database/open-database.ts';
import { checkedFileStore } from '../server/store/files/checked-files.ts';
import { localFileStore } from '../server/store/files/file-store.ts';
import { beginStoring, publishJob } from '../server/store/tables/features.ts';
import { georeference } from '../server/store/tables/georeference.ts';
import { getJob, insertJob } from '../server/store/tables/jobs.ts';
import { insertScene, updateScene } from '../server/store/tables/scenes.ts';
import { createTileKeeper, keptFolder, tiledWithKept } from '../server/tiles/kept-tiles.ts';
import { MAX_TILE_BYTES, packTile, type TiledJob, tiledJob } from '../server/tiles/tile-of-job.ts';
import { firstZoom, mercatorX, mercatorY, nativeZoom, type TileAddress } from '../server/tiles/web-mercator.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { startCluster } from '../test/support/databases.ts';
import { vectorizeMap } from '../test/support/features-of-map.ts';
import type { Geotransform } from '../tiler/crs/geotransform.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { createTiffWriter } from '../tiler/geotiff/write-tiff.ts';

const SIDE = Number(process.argv[2] ?? 8192);
const GSD_M = 0.5;
const EPSG = 32640;
const GEOTRANSFORM: Geotransform = [326_000, GSD_M, 0, 2_784_000, 0, -GSD_M];
/** Of a zoom, so many tiles are made, evenly chosen. */
const TILES_PER_ZOOM = 100;
/** Of the median, as they are served. */
const MOST_MS = 50;

const folder = await mkdtemp(join(tmpdir(), 'planimeter-vector-tiles-'));
const cluster = await startCluster();
try {
  const { truth } = await writeTown(folder, { seed: 77, width: SIDE, height: SIDE, gsdMetres: GSD_M });
  const classesPath = join(folder, 'classes.tif');
  await repeat(truth, classesPath);
  const featuresPath = join(folder, 'features.bin');
  const geometry = await vectorizeMap({
    ...{ classesPath, scoresPath: null, featuresPath, minAreaM2: 10, toleranceMetres: 0.5 },
    ...{ pixelMetres: { x: GSD_M, y: GSD_M }, codes: { building: 1, road: 2, water: 4 } },
  });
  console.table(geometry.blocks);
  for (const options of [{ folder: join(folder, 'database') }, ...(cluster ? [{ url: cluster.url }] : [])]) {
    const db = await openDatabase(options);
    await measureOn(db, featuresPath, geometry).finally(() => db.close());
  }
} finally {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measureOn(db: Database, featuresPath: string, geometry: JobReport['geometry']): Promise<void> {
  const size = { width: 2 * SIDE, height: 2 * SIDE };
  const { bbox } = await georeference(db, { epsg: EPSG, geotransform: GEOTRANSFORM, ...size });
  await insertScene(db, { id: 'towns', name: 'towns.tif', upload: null, sha256: '', bytes: 0 });
  await updateScene(db, 'towns', { state: 'ready', bbox });
  await insertJob(db, { id: 'towns', scene: 'towns', model: '', parameters: {} });
  const classNames = new Map(['other', 'building', 'road', 'vegetation', 'water'].entries());
  const stored = { id: 'towns', turn: await beginStoring(db, 'towns'), epsg: EPSG, classNames };
  const counts = await storeFeatures(intoDatabase(db), stored, featuresPath, AbortSignal.timeout(3_600_000));
  const report = { counts, geometry, model_grid: { ...size, gsd_m: GSD_M } } as unknown as JobReport;
  await publishJob(db, 'towns', report);
  const job = (await getJob(db, 'towns'))!;
  const files = checkedFileStore(localFileStore(join(folder, db.kind)), db);
  const started = performance.now();
  await createTileKeeper(db, files, 30).keep(job);
  const [kept] = await files.entries(keptFolder(job.id));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${db.kind}: ${JSON.stringify(counts)}; kept tiles: ${kept?.bytes} bytes in ${seconds} s`);
  for (let zoom = firstZoom(bbox); zoom <= nativeZoom(GSD_M, bbox); zoom++) {
    const tiles = tilesOf(zoom, bbox);
    const drawn = await measure(db, tiledJob(job), tiles);
    const read = await measure(
      db,
      tiledWithKept(files, job, () => {}),
      tiles,
    );
    const over = Math.max(drawn.largest, read.largest) > MAX_TILE_BYTES || read.median > MOST_MS;
    if (over) process.exitCode = 1;
    console.log(
      `zoom ${zoom}: ${drawn.count} of ${tiles.length} tiles, largest ${(read.largest / 1000).toFixed(0)} kB, median ` +
        `${read.median.toFixed(1)} ms, slowest ${read.slowest.toFixed(0)} ms; all drawn: median ${drawn.median.toFixed(1)} ms, ` +
        `slowest ${drawn.slowest.toFixed(0)} ms${over ? '  OVER THE LIMIT' : ''}`,
    );
  }
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

function tilesOf(z: number, [west, south, east, north]: Bbox): TileAddress[] {
  const column = (lon: number) => Math.floor(mercatorX(lon) * 2 ** z);
  const row = (lat: number) => Math.floor(mercatorY(lat) * 2 ** z);
  const tiles = [];
  for (let y = row(north); y <= row(south); y++) {
    for (let x = column(west); x <= column(east); x++) tiles.push({ z, x, y });
  }
  return tiles;
}

async function measure(db: Database, job: TiledJob, tiles: readonly TileAddress[]) {
  const step = Math.max(1, tiles.length / TILES_PER_ZOOM);
  const times: number[] = [];
  let largest = 0;
  for (let k = 0; Math.floor(k) < tiles.length; k += step) {
    const started = performance.now();
    const packed = await packTile(db, job, tiles[Math.floor(k)]);
    times.push(performance.now() - started);
    largest = Math.max(largest, packed?.length ?? 0);
  }
  times.sort((a, b) => a - b);
  return { count: times.length, median: times[times.length >> 1], slowest: times.at(-1)!, largest };
}
