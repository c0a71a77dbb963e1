/** The features file of a job → rows of the database, in portions. */
import { type PartsOf, withPoints } from '../../vectorizer/chords.ts';
import { featureId } from '../content-ids.ts';
import type { Database } from '../store/database/database.ts';
import { beginStoring, type FeatureRow, insertFeatures } from '../store/tables/features.ts';
import { type FeatureLine, readFeaturesFile } from '../tracing/features-file.ts';

export interface StoredJob {
  id: string;
  /** CRS of the features' coordinates. */
  epsg: number;
  classNames: ReadonlyMap<number, string>;
  /** In how many parts their edges are to be drawn, which are straight in their CRS; without it as they are. */
  partsOf?: PartsOf;
}

/**
 * Stores the features of a running job in place of what an earlier attempt stored; returns the turn to publish them with,
 * and how many each collection has: all that clients are given as items, so none of a coarser level. They stay
 * invisible until the job is published. `onProgress` gets how many of these are stored.
 */
export async function storeFeatures(
  db: Database,
  job: StoredJob,
  featuresPath: string,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (features: number) => void },
): Promise<{ turn: string; counts: Record<string, number> }> {
  const turn = await beginStoring(db, job.id);
  const counts: Record<string, number> = { buildings: 0, roads: 0, landuse: 0 };
  let stored = 0;
  for await (const rows of featureRows(featuresPath, job)) {
    signal.throwIfAborted();
    await insertFeatures(db, { ...job, turn }, rows);
    for (const { collection, level } of rows) {
      if (level > 0) continue;
      counts[collection] = (counts[collection] ?? 0) + 1;
      stored++;
    }
    onProgress(stored);
  }
  return { turn, counts };
}

type StoredRow = FeatureRow & Required<Pick<FeatureRow, 'level' | 'properties'>>;

async function* featureRows(featuresPath: string, job: StoredJob): AsyncGenerator<StoredRow[]> {
  for await (const block of readFeaturesFile(featuresPath)) yield block.map((feature) => rowOf(feature, job));
}

function rowOf(feature: FeatureLine, { id, classNames, partsOf }: StoredJob): StoredRow {
  const { collection, level, place, class: code, score, wkb, properties, pieceOf } = feature;
  return {
    id: featureId(id, collection, place),
    collection,
    level,
    class: classNames.get(code) ?? String(code),
    score,
    wkb: partsOf ? withPoints(wkb, partsOf) : wkb,
    ...(pieceOf && { borderShare: pieceOf.borderShare }),
    properties: pieceOf ? { ...properties, region: featureId(id, collection, pieceOf.place) } : properties,
  };
}
