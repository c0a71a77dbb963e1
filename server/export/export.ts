/** What a published job found → a file, of a format that its ending names. */
import { rename, rm } from 'node:fs/promises';
import { Problem } from '../../errors/problem.ts';
import type { Queryable } from '../store/database/database.ts';
import { coveringCollection, type FeatureTable, featureTables, type Selected } from '../store/tables/feature-tables.ts';
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
  /** Whether each collection has a layer of its own in the file. */
  layered: boolean;
  /** @param tiled null: of features that are in no database, of which there are no tiles */
  write(tables: readonly FeatureTable[], path: string, tiled: { q: Queryable; job: TiledJob } | null): Promise<void>;
}

const layered = (ending: string, title: string, mediaType: string, write: ExportFormat['write']): ExportFormat => {
  return { ending, title, mediaType, layered: true, write };
};
const single = (ending: string, title: string, mediaType: string, write: ExportFormat['write']): ExportFormat => {
  return { ending, title, mediaType, layered: false, write };
};

export const EXPORT_FORMATS: readonly ExportFormat[] = [
  single('.geojson', 'GeoJSON', 'application/geo+json', writeGeoJson),
  single('.geojsonl', 'GeoJSON, a feature a line', 'application/geo+json-seq', writeGeoJsonLines),
  layered('.gpkg', 'GeoPackage', 'application/geopackage+sqlite3', writeGeoPackage),
  single('.fgb', 'FlatGeobuf', 'application/flatgeobuf', writeFlatGeobuf),
  single('.parquet', 'GeoParquet', 'application/vnd.apache.parquet', writeGeoParquet),
  layered('.pmtiles', 'PMTiles (vector tiles)', 'application/vnd.pmtiles', (tables, path, tiled) =>
    writePmtiles(tiled!.q, tables, tiled!.job, path),
  ),
  layered('.shp.zip', 'Shapefiles in a zip', 'application/zip', writeShapefiles),
  single('.csv', 'CSV with WKT', 'text/csv', writeCsv),
];

/** The format of a file's name, whatever its case; null for others. */
export function exportFormat(path: string): ExportFormat | null {
  const name = path.toLowerCase();
  return EXPORT_FORMATS.find(({ ending }) => name.endsWith(ending)) ?? null;
}

/** The word for the features of all collections: in files of one layer they lie upon each other, kind upon kind. */
export const ALL_COLLECTIONS = 'all';

/** Of all that a job found. */
export interface Wanted extends Selected {
  /** By name, or `all`; else all in a file of several layers, and what covers the ground once in a file of one. */
  collection?: string | undefined;
}

export interface Exported {
  /** By collection: features in the file, and those that it leaves out. */
  written: Record<string, number>;
  leftOut: Record<string, number>;
}

/**
 * Writes what is wanted of a job. The file appears complete or not at all; one that is there is replaced. Throws
 * `not_found` where the job is not done or has no such collection.
 */
export async function exportJob(
  q: Queryable,
  job: TiledJob,
  format: ExportFormat,
  path: string,
  { collection, ...selected }: Wanted = {},
): Promise<Exported> {
  if ((selected.review ?? selected.filter) !== undefined && format.ending === '.pmtiles') {
    throw new Problem('bad_request', 'Vector tiles show all features; take another format for some of them.');
  }
  const all = await featureTables(q, job.id, selected);
  if (!all) throw new Problem('not_found', `There is no finished job with the id "${job.id}".`);
  const wanted = collection ?? (format.layered ? ALL_COLLECTIONS : await coveringCollection(q, job.id));
  return exportTables(all, wanted, format, path, { q, job });
}

/** The same of the tables of all that was found. @param wanted a collection, or `all` */
export async function exportTables(
  all: readonly FeatureTable[],
  wanted: string,
  format: ExportFormat,
  path: string,
  tiled: { q: Queryable; job: TiledJob } | null = null,
): Promise<Exported> {
  const tables = wanted === ALL_COLLECTIONS ? all : all.filter((table) => table.collection === wanted);
  if (tables.length === 0) {
    const known = all.map((table) => table.collection).join(', ');
    throw new Problem(
      'not_found',
      `The job has no collection "${wanted}". It has: ${known}; or take ${ALL_COLLECTIONS}.`,
    );
  }
  const partial = `${path}.partial`;
  try {
    await rm(partial, { force: true });
    await format.write(tables, partial, tiled);
    await rename(partial, path);
    const counts = (some: readonly FeatureTable[]) =>
      Object.fromEntries(some.filter(({ count }) => count > 0).map((table) => [table.collection, table.count]));
    return { written: counts(tables), leftOut: counts(all.filter((table) => !tables.includes(table))) };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
