/** `planimeter replay job.zip`: makes a packaged result again, and says whether it is the same, or where not. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Problem } from '../errors/problem.ts';
import { jobIdentity, weightsOf } from '../models/registry.ts';
import { parseDevice } from '../models/runtime/device.ts';
import { ReplayRecord } from '../server/api/replay.ts';
import { check } from '../server/api/schema.ts';
import { jobId, VERSION } from '../server/content-ids.ts';
import { withEphemeralEngine } from '../server/ephemeral-engine.ts';
import { exportFormat } from '../server/export/export.ts';
import { mapsThere } from '../server/export/package.ts';
import { extractFromZip, readFromZip } from '../server/export/read-zip.ts';
import { recordOf } from '../server/export/replay-record.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import type { MappingTools } from '../server/tools.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { DATA_OPTION, DEVICE_OPTION, JSON_OPTION, readArguments, usageOf, valued, WrongCall } from './arguments.ts';
import { inputFile, installedNetwork } from './files.ts';
import { readInputs, readyScene, sha256OfInputs } from './inputs.ts';
import { mapToFile } from './mapping/map-and-write.ts';
import { createProgressBar } from './progress.ts';
import { onSignal } from './signals.ts';

const OPTIONS = {
  image: valued('IN.tif', 'the image; else the one of its name beside the package'),
  device: DEVICE_OPTION,
  data: DATA_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(
  ['replay job.zip [--image IN.tif] [--device D] [--data DIR] [--json]'],
  OPTIONS,
  'job.zip is what "segment IN.tif job.zip" writes, or a job\'s package of the service; its replay.json alone will do.\n' +
    'Ends with status 1 where something is not the same.\n',
);

interface Comparison {
  name: string;
  same: boolean;
  /** Where not, and by how much. */
  detail?: string;
}

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['job.zip']);
  const path = resolve(await inputFile(positionals[0]));
  const record = await readRecord(path);
  const named = values.image ?? join(dirname(path), record.image.name);
  const image = await inputFile(named).catch(() => {
    throw new WrongCall(`name the image that was mapped, "${record.image.name}", with --image`);
  });
  const device = parseDevice(values.device ?? process.env.PLANIMETER_DEVICE ?? 'auto');
  const inputs = await readInputs([image], undefined);
  const sha256 = await sha256OfInputs(inputs);
  if (sha256 !== record.image.sha256) {
    throw new Problem(
      'bad_request',
      `"${basename(named)}" is not the image that was mapped: its SHA-256 is ${sha256}, and was ${record.image.sha256}.`,
    );
  }
  const network = await installedNetwork(record.network.id, values.data);
  const parameters = parseParameters(record.parameters);
  const compared: Comparison[] = [compare('program', record.program, VERSION)];
  compared.push(compare('network', record.network.sha256, weightsOf(network, parameters.precision).sha256));

  const bar = createProgressBar();
  const interrupted = new AbortController();
  onSignal(['SIGINT'], () => interrupted.abort());
  const place = { device, policy: inputs.remote?.policy ?? null };
  await withEphemeralEngine(async (open, ready) => {
    const tools: MappingTools = { ...ready, db: { query: async (...asked) => (await open()).db.query(...asked) } };
    const context = {
      signal: interrupted.signal,
      progress: ({ stage, share }: { stage: string; share: number }) => bar.update(stage, share),
    };
    const scene = { ...(await readyScene(tools, inputs, {}, context)), name: record.image.name };
    const id = jobId(scene, jobIdentity(network), parameters);
    const geopackage = ready.files.path('replayed.gpkg');
    const wanted = { output: geopackage, format: exportFormat('.gpkg')!, collection: undefined, whole: false };
    const job = { id, scene, network, parameters, modelReason: '', finestOnly: true };
    const { report } = await mapToFile(tools, job, wanted, context);
    const maps = await mapsThere(ready.files, { id });
    const again = await recordOf({ job: { id, model: network.id, report }, scene, geopackage, maps });
    bar.end();
    // A job is named by its image, network and parameters, so a record with others than those says so.
    if (record.program === VERSION && record.job !== id && compared.every(({ same }) => same)) {
      compared.push({
        name: 'parameters',
        same: false,
        detail: 'not those that the job is named by, or another workspace',
      });
    }
    for (const [name, hash] of Object.entries(record.maps)) {
      const same = again.maps[name] === hash;
      const now = maps[name.replace('.tif', '') as keyof typeof maps];
      const detail = same ? undefined : await whereMapsDiffer(path, name, now, ready.files.path(`before-${name}`));
      compared.push({ name, same, ...(detail && { detail }) });
    }
    for (const [name, { count, sha256: hash }] of Object.entries(record.features)) {
      const now = again.features[name];
      const same = now?.sha256 === hash;
      compared.push({ name, same, ...(!same && { detail: `${count} features, now ${now?.count ?? 'none'}` }) });
    }
  }, place).finally(bar.end);

  const same = compared.every((each) => each.same);
  if (values.json) process.stdout.write(`${JSON.stringify({ same, compared })}\n`);
  else {
    for (const { name, same: equal, detail } of compared) {
      process.stdout.write(`${equal ? 'same   ' : 'DIFFERS'} ${name}${detail ? `: ${detail}` : ''}\n`);
    }
    process.stdout.write(
      same ? `${basename(path)} is what it says.\n` : `${basename(path)} is not what is made now.\n`,
    );
  }
  if (!same) process.exitCode = 1;
}

const compare = (name: string, before: string, now: string): Comparison =>
  before === now ? { name, same: true } : { name, same: false, detail: `${before || 'unknown'}, now ${now}` };

async function readRecord(path: string): Promise<ReplayRecord> {
  const text = /\.zip$/i.test(path) ? await readFromZip(path, 'replay.json') : await readFile(path);
  if (!text) {
    throw new Problem(
      'bad_request',
      `"${basename(path)}" has no replay.json: it was packed by an earlier version, or is no job.`,
    );
  }
  try {
    return check(ReplayRecord, JSON.parse(text.toString('utf8')));
  } catch (error) {
    if (error instanceof SyntaxError) throw new Problem('bad_request', 'The record of the job is not JSON.');
    throw error;
  }
}

/** Of maps of 8-bit samples in the package: how many pixels, and the first of them. */
async function whereMapsDiffer(zip: string, name: string, now: string | undefined, extracted: string): Promise<string> {
  if (now === undefined) return 'is not made any more';
  if (!/\.zip$/i.test(zip) || !(await extractFromZip(zip, name, extracted))) return 'other bytes';
  const [before, after] = [await openRaster(extracted), await openRaster(now)];
  try {
    const { width, height, bands } = before;
    if (after.width !== width || after.height !== height)
      return `${width} × ${height} pixels, now ${after.width} × ${after.height}`;
    let differing = 0;
    let first = '';
    for (let y = 0; y < height; y += ROWS) {
      const window = { x: 0, y, width, height: Math.min(ROWS, height - y) };
      const [a, b] = [await before.read(0, window), await after.read(0, window)];
      for (let i = 0; i < a.pixels.length; i += bands) {
        if (a.pixels.subarray(i, i + bands).every((value, band) => value === b.pixels[i + band])) continue;
        differing++;
        const at = i / bands;
        first ||= `${at % width}, ${y + Math.floor(at / width)}`;
      }
    }
    return differing === 0
      ? 'other bytes, the same pixels'
      : `${differing} pixels, the first at column and row ${first}`;
  } finally {
    await Promise.all([before.close(), after.close()]);
  }
}

const ROWS = 256;
