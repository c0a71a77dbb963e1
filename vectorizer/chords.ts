/**
 * Straight in one coordinate system is not straight in another. Points are put onto long edges, so that what is drawn
 * straight between them in the other system stays where the edge was. An edge gets the same points whichever way it is
 * run through: polygons that share it still do.
 */

const WKB_LINE_STRING = 2;
const WKB_HEAD = 5;
const POINT_BYTES = 16;
/** Of one edge; a hundred metres of the equator is a part of 400,000. */
const MOST_PARTS = 4096;

/** In how many parts an edge is drawn, the same either way. */
export type PartsOf = (x0: number, y0: number, x1: number, y1: number) => number;

/** Little-endian WKB of a LineString or Polygon with the points that its edges need; itself where they need none. */
export function withPoints(wkb: Uint8Array, partsOf: PartsOf): Uint8Array {
  const view = new DataView(wkb.buffer, wkb.byteOffset, wkb.byteLength);
  const isLine = view.getUint32(1, true) === WKB_LINE_STRING;
  const lines = isLine ? 1 : view.getUint32(WKB_HEAD, true);
  const head = isLine ? WKB_HEAD : WKB_HEAD + 4;
  const drawn: number[][] = [];
  let [points, added] = [0, 0];
  for (let line = 0, at = head; line < lines; line++) {
    const count = view.getUint32(at, true);
    const given = new Float64Array(2 * count);
    for (let i = 0; i < given.length; i++) given[i] = view.getFloat64(at + 4 + 8 * i, true);
    at += 4 + POINT_BYTES * count;
    const out = lineWithPoints(given, partsOf);
    drawn.push(out);
    points += out.length / 2;
    added += out.length / 2 - count;
  }
  if (added === 0) return wkb;
  const result = new Uint8Array(head + 4 * lines + POINT_BYTES * points);
  result.set(wkb.subarray(0, head));
  const to = new DataView(result.buffer);
  let at = head;
  for (const line of drawn) {
    to.setUint32(at, line.length / 2, true);
    at += 4;
    for (const value of line) {
      to.setFloat64(at, value, true);
      at += 8;
    }
  }
  return result;
}

function lineWithPoints(given: Float64Array, partsOf: PartsOf): number[] {
  const out: number[] = [given[0], given[1]];
  for (let i = 2; i < given.length; i += 2) {
    const [x0, y0, x1, y1] = given.subarray(i - 2, i + 2);
    const parts = Math.min(MOST_PARTS, partsOf(x0, y0, x1, y1));
    const backwards = x0 > x1 || (x0 === x1 && y0 > y1);
    for (let part = 1; part < parts; part++) {
      if (backwards) out.push(x1 + ((x0 - x1) * (parts - part)) / parts, y1 + ((y0 - y1) * (parts - part)) / parts);
      else out.push(x0 + ((x1 - x0) * part) / parts, y0 + ((y1 - y0) * part) / parts);
    }
    out.push(x1, y1);
  }
  return out;
}
