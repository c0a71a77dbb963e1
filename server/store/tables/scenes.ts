/** Rows of `planimeter.scenes`: uploaded images, from their arrival to their being ready. */
import type { IngestReport } from '../../../tiler/ingest/ingest.ts';
import type { SceneJson, SceneRights, SceneState } from '../../api/index.ts';
import type { Queryable } from '../database/database.ts';
import { assignments, type Columns } from '../database/rows.ts';
import { type Page, type PageQuery, pageOf } from './pages.ts';

export interface Scene extends Omit<SceneJson, 'valid_share' | 'captured_at' | 'url' | 'findings'> {
  /** The number by which PostGIS knows the CRS: its EPSG code, or one of ours. */
  epsg: number | null;
  gsd_x_m: number | null;
  gsd_y_m: number | null;
  report: IngestReport | null;
}

const COLUMNS = `id, workspace, name, state, upload, sha256, bytes, created_at, progress, problem, srs, epsg,
  ST_AsGeoJSON(footprint, 8)::jsonb AS footprint, bbox, gsd_m, gsd_x_m, gsd_y_m, width, height, bands, report,
  license, attribution`;

const CHANGEABLE: Columns = {
  name: '$',
  state: '$',
  upload: '$',
  progress: '$',
  problem: '$::jsonb',
  srs: '$',
  epsg: '$',
  footprint: 'ST_SetSRID(ST_GeomFromGeoJSON($::text), 4326)',
  bbox: '$::double precision[]',
  gsd_m: '$',
  gsd_x_m: '$',
  gsd_y_m: '$',
  width: '$',
  height: '$',
  bands: '$',
  stored_bytes: '$',
  report: '$::jsonb',
  license: '$',
  attribution: '$',
};

/** A scene that has just arrived, in state `uploaded`. */
export async function insertScene(
  q: Queryable,
  scene: Pick<Scene, 'id' | 'name' | 'upload' | 'sha256' | 'bytes'> & Partial<SceneRights> & { stored_bytes?: number },
): Promise<void> {
  const { id, name, upload, sha256, bytes, stored_bytes = bytes, license = null, attribution = null } = scene;
  await q.query(
    `INSERT INTO planimeter.scenes (id, name, upload, sha256, bytes, stored_bytes, license, attribution)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [id, name, upload, sha256, bytes, stored_bytes, license, attribution],
  );
}

export async function getScene(q: Queryable, id: string): Promise<Scene | null> {
  return findScene(q, 'id = $1', id);
}

/** Those that there are, in no order. */
export async function findScenes(q: Queryable, ids: readonly string[]): Promise<Scene[]> {
  return q.query<Scene>(`SELECT ${COLUMNS} FROM planimeter.scenes WHERE id = ANY ($1::text[])`, [ids]);
}

export async function findSceneByUpload(q: Queryable, upload: string): Promise<Scene | null> {
  return findScene(q, 'upload = $1', upload);
}

/** The newest scene of these bytes that was not refused, else the newest that was. */
export async function findSceneBySha256(q: Queryable, sha256: string): Promise<Scene | null> {
  return findScene(q, `sha256 = $1 ORDER BY state = 'refused', created_at DESC, id`, sha256);
}

async function findScene(q: Queryable, condition: string, value: string): Promise<Scene | null> {
  const sql = `SELECT ${COLUMNS} FROM planimeter.scenes WHERE ${condition} LIMIT 1`;
  const rows = await q.query<Scene>(sql, [value], { prepared: true });
  return rows[0] ?? null;
}

/** Newest first; without `page` all of them. */
export const pageOfScenes = (q: Queryable, page?: PageQuery): Promise<Page<Scene>> =>
  pageOf(q, { columns: COLUMNS, table: 'scenes', where: 'true', parameters: [], newestFirst: true }, page);

/** Who is to be named with the images that the features of each collection were found in, in order. */
export async function sourcesOf(q: Queryable): Promise<Map<string, string[]>> {
  const rows = await q.query<{ collection: string; sources: string[] }>(
    `SELECT t.collection, array_agg(DISTINCT s.attribution ORDER BY s.attribution) AS sources
       FROM planimeter.job_totals t JOIN planimeter.jobs j ON j.key = t.job AND j.state = 'done'
       JOIN planimeter.scenes s ON s.id = j.scene
      WHERE s.attribution IS NOT NULL GROUP BY t.collection`,
  );
  return new Map(rows.map(({ collection, sources }) => [collection, sources]));
}

/**
 * Changes the given fields of a scene, where it is in one of these states (or in any).
 * @returns false where there is no such scene in such a state
 */
export async function updateScene(
  q: Queryable,
  id: string,
  changes: Partial<Omit<Scene, 'id' | 'workspace' | 'sha256' | 'bytes' | 'created_at'>> & { stored_bytes?: number },
  when?: readonly SceneState[],
): Promise<boolean> {
  const { sql, values } = assignments(CHANGEABLE, changes, 3);
  const rows = await q.query(
    `UPDATE planimeter.scenes SET ${sql} WHERE id = $1 AND ($2::text[] IS NULL OR state = ANY ($2)) RETURNING id`,
    [id, when ?? null, ...values],
  );
  return rows.length > 0;
}

/** Deletes the scene with its jobs and their features; false where there is no such scene. */
export async function deleteScene(q: Queryable, id: string): Promise<boolean> {
  const rows = await q.query('DELETE FROM planimeter.scenes WHERE id = $1 RETURNING id', [id]);
  return rows.length > 0;
}

export function sceneJson(scene: Scene): SceneJson {
  const { epsg: _, gsd_x_m: _x, gsd_y_m: _y, report, ...shown } = scene;
  return {
    ...shown,
    valid_share: report ? report.validPixels / (report.width * report.height) : null,
    captured_at: report?.capturedAt ?? null,
    url: report?.inPlace?.url ?? null,
    findings: report?.findings ?? [],
  };
}
