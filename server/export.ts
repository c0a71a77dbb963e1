/** Features of a job → files. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Queryable } from './store/database.ts';
import { queryItems } from './store/features.ts';

const PAGE = 2000;

/** The collection that a class's areas belong to where every area is written once. */
const COLLECTION_OF_CLASS: Readonly<Record<string, string>> = { building: 'buildings', road: 'roads' };

/**
 * GeoJSON (RFC 7946) of everything a job found. Each area stands in it once: buildings and roads under their own
 * collection, the rest as land use. The file appears complete or not at all.
 */
export async function writeGeoJson(db: Queryable, job: string, path: string): Promise<void> {
  async function* text(): AsyncGenerator<string> {
    yield '{"type":"FeatureCollection","features":[';
    let separator = '\n';
    let after: string | undefined;
    do {
      const page = await queryItems(db, 'landuse', { job, limit: PAGE, ...(after !== undefined && { after }) });
      for (const feature of page.features) {
        const collection = COLLECTION_OF_CLASS[feature.properties.class] ?? 'landuse';
        yield separator + JSON.stringify({ ...feature, properties: { ...feature.properties, collection } });
        separator = ',\n';
      }
      after = page.next ?? undefined;
    } while (after !== undefined);
    yield '\n]}\n';
  }
  const partial = `${path}.partial`;
  try {
    await pipeline(Readable.from(text()), createWriteStream(partial));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
