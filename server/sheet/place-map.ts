/** A job's grid and its pictures → the frame of its map: the box of the grid in its own system, so that nothing is warped. */
import { apply, type Geotransform } from '../../tiler/crs/geotransform.ts';
import type { ControlGrid } from '../../tiler/rendering/warp.ts';
import type { SceneView } from '../../tiler/working-copy/scene-view.ts';
import type { ModelClass } from '../api/index.ts';
import { parseWkb } from '../geometry/wkb.ts';
import type { Renderer } from '../processes/render.ts';
import type { Queryable } from '../store/database/database.ts';
import { foundShapes } from '../store/tables/found-shapes.ts';
import { georeference, transformPoints } from '../store/tables/georeference.ts';
import type { SceneCrs } from '../store/tables/spatial-ref-sys.ts';
import type { MapFrame } from './map-drawing.ts';

export interface Grid extends SceneCrs {
  geotransform: Geotransform;
  width: number;
  height: number;
}

export interface Placed {
  grid: Grid;
  srid: number;
  bbox: [number, number, number, number];
  frame: Omit<MapFrame, 'pictures' | 'outlines' | 'alt'>;
  /** Longitude and latitude of the box's corners, from the upper left clockwise; NaN where one has none. */
  corners: [number, number][];
}

/** A unit of the system that is longer than this is a degree. */
const LONGEST_LENGTH_M = 10_000;
const NORTHWARD_DEGREES = 1e-3;

export async function placeGrid(q: Queryable, grid: Grid): Promise<Placed> {
  const { geotransform: g, width, height } = grid;
  const { srid, bbox, gsdMetres } = await georeference(q, grid);
  const rim = [apply(g, 0, 0), apply(g, width, 0), apply(g, width, height), apply(g, 0, height)];
  const [xs, ys] = [rim.map(([x]) => x), rim.map(([, y]) => y)];
  const box: MapFrame['box'] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  const [minX, minY, maxX, maxY] = box;
  // Of a grid that lies askew, its pixel's size along both axes says it well enough.
  const metresX = gsdMetres.x / Math.hypot(g[1], g[4]);
  const metresY = gsdMetres.y / Math.hypot(g[2], g[5]);
  const corners = await transformPoints(
    q,
    [
      [minX, maxY],
      [maxX, maxY],
      [maxX, minY],
      [minX, minY],
    ],
    ...[srid, 4326],
  );
  const middle: [number, number] = [(minX + maxX) / 2, (minY + maxY) / 2];
  const [centre] = await transformPoints(q, [middle], srid, 4326);
  const [north] = await transformPoints(q, [[centre![0], centre![1] + NORTHWARD_DEGREES]], 4326, srid);
  const geographic = metresX > LONGEST_LENGTH_M;
  const northDegrees = geographic ? 0 : (Math.atan2(north![0] - middle[0], north![1] - middle[1]) * 180) / Math.PI;
  return { grid, srid, bbox, corners, frame: { box, metresX, metresY, geographic, northDegrees } };
}

/**
 * Pixels along both sides of a picture, which is as wide and as high as the box whatever its shape: as many as there are,
 * within these.
 */
const [LEAST_PIXELS, MOST_PIXELS] = [800, 2000];
/** Of 255, above imagery. */
const [VEIL, OPAQUE] = [150, 255];
/** Boxes of objects on a sheet. */
const MOST_OUTLINES = 5000;

export interface Maps {
  classes: string | null;
  imagery: { path: string; view: SceneView | null; width: number; height: number } | null;
}

/** Imagery, and the class map over it. */
export async function drawPictures(
  renderer: Renderer,
  { grid, frame: { box } }: Placed,
  { classes, imagery }: Maps,
  colours: readonly ModelClass[],
): Promise<MapFrame['pictures']> {
  const [minX, minY, maxX, maxY] = box;
  const controlGrid: ControlGrid = {
    cells: 1,
    x: Float64Array.of(minX, maxX, minX, maxX),
    y: Float64Array.of(maxY, maxY, minY, minY),
  };
  const pixels = Math.max(grid.width, grid.height, imagery?.width ?? 0, imagery?.height ?? 0);
  const size = Math.max(LEAST_PIXELS, Math.min(MOST_PIXELS, pixels));
  const common = { controlGrid, size, afresh: true };
  const pictures: MapFrame['pictures'] = [];
  if (imagery) {
    const { path, view } = imagery;
    const bytes = await renderer.tile({ ...common, path, format: 'jpg', ...(view && { view }) });
    if (bytes) pictures.push({ bytes, type: 'jpeg' });
  }
  if (classes) {
    const alpha = pictures.length > 0 ? VEIL : OPAQUE;
    const palette = new Map(colours.map(({ value, color }) => [value, [...rgbOf(color), alpha] as const]));
    const bytes = await renderer.tile({ ...common, path: classes, format: 'png', palette });
    if (bytes) pictures.push({ bytes, type: 'png' });
  }
  return pictures;
}

function rgbOf(color: string): [number, number, number] {
  const rgb = Number.parseInt(color.slice(1), 16);
  return [rgb >> 16, (rgb >> 8) & 255, rgb & 255];
}

/** Of the objects that a detector drew, the first so many. */
export async function outlinesOf(
  q: Queryable,
  job: number,
  { srid }: Placed,
  colours: readonly ModelClass[],
): Promise<MapFrame['outlines']> {
  const outlines: MapFrame['outlines'] = [];
  const colour = new Map(colours.map(({ name, color }) => [name, color]));
  for await (const page of foundShapes(q, job, 'objects')) {
    for (const { class: name, geometry } of page) {
      for (const [ring] of parseWkb(geometry).parts) {
        const degrees = Array.from({ length: ring!.length / 2 }, (_, i): [number, number] => [
          ring![2 * i]!,
          ring![2 * i + 1]!,
        ]);
        outlines.push({ points: await transformPoints(q, degrees, 4326, srid), color: colour.get(name) ?? '#ff2d55' });
        if (outlines.length >= MOST_OUTLINES) return outlines;
      }
    }
  }
  return outlines;
}
