/** Rings of half-arcs drawn as polygons: one shell and its holes for each region. */
import type { ArcGraph } from './arc-graph.ts';
import { OUTSIDE } from './arc-graph.ts';
import type { RegionTable } from './labels.ts';
import type { Rings } from './rings.ts';
import type { Region } from './vectorize.ts';

/** What arcs look like: arc i has the points offsets[i] .. offsets[i + 1] - 1 of xy, which is interleaved. */
export interface Lines {
  offsets: Int32Array;
  xy: Int32Array | Float64Array;
}

/** Polygons of all regions that have a class, in the order of the regions; drawn one at a time while iterating. */
export function* drawPolygons(lines: Lines, regions: RegionTable, rings: Rings, nodata: number): Generator<Region> {
  const { offsets, order } = ringsByRegion(rings, regions.count);
  for (let region = 0; region < regions.count; region++) {
    if (!hasPolygon(regions, region, nodata)) continue;
    const drawn: Float64Array[] = [];
    for (let i = offsets[region]; i < offsets[region + 1]; i++) drawn.push(drawRing(lines, rings, order[i]));
    if (drawn.length > 1) putShellFirst(drawn);
    yield {
      class: regions.classes[region],
      score: regions.scoreSums[region] / regions.classPixels[region] / 255,
      pixels: regions.pixels[region],
      x: regions.firstX[region],
      y: regions.firstY[region],
      rings: drawn,
    };
  }
}

export function hasPolygon(regions: RegionTable, region: number, nodata: number): boolean {
  return region !== OUTSIDE && regions.classes[region] !== nodata;
}

/** Vertices of all rings that are drawn: each arc's points but its last are vertices on each side with a polygon. */
export function countVertices(graph: ArcGraph, lines: Lines, regions: RegionTable, nodata: number): number {
  let vertices = 0;
  for (let arc = 0; arc < graph.count; arc++) {
    const sides =
      Number(hasPolygon(regions, graph.left[arc], nodata)) + Number(hasPolygon(regions, graph.right[arc], nodata));
    vertices += sides * (lines.offsets[arc + 1] - lines.offsets[arc] - 1);
  }
  return vertices;
}

/** The rings of region r are order[offsets[r]] .. order[offsets[r + 1] - 1]. */
function ringsByRegion(rings: Rings, regionCount: number): { offsets: Int32Array; order: Int32Array } {
  const offsets = new Int32Array(regionCount + 1);
  for (let ring = 0; ring < rings.count; ring++) offsets[rings.regions[ring] + 1]++;
  for (let region = 0; region < regionCount; region++) offsets[region + 1] += offsets[region];
  const next = offsets.slice();
  const order = new Int32Array(rings.count);
  for (let ring = 0; ring < rings.count; ring++) order[next[rings.regions[ring]]++] = ring;
  return { offsets, order };
}

function drawRing(lines: Lines, rings: Rings, ring: number): Float64Array {
  const { offsets, xy } = lines;
  const { halves } = rings;
  const first = rings.offsets[ring];
  const last = rings.offsets[ring + 1];
  let points = 1;
  for (let i = first; i < last; i++) points += offsets[(halves[i] >> 1) + 1] - offsets[halves[i] >> 1] - 1;
  const drawn = new Float64Array(2 * points);
  let at = 0;
  for (let i = first; i < last; i++) {
    const arc = halves[i] >> 1;
    const start = 2 * offsets[arc];
    const end = 2 * offsets[arc + 1] - 2;
    if ((halves[i] & 1) === 0) {
      for (let from = start; from < end; from++) drawn[at++] = xy[from];
    } else {
      for (let from = end; from > start; from -= 2) {
        drawn[at++] = xy[from];
        drawn[at++] = xy[from + 1];
      }
    }
  }
  drawn[at] = drawn[0];
  drawn[at + 1] = drawn[1];
  return drawn;
}

/** The shell is the ring that runs counter-clockwise on the displayed map: its signed area is negative, as y is down. */
function putShellFirst(drawn: Float64Array[]): void {
  const shell = drawn.findIndex((ring) => {
    let area = 0;
    for (let i = 2; i < ring.length; i += 2) area += ring[i - 2] * ring[i + 1] - ring[i] * ring[i - 1];
    return area < 0;
  });
  drawn.unshift(...drawn.splice(shell, 1));
}
