/** What people draw on scenes to teach networks by: points, strokes and areas of a class. */
import type { LabelJson } from '../../api/labels.ts';
import type { Queryable } from '../database/database.ts';

export interface StoredLabel {
  id: string;
  className: string;
  widthMetres: number | null;
  geometry: LabelJson['geometry'];
}

/** Of a scene: those that are there, and with those that were taken back; together they tell whether anything changed. */
export interface LabelCounts {
  there: number;
  ever: number;
}

/** Those whose ids are there already are left as they are. Returns the ids of those that lie on the scene in the end. */
export async function insertLabels(
  q: Queryable,
  { scene, author }: { scene: string; author: string },
  labels: readonly StoredLabel[],
): Promise<Set<string>> {
  await q.query(
    `INSERT INTO planimeter.labels (id, scene, class, width_m, geom, author)
     SELECT (l->>'id')::uuid, $1, l->>'className', (l->>'widthMetres')::double precision,
            ST_SetSRID(ST_GeomFromGeoJSON(l->>'geometry'), 4326), $2
       FROM jsonb_array_elements($3::jsonb) AS l
     ON CONFLICT (id) DO NOTHING`,
    [scene, author, JSON.stringify(labels)],
  );
  const rows = await q.query<{ id: string }>(
    'SELECT id FROM planimeter.labels WHERE scene = $1 AND id = ANY ($2::uuid[])',
    [scene, labels.map(({ id }) => id)],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Of a scene, the oldest first; coordinates to a tenth of a millimetre. */
export async function labelsOf(q: Queryable, scene: string): Promise<LabelJson[]> {
  const rows = await q.query<LabelJson['properties'] & { id: string; geometry: LabelJson['geometry'] }>(
    `SELECT id, class, width_m, author, created_at, ST_AsGeoJSON(geom, 9)::jsonb AS geometry
       FROM planimeter.labels WHERE scene = $1 AND deleted_at IS NULL ORDER BY created_at, id`,
    [scene],
  );
  return rows.map(({ id, geometry, ...properties }) => ({ type: 'Feature', id, geometry, properties }));
}

export async function countLabels(q: Queryable, scene: string): Promise<LabelCounts> {
  const [row] = await q.query<LabelCounts>(
    `SELECT count(*)::integer AS ever, count(*) FILTER (WHERE deleted_at IS NULL)::integer AS there
       FROM planimeter.labels WHERE scene = $1`,
    [scene],
  );
  return row!;
}

/** What all labels of a scene have together. */
export async function countPositions(q: Queryable, scene: string): Promise<number> {
  const [row] = await q.query<{ positions: number }>(
    `SELECT coalesce(sum(ST_NPoints(geom)), 0)::integer AS positions FROM planimeter.labels
      WHERE scene = $1 AND deleted_at IS NULL`,
    [scene],
  );
  return row!.positions;
}

/** Takes a label back. Returns its scene; null where there is none. */
export async function removeLabel(q: Queryable, id: string): Promise<string | null> {
  const [row] = await q.query<{ scene: string }>(
    `UPDATE planimeter.labels SET deleted_at = clock_timestamp(), geom = NULL
      WHERE id = $1 AND deleted_at IS NULL RETURNING scene`,
    [id],
  );
  return row?.scene ?? null;
}
