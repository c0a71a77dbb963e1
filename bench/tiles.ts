/**
 * Imagery tiles a second: ours beside TiTiler on the same local working COG, the same tiles, format, quality, resampling
 * and concurrency, three processes each (ours: HTTP and two that render), each tile asked for once. First each of our
 * tiles opens the file anew and keeps nothing, as TiTiler does; then with the service's cache of decoded blocks; and for
 * clients that have the tiles already and ask whether they changed.
 * Run: node bench/tiles.ts [--size=4096] [--tiles=200] [--concurrency=4]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startService } from '../server/service.ts';
import { createTiffWriter } from '../tiler/geotiff/write-tiff.ts';
import { pythonWith } from './python.ts';
import { answered, freePort, measure, measureInTurns, type Speed, speedText } from './requests.ts';

const REQUIREMENTS = ['titiler.core==2.4.0', 'uvicorn==0.54.0'];
const QUALITY = 85;
const APP = `
from fastapi import FastAPI
from rio_tiler.profiles import img_profiles
from titiler.core.factory import TilerFactory
img_profiles['webp'] = {'quality': ${QUALITY}, 'lossless': False}
img_profiles['jpeg'] = {'quality': ${QUALITY}}
app = FastAPI()
app.include_router(TilerFactory().router)
`;
const ENVIRONMENT = { GDAL_DISABLE_READDIR_ON_OPEN: 'EMPTY_DIR', VSI_CACHE: 'TRUE', GDAL_NUM_THREADS: '1' };
const PROCESSES = 3;
const ROWS = 256;
const TILE_PIXELS = 256;
const WARM_UP_TILES = 24;
const FORMATS = ['webp', 'png', 'jpg'];

const flag = (name: string, otherwise: number) =>
  Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1] ?? otherwise);
const size = flag('size', 4096);
const most = flag('tiles', 200);
const concurrency = flag('concurrency', 4);

interface Tile {
  z: number;
  x: number;
  y: number;
}

const folder = await mkdtemp(join(tmpdir(), 'planimeter-tiles-'));
const dataFolder = join(folder, 'data');
const python = pythonWith('titiler', REQUIREMENTS);
const start = (keepRasters: boolean) =>
  startService({ host: '127.0.0.1', port: 0, dataFolder, device: 'cpu', keepRasters });
let service = await start(false);
let titiler: ChildProcess | null = null;
try {
  const source = join(folder, 'scene.tif');
  await writeScene(source);
  const scene = await addScene(service.url, source);
  const working = join(dataFolder, 'files', 'scenes', scene.id, 'working.tif');
  const port = await freePort();
  titiler = await startTitiler(port);
  const tiles = await chooseTiles(`${service.url}/imagery/${scene.id}.json`);
  const query = `url=${encodeURIComponent(working)}&resampling=bilinear&reproject=bilinear&tilesize=256`;
  const theirs = (format: string) =>
    tiles.map(({ z, x, y }) => `http://127.0.0.1:${port}/tiles/WebMercatorQuad/${z}/${x}/${y}.${format}?${query}`);
  const ours = (format: string) =>
    tiles.map(({ z, x, y }) => `${service.url}/imagery/${scene.id}/${z}/${x}/${y}.${format}`);
  /** Processes of either side that have just started compile, load libraries and verify the file. */
  const warmUp = async () => {
    for (const side of [ours, theirs]) await measure(side('jpg').slice(0, WARM_UP_TILES), concurrency);
  };
  console.log(`${tiles.length} tiles of a ${size}² scene, ${concurrency} at a time`);
  await check(ours('png')[0], theirs('png')[0]);
  await warmUp();
  for (const format of FORMATS) {
    const [mine, peer] = await measureInTurns(ours(format), theirs(format), concurrency);
    console.log(`${format.padEnd(5)} ours ${speedText(mine)}; TiTiler ${speedText(peer)}; ${ratios(mine, peer)}`);
  }
  await service.stop();
  service = await start(true);
  await warmUp();
  for (const format of FORMATS) {
    const [mine, peer] = await measureInTurns(ours(format), theirs(format), concurrency);
    const known = await measure(ours(format), concurrency, mine.tags);
    console.log(
      `${format.padEnd(5)} ours with its cache of blocks ${speedText(mine)}; TiTiler ${speedText(peer)}; ${ratios(mine, peer)}; ` +
        `ours for clients that have them ${speedText(known)}`,
    );
  }
} finally {
  titiler?.kill(); // it ends its workers
  await service.stop();
  await rm(folder, { recursive: true });
}
process.exit();

async function writeScene(path: string): Promise<void> {
  const writer = await createTiffWriter(path, {
    ...{ width: size, height: size, bands: 3, compression: 'zstd', overviews: 'none', epsg: 32640 },
    geotransform: [326_000, 0.5, 0, 2_784_000, 0, -0.5],
  });
  const rows = new Uint8Array(ROWS * size * 3);
  let state = 7;
  for (let top = 0; top < size; top += ROWS) {
    for (let i = 0; i < rows.length; i++) {
      const [x, y] = [Math.floor(i / 3) % size, top + Math.floor(i / 3 / size)];
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const roof = (x >> 5) % 3 === 0 && (y >> 4) % 4 === 0 ? 50 : 0;
      rows[i] = 110 + 60 * Math.sin(x / 37 + i) * Math.cos(y / 53) + roof + (state >>> 28);
    }
    await writer.writeRows(Math.min(ROWS, size - top), rows.subarray(0, Math.min(ROWS, size - top) * size * 3));
  }
  await writer.finish();
}

/** Tiles of the last three zooms inside the scene, mixed as people look at them. */
async function chooseTiles(address: string): Promise<Tile[]> {
  const { bounds, maxzoom } = (await (await fetch(address)).json()) as { bounds: number[]; maxzoom: number };
  const column = (lon: number, z: number) => (lon / 360 + 0.5) * 2 ** z;
  const row = (lat: number, z: number) => (0.5 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI)) * 2 ** z;
  const all: Tile[] = [];
  for (const z of [maxzoom, maxzoom - 1, maxzoom - 2]) {
    for (let x = Math.ceil(column(bounds[0], z)); x + 1 < column(bounds[2], z); x++) {
      for (let y = Math.ceil(row(bounds[3], z)); y + 1 < row(bounds[1], z); y++) all.push({ z, x, y });
    }
  }
  let state = 1;
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  const keys = new Map(all.map((tile) => [tile, random()]));
  return all.sort((a, b) => keys.get(a)! - keys.get(b)!).slice(0, most);
}

async function startTitiler(port: number): Promise<ChildProcess> {
  const script = join(folder, 'peer.py');
  await writeFile(script, APP);
  const flags = ['peer:app', '--port', String(port), '--workers', String(PROCESSES), '--log-level', 'warning'];
  const child = spawn(python, ['-m', 'uvicorn', ...flags], {
    cwd: folder,
    env: { ...process.env, ...ENVIRONMENT },
    stdio: 'ignore',
  });
  await answered(`http://127.0.0.1:${port}/openapi.json`).catch((error) => {
    child.kill();
    throw error;
  });
  return child;
}

/** Both must give a tile of as many pixels. */
async function check(...addresses: string[]): Promise<void> {
  for (const address of addresses) {
    const response = await fetch(address);
    if (response.status !== 200) throw new Error(`${address}: ${response.status} ${await response.text()}`);
    const png = Buffer.from(await response.arrayBuffer());
    const width = png.readUInt32BE(16); // in the header of a PNG
    if (width !== TILE_PIXELS) throw new Error(`expected ${TILE_PIXELS} pixels, got ${width} from ${address}`);
  }
}

/** Uploads a file (tus) and waits until it is read. */
async function addScene(url: string, path: string): Promise<{ id: string }> {
  const bytes = await readFile(path);
  const tus = { 'Tus-Resumable': '1.0.0' };
  const metadata = `filename ${Buffer.from('scene.tif').toString('base64')}`;
  const created = await fetch(`${url}/uploads`, {
    method: 'POST',
    headers: { ...tus, 'Upload-Length': String(bytes.length), 'Upload-Metadata': metadata },
  });
  const sent = await fetch(new URL(created.headers.get('location')!, url), {
    method: 'PATCH',
    headers: { ...tus, 'Upload-Offset': '0', 'Content-Type': 'application/offset+octet-stream' },
    body: bytes,
  });
  const id = sent.headers.get('planimeter-scene');
  if (!id) throw new Error(`the upload ended with ${sent.status}: ${await sent.text()}`);
  for (;;) {
    const scene = (await (await fetch(`${url}/scenes/${id}`)).json()) as { state: string };
    if (scene.state === 'ready') return { id };
    if (scene.state === 'failed') throw new Error('the scene was refused');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function ratios(mine: Speed, peer: Speed): string {
  return `${(mine.rate / peer.rate).toFixed(1)} times as many, p95 ${(mine.p95 / peer.p95).toFixed(2)} of TiTiler's`;
}
