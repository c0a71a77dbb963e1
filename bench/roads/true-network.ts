/** The centre lines of a generated town in, its network out: cut at the scene's edge, noded where roads meet. */
import { readFileSync } from 'node:fs';
import type { FeatureCollection, LineString } from 'geojson';
import { utmToLonLat } from '../../synthetic/town/utm.ts';
import { apply, type Geotransform, invert } from '../../tiler/crs/geotransform.ts';
import type { Graph } from '../../vectorizer/roads/apls.ts';

type Point = [number, number];

/** Roads of these kinds are not asphalt: the town's class map does not call them road. */
const UNPAVED = ['track', 'path'];
/** Ends nearer than this to another road meet it. */
const MEET_METRES = 1.5;

export interface TrueNetwork extends Graph {
  edges: (Graph['edges'][number] & { widthMetres: number })[];
}

/** Coordinates are pixels of the scene, corners frame. The scene is in UTM zone 33N. */
export function trueNetwork(path: string, geotransform: Geotransform, width: number, height: number): TrueNetwork {
  const collection: FeatureCollection<LineString> = JSON.parse(readFileSync(path, 'utf8'));
  const toPixels = invert(geotransform);
  const paved = collection.features.filter(({ properties }) => !UNPAVED.includes(properties?.class));
  const lines = paved.map(({ geometry }) =>
    geometry.coordinates.map(([lon, lat]) => apply(toPixels, ...lonLatToUtm(lon, lat)) as Point),
  );
  meetEnds(lines, MEET_METRES / geotransform[1]);
  return toGraph(
    lines.flatMap((line, i) =>
      clip(line, width, height).map((part) => ({ part, widthMetres: paved[i].properties?.width_m })),
    ),
    crossings(lines),
  );
}

/** Newton's method on the inverse projection. */
function lonLatToUtm(lon: number, lat: number): Point {
  let [x, y] = [530000, 5360000];
  for (let k = 0; k < 6; k++) {
    const [at, east, north] = [utmToLonLat(33, x, y), utmToLonLat(33, x + 1, y), utmToLonLat(33, x, y + 1)];
    const [a, b, c, d] = [east[0] - at[0], north[0] - at[0], east[1] - at[1], north[1] - at[1]];
    const determinant = a * d - b * c;
    x += (d * (lon - at[0]) - b * (lat - at[1])) / determinant;
    y += (a * (lat - at[1]) - c * (lon - at[0])) / determinant;
  }
  return [x, y];
}

/** Puts a vertex on every line that another line's end comes near to, at that end exactly. */
function meetEnds(lines: Point[][], reach: number): void {
  for (const line of lines) {
    for (const end of [line[0], line[line.length - 1]]) {
      for (const other of lines) {
        if (other === line || other.some(([x, y]) => x === end[0] && y === end[1])) continue;
        let [least, at] = [reach, -1];
        for (let i = 1; i < other.length; i++) {
          const distance = toSegment(end, other[i - 1], other[i]);
          if (distance < least) [least, at] = [distance, i];
        }
        if (at < 0) continue;
        const near = [at - 1, at].find((i) => Math.hypot(other[i][0] - end[0], other[i][1] - end[1]) < reach);
        if (near === undefined) other.splice(at, 0, [...end]);
        else {
          const closed = other.length > 2 && samePoint(other[0], other[other.length - 1]);
          other[near] = [...end];
          if (closed && near === 0) other[other.length - 1] = [...end];
          if (closed && near === other.length - 1) other[0] = [...end];
        }
      }
    }
  }
}

const samePoint = (a: Point, b: Point) => a[0] === b[0] && a[1] === b[1];

function toSegment([x, y]: Point, [x0, y0]: Point, [x1, y1]: Point): number {
  const square = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  const t = square > 0 ? Math.max(0, Math.min(1, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / square)) : 0;
  return Math.hypot(x0 + t * (x1 - x0) - x, y0 + t * (y1 - y0) - y);
}

/** Points where several lines have a vertex, or a line begins or ends. Adds the vertices where segments cross. */
function crossings(lines: Point[][]): Set<string> {
  for (let a = 0; a < lines.length; a++) {
    for (let b = a + 1; b < lines.length; b++) {
      for (let i = 1; i < lines[a].length; i++) {
        for (let j = 1; j < lines[b].length; j++) {
          const point = crossing(lines[a][i - 1], lines[a][i], lines[b][j - 1], lines[b][j]);
          if (!point) continue;
          lines[a].splice(i, 0, point);
          lines[b].splice(j, 0, [...point]);
        }
      }
    }
  }
  const seen = new Map<string, number>();
  for (const [k, line] of lines.entries()) {
    for (const [i, point] of line.entries()) {
      const before = seen.get(point.join());
      const end = i === 0 || i === line.length - 1;
      seen.set(point.join(), end || (before !== undefined && before !== k) ? -1 : k);
    }
  }
  return new Set([...seen].filter(([, line]) => line === -1).map(([point]) => point));
}

function crossing([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point, [dx, dy]: Point): Point | null {
  const determinant = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx);
  if (determinant === 0) return null;
  const t = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / determinant;
  const u = ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) / determinant;
  if (t <= 1e-6 || t >= 1 - 1e-6 || u <= 1e-6 || u >= 1 - 1e-6) return null;
  return [ax + t * (bx - ax), ay + t * (by - ay)];
}

/** The parts of a line inside the scene. */
function clip(line: Point[], width: number, height: number): Point[][] {
  const parts: Point[][] = [];
  let part: Point[] = [];
  for (let i = 1; i < line.length; i++) {
    const [[x0, y0], [x1, y1]] = [line[i - 1], line[i]];
    let [from, to] = [0, 1];
    for (const [start, step, size] of [
      [x0, x1 - x0, width],
      [y0, y1 - y0, height],
    ]) {
      const [a, b] = [(0 - start) / step, (size - start) / step];
      if (step === 0) {
        if (start < 0 || start > size) to = -1;
      } else {
        from = Math.max(from, Math.min(a, b));
        to = Math.min(to, Math.max(a, b));
      }
    }
    const at = (t: number): Point =>
      t === 0 ? line[i - 1] : t === 1 ? line[i] : [x0 + t * (x1 - x0), y0 + t * (y1 - y0)];
    if (from < to) {
      if (part.length === 0) part.push(at(from));
      part.push(at(to));
    }
    if (from >= to || to < 1) {
      if (part.length > 1) parts.push(part);
      part = [];
    }
  }
  if (part.length > 1) parts.push(part);
  return parts;
}

function toGraph(lines: readonly { part: Point[]; widthMetres: number }[], cuts: ReadonlySet<string>): TrueNetwork {
  const nodes: { x: number; y: number }[] = [];
  const known = new Map<string, number>();
  const node = (point: Point): number => {
    const number = known.get(point.join()) ?? nodes.push({ x: point[0], y: point[1] }) - 1;
    known.set(point.join(), number);
    return number;
  };
  const edges: TrueNetwork['edges'] = [];
  for (const { part: line, widthMetres } of lines) {
    let start = 0;
    for (let i = 1; i < line.length; i++) {
      if (i < line.length - 1 && !cuts.has(line[i].join())) continue;
      const points = line.slice(start, i + 1).flat();
      edges.push({ from: node(line[start]), to: node(line[i]), points, widthMetres });
      start = i;
    }
  }
  return { nodes, edges };
}
