/**
 * The images below a prefix of a bucket. An object is there to the last byte or not at all; it is fetched, with what lies
 * beside it, so that it need not be a cloud-optimised one.
 */
import { join, posix } from 'node:path';
import { Problem } from '../../errors/problem.ts';
import { createRoom, minFreeBytes } from '../../server/store/files/free-room.ts';
import { openBucket } from '../../server/store/files/s3-bucket.ts';
import { fetchObject } from '../../server/store/files/s3-copies.ts';
import { entriesOf, type StoredObject } from '../../server/store/files/s3-files.ts';
import { StoreUnreachable } from '../../server/store/files/unreachable.ts';
import { matchSidecars, nameKey, type SidecarPaths } from '../../tiler/ingest/sidecars.ts';
import { IMAGE } from './watch-folder.ts';
import type { Found, Watched } from './watched.ts';

const LOOK_MS = 10_000;

/** @param address `s3://BUCKET/PREFIX`. Throws Problem bad_request for one that is none. */
export function watchBucket(address: string, srs: string | undefined, env: NodeJS.ProcessEnv = process.env): Watched {
  const bucket = openBucket(address, { env });

  const fetchAll = async (folder: string, image: StoredObject, beside: ReadonlyMap<string, StoredObject>) => {
    const objects = [image, ...beside.values()];
    const bytes = objects.reduce((sum, object) => sum + object.bytes, 0);
    await createRoom([folder], minFreeBytes(env)).check(bytes);
    const paths = new Map<string, string>();
    for (const [i, object] of objects.entries()) {
      const path = join(folder, String(i)); // keys may hold anything
      await fetchObject(bucket, object, path).catch(asProblem);
      paths.set(object.key, path);
    }
    const sidecars: SidecarPaths = {};
    for (const [kind, { key }] of beside) sidecars[kind as keyof SidecarPaths] = paths.get(key)!;
    const sources = [{ path: paths.get(image.key)!, sidecars }];
    return { sources, srs, bytes: image.bytes, name: posix.basename(image.key) };
  };

  return {
    ...{ place: address.replace(/\/$/, ''), lookMs: LOOK_MS, policy: null },
    async look() {
      const objects = await entriesOf(bucket, '').catch(asProblem);
      const images = objects
        .filter(({ key }) => IMAGE.test(key))
        .sort((a, b) => a.modifiedMs - b.modifiedMs || (a.key < b.key ? -1 : 1));
      const byKey = new Map(objects.map((object) => [nameKey(object.key), object]));
      const keys = new Map(objects.map(({ key }) => [nameKey(key), nameKey(key)]));
      const whole = images.map((image): Found => {
        const beside = new Map(
          Object.entries(matchSidecars(nameKey(image.key), keys)).map(([kind, key]) => [kind, byKey.get(key)!]),
        );
        const version = [image, ...beside.values()].map(({ etag }) => etag).join(', ');
        return { name: image.key, version, read: (folder) => fetchAll(folder, image, beside) };
      });
      return { whole, unfinished: [] };
    },
    hasChanged: async () => false,
  };
}

/** What does not answer now may do so later. */
function asProblem(error: unknown): never {
  if (error instanceof StoreUnreachable) throw new Problem('remote_unreachable', `${error.message}.`, { cause: error });
  throw error;
}
