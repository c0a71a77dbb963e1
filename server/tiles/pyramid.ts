/** All tiles of a job, from the first zoom on. */
import type { Bbox } from '../api/index.ts';
import type { Queryable } from '../store/database/database.ts';
import { tileId } from './pmtiles-archive.ts';
import { EXTENT } from './tile-grid.ts';
import { packTile, type TiledJob } from './tile-of-job.ts';
import { BUFFER } from './vector-tile.ts';
import { mercatorX, mercatorY, type TileAddress, tileBbox } from './web-mercator.ts';

/** Over boxes of which none crosses the antimeridian; null where there are none. */
export function boxAround(boxes: readonly (Bbox | null)[]): Bbox | null {
  return boxes.reduce<Bbox | null>((a, b) => {
    if (!a || !b) return a ?? b;
    return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
  }, null);
}

/**
 * Packs the tiles of a box, in the order of their numbers; of later zooms those alone below tiles that have something.
 * @param choose how a tile is packed (`whole` as for packTile); null: neither it nor what is below it
 */
export async function* packTiles(
  q: Queryable,
  job: TiledJob,
  bbox: Bbox,
  minZoom: number,
  choose: (tile: TileAddress) => 'drawn' | 'whole' | null,
): AsyncGenerator<{ tile: TileAddress; bytes: Buffer }> {
  let tiles = tilesOf(bbox, minZoom);
  while (tiles.length > 0) {
    const inhabited: TileAddress[] = [];
    for (const tile of tiles) {
      const how = choose(tile);
      const bytes = how && (await packTile(q, job, tile, how === 'whole'));
      if (bytes) yield { tile, bytes };
      // What is too small to be seen here may show further in.
      if (bytes || (how && (await anythingIn(q, job, tile)))) inhabited.push(tile);
    }
    tiles = inhabited.flatMap(childrenOf).sort((a, b) => tileId(a) - tileId(b));
  }
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

/** Of any level: blocks reach beyond their buildings. */
async function anythingIn(q: Queryable, { id }: TiledJob, tile: TileAddress): Promise<boolean> {
  const [row] = await q.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM planimeter.features
                     WHERE job + 0 = (SELECT key FROM planimeter.jobs WHERE id = $1)
                       AND ST_Intersects(geom, ST_MakeEnvelope($2, $3, $4, $5, 4326))) AS found`,
    [id, ...tileBbox(tile, BUFFER / EXTENT)],
  );
  return row!.found;
}
