/** Boxes around rings, and an index of many of them. */
import Flatbush from 'flatbush';

export type Box = [minX: number, minY: number, maxX: number, maxY: number];

/** The index of boxes, of which there is one at least. */
export function indexOf(boxes: readonly Box[]): Flatbush {
  const index = new Flatbush(boxes.length);
  for (const box of boxes) index.add(...box);
  index.finish();
  return index;
}

/** Of a ring x0, y0, x1, y1, … */
export function boxOf(ring: Float64Array): Box {
  let [minX, minY] = ring;
  let [maxX, maxY] = ring;
  for (let i = 2; i < ring.length; i += 2) {
    minX = Math.min(minX, ring[i]);
    maxX = Math.max(maxX, ring[i]);
    minY = Math.min(minY, ring[i + 1]);
    maxY = Math.max(maxY, ring[i + 1]);
  }
  return [minX, minY, maxX, maxY];
}
