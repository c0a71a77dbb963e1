/**
 * Tables → GeoPackage 1.3 (OGC 12-128r17): a layer a collection, in EPSG:4326, each with its R-tree.
 */

import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { boundsOf, parseWkb, toMultiWkb } from '../geometry/wkb.ts';
import { rightsText } from '../scenes/attribution.ts';
import type { Column, FeatureTable } from '../store/tables/feature-tables.ts';

const SQL_TYPES: Record<Column['type'], string> = {
  text: 'TEXT',
  real: 'DOUBLE',
  integer: 'INTEGER',
  boolean: 'BOOLEAN',
};

const WGS84 = `GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]`;

/** The tables that clause 1.1 and 2.1 and the R-tree extension ask for. */
const SCHEMA = `
PRAGMA application_id = 0x47504B47;
PRAGMA user_version = 10300;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
INSERT INTO gpkg_spatial_ref_sys VALUES
  ('Undefined Cartesian SRS', -1, 'NONE', -1, 'undefined', NULL),
  ('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', NULL),
  ('WGS 84', 4326, 'EPSG', 4326, '${WGS84}', 'longitude/latitude in degrees');
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
  scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
`;

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** @param path of a file that is not there yet */
export async function writeGeoPackage(tables: readonly FeatureTable[], path: string): Promise<void> {
  const sqlite = new DatabaseSync(path);
  try {
    sqlite.exec(SCHEMA);
    for (const table of tables) await writeLayer(sqlite, table);
  } finally {
    sqlite.close();
  }
}

async function writeLayer(sqlite: DatabaseSync, table: FeatureTable): Promise<void> {
  const { collection, columns, kind, multi, bbox } = table;
  const single = kind === 'line' ? 'LINESTRING' : 'POLYGON';
  const name = quote(collection);
  const rtree = quote(`rtree_${collection}_geom`);
  // "fid" is the key that GDAL expects; the feature's own id is a column like any other.
  const definitions = columns.map((column) => `${quote(column.name)} ${SQL_TYPES[column.type]}`);
  sqlite.exec(`CREATE TABLE ${name} (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom BLOB, ${definitions.join(', ')});
    CREATE VIRTUAL TABLE ${rtree} USING rtree(id, minx, maxx, miny, maxy);`);
  sqlite
    .prepare(`INSERT INTO gpkg_contents (table_name, data_type, identifier, description, min_x, min_y, max_x, max_y, srs_id)
              VALUES (?, 'features', ?, ?, ?, ?, ?, ?, 4326)`)
    .run(collection, collection, rightsText(table.rights), ...(bbox ?? [null, null, null, null]));
  sqlite
    .prepare(`INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', ?, 4326, 0, 0)`)
    .run(collection, multi ? `MULTI${single}` : single);
  sqlite
    .prepare(`INSERT INTO gpkg_extensions VALUES (?, 'geom', 'gpkg_rtree_index',
              'http://www.geopackage.org/spec120/#extension_rtree', 'write-only')`)
    .run(collection);
  const places = columns.map(() => '?').join(', ');
  const insert = sqlite.prepare(`INSERT INTO ${name} VALUES (?, ?, ${places})`);
  const index = sqlite.prepare(`INSERT INTO ${rtree} VALUES (?, ?, ?, ?, ?)`);
  let fid = 0;
  for await (const rows of table.rows()) {
    sqlite.exec('BEGIN');
    for (const { geometry, values } of rows) {
      const bounds = boundsOf(parseWkb(geometry));
      fid++;
      insert.run(fid, geometryBlob(multi ? toMultiWkb(geometry) : geometry, bounds), ...values.map(sqlValue));
      index.run(fid, bounds[0], bounds[2], bounds[1], bounds[3]);
    }
    sqlite.exec('COMMIT');
    await setImmediate();
  }
  for (const trigger of rtreeTriggers(collection)) sqlite.exec(trigger);
}

const sqlValue = (value: string | number | boolean | null): SQLInputValue =>
  typeof value === 'boolean' ? Number(value) : value;

/** GeoPackageBinary (clause 2.1.3): magic, version, flags, SRS, envelope of x and y, then WKB. */
function geometryBlob(wkb: Uint8Array, [west, south, east, north]: readonly number[]): Uint8Array {
  const blob = new Uint8Array(40 + wkb.length);
  const view = new DataView(blob.buffer);
  blob.set([0x47, 0x50, 0, 0b0000_0011]);
  view.setInt32(4, 4326, true);
  for (const [i, value] of [west, east, south, north].entries()) view.setFloat64(8 + 8 * i, value, true);
  blob.set(wkb, 40);
  return blob;
}

/** The triggers of the R-tree extension (GeoPackage 1.3, annex F.3), which keep the index true when people edit. */
function rtreeTriggers(collection: string): string[] {
  const table = quote(collection);
  const rtree = quote(`rtree_${collection}_geom`);
  const named = (suffix: string) => quote(`rtree_${collection}_geom_${suffix}`);
  const present = (row: string) => `${row}.geom NOT NULL AND NOT ST_IsEmpty(${row}.geom)`;
  const absent = (row: string) => `(${row}.geom ISNULL OR ST_IsEmpty(${row}.geom))`;
  const put = `INSERT OR REPLACE INTO ${rtree} VALUES
    (NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom));`;
  const drop = `DELETE FROM ${rtree} WHERE id = OLD.fid;`;
  const on = (suffix: string, event: string, when: string, action: string) =>
    `CREATE TRIGGER ${named(suffix)} AFTER ${event} ON ${table} WHEN ${when} BEGIN ${action} END`;
  return [
    on('insert', 'INSERT', present('NEW'), put),
    on('update1', 'UPDATE OF geom', `OLD.fid = NEW.fid AND ${present('NEW')}`, put),
    on('update2', 'UPDATE OF geom', `OLD.fid = NEW.fid AND ${absent('NEW')}`, drop),
    on('update3', 'UPDATE', `OLD.fid != NEW.fid AND ${present('NEW')}`, drop + put),
    on(
      'update4',
      'UPDATE',
      `OLD.fid != NEW.fid AND ${absent('NEW')}`,
      `DELETE FROM ${rtree} WHERE id IN (OLD.fid, NEW.fid);`,
    ),
    on('delete', 'DELETE', 'OLD.geom NOT NULL', drop),
  ];
}
