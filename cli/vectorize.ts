/** `planimeter vectorize CLASSES.tif OUT`: one stage alone, from a class map to features. */
import { basename, resolve } from 'node:path';
import { Problem } from '../errors/problem.ts';
import { jobId, sceneId } from '../server/content-ids.ts';
import { withEphemeralEngine } from '../server/ephemeral-engine.ts';
import { exportJob } from '../server/export/export.ts';
import { chordMetres, measureBending } from '../server/pipeline/bending.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import { storeFeatures } from '../server/pipeline/store-features.ts';
import { georeference } from '../server/store/tables/georeference.ts';
import { insertJob, updateJob } from '../server/store/tables/jobs.ts';
import { insertScene } from '../server/store/tables/scenes.ts';
import { openRaster } from '../tiler/geotiff/raster.ts';
import { sha256OfFile } from '../tiler/ingest/sha256.ts';
import {
  JSON_OPTION,
  MIN_AREA_OPTION,
  readArguments,
  readNumber,
  TOLERANCE_OPTION,
  usageOf,
  valued,
  WrongCall,
} from './arguments.ts';
import { checkOutputs, inputFile } from './files.ts';
import { COLLECTION_OPTION, checkCollection, foundText, leftOutNotice, OUTPUT_HELP, outputFormat } from './output.ts';
import { createProgressBar } from './progress.ts';

const OPTIONS = {
  buildings: valued('N', 'the code of buildings, whose walls are straightened'),
  roads: valued('N', 'the code of roads, whose centre lines are drawn'),
  water: valued('N', 'the code of water, under which no road goes on'),
  collection: COLLECTION_OPTION,
  'min-area': MIN_AREA_OPTION,
  tolerance: TOLERANCE_OPTION,
  json: JSON_OPTION,
};

export const usage = usageOf(
  [
    'vectorize CLASSES.tif OUT [--buildings N] [--roads N] [--water N] [--collection NAME] [--min-area M2] [--tolerance M] [--json]',
  ],
  OPTIONS,
  OUTPUT_HELP,
);

export async function run(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args, OPTIONS, ['CLASSES.tif', 'OUT']);
  const classesPath = resolve(await inputFile(positionals[0]));
  const output = positionals[1];
  const format = outputFormat(output);
  checkCollection(values.collection, false);
  await checkOutputs([output]);
  const codes = {
    building: classCode('buildings', values.buildings),
    road: classCode('roads', values.roads),
    water: classCode('water', values.water),
  };
  const parameters = parseParameters({
    ...(values['min-area'] !== undefined && { min_area_m2: readNumber('min-area', values['min-area']) }),
    ...(values.tolerance !== undefined && { tolerance_m: readNumber('tolerance', values.tolerance) }),
  });
  const map = await readMapHeader(classesPath);
  const classNames = new Map(Object.entries(codes).flatMap(([name, code]) => (code === null ? [] : [[code, name]])));

  const bar = createProgressBar();
  await withEphemeralEngine(async (opening) => {
    const sha256 = await sha256OfFile(classesPath);
    const { db, files, compute } = await opening;
    const { srid, gsdMetres, findings } = await georeference(db, map);
    for (const { severity, message } of findings) process.stderr.write(`${severity}: ${message}\n`);
    const scene = sceneId(sha256);
    const id = jobId({ sha256 }, 'vectorize', { ...parameters, ...codes });
    await insertScene(db, { id: scene, name: basename(classesPath), upload: null, sha256, bytes: 0 });
    await insertJob(db, { id, scene, model: 'none', parameters: { ...parameters } });
    const featuresPath = files.path('features.bin');
    const signal = new AbortController().signal;
    const traced = await compute.vectorize(
      {
        classesPath,
        scoresPath: null,
        featuresPath,
        pixelMetres: gsdMetres,
        minAreaM2: parameters.min_area_m2,
        toleranceMetres: parameters.tolerance_m,
        finestOnly: format.ending !== '.pmtiles',
        codes,
      },
      { onProgress: (rows) => bar.update('vectorize', rows / map.height) },
    );
    const partsOf = await measureBending(db, { ...map, epsg: srid }, chordMetres(gsdMetres, parameters));
    const { counts } = await storeFeatures(db, { id, epsg: srid, classNames, partsOf }, featuresPath, {
      signal,
      onProgress: (features) => bar.update('store', features / traced.features),
    });
    await updateJob(db, id, { state: 'done' });
    const gsd = Math.sqrt(gsdMetres.x * gsdMetres.y);
    const job = { id, gsdMetres: gsd, levels: traced.levels, blocks: traced.blocks };
    const exported = await exportJob(db, job, format, output, { collection: values.collection });
    bar.end();
    const notice = leftOutNotice(output, exported);
    process.stderr.write(notice);
    const result = { counts, geometry: traced };
    process.stdout.write(
      values.json ? `${JSON.stringify(result)}\n` : `${notice ? 'found' : output}: ${foundText(counts)}\n`,
    );
  }).finally(bar.end);
}

/** Size and place of the map. Throws `missing_crs` where it has none. */
async function readMapHeader(path: string) {
  const { width, height, geotransform, epsg, userCrs, close } = await openRaster(path);
  await close();
  if (epsg === null && !userCrs) {
    throw new Problem(
      'missing_crs',
      'The class map names no coordinate reference system; give it one: gdal_edit.py -a_srs EPSG:N CLASSES.tif',
    );
  }
  return { width, height, geotransform, epsg, userCrs: userCrs ?? null };
}

function classCode(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const code = readNumber(option, text);
  if (Number.isInteger(code) && code >= 0 && code <= 254) return code;
  throw new WrongCall(`--${option} takes a class code from 0 to 254; got "${text}"`);
}
