/** The features of one job in a file of their own, from which they are exported: for those who keep no database. */
import { DatabaseSync } from 'node:sqlite';
import { boundsOf, parseWkb } from '../../geometry/wkb.ts';
import type { Queryable } from '../database/database.ts';
import {
  type FeatureTable,
  type StoredRow,
  type TableSource,
  type TableSummary,
  tablesOf,
} from '../tables/feature-tables.ts';
import { type FeatureRow, placeInDoubt } from '../tables/features.ts';

const ROWS_PER_PAGE = 2000;
/** WKB codes of multi-part geometries are so much more than those of their parts. */
const [LINE, MULTI] = [2, 3];

const SCHEMA = `
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE features (collection TEXT, id TEXT, class TEXT, score REAL, area_m2 REAL, perimeter_m REAL, length_m REAL,
  properties TEXT, geometry BLOB, lines INTEGER, multi INTEGER, west REAL, south REAL, east REAL, north REAL);
CREATE UNIQUE INDEX features_id ON features (collection, id);
`;

export interface FeatureFile {
  /** Those of the finest level; those that are there already stay as they are. */
  insert(rows: readonly FeatureRow[]): Promise<void>;
  /** Gives pieces of regions of land use other ids of their regions than they were stored with. */
  renameRegions(regions: readonly { stored: string; final: string }[]): void;
  /** Of land use, by class. */
  areasM2(): Record<string, number>;
  tables(source: TableSource): FeatureTable[];
  close(): void;
}

/**
 * @param path of a file that is not there yet
 * @param q asked of shapes that are in doubt
 * @param epsg of the coordinates of rows that name no other
 */
export function createFeatureFile(path: string, q: Queryable, epsg: number): FeatureFile {
  const sqlite = new DatabaseSync(path);
  sqlite.exec(SCHEMA);
  const insert = sqlite.prepare(`INSERT OR IGNORE INTO features VALUES (${Array.from({ length: 15 }, () => '?')})`);
  const page = sqlite.prepare(
    `SELECT id, class, score, area_m2, perimeter_m, length_m, properties, geometry FROM features
      WHERE collection = ? AND id > ? ORDER BY id LIMIT ${ROWS_PER_PAGE}`,
  );
  const finalRegions = new Map<unknown, string>();

  async function* rowsOf(collection: string): AsyncGenerator<StoredRow[]> {
    let after = '';
    for (;;) {
      const rows = page.all(collection, after) as unknown as (Omit<StoredRow, 'properties'> & { properties: string })[];
      if (rows.length > 0) yield rows.map((row) => ({ ...row, properties: propertiesOf(row.properties) }));
      if (rows.length < ROWS_PER_PAGE) return;
      after = rows.at(-1)!.id;
    }
  }

  function propertiesOf(text: string): StoredRow['properties'] {
    const properties = JSON.parse(text);
    const region = finalRegions.get(properties.region);
    return region === undefined ? properties : { ...properties, region };
  }

  return {
    async insert(given) {
      const rows = given.filter(({ level = 0 }) => level === 0);
      const doubtful = rows.filter(({ measures }) => !measures);
      const placed = new Map((await placeInDoubt(q, epsg, doubtful)).map((shape, i) => [doubtful[i]!, shape]));
      sqlite.exec('BEGIN');
      for (const row of rows) {
        const { wkb, areaM2, outlineM } = placed.get(row) ?? { wkb: row.wkb, ...row.measures! };
        const geometry = parseWkb(wkb);
        const isLine = geometry.type % MULTI === LINE;
        const outline = outlineM * (row.borderShare ?? 1);
        insert.run(
          ...[row.collection, row.id, row.class, row.score === null ? null : single(row.score), areaM2],
          ...[isLine ? null : outline, isLine ? outline : null, JSON.stringify(row.properties ?? {}), wkb],
          ...[Number(isLine), Number(geometry.type > MULTI), ...boundsOf(geometry)],
        );
      }
      sqlite.exec('COMMIT');
    },
    renameRegions(regions) {
      for (const { stored, final } of regions) finalRegions.set(stored, final);
    },
    areasM2() {
      const rows = sqlite
        .prepare(`SELECT class, sum(area_m2) AS area FROM features WHERE collection = 'landuse' GROUP BY class
                   ORDER BY octet_length(class), class`)
        .all() as { class: string; area: number }[];
      return Object.fromEntries(rows.map((row) => [row.class, row.area]));
    },
    tables(source) {
      const summaries = sqlite
        .prepare(`SELECT collection, count(*) AS count, max(lines) AS lines, max(multi) AS multi, min(west) AS west,
                         min(south) AS south, max(east) AS east, max(north) AS north
                    FROM features GROUP BY collection ORDER BY collection`)
        .all() as unknown as (Record<'count' | 'lines' | 'multi' | 'west' | 'south' | 'east' | 'north', number> & {
        collection: string;
      })[];
      const found = summaries.map(
        ({ collection, count, lines, multi, west, south, east, north }): TableSummary => ({
          ...{ collection, count, lines: lines > 0, multi: multi > 0, bbox: [west, south, east, north] },
        }),
      );
      return tablesOf(source, found, rowsOf);
    },
    close: () => sqlite.close(),
  };
}

/** As databases give what they hold in four bytes: the shortest decimals that are no other such number. */
function single(value: number): number {
  const rounded = Math.fround(value);
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(rounded.toPrecision(digits));
    if (Math.fround(shorter) === rounded) return shorter;
  }
  return Number(rounded.toPrecision(9));
}
