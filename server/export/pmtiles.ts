/**
 * The vector tiles of a job → one PMTiles archive of version 3 (https://github.com/protomaps/PMTiles, spec/v3).
 * Tiles are written as they are made; header and directories, whose size is known last, have their place kept free.
 */

import { type FileHandle, open } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { writeAll } from '../../tiler/geotiff/write-all.ts';
import type { Bbox } from '../api/index.ts';
import { attributionMarkup } from '../scenes/attribution.ts';
import type { Queryable } from '../store/database/database.ts';
import type { FeatureTable } from '../store/tables/feature-tables.ts';
import { EXTENT } from '../tiles/tile-grid.ts';
import { packTile, type TiledJob } from '../tiles/tile-of-job.ts';
import { BUFFER } from '../tiles/vector-tile.ts';
import { firstZoom, mercatorX, mercatorY, nativeZoom, type TileAddress, tileBbox } from '../tiles/web-mercator.ts';
import { hilbertIndex } from './hilbert.ts';

const HEADER_BYTES = 127;
/** Header and root directory must lie within so many bytes. */
const FIRST_FETCH_BYTES = 16_384;
/** A tile has 4096 units a side: two zooms above that of the pixels, a unit is still a fraction of a pixel. */
const SPARED_ZOOMS = 2;
const GZIP = 2;
const MVT = 1;

interface Entry {
  tileId: number;
  offset: number;
  length: number;
  /** 1 for a tile, 0 for a leaf directory. */
  run: 0 | 1;
}

export async function writePmtiles(
  q: Queryable,
  tables: readonly FeatureTable[],
  job: TiledJob,
  path: string,
): Promise<void> {
  const boxes = tables.flatMap(({ bbox }) => (bbox ? [bbox] : []));
  const bbox = boxes.reduce<Bbox>(
    (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])],
    boxes[0] ?? [0, 0, 0, 0],
  );
  const minZoom = firstZoom(bbox);
  const maxZoom = Math.max(minZoom, nativeZoom(job.gsdMetres ?? 1, bbox) - SPARED_ZOOMS);
  const file = await open(path, 'w');
  try {
    const entries: Entry[] = [];
    let at = FIRST_FETCH_BYTES;
    const append = async (bytes: Uint8Array) => {
      await writeAll(file, bytes, at);
      at += bytes.length;
    };
    let tiles = boxes.length > 0 ? tilesOf(bbox, minZoom) : [];
    for (let z = minZoom; z <= maxZoom && tiles.length > 0; z++) {
      const inhabited: TileAddress[] = [];
      for (const tile of tiles) {
        const packed = await packTile(q, job, tile, z === maxZoom);
        if (packed) {
          const bytes = packed.compressed;
          entries.push({ tileId: tileId(tile), offset: at - FIRST_FETCH_BYTES, length: bytes.length, run: 1 });
          await append(bytes);
        }
        // What is too small to be seen here may show further in.
        if (packed || (await anythingIn(q, tables, tile))) inhabited.push(tile);
      }
      tiles = z < maxZoom ? inhabited.flatMap(childrenOf).sort((a, b) => tileId(a) - tileId(b)) : [];
    }
    const metadata = gzipSync(JSON.stringify(metadataOf(tables, minZoom, maxZoom)));
    const metadataStart = at;
    await append(metadata);
    const { root, leaves } = directories(entries);
    const leavesStart = at;
    await append(leaves);
    await writeHeader(file, {
      sections: [
        [HEADER_BYTES, root.length],
        [metadataStart, metadata.length],
        [leavesStart, leaves.length],
        [FIRST_FETCH_BYTES, metadataStart - FIRST_FETCH_BYTES],
      ],
      tiles: entries.length,
      zooms: [minZoom, maxZoom],
      bbox,
    });
    await writeAll(file, root, HEADER_BYTES);
  } finally {
    await file.close();
  }
}

/** Number of a tile over all zooms: the zooms one after the other, each along its Hilbert curve. */
export function tileId({ z, x, y }: TileAddress): number {
  return (4 ** z - 1) / 3 + (z === 0 ? 0 : hilbertIndex(z, x, y));
}

function tilesOf([west, south, east, north]: Bbox, z: number): TileAddress[] {
  const side = 2 ** z;
  const clamp = (value: number) => Math.max(0, Math.min(side - 1, Math.floor(value * side)));
  const tiles: TileAddress[] = [];
  for (let y = clamp(mercatorY(north)); y <= clamp(mercatorY(south)); y++) {
    for (let x = clamp(mercatorX(west)); x <= clamp(mercatorX(east)); x++) tiles.push({ z, x, y });
  }
  return tiles.sort((a, b) => tileId(a) - tileId(b));
}

function childrenOf({ z, x, y }: TileAddress): TileAddress[] {
  return [0, 1, 2, 3].map((i) => ({ z: z + 1, x: 2 * x + (i & 1), y: 2 * y + (i >> 1) }));
}

async function anythingIn(q: Queryable, [table]: readonly FeatureTable[], tile: TileAddress): Promise<boolean> {
  const [row] = await q.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM planimeter.features
                     WHERE job = $1 AND level = 0 AND ST_Intersects(geom, ST_MakeEnvelope($2, $3, $4, $5, 4326))) AS found`,
    [table.jobKey, ...tileBbox(tile, BUFFER / EXTENT)],
  );
  return row.found;
}

const FIELD_TYPES = { id: 'String', class: 'String', score: 'Number' };

function metadataOf(tables: readonly FeatureTable[], minzoom: number, maxzoom: number) {
  return {
    name: 'Planimeter',
    type: 'overlay',
    generator: 'planimeter',
    attribution: attributionMarkup(tables[0]!.rights),
    ...(tables[0]!.rights.license !== null && { license: tables[0]!.rights.license }),
    vector_layers: tables.map(({ collection, kind }) => ({
      id: collection,
      minzoom,
      maxzoom,
      fields: { ...FIELD_TYPES, [kind === 'line' ? 'length_m' : 'area_m2']: 'Number' },
    })),
  };
}

/** A root directory that fits its place, with leaf directories where the entries do not. */
function directories(entries: readonly Entry[]): { root: Uint8Array; leaves: Uint8Array } {
  const room = FIRST_FETCH_BYTES - HEADER_BYTES;
  const whole = encodeDirectory(entries);
  if (whole.length <= room) return { root: whole, leaves: new Uint8Array(0) };
  for (let size = 4096; ; size *= 2) {
    const leaves: Uint8Array[] = [];
    const pointers: Entry[] = [];
    let offset = 0;
    for (let start = 0; start < entries.length; start += size) {
      const leaf = encodeDirectory(entries.slice(start, start + size));
      pointers.push({ tileId: entries[start].tileId, offset, length: leaf.length, run: 0 });
      leaves.push(leaf);
      offset += leaf.length;
    }
    const root = encodeDirectory(pointers);
    if (root.length <= room) return { root, leaves: Buffer.concat(leaves) };
  }
}

/** Columns of varints: count, steps of the ids, run lengths, lengths, offsets (0: right after the one before). */
function encodeDirectory(entries: readonly Entry[]): Uint8Array {
  const bytes: number[] = [];
  const put = (value: number) => {
    let rest = value;
    while (rest >= 128) {
      bytes.push((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
  };
  put(entries.length);
  for (const [i, entry] of entries.entries()) put(entry.tileId - (i > 0 ? entries[i - 1].tileId : 0));
  for (const { run } of entries) put(run);
  for (const { length } of entries) put(length);
  for (const [i, { offset }] of entries.entries()) {
    const before = entries[i - 1];
    put(before && before.offset + before.length === offset ? 0 : offset + 1);
  }
  return gzipSync(Uint8Array.from(bytes));
}

interface Header {
  /** Start and length of root directory, metadata, leaf directories and tiles. */
  sections: [number, number][];
  tiles: number;
  zooms: [number, number];
  bbox: Bbox;
}

async function writeHeader(file: FileHandle, { sections, tiles, zooms, bbox }: Header): Promise<void> {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('PMTiles');
  header.writeUInt8(3, 7);
  for (const [i, value] of sections.flat().entries()) header.writeBigUInt64LE(BigInt(value), 8 + 8 * i);
  for (let i = 0; i < 3; i++) header.writeBigUInt64LE(BigInt(tiles), 72 + 8 * i);
  const clustered = 1;
  header.set([clustered, GZIP, GZIP, MVT, ...zooms], 96);
  const e7 = (degrees: number) => Math.round(degrees * 1e7);
  for (const [i, degrees] of bbox.entries()) header.writeInt32LE(e7(degrees), 102 + 4 * i);
  header.writeUInt8(zooms[0], 118);
  header.writeInt32LE(e7((bbox[0] + bbox[2]) / 2), 119);
  header.writeInt32LE(e7((bbox[1] + bbox[3]) / 2), 123);
  await writeAll(file, header, 0);
}
