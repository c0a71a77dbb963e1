/** What a published job found → a file, of a format that its ending names. */
import { rename, rm } from 'node:fs/promises';
import { Problem } from '../../errors/problem.ts';
import type { ReviewFilter } from '../api/index.ts';
import type { Queryable } from '../store/database/database.ts';
import { type FeatureTable, featureTables } from '../store/tables/feature-tables.ts';
import type { TiledJob } from '../tiles/tile-of-job.ts';
import { writeFlatGeobuf } from './flatgeobuf.ts';
import { writeGeoPackage } from './geopackage.ts';
import { writeGeoParquet } from './geoparquet.ts';
import { writePmtiles } from './pmtiles.ts';
import { writeShapefiles } from './shapefile.ts';
import { writeCsv, writeGeoJson, writeGeoJsonLines } from './text.ts';

export interface ExportFormat {
  /** With its dot; also the name's ending. */
  ending: string;
  title: string;
  mediaType: string;
  write(q: Queryable, tables: readonly FeatureTable[], path: string, job: TiledJob): Promise<void>;
}

/** GeoPackage and Shapefiles have a layer a collection, PMTiles a vector layer; in the others a column says the collection. */
export const EXPORT_FORMATS: readonly ExportFormat[] = [
  { ending: '.geojson', title: 'GeoJSON', mediaType: 'application/geo+json', write: writeGeoJson },
  {
    ending: '.geojsonl',
    title: 'GeoJSON, a feature a line',
    mediaType: 'application/geo+json-seq',
    write: writeGeoJsonLines,
  },
  { ending: '.gpkg', title: 'GeoPackage', mediaType: 'application/geopackage+sqlite3', write: writeGeoPackage },
  { ending: '.fgb', title: 'FlatGeobuf', mediaType: 'application/flatgeobuf', write: writeFlatGeobuf },
  { ending: '.parquet', title: 'GeoParquet', mediaType: 'application/vnd.apache.parquet', write: writeGeoParquet },
  {
    ending: '.pmtiles',
    title: 'PMTiles (vector tiles)',
    mediaType: 'application/vnd.pmtiles',
    write: (q, tables, path, job) => writePmtiles(q, tables, job, path),
  },
  { ending: '.shp.zip', title: 'Shapefiles in a zip', mediaType: 'application/zip', write: writeShapefiles },
  { ending: '.csv', title: 'CSV with WKT', mediaType: 'text/csv', write: writeCsv },
];

/** The format of a file's name, whatever its case; null for others. */
export function exportFormat(path: string): ExportFormat | null {
  const name = path.toLowerCase();
  return EXPORT_FORMATS.find(({ ending }) => name.endsWith(ending)) ?? null;
}

/** Of all that a job found. */
export interface Wanted {
  collection?: string | undefined;
  review?: ReviewFilter | undefined;
}

/**
 * Writes all collections of a job, or the one that is named. The file appears complete or not at all; one that is there
 * is replaced. Throws `not_found` where the job is not done or has no such collection.
 */
export async function exportJob(
  q: Queryable,
  job: TiledJob,
  format: ExportFormat,
  path: string,
  { collection, review }: Wanted = {},
): Promise<void> {
  if (review !== undefined && format.ending === '.pmtiles') {
    throw new Problem('bad_request', 'Vector tiles show all features; take another format for those of a review.');
  }
  const all = await featureTables(q, job.id, review);
  if (!all) throw new Problem('not_found', `There is no finished job with the id "${job.id}".`);
  const tables = collection === undefined ? all : all.filter((table) => table.collection === collection);
  if (tables.length === 0) {
    const known = all.map((table) => table.collection).join(', ');
    throw new Problem('not_found', `The job has no collection "${collection}". It has: ${known}.`);
  }
  const partial = `${path}.partial`;
  try {
    await rm(partial, { force: true });
    await format.write(q, tables, partial, job);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
