/** A finished job → one zip with everything, as the service gives it: see server/export/package.ts. */
import { rename, rm, writeFile } from 'node:fs/promises';
import type { JobReport } from '../../server/api/index.ts';
import { ALL_COLLECTIONS, exportFormat, exportTables } from '../../server/export/export.ts';
import { mapsThere, packageJob } from '../../server/export/package.ts';
import { readNetworkManifest } from '../../server/networks/install-network.ts';
import type { SegmentationJob } from '../../server/pipeline/segmentation-job.ts';
import type { FileStore } from '../../server/store/files/file-store.ts';
import type { FeatureTable } from '../../server/store/tables/feature-tables.ts';
import { sceneJson } from '../../server/store/tables/scenes.ts';

export async function writePackage(
  files: FileStore,
  { id, scene, network }: SegmentationJob,
  report: JobReport,
  tables: readonly FeatureTable[],
  output: string,
): Promise<void> {
  const geopackage = files.path(`jobs/${id}/features.gpkg`);
  await exportTables(tables, ALL_COLLECTIONS, exportFormat('.gpkg')!, geopackage);
  const { properties } = (await readNetworkManifest(network)) as { properties?: { license?: unknown } };
  const { stream } = await packageJob({
    job: { id, workspace: scene.workspace, model: network.id, finished_at: new Date().toISOString(), report },
    scene: sceneJson(scene),
    modelLicense: typeof properties?.license === 'string' ? properties.license : null,
    geopackage,
    maps: await mapsThere(files, { id }),
  });
  const partial = `${output}.partial`;
  try {
    await writeFile(partial, stream);
    await rename(partial, output);
  } finally {
    await rm(partial, { force: true });
  }
}
