/** Geometry for tests: seeded randomness, WKB, and areas on the ellipsoid by a closed formula. */

/** A small seeded generator (mulberry32), 0 <= value < 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export type Ring = [number, number][];

/** ISO WKB Polygon, little endian; rings are closed here. */
export function polygonWkb(...rings: Ring[]): Uint8Array {
  const size = 9 + rings.reduce((sum, ring) => sum + 4 + 16 * (ring.length + 1), 0);
  const view = new DataView(new ArrayBuffer(size));
  view.setUint8(0, 1);
  view.setUint32(1, 3, true);
  view.setUint32(5, rings.length, true);
  let offset = 9;
  for (const ring of rings) {
    view.setUint32(offset, ring.length + 1, true);
    offset += 4;
    for (const [x, y] of [...ring, ring[0]!]) {
      view.setFloat64(offset, x, true);
      view.setFloat64(offset + 8, y, true);
      offset += 16;
    }
  }
  return new Uint8Array(view.buffer);
}

/** ISO WKB LineString, little endian. */
export function lineWkb(points: readonly [number, number][]): Uint8Array {
  const wkb = Buffer.alloc(9 + 16 * points.length);
  wkb.writeUInt8(1, 0);
  wkb.writeUInt32LE(2, 1);
  wkb.writeUInt32LE(points.length, 5);
  for (const [i, value] of points.flat().entries()) wkb.writeDoubleLE(value, 9 + 8 * i);
  return wkb;
}

/** Counter-clockwise. */
export function rectangle(west: number, south: number, east: number, north: number): Ring {
  return [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
  ];
}

/** Area in m² between two meridians and two parallels of WGS 84, in closed form (Snyder 1987, equation 3-12). */
export function ellipsoidCellM2(west: number, south: number, east: number, north: number): number {
  const a = 6378137;
  const f = 1 / 298.257223563;
  const e = Math.sqrt(f * (2 - f));
  const b2 = (a * (1 - f)) ** 2;
  const zone = (latitude: number) => {
    const s = Math.sin((latitude * Math.PI) / 180);
    return s / (1 - (e * s) ** 2) + Math.log((1 + e * s) / (1 - e * s)) / (2 * e);
  };
  return (b2 / 2) * (((east - west) * Math.PI) / 180) * (zone(north) - zone(south));
}

/** Twice the signed area of a closed ring: positive for counter-clockwise. */
export function windingOf(ring: readonly (readonly number[])[]): number {
  let twice = 0;
  for (let i = 1; i < ring.length; i++) {
    twice += ring[i - 1]![0]! * ring[i]![1]! - ring[i]![0]! * ring[i - 1]![1]!;
  }
  return twice;
}
