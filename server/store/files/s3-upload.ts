/** A file goes up into a bucket, in parts where it is large; what the store says it got is compared with what was sent. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { PutObjectCommandOutput } from '@aws-sdk/client-s3';
import { mapSome } from './map-some.ts';
import { type Bucket, ifThere } from './s3-bucket.ts';

type Stored = Pick<PutObjectCommandOutput, 'ETag' | 'ServerSideEncryption'>;

/** S3's limit. */
const MAX_PARTS = 10_000;

/** Returns the ETag of the object; a file that is not there is an error of `open`. */
export async function uploadFile(bucket: Bucket, key: string, path: string, partBytes: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > partBytes) return await uploadParts(bucket, key, file, size, partBytes);
    const body = await readAt(file, 0, size);
    const object = objectAt(bucket, key);
    return await sendBytes(`storing ${key}`, body, (sent) =>
      bucket.call(`storing ${key}`, (s3) => s3.putObject({ ...object, ...sent })),
    );
  } finally {
    await file.close();
  }
}

export const objectAt = ({ name, prefix }: Bucket, key: string) => ({ Bucket: name, Key: prefix + key });

async function uploadParts(bucket: Bucket, key: string, file: FileHandle, size: number, partBytes: number) {
  const object = objectAt(bucket, key);
  const begun = await bucket.call(`beginning the upload of ${key}`, (s3) => s3.createMultipartUpload(object));
  const upload = { ...object, UploadId: begun.UploadId };
  const bytesEach = Math.max(partBytes, Math.ceil(size / MAX_PARTS));
  const numbers = Array.from({ length: Math.ceil(size / bytesEach) }, (_, i) => i + 1);
  try {
    const Parts = await mapSome(numbers, async (PartNumber) => {
      const start = (PartNumber - 1) * bytesEach;
      const body = await readAt(file, start, Math.min(bytesEach, size - start));
      const doing = `storing part ${PartNumber} of ${key}`;
      const ETag = await sendBytes(doing, body, (sent) =>
        bucket.call(doing, (s3) => s3.uploadPart({ ...upload, PartNumber, ...sent })),
      );
      return { PartNumber, ETag };
    });
    // Where an answer was lost the first attempt has completed it, and the upload is not known any more.
    await ifThere(
      bucket.call(`completing the upload of ${key}`, (s3) =>
        s3.completeMultipartUpload({ ...upload, MultipartUpload: { Parts } }),
      ),
    );
    const { ContentLength, ETag } = await bucket.call(`looking for ${key}`, (s3) => s3.headObject(object));
    if (ContentLength !== size) throw new Error(`the store does not have the ${size} bytes of ${key} that were sent`);
    return etagOf(ETag);
  } catch (error) {
    await bucket.call(`giving up the upload of ${key}`, (s3) => s3.abortMultipartUpload(upload)).catch(() => {});
    throw error;
  }
}

/** Returns the ETag; throws where the store says that it got other bytes. */
async function sendBytes(
  doing: string,
  body: Uint8Array,
  send: (sent: { Body: Uint8Array; ContentMD5: string }) => Promise<Stored>,
): Promise<string> {
  const md5 = createHash('md5').update(body).digest();
  const answer = await send({ Body: body, ContentMD5: md5.toString('base64') });
  const etag = etagOf(answer.ETag);
  // Of what the server encrypts with keys of its own, the ETag is another sum.
  const plain = /^"[0-9a-f]{32}"$/.test(etag) && !answer.ServerSideEncryption;
  if (plain && etag !== `"${md5.toString('hex')}"`)
    throw new Error(`${doing}: the store has other bytes than were sent`);
  return etag;
}

export function etagOf(etag: string | undefined): string {
  if (!etag) throw new Error('the file store answers without an ETag');
  return etag;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, position);
  if (bytesRead !== length) throw new Error(`expected ${length} bytes at ${position}, got ${bytesRead}`);
  return buffer;
}
