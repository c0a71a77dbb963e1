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
import { hashFeatures, recordOf } from '../server/export/replay-record.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import type { FileStore } from '../server/store/files/file-store.ts';
import type { MappingTools } from '../server/tools.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { sha256OfFile } from '../tiler/ingest/sha256.ts';
import { DATA_OPTION, DEVICE_OPTION, JSON_OPTION, readArguments, usageOf, valued, WrongCall } from './arguments.ts';
import { inputFile, installedNetwork } from './files.ts';
import { mappedImage, readyScene } from './inputs.ts';
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
  const inputs = await mappedImage(image, record.image);
  const network = await installedNetwork(record.network.id, values.data);
  const parameters = parseParameters(record.parameters);
  const weights = [weightsOf(network), weightsOf(network, 'int8')].map(({ sha256 }) => sha256);
  const compared: Comparison[] = [compare('program', record.program, VERSION)];
  compared.push(
    weights.includes(record.network.sha256)
      ? { name: 'network', same: true }
      : compare('network', record.network.sha256, weights[0]),
  );

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
    const scene = { ...(await readyScene(tools, inputs, {}, context, record.image.sha256)), name: record.image.name };
    const id = jobId({ ...scene, workspace: record.workspace }, jobIdentity(network), parameters);
    const geopackage = ready.files.path('replayed.gpkg');
    const wanted = { output: geopackage, format: exportFormat('.gpkg')!, collection: undefined, whole: false };
    const job = { id, scene, network, parameters, modelReason: '', finestOnly: true };
    const { report } = await mapToFile(tools, job, wanted, context);
    const maps = await mapsThere(ready.files, { id });
    const again = await recordOf({
      job: { id, workspace: record.workspace, model: network.id, report },
      ...{ scene, geopackage, maps },
    });
    bar.end();
    // A job is named by its image, network and parameters, so a record with others than those says so.
    if (compared.every(({ same }) => same)) {
      const same = record.job === id && record.network.sha256 === again.network.sha256;
      const detail = "not those that the job's id follows from";
      compared.push(same ? { name: 'parameters', same } : { name: 'parameters', same, detail });
    }
    compared.push(compare('srs', record.image.srs ?? '', scene.srs ?? ''));
    compared.push(...compareResults(record, again));
    if (/\.zip$/i.test(path)) compared.push(...(await comparePackage(path, record, maps, ready.files)));
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

type Maps = Awaited<ReturnType<typeof mapsThere>>;

/** What was recorded against what was made again. */
function compareResults(record: ReplayRecord, again: ReplayRecord): Comparison[] {
  const names = [...new Set([...Object.keys(record.maps), ...Object.keys(again.maps)])];
  const compared = names.map((name): Comparison => {
    if (again.maps[name] === record.maps[name]) return { name, same: true };
    const detail =
      record.maps[name] === undefined ? 'not recorded' : again.maps[name] ? 'other bytes' : 'not made any more';
    return { name, same: false, detail };
  });
  return [...compared, ...compareFeatures(record.features, again.features, '')];
}

/** What was recorded against what lies in the package; where that is what was recorded, where the new maps differ. */
async function comparePackage(
  zip: string,
  record: ReplayRecord,
  maps: Maps,
  scratch: Pick<FileStore, 'path'>,
): Promise<Comparison[]> {
  const compared: Comparison[] = [];
  for (const [name, hash] of Object.entries(record.maps)) {
    const extracted = scratch.path(`packaged-${name}`);
    const found = (await extractFromZip(zip, name, extracted)) ? await sha256OfFile(extracted) : 'missing';
    const packaged = compare(`${name} of the package`, hash, found);
    const now = maps[name.replace('.tif', '') as keyof Maps];
    if (packaged.same && now && (await sha256OfFile(now)) !== hash) {
      packaged.detail = `the new one has ${await whereMapsDiffer(extracted, now)}`;
    }
    compared.push(packaged);
  }
  const extracted = scratch.path('packaged.gpkg');
  const found = (await extractFromZip(zip, 'features.gpkg', extracted)) ? featuresIn(extracted) : {};
  return [...compared, ...compareFeatures(record.features, found, ' of the package')];
}

type Features = ReplayRecord['features'];

/** What a file that may be anything holds; nothing where it is no GeoPackage. */
function featuresIn(geopackage: string): Features {
  try {
    return hashFeatures(geopackage);
  } catch {
    return {};
  }
}

function compareFeatures(before: Features, now: Features, where: string): Comparison[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return names.map((name) => {
    const [a, b] = [before[name], now[name]];
    const same = a?.sha256 === b?.sha256 && a?.count === b?.count;
    const counts = `${a?.count ?? 'not recorded'}, now ${b?.count ?? 'none'}`;
    const detail = a?.count === b?.count ? 'as many features, and others' : counts;
    return { name: `${name}${where}`, same, ...(!same && { detail }) };
  });
}

/** Of two maps of 8-bit samples: how many pixels, and the first of them. */
async function whereMapsDiffer(extracted: string, now: string): Promise<string> {
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
