/** `planimeter vectorize CLASSES.tif OUT`: one stage alone, from a class map to features. */
import { basename, resolve } from 'node:path';
import { Problem } from '../errors/problem.ts';
import { jobId, sceneId } from '../server/content-ids.ts';
import { withEphemeralEngine } from '../server/ephemeral-engine.ts';
import { exportJob } from '../server/export/export.ts';
import { chordMetres } from '../server/pipeline/bending.ts';
import { parseParameters } from '../server/pipeline/job-parameters.ts';
import { drawGrowing } from '../server/pipeline/parts/draw-growing.ts';
import { placingOf } from '../server/pipeline/place-shapes.ts';
import { intoDatabase } from '../server/pipeline/store-features.ts';
import { addCounts, joinStrips, openKeys } from '../server/pipeline/vectorize.ts';
import { beginStoring, renameRegions } from '../server/store/tables/features.ts';
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
  await withEphemeralEngine(async (open) => {
    const [sha256, tools] = await Promise.all([sha256OfFile(classesPath), open()]);
    const { db } = tools;
    const { srid, gsdMetres, findings } = await georeference(db, map);
    for (const { severity, message } of findings) process.stderr.write(`${severity}: ${message}\n`);
    const scene = sceneId(sha256);
    const id = jobId({ sha256 }, 'vectorize', { ...parameters, ...codes });
    await insertScene(db, { id: scene, name: basename(classesPath), upload: null, sha256, bytes: 0 });
    await insertJob(db, { id, scene, model: 'none', parameters: { ...parameters } });
    const placing = await placingOf(db, { ...map, epsg: srid }, chordMetres(gsdMetres, parameters));
    const drawing = {
      job: { id, turn: await beginStoring(db, id), epsg: srid, classNames, placing },
      insert: intoDatabase(db),
      options: {
        ...{
          size: { width: map.width, height: map.height },
          geotransform: map.geotransform,
          nodata: map.nodata ?? 255,
        },
        ...{ pixelMetres: gsdMetres, minAreaM2: parameters.min_area_m2, toleranceMetres: parameters.tolerance_m },
        ...{ finestOnly: format.ending !== '.pmtiles', codes },
      },
    };
    const { signal } = new AbortController();
    const strips = drawGrowing(tools, drawing, { y: 0, classesPath, scoresPath: null }, signal);
    const drawn = await strips.finish((done, total) => bar.update('vectorize', done / total));
    const openPaths = openKeys(drawing).map((key) => tools.files.path(key));
    const { geometry, regions, ...joined } = await joinStrips(tools, drawing, openPaths, signal);
    await renameRegions(db, id, regions);
    const counts = addCounts([...drawn, joined].map((each) => each.counts));
    await updateJob(db, id, { state: 'done' });
    const gsd = Math.sqrt(gsdMetres.x * gsdMetres.y);
    const job = { id, gsdMetres: gsd, levels: geometry.levels, blocks: geometry.blocks };
    const exported = await exportJob(db, job, format, output, { collection: values.collection });
    bar.end();
    const notice = leftOutNotice(output, exported);
    process.stderr.write(notice);
    const result = { counts, geometry };
    process.stdout.write(
      values.json ? `${JSON.stringify(result)}\n` : `${notice ? 'found' : output}: ${foundText(counts)}\n`,
    );
  }).finally(bar.end);
}

/** Size and place of the map. Throws `missing_crs` where it has none. */
async function readMapHeader(path: string) {
  const { width, height, geotransform, nodata, epsg, userCrs, close } = await openRaster(path);
  await close();
  if (epsg === null && !userCrs) {
    throw new Problem(
      'missing_crs',
      'The class map names no coordinate reference system; give it one: gdal_edit.py -a_srs EPSG:N CLASSES.tif',
    );
  }
  return { width, height, geotransform, nodata, epsg, userCrs: userCrs ?? null };
}

function classCode(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const code = readNumber(option, text);
  if (Number.isInteger(code) && code >= 0 && code <= 254) return code;
  throw new WrongCall(`--${option} takes a class code from 0 to 254; got "${text}"`);
}
