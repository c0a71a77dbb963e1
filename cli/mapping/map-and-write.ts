/** A job of `planimeter segment`, from a copied image to its output. */
import type { JobReport } from '../../server/api/index.ts';
import {
  ALL_COLLECTIONS,
  type Exported,
  type ExportFormat,
  exportJob,
  exportTables,
} from '../../server/export/export.ts';
import { mapIntoFile, runWhole } from '../../server/pipeline/pipeline.ts';
import type { SegmentationJob } from '../../server/pipeline/segmentation-job.ts';
import type { WorkContext } from '../../server/queue/work-context.ts';
import { createFeatureFile } from '../../server/store/files/feature-file.ts';
import { coveringTable, OBJECTS } from '../../server/store/tables/feature-tables.ts';
import { getJob, insertJob } from '../../server/store/tables/jobs.ts';
import { insertScene, updateScene } from '../../server/store/tables/scenes.ts';
import { tiledJob } from '../../server/tiles/tile-of-job.ts';
import type { MappingTools, PipelineTools } from '../../server/tools.ts';
import { writePackage } from './package.ts';

interface Wanted {
  output: string;
  format: ExportFormat;
  collection: string | undefined;
  /** The whole job as one zip. */
  whole: boolean;
}

interface Written {
  report: JobReport;
  /** Null of a whole job. */
  exported: Exported | null;
}

/** By way of a file; the database is asked only of places and shapes that are not known without it. */
export async function mapToFile(
  tools: MappingTools,
  job: SegmentationJob,
  { output, format, collection, whole }: Wanted,
  context: WorkContext,
): Promise<Written> {
  const { files } = tools;
  const { id, scene, network } = job;
  const features = createFeatureFile(files.path(`${id}.features`), tools.db, scene.epsg);
  try {
    const report = await mapIntoFile(tools, job, features, context);
    const { license, attribution } = scene;
    const tables = features.tables({
      ...{ job: id, scene: scene.id, model: network.id, capturedAt: scene.report.capturedAt ?? null },
      ...{ rights: { license, attribution }, detected: OBJECTS in report.counts },
    });
    if (whole) await writePackage(files, job, report, tables, output);
    const wanted = collection ?? (format.layered ? ALL_COLLECTIONS : coveringTable(tables));
    return { report, exported: whole ? null : await exportTables(tables, wanted, format, output) };
  } finally {
    features.close();
  }
}

/** By way of the database, which is asked for the features of each tile. */
export async function mapToTiles(
  tools: PipelineTools,
  job: SegmentationJob,
  { output, format, collection }: Wanted,
  context: WorkContext,
): Promise<Written> {
  const { db } = tools;
  const { id, scene, network, parameters } = job;
  const { id: sceneId, workspace: _, sha256: _sha256, bytes: _bytes, created_at: _at, ...known } = scene;
  await insertScene(db, scene);
  await updateScene(db, sceneId, known);
  await insertJob(db, { id, scene: scene.id, model: network.id, parameters: { ...parameters } });
  await runWhole(tools, job, context);
  const report = (await getJob(db, id))!.report!;
  return { report, exported: await exportJob(db, tiledJob({ id, report }), format, output, { collection }) };
}
