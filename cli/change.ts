/** `planimeter change A.tif B.tif OUT`: what changed at one place between two images, with no server and nothing kept. */
import { writeFile } from 'node:fs/promises';
import { Problem } from '../errors/problem.ts';
import { findNetwork, isDetector, jobIdentity, listNetworks, type Network } from '../models/registry.ts';
import { parseDevice } from '../models/runtime/device.ts';
import { BUILDING_CHANGES, LANDUSE_CHANGES } from '../server/change/change-tables.ts';
import type { DatedJob } from '../server/change/dated-job.ts';
import { type ChangeReport, findChanges } from '../server/change/find-changes.ts';
import { sharedGround } from '../server/change/register-scenes.ts';
import { jobId } from '../server/content-ids.ts';
import { withEphemeralEngine } from '../server/ephemeral-engine.ts';
import { ALL_COLLECTIONS, EXPORT_FORMATS, exportTables } from '../server/export/export.ts';
import { chooseModel, DEFAULT_NETWORK, modelReason } from '../server/networks/choose-network.ts';
import { requireExtraMaps } from '../server/pipeline/extra-maps.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import { mapIntoFile } from '../server/pipeline/pipeline.ts';
import { choosable } from '../server/pipeline/preflight.ts';
import { settlePrecision } from '../server/pipeline/settle-precision.ts';
import type { WorkContext } from '../server/queue/work-context.ts';
import type { ReadyScene } from '../server/scenes/ready-scene.ts';
import { fetchWorking } from '../server/scenes/working-copy.ts';
import { createFeatureFile, type FeatureFile } from '../server/store/files/feature-file.ts';
import { fetchIfThere } from '../server/store/files/file-store.ts';
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
import { INPUTS_HELP, readInputs, readyScene, sha256OfInputs } from './inputs.ts';
import { outputFormat } from './output.ts';
import { createProgressBar } from './progress.ts';
import { onSignal } from './signals.ts';

const OPTIONS = {
  model: valued('ID', 'the network for both images ("planimeter models list"); else the one that suits the first'),
  device: DEVICE_OPTION,
  precision: valued('P', 'fp32 or int8; else the faster here'),
  report: valued('R.json', 'writes how the images lie against each other, areas from class to class, and counts'),
  collection: valued('NAME', `${LANDUSE_CHANGES}, ${BUILDING_CHANGES} or ${ALL_COLLECTIONS} (the default)`),
  'min-area': MIN_AREA_OPTION,
  tolerance: TOLERANCE_OPTION,
  srs: SRS_OPTION,
  data: DATA_OPTION,
  json: JSON_OPTION,
};

const CHANGE_FORMATS = EXPORT_FORMATS.filter(({ ending }) => ending !== '.pmtiles');

export const usage = usageOf(
  ['change A.tif B.tif OUT [OPTION…]'],
  OPTIONS,
  `${INPUTS_HELP}A is the earlier image. Both are registered first; what their errors explain is no change.
OUT holds the land use that changed, and every building: appeared, gone, grown, shrunk or unchanged. Its extension
selects the format: ${CHANGE_FORMATS.map(({ ending }) => ending).join(', ')}.
It takes as long as mapping both images; nothing else is kept.
`,
);

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['A.tif', 'B.tif', 'OUT']);
  const [first, second, output] = positionals;
  const format = outputFormat(output);
  if (format.ending === '.pmtiles') throw new WrongCall('changes are not written as tiles; take .gpkg or .fgb');
  const collection = values.collection ?? ALL_COLLECTIONS;
  if (![LANDUSE_CHANGES, BUILDING_CHANGES, ALL_COLLECTIONS].includes(collection))
    throw new WrongCall(`--collection takes ${LANDUSE_CHANGES}, ${BUILDING_CHANGES} or ${ALL_COLLECTIONS}`);
  await checkOutputs([output, values.report]);
  const inputs = [await readInputs([first], values.srs), await readInputs([second], values.srs)];
  const [a, b] = [await sha256OfInputs(inputs[0]), await sha256OfInputs(inputs[1])];
  if (a === b) throw new WrongCall(`"${first}" and "${second}" are the same image, in which nothing has changed`);
  const device = parseDevice(values.device ?? process.env.PLANIMETER_DEVICE ?? 'auto');
  const named = values.model === undefined ? null : await installedNetwork(values.model, values.data);
  if (named && isDetector(named)) throw new WrongCall(`"${named.id}" draws boxes; change is told from class maps`);
  const given = parseParameters({
    ...(values.precision !== undefined && { precision: values.precision }),
    ...(values['min-area'] !== undefined && { min_area_m2: readNumber('min-area', values['min-area']) }),
    ...(values.tolerance !== undefined && { tolerance_m: readNumber('tolerance', values.tolerance) }),
  });

  const bar = createProgressBar();
  const interrupted = new AbortController();
  onSignal(['SIGINT'], () => interrupted.abort());
  const contextOf = (image: string): WorkContext => ({
    signal: interrupted.signal,
    progress: ({ stage, share }) => bar.update(`${stage} ${image}`, share),
  });
  const policy = inputs.find(({ remote }) => remote)?.remote?.policy ?? null;
  await withEphemeralEngine(
    async (open, ready) => {
      const tools: MappingTools = { ...ready, db: { query: async (...asked) => (await open()).db.query(...asked) } };
      const scenes: ReadyScene[] = [];
      for (const [i, each] of inputs.entries()) {
        scenes.push(await ofImage(each.name, () => readyScene(tools, each, {}, contextOf('AB'[i]))));
      }
      await sharedGround(tools.db, scenes[0], scenes[1]); // before hours of work
      const networks = (await listNetworks()).map(choosable);
      const network = named ?? (await findNetwork(chooseModel(scenes[0].gsd_m, networks)?.id ?? DEFAULT_NETWORK));
      requireExtraMaps(network, given);
      const parameters = await settlePrecision(given, network, device, ready.chooseRun);
      const opened: FeatureFile[] = [];
      try {
        const jobs: DatedJob[] = [];
        for (const [i, scene] of scenes.entries()) jobs.push(await mapped(scene, network, contextOf('AB'[i])));
        bar.update('compare', 1);
        const { tables, report } = await findChanges(tools.db, jobs[0], jobs[1], {
          minAreaM2: parameters.min_area_m2,
          toleranceMetres: parameters.tolerance_m,
          classNames: new Map(network.classes.map(({ value, name }) => [value, name])),
        });
        await exportTables(tables, collection, format, output);
        if (values.report) await writeFile(values.report, `${JSON.stringify(report, null, 2)}\n`);
        bar.end();
        for (const { message } of report.findings) process.stderr.write(`warning: ${message}\n`);
        process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : summary(output, report));
      } finally {
        for (const features of opened) features.close();
      }

      async function mapped(scene: ReadyScene, network: Network, context: WorkContext): Promise<DatedJob> {
        const id = jobId(scene, jobIdentity(network), parameters);
        const features = createFeatureFile(ready.files.path(`${id}.features`), tools.db, scene.epsg);
        opened.push(features);
        const modelOf = modelReason(scene.gsd_m, network.id, networks);
        const job = { id, scene, network, parameters, modelReason: modelOf, finestOnly: true };
        await mapIntoFile(tools, job, features, context);
        const source = { job: id, scene: scene.id, model: network.id, capturedAt: scene.report.capturedAt ?? null };
        const rights = { license: scene.license, attribution: scene.attribution };
        const buildings = features.tables({ ...source, rights, detected: false });
        return {
          ...{ scene, workingPath: await fetchWorking(ready.files, scene), job: id },
          classesPath: await ready.files.fetch(`jobs/${id}/classes.tif`),
          scoresPath: await fetchIfThere(ready.files, `jobs/${id}/scores.tif`),
          buildings: buildings.find((table) => table.collection === 'buildings')!,
        };
      }
    },
    { device, policy },
  ).finally(bar.end);
}

/** Of two images, it is said which one was refused. */
async function ofImage<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Problem(error.code, `"${name}": ${error.message}`, { cause: error });
  }
}

function summary(output: string, { registration, error_m, counts, matrix_m2, within_error_m2 }: ChangeReport): string {
  const { windows, tried, median_m, residual_m } = registration;
  const lies =
    median_m === null
      ? 'not registered'
      : `B lies ${median_m.toFixed(2)} m beside A (${windows} of ${tried} windows), ${residual_m!.toFixed(2)} m after registration`;
  const buildings = Object.entries(counts.buildings).map(([change, count]) => `${count} ${change}`);
  if (counts.not_compared > 0)
    buildings.push(`${counts.not_compared} at the edge of what both images show, not compared`);
  const changed = Object.entries(matrix_m2).flatMap(([from, row]) =>
    Object.entries(row).flatMap(([to, area]) => (from === to ? [] : [area])),
  );
  const differing = changed.reduce((sum, area) => sum + area, 0);
  return (
    `${output}: ${counts.landuse} changes of land use; buildings: ${buildings.join(', ')}\n` +
    `${lies}; borders within ${error_m.toFixed(1)} m count as the same\n` +
    `${hectares(differing)} ha differ, of which ${hectares(within_error_m2)} ha are within the error or too small\n`
  );
}

const hectares = (areaM2: number): string => (areaM2 / 10_000).toFixed(2);
