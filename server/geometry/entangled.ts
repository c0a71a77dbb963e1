/** Shapes that do not cross and are dear all the same: the geometry library compares all sides whose boxes overlap. */
import Flatbush from 'flatbush';
import type { Position } from 'geojson';

/** Pairs of sides. With so many, cutting a shape in pieces takes about a second. */
export const MOST_OVERLAPS = 200_000;

/** Whether more pairs of sides than that have boxes that overlap, as of teeth that lean. Stops counting there. */
export function isEntangled(chains: readonly (readonly Position[])[]): boolean {
  const boxes = chains.flatMap((chain) =>
    chain.slice(1).map(([x1, y1], i) => {
      const [x0, y0] = chain[i]!;
      return [Math.min(x0!, x1!), Math.min(y0!, y1!), Math.max(x0!, x1!), Math.max(y0!, y1!)] as const;
    }),
  );
  if (boxes.length ** 2 <= MOST_OVERLAPS) return false;
  const index = new Flatbush(boxes.length);
  for (const box of boxes) index.add(...box);
  index.finish();
  let pairs = 0;
  for (const box of boxes) {
    // Each pair is found from both of its sides.
    pairs += index.search(...box).length / 2;
    if (pairs > MOST_OVERLAPS) return true;
  }
  return false;
}
