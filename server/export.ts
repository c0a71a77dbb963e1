/** Features of a job → files. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Queryable } from './store/database.ts';
import { queryItems } from './store/features.ts';

const PAGE = 2000;

/** From the bottom up, as maps draw them. */
const COLLECTIONS = ['landuse', 'roads', 'buildings'];

/**
 * GeoJSON (RFC 7946) of everything a job found, each feature with the collection that it belongs to. The file appears
 * complete or not at all.
 */
export async function writeGeoJson(db: Queryable, job: string, path: string): Promise<void> {
  async function* text(): AsyncGenerator<string> {
    yield '{"type":"FeatureCollection","features":[';
    let separator = '\n';
    for (const collection of COLLECTIONS) {
      let after: string | undefined;
      do {
        const page = await queryItems(db, collection, { job, limit: PAGE, after });
        for (const feature of page.features) {
          yield separator + JSON.stringify(feature);
          separator = ',\n';
        }
        after = page.next ?? undefined;
      } while (after !== undefined);
    }
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
