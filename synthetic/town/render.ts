/** Rows of the town as pixels: plans the districts that a band needs, paints them in order, lights them. */

import { type Canvas, extent, makeCanvas } from './canvas.ts';
import type { Frame } from './frame.ts';
import { districtsIn } from './layout.ts';
import { BLUR_PIXELS, expose, shadowReachMetres } from './light.ts';
import { paintBuilding } from './paint-buildings.ts';
import { paintArea } from './paint-ground.ts';
import { paintCar, paintCarriageway, paintMarkings, paintPavement } from './paint-roads.ts';
import { paintTree } from './paint-vegetation.ts';
import type { TownPalette } from './palette.ts';
import { boundsOf, type District, overlaps, type RoadKind } from './plan.ts';

/** Of two roads that meet, the later one lies on top. */
const ROAD_ORDER: readonly RoadKind[] = ['path', 'track', 'lane', 'street', 'carriageway', 'arterial', 'roundabout'];

export interface Band {
  /** RGB, rows * width * 3. */
  image: Uint8Array;
  /** Class codes, rows * width. */
  classes: Uint8Array;
  /** The districts that were needed, for the next band. */
  districts: Map<string, District>;
}

/** The window (columns 0 to width, rows from `row`) of the town: a function of frame, look and position alone. */
export function renderBand(
  frame: Frame,
  look: TownPalette,
  gsdMetres: number,
  width: number,
  row: number,
  rows: number,
  known: ReadonlyMap<string, District>,
): Band {
  // Shadows fall in from where the sun stands.
  const reach = Math.ceil(shadowReachMetres(look) / gsdMetres);
  const toSun = (component: number) => Math.ceil(reach * Math.abs(component)) + BLUR_PIXELS;
  const left = look.sunX < 0 ? toSun(look.sunX) : BLUR_PIXELS;
  const right = look.sunX > 0 ? toSun(look.sunX) : BLUR_PIXELS;
  const above = look.sunY < 0 ? toSun(look.sunY) : BLUR_PIXELS;
  const below = look.sunY > 0 ? toSun(look.sunY) : BLUR_PIXELS;
  const canvas = makeCanvas(-left, row - above, width + left + right, rows + above + below, gsdMetres);
  const districts = districtsIn(frame, extent(canvas), known);
  paint(canvas, [...districts.values()], look);

  const classes = new Uint8Array(rows * width);
  for (let k = 0; k < rows; k++) {
    const start = (above + k) * canvas.columns + left;
    classes.set(canvas.classes.subarray(start, start + width), k * width);
  }
  return { image: expose(canvas, look, frame.seed, 0, row, width, rows), classes, districts };
}

function paint(canvas: Canvas, districts: readonly District[], look: TownPalette): void {
  const box = extent(canvas);
  // Verges and whatever no block covers.
  const everywhere = [box.x0, box.y0, box.x1, box.y0, box.x1, box.y1, box.x0, box.y1];
  paintArea(canvas, { kind: 'meadow', ring: everywhere, angle: 0, seed: 0 }, look);
  for (const district of districts) {
    for (const area of district.areas) if (overlaps(boundsOf(area.ring), box)) paintArea(canvas, area, look);
  }
  for (const bridge of [false, true]) {
    const layers = ROAD_ORDER.map((kind) =>
      districts.flatMap((district) => district.roads.filter((road) => road.kind === kind && road.bridge === bridge)),
    );
    for (const roads of layers) for (const road of roads) paintPavement(canvas, road, look);
    for (const roads of layers) for (const road of roads) paintCarriageway(canvas, road, look);
    for (const roads of layers) for (const road of roads) paintMarkings(canvas, road, look);
  }
  for (const district of districts) for (const car of district.cars) paintCar(canvas, car, look);
  for (const district of districts) for (const building of district.buildings) paintBuilding(canvas, building, look);
  for (const district of districts) for (const tree of district.trees) paintTree(canvas, tree, look);
}
