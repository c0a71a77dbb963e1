/** Polygons and lines as flat coordinates, and as little-endian WKB. */

export interface Shape {
  kind: 'line' | 'polygon';
  /** x0, y0, x1, y1, … of one line, or of all rings, closed, the shell first. */
  xy: Float64Array;
  /** After how many points each of them ends. */
  ends: readonly number[];
}

const WKB_LINE_STRING = 2;
const WKB_POLYGON = 3;
const POINT_BYTES = 16;

/** Of little-endian ISO WKB of a LineString or Polygon. */
export function readShape(wkb: Uint8Array): Shape {
  const view = new DataView(wkb.buffer, wkb.byteOffset, wkb.byteLength);
  const kind = view.getUint32(1, true) === WKB_LINE_STRING ? 'line' : 'polygon';
  const lines = kind === 'line' ? 1 : view.getUint32(5, true);
  const head = kind === 'line' ? 5 : 9;
  const xy = new Float64Array((wkb.length - head - 4 * lines) / 8);
  const bytes = new Uint8Array(xy.buffer);
  const ends: number[] = [];
  let points = 0;
  for (let line = 0, at = head; line < lines; line++) {
    const count = view.getUint32(at, true);
    bytes.set(wkb.subarray(at + 4, at + 4 + POINT_BYTES * count), POINT_BYTES * points);
    at += 4 + POINT_BYTES * count;
    points += count;
    ends.push(points);
  }
  return { kind, xy, ends };
}

/** As little-endian ISO WKB. */
export function writeShape({ kind, xy, ends }: Shape): Uint8Array {
  const head = kind === 'line' ? 5 : 9;
  const wkb = new Uint8Array(head + 4 * ends.length + 8 * xy.length);
  const view = new DataView(wkb.buffer);
  view.setUint8(0, 1);
  view.setUint32(1, kind === 'line' ? WKB_LINE_STRING : WKB_POLYGON, true);
  if (kind === 'polygon') view.setUint32(5, ends.length, true);
  const bytes = new Uint8Array(xy.buffer, xy.byteOffset, xy.byteLength);
  let [at, from] = [head, 0];
  for (const end of ends) {
    view.setUint32(at, end - from, true);
    wkb.set(bytes.subarray(POINT_BYTES * from, POINT_BYTES * end), at + 4);
    at += 4 + POINT_BYTES * (end - from);
    from = end;
  }
  return wkb;
}
