/** Single rings drawn from flat arrays of coordinates. */

/** What arcs look like: arc i has the points offsets[i] .. offsets[i + 1] - 1 of xy, which is interleaved. */
export interface Lines {
  offsets: Int32Array;
  xy: Int32Array | Float64Array;
}

/** The shell, then the holes in the order of their topmost, then leftmost vertex. */
export function orderRings(rings: DrawnRing[]): Float64Array[] {
  if (rings.length > 1) {
    rings.sort((a, b) => Number(a.area > 0) - Number(b.area > 0) || a.y - b.y || a.x - b.x || a.area - b.area);
  }
  return rings.map(({ xy }) => xy);
}

export interface DrawnRing {
  /** From its topmost, then leftmost vertex, which is repeated at the end. */
  xy: Float64Array;
  /** Twice the area; less than 0 for shells, which run counter-clockwise on the displayed map, as y is down. */
  area: number;
  x: number;
  y: number;
}

/** The ring with the coordinates first .. last - 1 of xy, where the first vertex is not repeated. */
export function drawRing(xy: Int32Array | Float64Array, first: number, last: number): DrawnRing {
  let top = first;
  let area = 0;
  for (let i = first, before = last - 2; i < last; before = i, i += 2) {
    area += xy[before] * xy[i + 1] - xy[i] * xy[before + 1];
    if (xy[i + 1] < xy[top + 1] || (xy[i + 1] === xy[top + 1] && xy[i] < xy[top])) top = i;
  }
  const drawn = new Float64Array(last - first + 2);
  drawn.set(xy.subarray(top, last));
  drawn.set(xy.subarray(first, top), last - top);
  drawn[last - first] = drawn[0];
  drawn[last - first + 1] = drawn[1];
  return { xy: drawn, area, x: drawn[0], y: drawn[1] };
}
