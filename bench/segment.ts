/**
 * GeoTIFF to features: `planimeter segment` against GeoDeep (PyPI) with the same network on the same generated scene, as
 * commands from their start to their end, two threads each, and what the chips of both leave on the map. The network is
 * landuse-unet in the form that GeoDeep takes; ours runs that file too, and the one that ships.
 * Run: node bench/segment.ts [SIDE of the scene, pixels]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findNetwork } from '../models/registry.ts';
import { CLASS_NODATA } from '../models/runtime/answer.ts';
import { openNetwork } from '../models/runtime/session.ts';
import { writeTown } from '../synthetic/town/town.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { planModelGrid, readModelWindow } from '../tiler/grid/model-grid.ts';
import { ingest } from '../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../tiler/ingest/validate-source.ts';
import { openScene } from '../tiler/working-copy/open-scene.ts';
import { pythonWith, run } from './python.ts';

const REQUIREMENTS = ['numpy==2.4.6', 'rasterio==1.4.4', 'geodeep==0.9.13', 'onnx==1.23.2', 'onnxruntime==1.32.0'];
const TILE = 768;
/** GeoDeep's own default, and as much as the halo that makes our chips exact. */
const OVERLAPS = [5, 33.4];
const ROUNDS = 2;

const side = Number(process.argv[2] ?? 2048);
const python = pythonWith('segment', REQUIREMENTS);
const peer = fileURLToPath(new URL('segment/peer.py', import.meta.url));
const cli = fileURLToPath(new URL('../cli/planimeter.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'planimeter-segment-'));
const file = (name: string) => join(folder, name);

interface Row {
  name: string;
  command: string;
  args: string[];
  seconds: number;
  /** Share of the map's pixels that chips change. */
  seams: number;
}

try {
  const network = await findNetwork('landuse-unet');
  const { image } = await writeTown(folder, { seed: 5, width: side, height: side, gsdMetres: 1 });
  const workingPath = file('working.tif');
  const { meanColour } = await ingest(image, workingPath, DEFAULT_INGEST_LIMITS, () => {});
  const peerNetwork = (name: string, tile: number, overlap: number) => {
    run(python, [peer, 'network', network.modelPath, file(name), String(tile), String(overlap)]);
    return file(name);
  };
  const whole = peerNetwork('whole.onnx', side, 0);
  process.env.PLANIMETER_DATA = file('data');
  const dropped = peerNetwork('dropped.onnx', TILE, OVERLAPS[0]);
  run(process.execPath, [cli, 'models', 'add', dropped, '--id', 'dropped']);
  run(process.execPath, [cli, 'models', 'bench', network.id]); // which is remembered, as after a first job

  const rows: Row[] = [];
  const ours = (name: string, ...more: string[]): Row => {
    const args = [
      cli,
      'segment',
      image,
      file('ours.geojson'),
      '--classes',
      file('classes.tif'),
      '--report',
      file('report.json'),
      ...more,
    ];
    return { name: `planimeter, ${name}`, command: process.execPath, args, seconds: Infinity, seams: Number.NaN };
  };
  rows.push(ours('fp32', '--model', network.id, '--precision', 'fp32'));
  rows.push(ours('as it chooses', '--model', network.id));
  rows.push(ours("GeoDeep's file", '--model', 'dropped'));
  for (const overlap of OVERLAPS) {
    const tiled = peerNetwork(`tiled-${overlap}.onnx`, TILE, overlap);
    const args = [peer, 'run', image, tiled, file('theirs.geojson')];
    const { differing, pixels } = JSON.parse(run(python, [peer, 'seams', image, tiled, whole]));
    rows.push({
      name: `GeoDeep, ${overlap} % overlap`,
      command: python,
      args,
      seconds: Infinity,
      seams: differing / pixels,
    });
  }
  for (const row of rows.slice(0, 3)) {
    time(row);
    const report = JSON.parse(readFileSync(file('report.json'), 'utf8'));
    row.seams = await seamsOf(report.parameters.precision ?? 'fp32');
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const row of rows) row.seconds = Math.min(row.seconds, time(row));
  }
  const fair = rows[rows.length - 1].seconds;
  console.log(`${side} × ${side} pixels, tiles of ${TILE}`);
  console.log(`${''.padEnd(32)} CPU s   pixels that chips change   times as fast as GeoDeep`);
  for (const { name, seconds, seams } of rows) {
    const share = `${(100 * seams).toPrecision(2)} %`.padStart(18);
    console.log(
      `${name.padEnd(32)} ${seconds.toFixed(2).padStart(5)} ${share} ${(fair / seconds).toFixed(2).padStart(22)}`,
    );
  }

  /** Processor seconds of a command and all that it starts. */
  function time({ command, args }: Row): number {
    const script = 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1';
    const { stderr, status } = spawnSync('bash', ['-c', script, 'bash', command, ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
    return stderr
      .trim()
      .split(' ')
      .map(Number)
      .reduce((a, b) => a + b);
  }

  /** Our map against one pass over the whole scene, reflected beyond its edges. */
  async function seamsOf(precision: 'fp32' | 'int8'): Promise<number> {
    const scene = await openScene(workingPath);
    const grid = planModelGrid({ ...scene, gsdMetres: { x: 1, y: 1 } }, 1);
    const { halo, stride } = network;
    const padded = Math.ceil(side / stride) * stride + 2 * halo;
    const { pixels } = await readModelWindow(scene, grid, meanColour, {
      x: -halo,
      y: -halo,
      width: padded,
      height: padded,
    });
    const session = await openNetwork(network, { precision });
    const { classes } = await session.infer(pixels, padded, padded);
    await session.close();
    const map = await openRaster(file('classes.tif'));
    const stored = await map.read(0, { x: 0, y: 0, width: side, height: side });
    let differing = 0;
    for (let at = 0; at < side * side; at++) {
      if (stored.pixels[at] === CLASS_NODATA) continue;
      const from = (Math.floor(at / side) + halo) * padded + (at % side) + halo;
      differing += Number(classes[from] !== stored.pixels[at]);
    }
    await Promise.all([map.close(), scene.close()]);
    return differing / side ** 2;
  }
} finally {
  rmSync(folder, { recursive: true });
}
