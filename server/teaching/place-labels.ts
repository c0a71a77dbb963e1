/** Labels on a scene: from their coordinates to pixels of the grid that the network looks at. */
import type { Position } from 'geojson';
import type { PlacedLabel } from '../../models/teaching/label-pixels.ts';
import { apply, invert } from '../../tiler/crs/geotransform.ts';
import type { ModelGrid } from '../../tiler/grid/model-grid.ts';
import type { Queryable } from '../store/database/database.ts';
import { transformPoints, turnedTo } from '../store/tables/georeference.ts';
import type { Label, LabelGeometry } from './read-labels.ts';

const DEGREES = 4326;
/** Of strokes and points that do not say how wide they are, model pixels. */
const DEFAULT_WIDTH_PIXELS = 3;

/** The chains of coordinates that a geometry consists of, and what each part is. */
function partsOf(geometry: LabelGeometry): { kind: 'area' | 'line'; chains: Position[][] }[] {
  const { type, coordinates } = geometry;
  if (type === 'Point') return [{ kind: 'line', chains: [[coordinates]] }];
  if (type === 'MultiPoint') return coordinates.map((point) => ({ kind: 'line', chains: [[point]] }));
  if (type === 'LineString') return [{ kind: 'line', chains: [coordinates] }];
  if (type === 'MultiLineString') return coordinates.map((line) => ({ kind: 'line', chains: [line] }));
  if (type === 'Polygon') return [{ kind: 'area', chains: coordinates }];
  return coordinates.map((rings) => ({ kind: 'area', chains: rings }));
}

/** Labels of which a point lies within the grid or around it; positions without a place there are left out. */
export async function placeLabels(
  q: Queryable,
  labels: readonly Label[],
  grid: ModelGrid,
  scene: { id: string; epsg: number; geographic: boolean },
): Promise<PlacedLabel[]> {
  const parts = labels.flatMap((label, index) =>
    (label.scene ?? scene.id) === scene.id ? partsOf(label.geometry).map((part) => ({ ...part, label, index })) : [],
  );
  const positions = parts.flatMap(({ chains }) => chains.flat()) as [number, number][];
  const placed = await transformPoints(q, positions, DEGREES, scene.epsg);
  const inverse = invert(grid.geotransform);
  const ground = { ...grid, ...scene };
  let at = 0;
  return parts.flatMap(({ kind, chains, label, index }) => {
    const rings = chains.map((chain) => {
      const points = placed.slice(at, at + chain.length).filter(([x]) => !Number.isNaN(x));
      at += chain.length;
      return Float64Array.from(turnedTo(ground, points).flatMap(([x, y]) => apply(inverse, x, y)));
    });
    if (!rings.some((ring) => ring.length > 0 && touches(ring, grid))) return [];
    return [{ index, allowed: label.allowed, shape: shapeOf(kind, rings, label, grid) }];
  });
}

function shapeOf(
  kind: 'area' | 'line',
  rings: Float64Array[],
  { widthMetres }: Label,
  grid: ModelGrid,
): PlacedLabel['shape'] {
  if (kind === 'area')
    return { kind, rings: rings.map((ring, i) => (clockwise(ring) === (i === 0) ? ring : turned(ring))) };
  const pixel = (grid.gsdMetres.x + grid.gsdMetres.y) / 2;
  const width = widthMetres === null ? DEFAULT_WIDTH_PIXELS : widthMetres / pixel;
  return { kind, points: rings[0], halfWidth: width / 2 };
}

function touches(ring: Float64Array, { width, height }: ModelGrid): boolean {
  const axis = (from: number, size: number) => {
    const values = ring.filter((_, i) => i % 2 === from);
    return Math.min(...values) < size && Math.max(...values) > 0;
  };
  return axis(0, width) && axis(1, height);
}

/** Whether the ring has a positive area (of x to the right and y down). */
function clockwise(ring: Float64Array): boolean {
  let twice = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const next = (i + 2) % ring.length;
    twice += ring[i] * ring[next + 1] - ring[next] * ring[i + 1];
  }
  return twice > 0;
}

const turned = (ring: Float64Array): Float64Array => {
  const back = new Float64Array(ring.length);
  for (let i = 0; i < ring.length; i += 2) back.set(ring.subarray(i, i + 2), ring.length - 2 - i);
  return back;
};
