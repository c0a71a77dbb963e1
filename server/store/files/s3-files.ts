/**
 * Files in an S3-compatible bucket, behind the interface of file-store.ts. What is written goes up from a scratch folder;
 * what is read comes down to a folder of copies.
 *
 * `s3://BUCKET/PREFIX`, with the environment that AWS's own tools read: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL (any
 * S3-compatible server, with the bucket in the path), AWS_REGION or AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; without keys a profile, SSO, a web identity's token file, the role of the
 * container or of the machine.
 */
import { join } from 'node:path';
import { type FileStore, localFileStore, type StoredFile, type UnfinishedUpload } from './file-store.ts';
import { mapSome } from './map-some.ts';
import { ATTEMPTS, type Bucket, type BucketOptions, ifThere, openBucket } from './s3-bucket.ts';
import { type Copies, fetchCopy, keepCopy } from './s3-copies.ts';
import { etagOf, objectAt, uploadFile } from './s3-upload.ts';

export interface S3FileOptions extends BucketOptions {
  /** Folder for what is being written and for copies of what was read. */
  folder: string;
  /** Largest part of an upload; smaller files go up in one. S3 wants 5 MiB at least. */
  partBytes?: number;
  /** Size of the copies beyond which those go that nobody asked for lately. */
  cacheBytes?: number;
  /** How long a copy that was asked for stays in any case: somebody may be about to open it. */
  keepMs?: number;
}

const PART_BYTES = 16 * 2 ** 20;
const CACHE_BYTES = 50 * 2 ** 30;
const KEEP_MS = 3600_000;

/** Throws Problem bad_request for an address that is none. */
export function s3FileStore(address: string, options: S3FileOptions): FileStore {
  const { folder, partBytes = PART_BYTES, cacheBytes = CACHE_BYTES, keepMs = KEEP_MS, attempts = ATTEMPTS } = options;
  const bucket = openBucket(address, options);
  const scratch = localFileStore(join(folder, 'scratch'));
  const copies: Copies = { folder: join(folder, 'cache'), mostBytes: cacheBytes, keepMs, attempts };
  const fetching = new Map<string, Promise<string>>();

  return {
    path: scratch.path,
    async put(key) {
      const path = scratch.path(key);
      const etag = await uploadFile(bucket, key, path, partBytes);
      await keepCopy(copies, key, etag, path);
    },
    fetch(key) {
      scratch.path(key);
      const running = fetching.get(key) ?? fetchCopy(bucket, copies, key).finally(() => fetching.delete(key));
      fetching.set(key, running);
      return running;
    },
    forget: (key) => localFileStore(copies.folder).remove(key),
    async list(under) {
      scratch.path(under);
      return (await entriesOf(bucket, `${under}/`)).map(({ key }) => key);
    },
    async entries(under) {
      scratch.path(under);
      return entriesOf(bucket, `${under}/`);
    },
    unfinished: () => unfinishedUploads(bucket),
    async abandon({ key, id }) {
      const upload = { ...objectAt(bucket, key), UploadId: id };
      await ifThere(bucket.call(`abandoning an upload of ${key}`, (s3) => s3.abortMultipartUpload(upload)));
    },
    async remove(under) {
      await Promise.all([scratch.remove(under), localFileStore(copies.folder).remove(under)]);
      const keys = (await entriesOf(bucket, under)).map(({ key }) => key);
      const below = keys.filter((key) => key === under || key.startsWith(`${under}/`));
      await mapSome(below, (key) =>
        ifThere(bucket.call(`deleting ${key}`, (s3) => s3.deleteObject(objectAt(bucket, key)))),
      );
    },
  };
}

export interface StoredObject extends StoredFile {
  etag: string;
}

/** Of all objects whose keys begin so, sorted by key. */
export async function entriesOf(bucket: Bucket, under: string): Promise<StoredObject[]> {
  const { name, prefix } = bucket;
  const found: StoredObject[] = [];
  let token: string | undefined;
  do {
    const asked = { Bucket: name, Prefix: prefix + under, ContinuationToken: token };
    const page = await bucket.call(`listing ${under}`, (s3) => s3.listObjectsV2(asked));
    for (const { Key, Size, LastModified, ETag } of page.Contents ?? []) {
      const etag = etagOf(ETag);
      found.push({ key: Key!.slice(prefix.length), bytes: Size!, modifiedMs: LastModified!.getTime(), etag });
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token);
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}

async function unfinishedUploads(bucket: Bucket): Promise<UnfinishedUpload[]> {
  const { name, prefix } = bucket;
  const found: UnfinishedUpload[] = [];
  let marks = {};
  for (let more = true; more; ) {
    const asked = { Bucket: name, Prefix: prefix, ...marks };
    const page = await bucket.call('listing uploads', (s3) => s3.listMultipartUploads(asked));
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      found.push({ key: Key!.slice(prefix.length), id: UploadId!, startedMs: Initiated!.getTime() });
    }
    more = page.IsTruncated === true;
    marks = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
  return found;
}
