/**
 * The features file of a job: what was drawn, on its way to the database. Blocks one after the other, so that files put
 * together are such a file too. A block: two lengths in bytes (uint32, little endian), JSON of its features without their
 * geometries, and the geometries one after the other.
 */
import { createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A feature as it was drawn. */
export interface FeatureLine {
  collection: string;
  /** Of detail; 0 is the finest. */
  level: number;
  /** Class code. */
  class: number;
  /** Mean probability, 0..1; null where it is not known. */
  score: number | null;
  /** What tells the feature from the others of its collection: its place. */
  place: string;
  /** Polygon or LineString in the scene's CRS, little-endian. */
  wkb: Uint8Array;
  properties: Record<string, unknown>;
  /** Where it is a piece of a region: the region's place, and the share of the piece's perimeter that is no cut. */
  pieceOf?: { place: string; borderShare: number };
}

/** A block is full with so many features or bytes of geometries. */
const [BLOCK_FEATURES, BLOCK_BYTES] = [1000, 1 << 20];
const HEAD_BYTES = 8;

type Features = Iterable<FeatureLine> | AsyncIterable<FeatureLine>;

export async function writeFeaturesFile(path: string, features: Features): Promise<void> {
  await pipeline(Readable.from(blocks(features)), createWriteStream(path));
}

async function* blocks(features: Features): AsyncGenerator<Uint8Array> {
  let block: FeatureLine[] = [];
  let bytes = 0;
  for await (const feature of features) {
    block.push(feature);
    bytes += feature.wkb.length;
    if (block.length < BLOCK_FEATURES && bytes < BLOCK_BYTES) continue;
    yield encode(block, bytes);
    block = [];
    bytes = 0;
  }
  if (block.length > 0) yield encode(block, bytes);
}

function encode(features: readonly FeatureLine[], geometryBytes: number): Uint8Array {
  const text = Buffer.from(JSON.stringify(features.map((feature) => ({ ...feature, wkb: feature.wkb.length }))));
  const block = Buffer.allocUnsafe(HEAD_BYTES + text.length + geometryBytes);
  block.writeUInt32LE(text.length, 0);
  block.writeUInt32LE(geometryBytes, 4);
  block.set(text, HEAD_BYTES);
  let at = HEAD_BYTES + text.length;
  for (const { wkb } of features) {
    block.set(wkb, at);
    at += wkb.length;
  }
  return block;
}

/** Its features in the order in which they were written, a block at a time. Throws where the file ends within one. */
export async function* readFeaturesFile(path: string): AsyncGenerator<FeatureLine[]> {
  const file = await open(path);
  try {
    for (;;) {
      const head = await readBytes(file, HEAD_BYTES);
      if (head.length === 0) return;
      const [textBytes, geometryBytes] = [head.readUInt32LE(0), head.readUInt32LE(4)];
      const block = await readBytes(file, textBytes + geometryBytes);
      const features = JSON.parse(block.toString('utf8', 0, textBytes)) as (Omit<FeatureLine, 'wkb'> & {
        wkb: number;
      })[];
      let at = textBytes;
      yield features.map((feature) => {
        const start = at;
        at += feature.wkb;
        return { ...feature, wkb: block.subarray(start, at) };
      });
    }
  } finally {
    await file.close();
  }
}

/** So many bytes, or none at the end of the file. */
async function readBytes(file: FileHandle, count: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(count);
  let read = 0;
  while (read < count) {
    const { bytesRead } = await file.read(bytes, read, count - read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  if (read > 0 && read < count) throw new Error('the features file breaks off');
  return bytes.subarray(0, read);
}
