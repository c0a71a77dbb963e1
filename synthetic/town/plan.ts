/**
 * What a piece of the town is made of, before anything is painted: areas of ground, roads, buildings, trees and cars.
 * All positions are ground metres from the scene's upper left corner, x to the east and y to the south.
 */

export type GroundKind =
  | 'lawn'
  | 'meadow'
  | 'crop'
  | 'maize'
  | 'wheat'
  | 'ploughed'
  | 'undergrowth'
  | 'pitch'
  | 'soil'
  | 'gravel'
  | 'sand'
  | 'paving'
  | 'concrete'
  | 'carpark'
  | 'court'
  | 'paint'
  | 'water';

/** A polygon of one kind of ground; later areas lie over earlier ones. */
export interface Area {
  kind: GroundKind;
  /** x0, y0, x1, y1, ...; not closed. */
  ring: number[];
  /** Direction of furrows or mowing, radians. */
  angle: number;
  seed: number;
}

export type RoadKind = 'roundabout' | 'carriageway' | 'arterial' | 'street' | 'lane' | 'track' | 'path';

/** A centre line with the width of its carriageway. `track` is gravel, `path` is paved for walking: neither is asphalt. A
 * `roundabout` is a closed line around a green island; a `carriageway` is one of two beside a median. */
export interface Road {
  kind: RoadKind;
  line: number[];
  widthMetres: number;
  sidewalkMetres: number;
  bridge: boolean;
  seed: number;
}

export type RoofKind = 'flat' | 'gable' | 'hip' | 'shed' | 'saw';
export type Covering = 'tile' | 'slate' | 'gravel' | 'membrane' | 'metal';

/** A rectangle of a building in its own frame (metres): p along its front, q away from the street. */
export interface Part {
  p0: number;
  p1: number;
  q0: number;
  q1: number;
  eaveMetres: number;
  roof: RoofKind;
  /** Rise over run of the roof; flat roofs: 0. */
  slope: number;
  /** Whether the ridge runs along p. */
  ridgeAlongP: boolean;
}

export type FurnitureKind = 'chimney' | 'skylight' | 'solar' | 'box';

/** Something on a roof: a rectangle in the building's frame that rises above the roof. */
export interface Furniture {
  kind: FurnitureKind;
  p: number;
  q: number;
  halfP: number;
  halfQ: number;
  riseMetres: number;
}

export interface Building {
  x: number;
  y: number;
  cos: number;
  sin: number;
  parts: Part[];
  /** The union of the parts in the building's frame, rings as p0, q0, p1, q1, ...; not closed; shell first. */
  outline: number[][];
  heightMetres: number;
  covering: Covering;
  furniture: Furniture[];
  /** Width of one house in a row of them (metres), 0 when it is one house. */
  unitMetres: number;
  seed: number;
}

export interface Tree {
  x: number;
  y: number;
  radiusMetres: number;
  heightMetres: number;
  conifer: boolean;
  seed: number;
}

export interface Car {
  x: number;
  y: number;
  cos: number;
  sin: number;
  lengthMetres: number;
  seed: number;
}

export interface Bounds {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** Everything of one cell of the arterial lattice. */
export interface District {
  key: string;
  areas: Area[];
  roads: Road[];
  buildings: Building[];
  trees: Tree[];
  cars: Car[];
}

/** Corner or any point of a building's frame on the ground. */
export function toGround(building: Pick<Building, 'x' | 'y' | 'cos' | 'sin'>, p: number, q: number): [number, number] {
  return [building.x + p * building.cos - q * building.sin, building.y + p * building.sin + q * building.cos];
}

export function boundsOf(ring: readonly number[], margin = 0): Bounds {
  const bounds = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
  for (let i = 0; i < ring.length; i += 2) {
    bounds.x0 = Math.min(bounds.x0, ring[i] - margin);
    bounds.x1 = Math.max(bounds.x1, ring[i] + margin);
    bounds.y0 = Math.min(bounds.y0, ring[i + 1] - margin);
    bounds.y1 = Math.max(bounds.y1, ring[i + 1] + margin);
  }
  return bounds;
}

export function overlaps(a: Bounds, b: Bounds): boolean {
  return a.x0 < b.x1 && a.x1 > b.x0 && a.y0 < b.y1 && a.y1 > b.y0;
}

/** A rectangle of the frame between road centre lines; insets are what the roads on its sides take of it. */
export interface Block {
  u0: number;
  v0: number;
  u1: number;
  v1: number;
  /** Left, top, right, bottom, metres. */
  insets: [number, number, number, number];
  /** How far from these sides the centre lines of the roads there are: 0, or those of the near carriageways. */
  roads: [number, number, number, number];
}
