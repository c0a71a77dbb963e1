/**
 * Ends of lines one pixel wide, such as the teeth of combs along a border that the network could not decide on, given to
 * what lies on both sides of them. Simplified, they would be spikes.
 */

/** As many pixels of a tooth go; rows of a window nearer than this to its edge may not be what they are in the map. */
export const TRIMMED_PIXELS = 3;

/** rows * width codes; those of `nodata` neither give nor take. All pixels of a round see the one before. */
export function trimCombs(classes: Uint8Array, width: number, nodata: number): Uint8Array {
  let before = classes;
  for (let round = 0; round < TRIMMED_PIXELS; round++) {
    const after = before.slice();
    let changed = false;
    for (let at = 0, x = 0; at < before.length; at++, x = x + 1 === width ? 0 : x + 1) {
      const own = before[at];
      if (own === nodata) continue;
      const north = at >= width ? before[at - width] : own;
      const south = at + width < before.length ? before[at + width] : own;
      const west = x > 0 ? before[at - 1] : own;
      const east = x + 1 < width ? before[at + 1] : own;
      const along = Number(north === own) + Number(south === own);
      const across = Number(west === own) + Number(east === own);
      if (along + across > 1) continue;
      let to = own;
      if (across === 0 && west === east) to = west;
      else if (along === 0 && north === south) to = north;
      if (to === own || to === nodata) continue;
      after[at] = to;
      changed = true;
    }
    if (!changed) break;
    before = after;
  }
  return before;
}
