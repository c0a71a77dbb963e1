/** The features file of a job → rows of the database, in portions. */
import { featureId } from '../content-ids.ts';
import type { Queryable } from '../store/database/database.ts';
import { type FeatureRow, insertFeatures } from '../store/tables/features.ts';
import { type FeatureLine, readFeaturesFile } from '../tracing/features-file.ts';
import { type Placing, placeShape } from './place-shapes.ts';

export interface StoredJob {
  id: string;
  /** That `beginStoring` gave. */
  turn: string;
  /** CRS of the features' coordinates. */
  epsg: number;
  classNames: ReadonlyMap<number, string>;
  /** How they are placed on the globe; without it PostGIS does all of it, and their edges get no points. */
  placing?: Placing;
}

/** How many features each collection has, of those that clients are given as items: none of a coarser level. */
export type Counts = Record<string, number>;

/** Where rows go. */
export type InsertRows = (job: StoredJob, rows: readonly FeatureRow[]) => Promise<void>;

export const intoDatabase =
  (q: Queryable): InsertRows =>
  (job, rows) =>
    insertFeatures(q, job, rows);

/**
 * Stores features of a running job beside those that are stored; those that are there already stay as they are. They
 * stay invisible until the job is published. Throws Problem conflict where the turn is no longer the job's.
 */
export async function storeFeatures(
  insert: InsertRows,
  job: StoredJob,
  featuresPath: string,
  signal: AbortSignal,
): Promise<Counts> {
  const counts: Counts = {};
  for await (const rows of featureRows(featuresPath, job)) {
    signal.throwIfAborted();
    await insert(job, rows);
    for (const { collection, level } of rows) {
      if (level === 0) counts[collection] = (counts[collection] ?? 0) + 1;
    }
  }
  return counts;
}

type StoredRow = FeatureRow & Required<Pick<FeatureRow, 'level' | 'properties'>>;

async function* featureRows(featuresPath: string, job: StoredJob): AsyncGenerator<StoredRow[]> {
  for await (const block of readFeaturesFile(featuresPath)) yield block.map((feature) => rowOf(feature, job));
}

function rowOf(feature: FeatureLine, { id, classNames, placing }: StoredJob): StoredRow {
  const { collection, level, place, class: code, score, wkb, properties, pieceOf } = feature;
  return {
    id: featureId(id, collection, place),
    collection,
    level,
    class: classNames.get(code) ?? String(code),
    score,
    ...(placing ? placeShape(wkb, placing) : { wkb }),
    ...(pieceOf && { borderShare: pieceOf.borderShare }),
    properties: pieceOf ? { ...properties, region: featureId(id, collection, pieceOf.place) } : properties,
  };
}
