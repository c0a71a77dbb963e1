/** What it takes to make a job's result again, and hashes by which it is told whether it is the same. */
import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { sha256OfFile } from '../../tiler/ingest/sha256.ts';
import type { JobReport, ReplayRecord } from '../api/index.ts';

export interface Replayable {
  job: { id: string; workspace: string; model: string; report: JobReport };
  scene: { name: string; sha256: string; srs: string | null };
  geopackage: string;
  /** Paths by name. */
  maps: Readonly<Record<string, string>>;
}

export async function recordOf({ job, scene, geopackage, maps }: Replayable): Promise<ReplayRecord> {
  const { version = '', model_sha256 = '', parameters, device } = job.report;
  const hashes = await Promise.all(
    Object.entries(maps).map(async ([name, path]) => [`${name}.tif`, await sha256OfFile(path)] as const),
  );
  return {
    ...{ format: 'planimeter-replay-1', program: version, job: job.id, workspace: job.workspace },
    image: { name: scene.name, sha256: scene.sha256, srs: scene.srs },
    network: { id: job.model, sha256: model_sha256 },
    parameters: { ...parameters },
    device: device?.name ?? null,
    maps: Object.fromEntries(hashes),
    features: hashFeatures(geopackage),
  };
}

/** Ids, and what says where a feature was found instead of what it is: another workspace has others, people review. */
const LEFT_OUT = ['fid', 'id', 'region', 'job', 'scene', 'model', 'review'];

/** Of each layer, all that its features are, whatever their order. */
export function hashFeatures(geopackage: string): ReplayRecord['features'] {
  const db = new DatabaseSync(geopackage, { readOnly: true });
  try {
    const layers = db
      .prepare(`SELECT table_name AS name FROM gpkg_contents WHERE data_type = 'features' ORDER BY 1`)
      .all();
    return Object.fromEntries(
      layers.map(({ name }) => {
        const rows: string[] = [];
        for (const row of db.prepare(`SELECT * FROM "${String(name).replaceAll('"', '""')}"`).iterate()) {
          const hash = createHash('sha256');
          for (const [column, value] of Object.entries(row)) {
            if (LEFT_OUT.includes(column)) continue;
            hash.update(`${column}\0${value === null ? 'null' : typeof value}\0`);
            hash.update(value instanceof Uint8Array ? value : String(value)).update('\0');
          }
          rows.push(hash.digest('hex'));
        }
        const sha256 = createHash('sha256').update(rows.toSorted().join('')).digest('hex');
        return [name, { count: rows.length, sha256 }];
      }),
    );
  } finally {
    db.close();
  }
}
