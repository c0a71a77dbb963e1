/** `planimeter segment IN.tif… OUT`: the pipeline on one image, or on adjacent ones as one, with no server and nothing kept. */
import { copyFile, writeFile } from 'node:fs/promises';
import { isDetector } from '../models/registry.ts';
import { parseDevice } from '../models/runtime/device.ts';
import type { JobReport } from '../server/api/index.ts';
import { SaidRights } from '../server/api/scenes.ts';
import { check } from '../server/api/schema.ts';
import { withEphemeralEngine } from '../server/ephemeral-engine.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import type { MappingTools } from '../server/tools.ts';
import {
  DATA_OPTION,
  DEVICE_OPTION,
  JSON_OPTION,
  MIN_AREA_OPTION,
  readArguments,
  readNumber,
  SRS_OPTION,
  TOLERANCE_OPTION,
  usageOf,
  valued,
  WrongCall,
} from './arguments.ts';
import { checkOutputs, installedNetwork } from './files.ts';
import { INPUTS_HELP, readInputs, readyScene } from './inputs.ts';
import { mapToFile, mapToTiles } from './mapping/map-and-write.ts';
import { readArea } from './mapping/read-area.ts';
import { settleJob } from './mapping/settle-job.ts';
import { readBands, readStretch } from './mapping/view.ts';
import {
  COLLECTION_OPTION,
  checkCollection,
  foundText,
  isPackage,
  leftOutNotice,
  OUTPUT_HELP,
  outputFormat,
} from './output.ts';
import { createProgressBar } from './progress.ts';
import { onSignal } from './signals.ts';

const OPTIONS = {
  model: valued('ID', 'the network ("planimeter models list"); else the one that suits the pixel size'),
  device: DEVICE_OPTION,
  precision: valued('P', 'fp32 or int8; else the faster here'),
  classes: valued('C.tif', 'writes the class of every pixel'),
  scores: valued('S.tif', 'writes the probability of that class'),
  probabilities: valued('P.tif', 'writes the probability of every class, where the network tells it'),
  features: valued('F.tif', 'writes what the network sees in each place, where it says which layer that is'),
  report: valued('R.json', 'writes what was assumed, done and counted'),
  collection: COLLECTION_OPTION,
  aoi: valued('AREA.geojson', 'maps only what lies inside'),
  'min-area': MIN_AREA_OPTION,
  tolerance: TOLERANCE_OPTION,
  bands: valued('4,3,2', "the image's bands for red, green and blue, or for those that the network takes"),
  stretch: valued('S', 'none, percentile or LOW:HIGH: which values become 0 and 255'),
  srs: SRS_OPTION,
  license: valued('L', 'SPDX id, address or words: under which the image may be used'),
  attribution: valued('"© …"', 'who is to be credited for it'),
  data: DATA_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(
  ['segment IN.tif… OUT [OPTION…]'],
  OPTIONS,
  `${INPUTS_HELP}${OUTPUT_HELP}OUT.zip is the whole job: features, maps, report, licence and a README.\n`,
);

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['IN.tif…', 'OUT']);
  const output = positionals.at(-1)!;
  const whole = isPackage(output);
  const format = outputFormat(whole ? '.gpkg' : output);
  await checkOutputs([output, values.classes, values.scores, values.probabilities, values.features, values.report]);
  if (whole && values.collection !== undefined)
    throw new WrongCall('--collection is for files of features, not for a .zip');
  const inputs = await readInputs(positionals.slice(0, -1), values.srs);
  const rights = check(SaidRights, values);
  const device = parseDevice(values.device ?? process.env.PLANIMETER_DEVICE ?? 'auto');
  const named = values.model === undefined ? null : await installedNetwork(values.model, values.data);
  checkCollection(values.collection, named !== null && isDetector(named));
  const given = parseParameters({
    ...(values.precision !== undefined && { precision: values.precision }),
    ...(values.aoi !== undefined && { aoi: await readArea(values.aoi) }),
    ...(values['min-area'] !== undefined && { min_area_m2: readNumber('min-area', values['min-area']) }),
    ...(values.tolerance !== undefined && { tolerance_m: readNumber('tolerance', values.tolerance) }),
    ...(values.bands !== undefined && { bands: readBands(values.bands) }),
    ...(values.features !== undefined && { features: true }),
    ...(values.probabilities !== undefined && { probabilities: true }),
    ...(values.stretch !== undefined && { stretch: readStretch(values.stretch) }),
  });

  const bar = createProgressBar();
  const interrupted = new AbortController();
  onSignal(['SIGINT'], () => interrupted.abort());
  const context = {
    signal: interrupted.signal,
    progress: ({ stage, share }: { stage: string; share: number }) => bar.update(stage, share),
  };
  const place = { device, policy: inputs.remote?.policy ?? null };
  await withEphemeralEngine(async (open, ready) => {
    const { files } = ready;
    const tiles = format.ending === '.pmtiles';
    if (tiles) open().catch(() => {}); // it opens while the image is copied
    const tools: MappingTools = { ...ready, db: { query: async (...asked) => (await open()).db.query(...asked) } };
    const ingested = await readyScene(tools, inputs, rights, context);
    const job = await settleJob(tools, ingested, { named, given, device, finestOnly: !tiles });
    const { id, network } = job;
    if (isDetector(network) && (values.classes ?? values.scores) !== undefined) {
      throw new WrongCall(`"${network.id}" draws boxes; it has no class map and no scores`);
    }
    const wanted = { output, format, collection: values.collection, whole };
    const { report, exported } = tiles
      ? await mapToTiles(await open(), job, wanted, context)
      : await mapToFile(tools, job, wanted, context);
    const notice = exported && leftOutNotice(output, exported);
    if (values.classes) await copyFile(await files.fetch(`jobs/${id}/classes.tif`), values.classes);
    if (values.scores) await copyFile(await files.fetch(`jobs/${id}/scores.tif`), values.scores);
    if (values.probabilities) await copyFile(await files.fetch(`jobs/${id}/probabilities.tif`), values.probabilities);
    if (values.features) await copyFile(await files.fetch(`jobs/${id}/features.tif`), values.features);
    if (values.report) await writeFile(values.report, `${JSON.stringify(report, null, 2)}\n`);
    bar.end();
    if (notice) process.stderr.write(notice);
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : summary(notice ? 'found' : output, report));
  }, place).finally(bar.end);
}

/** @param subject the file, or what was found where the file holds less */
function summary(subject: string, report: JobReport): string {
  const areas = Object.entries(report.areas_m2).map(([name, area]) => `  ${name.padEnd(12)} ${hectares(area)}\n`);
  return `${subject}: ${foundText(report.counts)}\n${areas.join('')}${deviceLine(report)}`;
}

/** Where the network ran. */
function deviceLine({ device }: JobReport): string {
  if (!device) return '';
  const { name, fallback_nodes: nodes } = device;
  return `computed on ${name}${nodes > 0 ? `; ${nodes} nodes of the network elsewhere, for ${name} lacks them` : ''}\n`;
}

const hectares = (areaM2: number): string => `${(areaM2 / 10_000).toFixed(2).padStart(10)} ha`;
