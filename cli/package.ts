/** A finished job → one zip with everything, as the service gives it: see server/export/package.ts. */
import { rename, rm, writeFile } from 'node:fs/promises';
import type { Network } from '../models/registry.ts';
import { exportFormat, exportJob } from '../server/export/export.ts';
import { mapsThere, packageJob } from '../server/export/package.ts';
import { readNetworkManifest } from '../server/networks/install-network.ts';
import type { Database } from '../server/store/database/database.ts';
import type { FileStore } from '../server/store/files/file-store.ts';
import { getJob } from '../server/store/tables/jobs.ts';
import { getScene, sceneJson } from '../server/store/tables/scenes.ts';
import { tiledJob } from '../server/tiles/tile-of-job.ts';

export async function writePackage(
  { db, files }: { db: Database; files: FileStore },
  id: string,
  network: Network,
  output: string,
): Promise<void> {
  const job = (await getJob(db, id))!;
  const scene = sceneJson((await getScene(db, job.scene))!);
  const geopackage = files.path(`jobs/${id}/features.gpkg`);
  await exportJob(db, tiledJob(job), exportFormat('.gpkg')!, geopackage);
  const { properties } = (await readNetworkManifest(network)) as { properties?: { license?: unknown } };
  const { stream } = await packageJob({
    job: { ...job, report: job.report! },
    scene,
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
