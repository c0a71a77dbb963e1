/**
 * Peak memory of ingest, chips and maps on generated scenes of one width, one four times as high as the other:
 * `node bench/memory.ts [WIDTH [HEIGHT [TYPE]]]`. Each stage runs in a process of its own.
 * 60,000² with `node bench/memory.ts 60000 60000 uint8 --once`, which takes an hour and 40 GB of disk.
 * With `--job` the whole of `planimeter segment` instead, on towns of 4,096 x 16,384 pixels and four times as high.
 */
import { fork } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mapScene } from '../models/mapping/map-scene.ts';
import type { Network } from '../models/registry.ts';
import type { NetworkSession } from '../models/runtime/session.ts';
import { SANDBOX_YOUNG_MEGABYTES } from '../server/processes/ingest-sandbox.ts';
import { createSamples, type SampleType } from '../tiler/geotiff/samples.ts';
import { createTiffWriter } from '../tiler/geotiff/write-tiff.ts';
import { planChips } from '../tiler/grid/chips.ts';
import { planModelGrid } from '../tiler/grid/model-grid.ts';
import { ingest } from '../tiler/ingest/ingest.ts';
import { DEFAULT_INGEST_LIMITS } from '../tiler/ingest/validate-source.ts';
import { openScene } from '../tiler/working-copy/open-scene.ts';
import { type JobPeaks, peaksOfJob } from './memory/whole-job.ts';

const GSD = { x: 1, y: 1 };
const FILL = [128, 128, 128] as const;
const CORE_PIXELS = 1024;
const ROWS = 256;
const LEAST_WIDTH = 16;

interface Paths {
  source: string;
  working: string;
  classes: string;
  scores: string;
  spool: string;
}

const place = (width: number, height: number) =>
  ({ width, height, compression: 'zstd', geotransform: [0, 1, 0, 0, 0, -1], epsg: 32640 }) as const;

async function generate({ source }: Paths, width: number, height: number, sampleType: SampleType): Promise<void> {
  const layout = {
    ...place(width, height),
    geotransform: [4e5, 1, 0, 28e5, 0, -1] as [number, number, number, number, number, number],
  };
  const options = { classicLimitBytes: 0 }; // a BigTIFF, whatever its size
  const writer = await createTiffWriter(source, { ...layout, bands: 3, sampleType, overviews: 'none' }, options);
  const rows = createSamples(sampleType, ROWS * width * 3);
  for (let y = 0, state = 1; y < height; y += ROWS) {
    const count = Math.min(ROWS, height - y);
    for (let i = 0; i < rows.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      rows[i] = ((i >> 7) & 127) + (state >>> 28);
    }
    await writer.writeRows(count, rows.subarray(0, count * width * 3));
  }
  await writer.finish();
}

/** A network that calls bright pixels 1, and takes no time. */
const NETWORK: Network = {
  id: 'bright',
  name: 'Bright',
  description: '',
  gsdMetres: GSD.x,
  stride: 16,
  halo: 128,
  receptiveField: [128, 128, 128, 128],
  classes: [
    { name: 'dark', value: 0, color: '#000000' },
    { name: 'bright', value: 1, color: '#ffffff' },
  ],
  planes: [],
  modelPath: '',
  sha256: '',
};

const SESSION: NetworkSession = {
  device: 'cpu',
  fallbackNodes: 0,
  planeCount: 0,
  infer: async (pixels, width, height) => {
    const classes = new Uint8Array(width * height);
    for (let i = 0; i < classes.length; i++) classes[i] = Number(pixels[i * 3] > 100);
    return { classes, scores: new Uint8Array(classes.length).fill(255), planes: new Uint8Array(0) };
  },
  close: async () => {},
};

/** The chips of a job through the network, by way of the spool, into its class map and its score map. */
async function map({ working, classes, scores, spool }: Paths): Promise<void> {
  const scene = await openScene(working);
  const grid = planModelGrid({ ...scene, gsdMetres: GSD }, GSD.x);
  await scene.close();
  const plan = planChips(grid, NETWORK, CORE_PIXELS);
  const paths = { workingPath: working, classesPath: classes, scoresPath: scores, chipCachePath: spool };
  const request = { ...paths, grid, plan, fill: FILL, area: null, network: NETWORK, run: {}, batch: 1 };
  await mapScene(request, { open: async () => SESSION, reopen: async () => SESSION }, () => {});
}

/** Linux lets a child's maxRSS begin at its parent's, but not its high-water mark. */
async function peakBytes(): Promise<number> {
  const mark = /VmHWM:\s*(\d+) kB/.exec(await readFile('/proc/self/status', 'utf8').catch(() => ''));
  return 1024 * (mark ? Number(mark[1]) : process.resourceUsage().maxRSS);
}

const STAGES = ['generate', 'ingest', 'map'] as const;
type Stage = (typeof STAGES)[number];

async function runStage(stage: Stage, paths: Paths, width: number, height: number, type: SampleType): Promise<void> {
  if (stage === 'generate') await generate(paths, width, height, type);
  else if (stage === 'ingest') await ingest(paths.source, paths.working, DEFAULT_INGEST_LIMITS, () => {});
  else await map(paths);
}

function compareJobs(low: JobPeaks, high: JobPeaks): void {
  const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  const rows = { ...high.byProcess, 'all together': high.together };
  const lower: Record<string, number> = { ...low.byProcess, 'all together': low.together };
  for (const [name, bytes] of Object.entries(rows)) {
    const more = (100 * (bytes / lower[name]! - 1)).toFixed(1);
    console.log(`${name}: ${megabytes(lower[name]!)}, four times as high ${megabytes(bytes)}: ${more} % above`);
  }
  console.log(`${low.seconds.toFixed(0)} s and ${high.seconds.toFixed(0)} s`);
}

function inChild(...args: unknown[]): Promise<{ peakBytes: number; seconds: number }> {
  return new Promise((resolve, reject) => {
    // As the sandbox runs.
    const execArgv = args[0] === 'ingest' ? [`--max-semi-space-size=${SANDBOX_YOUNG_MEGABYTES}`] : [];
    const child = fork(fileURLToPath(import.meta.url), ['--stage', JSON.stringify(args)], { execArgv });
    child.once('message', (message) => resolve(message as { peakBytes: number; seconds: number }));
    child.once('exit', (code) => reject(new Error(`the stage ended with ${code}`)));
  });
}

if (process.argv[2] === '--stage') {
  const [stage, paths, width, height, type] = JSON.parse(process.argv[3]);
  await runStage(stage, paths, width, height, type);
  process.send!({ peakBytes: await peakBytes(), seconds: performance.now() / 1000 });
} else if (process.argv.includes('--job')) {
  const [width = 4096, height = 16_384] = process.argv.slice(2, 4).map(Number).filter(Number.isFinite);
  const folder = await mkdtemp(join(tmpdir(), 'memory-'));
  try {
    compareJobs(await peaksOfJob(folder, width, height), await peaksOfJob(folder, width, 4 * height));
  } finally {
    await rm(folder, { recursive: true });
  }
} else {
  const [width = 20_000, height = 10_000] = process.argv.slice(2, 4).map(Number);
  const type = (process.argv[4] ?? 'uint8') as SampleType;
  if (!(width >= LEAST_WIDTH && height >= LEAST_WIDTH)) throw new RangeError('expected a width and a height in pixels');
  const folder = await mkdtemp(join(tmpdir(), 'memory-'));
  const file = (name: string) => join(folder, `${name}.tif`);
  const paths: Paths = {
    ...{ source: file('source'), working: file('working') },
    ...{ classes: file('classes'), scores: file('scores'), spool: join(folder, 'spool') },
  };
  try {
    const peaks: Record<Stage, number[]> = { generate: [], ingest: [], map: [] };
    for (const times of process.argv.includes('--once') ? [1] : [1, 4]) {
      await rm(paths.spool, { recursive: true, force: true });
      for (const stage of STAGES) {
        const { peakBytes, seconds } = await inChild(stage, paths, width, height * times, type);
        const megabytes = Math.round(peakBytes / 1e6);
        peaks[stage].push(peakBytes);
        console.log(`${width} x ${height * times} ${type} ${stage}: ${megabytes} MB, ${seconds.toFixed(1)} s`);
      }
    }
    for (const stage of ['ingest', 'map'] as const) {
      const [low, high = low] = peaks[stage];
      const [more, megabytes] = [(100 * (high / low - 1)).toFixed(1), Math.round(Math.max(low, high) / 1e6)];
      console.log(`${stage}: the higher scene peaks ${more} % above the lower one; at most ${megabytes} MB`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}
