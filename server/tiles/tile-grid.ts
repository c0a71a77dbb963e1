/** Geometry in degrees, as well-known binary, becomes rings and lines on a map tile's grid of whole units. */
import { mercatorX, mercatorY, type TileAddress } from './web-mercator.ts';

/** Units of the grid along a tile's side. */
export const EXTENT = 4096;

/** x0, y0, x1, y1, …; the first vertex of a ring is not repeated. */
export type Ring = number[];

/** Geometry types of OGC 06-103r4. */
const LINE_STRING = 2;
const POLYGON = 3;
const FIRST_COLLECTION = 4;

/**
 * Lines, or rings of polygons with each shell followed by its holes (MVT 4.3.4.4); what has no length or area on the
 * grid is left out, and points, which clipping may leave. Little-endian ISO WKB of two dimensions.
 */
export function ringsOnGrid(wkb: Uint8Array, tile: TileAddress): Ring[] {
  const view = new DataView(wkb.buffer, wkb.byteOffset, wkb.byteLength);
  const rings: Ring[] = [];
  let at = 0;
  const integer = () => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const skip = () => {
    const count = integer();
    at += 16 * count;
  };
  const geometry = () => {
    at += 1; // byte order
    const type = integer();
    if (type === LINE_STRING) {
      const line = vertices();
      if (line.length >= 4) rings.push(line);
    } else if (type === POLYGON) {
      let direction: 1 | -1 = 1;
      let outside = false; // of a shell that is left out
      for (let count = integer(); count > 0; count--) {
        const ring = outside ? null : orientedRing(vertices(), direction);
        if (outside) skip();
        else if (ring) rings.push(ring);
        else outside = direction === 1;
        direction = -1;
      }
    } else if (type >= FIRST_COLLECTION) {
      for (let count = integer(); count > 0; count--) geometry();
    } else at += 16;
  };
  const scale = 2 ** tile.z * EXTENT;
  const [left, top] = [tile.x * EXTENT, tile.y * EXTENT];
  const vertices = (): Ring => {
    const ring: Ring = [];
    let previousX = Number.NaN;
    let previousY = Number.NaN;
    for (let count = integer(); count > 0; count--, at += 16) {
      const x = Math.round(mercatorX(view.getFloat64(at, true)) * scale - left);
      const y = Math.round(mercatorY(view.getFloat64(at + 8, true)) * scale - top);
      if (x === previousX && y === previousY) continue;
      ring.push(x, y);
      previousX = x;
      previousY = y;
    }
    return ring;
  };
  geometry();
  return rings;
}

/** @param direction sign of the ring's area in a frame with y down: 1 for shells, -1 for holes */
function orientedRing(closed: Ring, direction: 1 | -1): Ring | null {
  // The last vertex repeats the first one.
  if (closed.length < 8) return null;
  let doubleArea = 0;
  for (let i = 2; i < closed.length; i += 2) {
    doubleArea += closed[i - 2] * closed[i + 1] - closed[i] * closed[i - 1];
  }
  if (doubleArea === 0) return null;
  closed.length -= 2;
  return Math.sign(doubleArea) === direction ? closed : reversed(closed);
}

function reversed(ring: Ring): Ring {
  const backwards: Ring = [];
  for (let i = ring.length - 2; i >= 0; i -= 2) backwards.push(ring[i], ring[i + 1]);
  return backwards;
}
