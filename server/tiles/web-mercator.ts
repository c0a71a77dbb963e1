/** Web Mercator map tiles (EPSG:3857, XYZ) and degrees. */
import type { Bbox } from '../api/index.ts';

const EQUATOR_METRES = 2 * Math.PI * 6_378_137;
const TILE_PIXELS = 256;
/** Where Web Mercator ends: the latitude at which the map is square. */
const MAX_LATITUDE = 85.051_128_779_806_6;

export interface TileAddress {
  z: number;
  x: number;
  y: number;
}

/** Degrees to the unit square of Web Mercator, x to the east and y to the south. */
export function mercatorX(lon: number): number {
  return lon / 360 + 0.5;
}

export function mercatorY(lat: number): number {
  const sine = Math.sin((Math.max(-MAX_LATITUDE, Math.min(MAX_LATITUDE, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}

/** Extent of a tile in degrees, `buffer` (a share of its side) wider on every side. */
export function tileBbox({ z, x, y }: TileAddress, buffer = 0): Bbox {
  const side = 2 ** z;
  const longitude = (column: number) => Math.max(-180, Math.min(180, (column / side) * 360 - 180));
  const latitude = (row: number) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / side))) * 180) / Math.PI;
  return [
    longitude(x - buffer),
    Math.max(-MAX_LATITUDE, latitude(y + 1 + buffer)),
    longitude(x + 1 + buffer),
    Math.min(MAX_LATITUDE, latitude(y - buffer)),
  ];
}

/** Whether two boxes have a point in common; one whose west is more than its east crosses the antimeridian. */
export function bboxesTouch(a: Bbox, b: Bbox): boolean {
  const parts = ([west, , east]: Bbox) =>
    west <= east
      ? [[west, east]]
      : [
          [west, 180],
          [-180, east],
        ];
  return (
    a[1] <= b[3] &&
    b[1] <= a[3] &&
    parts(a).some(([west, east]) => parts(b).some(([from, to]) => west! <= to! && from! <= east!))
  );
}

/** Metres on the ground of one of 256 pixels along a tile's side, at the tile's middle. */
export function tilePixelMetres(tile: TileAddress): number {
  const [, south, , north] = tileBbox(tile);
  const latitude = ((south + north) / 2) * (Math.PI / 180);
  return (EQUATOR_METRES * Math.cos(latitude)) / (TILE_PIXELS * 2 ** tile.z);
}

/** The first zoom at which 256-pixel tiles show a scene's pixels, at most a tenth coarser than they are. */
export function nativeZoom(gsdMetres: number, bbox: Bbox): number {
  const latitude = ((bbox[1] + bbox[3]) / 2) * (Math.PI / 180);
  const zoom = Math.log2((EQUATOR_METRES * Math.cos(latitude)) / (TILE_PIXELS * gsdMetres * 1.1));
  return Math.max(0, Math.min(22, Math.ceil(zoom)));
}

/** The last zoom at which a box is smaller than a quarter of a tile: coarser, there is nothing to see of it. */
export function firstZoom(bbox: Bbox): number {
  const east = bbox[0] <= bbox[2] ? bbox[2] : bbox[2] + 360;
  const span = Math.max(mercatorX(east) - mercatorX(bbox[0]), mercatorY(bbox[1]) - mercatorY(bbox[3]));
  return Math.max(0, Math.min(22, Math.floor(Math.log2(0.25 / Math.max(span, 1e-9)))));
}
