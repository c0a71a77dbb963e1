/**
 * A job's package → what its sheet is made of. Its features go into a database that is empty otherwise, so that they are
 * summed up as the service does it. The package may come from anybody: its maps are opened in the sandbox alone.
 */
import { DatabaseSync } from 'node:sqlite';
import { Problem } from '../../errors/problem.ts';
import { crsOfText } from '../../tiler/ingest/locate.ts';
import { sha256OfFile } from '../../tiler/ingest/sha256.ts';
import { JobAccuracy } from '../api/accuracy.ts';
import { JobReport } from '../api/job-report.ts';
import { ReplayRecord } from '../api/replay.ts';
import { check } from '../api/schema.ts';
import { extractFromZip, readFromZip } from '../export/read-zip.ts';
import { hashFeatures } from '../export/replay-record.ts';
import type { Database } from '../store/database/database.ts';
import type { FileStore } from '../store/files/file-store.ts';
import { type FeatureRow, insertFeatures, publishJob } from '../store/tables/features.ts';
import { insertJob } from '../store/tables/jobs.ts';
import { insertScene } from '../store/tables/scenes.ts';
import type { Described } from './compose.ts';
import { drawPictures, type Maps, placeGrid, type RenderTile } from './place-map.ts';
import { altOf, gridOf, objectsOf, summaryOf } from './read-job.ts';

export interface OpenedPackage {
  record: ReplayRecord;
  report: JobReport;
}

/** Throws Problem bad_request for a ZIP that is no job's package. */
export async function openPackage(path: string): Promise<OpenedPackage> {
  const record = await readPart(path, 'replay.json', (json) => check(ReplayRecord, json));
  return { record, report: await readPart(path, 'report.json', (json) => check(JobReport, json) as JobReport) };
}

async function readPart<T>(path: string, name: string, understand: (json: unknown) => T): Promise<T> {
  const text = await readFromZip(path, name);
  if (!text)
    throw new Problem('bad_request', `The archive has no ${name}: it is no package of a job, or an early one.`);
  try {
    return understand(JSON.parse(text.toString('utf8')));
  } catch (cause) {
    const why = cause instanceof Problem ? cause.message : 'it is not JSON.';
    throw new Problem('bad_request', `The ${name} of the archive cannot be used: ${why}`, { cause });
  }
}

interface Tools {
  /** That is empty but for systems of coordinates. */
  db: Database;
  /** For what is taken out of the archive. */
  files: FileStore;
  /** In a process that may read nothing but the folder of the files. */
  renderTile: RenderTile;
}

/**
 * @param image the working copy of the image that was mapped, where it is there
 * Throws Problem damaged_archive where the package does not hold what its record says.
 */
export async function readPackage(
  { db, files, renderTile }: Tools,
  path: string,
  { record, report }: OpenedPackage,
  image: (NonNullable<Maps['imagery']> & { capturedAt: string | null }) | null,
): Promise<Omit<Described, 'title' | 'network'>> {
  const { job: id, image: mapped, network, maps } = record;
  const grid = gridOf(report);
  if (mapped.srs === null || !grid) {
    throw new Problem('bad_request', 'The package does not say where its map lies: it is one of an earlier version.');
  }
  const { epsg, userCrs } = crsOfText(mapped.srs);
  const placed = await placeGrid(db, { epsg, userCrs, ...grid });

  const classes = maps['classes.tif'] === undefined ? null : files.path('classes.tif');
  if (classes && !(await extractFromZip(path, 'classes.tif', classes))) throw damaged('classes.tif');
  if (classes && (await sha256OfFile(classes)) !== maps['classes.tif']) throw damaged('classes.tif');
  const pictures = await drawPictures(renderTile, placed, { classes, imagery: image }, report.classes ?? []);

  const scene = { id: 'packaged', name: mapped.name, upload: null, sha256: mapped.sha256, bytes: 0 };
  await insertScene(db, scene);
  await insertJob(db, { id, scene: scene.id, model: network.id, parameters: report.parameters });
  const geopackage = files.path('features.gpkg');
  if (!(await extractFromZip(path, 'features.gpkg', geopackage))) throw damaged('features.gpkg');
  try {
    const found = hashFeatures(geopackage);
    const same = Object.entries(record.features).every(([layer, { sha256 }]) => found[layer]?.sha256 === sha256);
    if (!same || Object.keys(found).length !== Object.keys(record.features).length) throw new Error('other features');
    for (const rows of featuresOf(geopackage)) await insertFeatures(db, { id, epsg: 4326 }, rows);
  } catch (cause) {
    throw damaged('features.gpkg', cause);
  }
  await publishJob(db, id, report);
  const { scene_license: license = null, scene_attribution: attribution = null } = report;
  const job = { id, report };
  return {
    job: { ...job, model: network.id, finished_at: null },
    accuracy: (await readFromZip(path, 'accuracy.json'))
      ? await readPart(path, 'accuracy.json', (json) => check(JobAccuracy, json))
      : null,
    scene: { ...mapped, capturedAt: image?.capturedAt ?? null, url: null, license, attribution },
    ...{ placed, hashes: Object.entries(maps), summary: await summaryOf(db, job, placed) },
    frame: { ...placed.frame, pictures, outlines: await objectsOf(db, job, placed), alt: altOf(mapped.name) },
  };
}

const damaged = (name: string, cause?: unknown): Problem =>
  new Problem('damaged_archive', `The ${name} of the package is not what its record says, or cannot be read.`, {
    cause,
  });

const ROWS = 1000;
/** What every collection has; all else is a property. */
const OWN = ['fid', 'geom', 'id', 'collection', 'class', 'score', 'area_m2', 'perimeter_m', 'length_m'];
/** What says where a feature is from. */
const FROM = ['job', 'scene', 'model', 'captured_at'];

/** Those of every layer, page by page. */
function* featuresOf(geopackage: string): Generator<FeatureRow[]> {
  const sqlite = new DatabaseSync(geopackage, { readOnly: true });
  try {
    const layers = sqlite.prepare(`SELECT table_name AS name FROM gpkg_contents WHERE data_type = 'features'`).all();
    for (const { name } of layers) {
      let rows: FeatureRow[] = [];
      for (const row of sqlite.prepare(`SELECT * FROM "${String(name).replaceAll('"', '""')}"`).iterate()) {
        const others = Object.entries(row).filter(
          ([column, value]) => value !== null && ![...OWN, ...FROM].includes(column),
        );
        rows.push({
          ...{ id: String(row.id), collection: String(row.collection), class: String(row.class) },
          score: row.score === null ? null : Number(row.score),
          wkb: wkbOf(row.geom as Uint8Array),
          measures: { areaM2: Number(row.area_m2 ?? 0), outlineM: Number(row.perimeter_m ?? row.length_m ?? 0) },
          properties: Object.fromEntries(others),
        });
        if (rows.length < ROWS) continue;
        yield rows;
        rows = [];
      }
      yield rows;
    }
  } finally {
    sqlite.close();
  }
}

/** Bytes of the envelope by its code (GeoPackage 1.3, clause 2.1.3). */
const ENVELOPES = [0, 32, 48, 48, 64];
const [HEADER, MULTI_HEADER, FIRST_MULTI] = [8, 9, 4];

/** Of GeoPackageBinary the WKB, and of a multi-part geometry with one part that part. */
function wkbOf(blob: Uint8Array): Uint8Array {
  const wkb = blob.subarray(HEADER + ENVELOPES[(blob[3]! >> 1) & 7]!);
  const view = new DataView(wkb.buffer, wkb.byteOffset, wkb.byteLength);
  const isMulti = view.getUint32(1, true) >= FIRST_MULTI;
  return isMulti && view.getUint32(5, true) === 1 ? wkb.subarray(MULTI_HEADER) : wkb;
}
