/**
 * Every TIFF of the corpus, good, odd and hostile, goes through ingest in a process of its own: accepted with the
 * pixels that GDAL reads, or refused with a typed Problem; never a crash, a hang or much memory.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { PROBLEMS } from '../../errors/problem.ts';
import { judge, pythonWithJudges } from '../../test/support/python.ts';
import { sharedPath } from '../../test/support/shared.ts';
import type { IngestReport } from '../ingest/ingest.ts';

/** Of processor time; the wall time only ends what hangs. */
const MOST_CPU_MS = 10_000;
const WALL_MS = 40_000;
const MOST_RSS = 512 * 2 ** 20;

type Outcome = { report: IngestReport } | { code: string; message: string } | { crash: string };
type Answer = Outcome & { rss: number; cpuMs: number };

/** Ingests what it is sent, one file after the other. */
const CHILD = `
  const { ingest } = await import(process.argv[1]);
  const { DEFAULT_INGEST_LIMITS } = await import(process.argv[2]);
  process.on('message', async ({ source, working }) => {
    let outcome;
    const before = process.cpuUsage();
    try {
      outcome = { report: await ingest(source, working, DEFAULT_INGEST_LIMITS, () => {}) };
    } catch (error) {
      outcome = error.name === 'Problem' ? { code: error.code, message: error.message } : { crash: error.stack };
    }
    const { user, system } = process.cpuUsage(before);
    process.send({ ...outcome, rss: process.resourceUsage().maxRSS * 1024, cpuMs: (user + system) / 1000 });
  });
`;

function startChild(): ChildProcess {
  const module = fileURLToPath(new URL('../ingest/ingest.ts', import.meta.url));
  const limits = fileURLToPath(new URL('../ingest/validate-source.ts', import.meta.url));
  return fork(module, [], {
    execArgv: ['--input-type=module', '--eval', CHILD, module, limits],
    stdio: ['ignore', 2, 2, 'ipc'],
  });
}

function ask(child: ChildProcess, source: string, working: string): Promise<Answer> {
  return new Promise((resolve) => {
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      child.removeAllListeners();
      resolve(answer);
    };
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      finish({ crash: `still busy after ${WALL_MS} ms`, rss: 0, cpuMs: 0 });
    }, WALL_MS);
    child.once('message', (answer) => finish(answer as Answer));
    child.once('exit', (code, signal) => finish({ crash: `exit ${code ?? signal}`, rss: 0, cpuMs: 0 }));
    child.send({ source, working });
  });
}

/** Runs all files through as few processes as survive. */
async function ingestAll(files: readonly { source: string; working: string }[]): Promise<Answer[]> {
  let child = startChild();
  const answers: Answer[] = [];
  for (const { source, working } of files) {
    const answer = await ask(child, source, working);
    answers.push(answer);
    if ('crash' in answer) {
      child.kill('SIGKILL');
      child = startChild();
    }
  }
  child.kill();
  return answers;
}

async function tiffsUnder(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => /\.tiff?$/i.test(name)).map((name) => join(folder, name));
}

/** For each pair: differing samples, largest difference, differing mask pixels, share of differing luma, CRS and geotransform. */
const COMPARE = `
import json, sys, numpy, rasterio
from rasterio.enums import ColorInterp
out = []
for pair in json.load(sys.stdin):
    with rasterio.open(pair['source']) as a, rasterio.open(pair['working']) as b:
        worst, differing, masks, brightness = 0, 0, 0, 0
        alpha = ColorInterp.alpha in a.colorinterp
        kept = [i for i in a.indexes if a.colorinterp[i - 1] != ColorInterp.alpha]
        if b.count == a.count:
            kept = list(a.indexes) # alpha that looks like data is kept
        palette = a.colorinterp[0] == ColorInterp.palette and a.colormap(1)
        for y in range(0, a.height, 1024):
            window = rasterio.windows.Window(0, y, a.width, min(1024, a.height - y))
            valid = a.dataset_mask(window=window) > 0
            source = a.read(kept, window=window)
            if source.dtype.kind == 'f' and not alpha:
                valid &= ~numpy.isnan(source).all(0)
            if palette:
                source = numpy.array([palette[i][:3] for i in range(256)])[source[0]].transpose(2, 0, 1)
            working = b.read(window=window)
            masks += int((valid != (b.dataset_mask(window=window) > 0)).sum())
            both_nan = numpy.isnan(source.astype('float64')) & numpy.isnan(working.astype('float64'))
            wrong = (source != working) & ~both_nan & valid
            differing += int(wrong.sum())
            if source.dtype.kind != 'f' and len(source) == 3:
                difference = (source.astype('int64') - working) * valid
                worst = max(worst, int(abs(difference).max()))
                brightness += int((abs(numpy.tensordot([0.299, 0.587, 0.114], difference, 1)) > 1).sum())
        compound = a.crs.to_wkt().startswith('COMPD')
        same = a.transform.almost_equals(b.transform, 1e-12) and (compound or a.crs.to_epsg() == b.crs.to_epsg())
        if not palette:
            kept_as = 'float64' if a.dtypes[0].endswith('int64') else a.dtypes[0]
            same = same and b.dtypes[0] == kept_as
        sidecar = any(name.endswith('.msk') for name in a.files)
        subsampled = a.photometric is not None and a.photometric.value.upper() == 'YCBCR'
        out.append(dict(worst=worst, differing=differing, masks=0 if sidecar else masks, same=same,
            brightness=brightness / a.width / a.height, subsampled=subsampled))
json.dump(out, sys.stdout)
`;

interface Comparison {
  worst: number;
  differing: number;
  masks: number;
  brightness: number;
  same: boolean;
  subsampled: boolean;
}

const folders = [sharedPath('tiff-corpus'), sharedPath('scenes')].filter((folder) => folder !== null);

test.skipIf(folders.length === 0)(
  'every file is accepted exactly or refused clearly',
  async () => {
    const work = await mkdtemp(join(tmpdir(), 'corpus-'));
    try {
      const sources = (await Promise.all(folders.map(tiffsUnder))).flat();
      const files = sources.map((source, i) => ({ source, working: join(work, `${i}.tif`) }));
      const answers = await ingestAll(files);
      const problems: string[] = [];
      for (const [i, answer] of answers.entries()) {
        if ('crash' in answer) problems.push(`${sources[i]}: ${answer.crash}`);
        if ('code' in answer && !(answer.code in PROBLEMS)) problems.push(`${sources[i]}: ${answer.code}`);
        if (answer.cpuMs > MOST_CPU_MS) problems.push(`${sources[i]}: ${answer.cpuMs} ms`);
        if (answer.rss > MOST_RSS) problems.push(`${sources[i]}: ${answer.rss} bytes of memory`);
      }
      expect(problems).toEqual([]);
      const accepted = files.filter((_, i) => 'report' in answers[i]);
      expect(accepted.length).toBeGreaterThan(10);
      const left = (await readdir(work)).filter(
        (name) => !accepted.some(({ working }) => working.endsWith(`/${name}`)),
      );
      expect(left, 'files left behind by refusals').toEqual([]);

      const python = pythonWithJudges();
      if (!python) return;
      const comparisons = judge<Comparison[]>(python, COMPARE, accepted);
      for (const [i, { worst, differing, masks, brightness, same, subsampled }] of comparisons.entries()) {
        const name = accepted[i].source;
        expect({ name, masks, same }).toEqual({ name, masks: 0, same: true });
        // Two libraries spread subsampled chroma differently: libjpeg-turbo (ours, Debian's GDAL) between the nearest
        // samples, the judge's IJG libjpeg 9 through the cosine transform. Brightness is equal but for clipping.
        if (subsampled) expect(brightness, name).toBeLessThan(0.01);
        else expect({ name, worst, differing }).toEqual({ name, worst: 0, differing: 0 });
      }
    } finally {
      await rm(work, { recursive: true });
    }
  },
  240_000,
);
