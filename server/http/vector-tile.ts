/**
 * Features in degrees in, a Mapbox Vector Tile (version 2, extent 4096) out.
 *
 * Neighbours share their borders here too: every vertex goes to the tile's grid by itself, whichever feature it belongs
 * to, and nothing is simplified feature by feature, so that what was one border stays one border.
 */
import { fromGeojsonVt } from '@maplibre/vt-pbf';
import type { Geometry, Position } from 'geojson';
import type { TileFeature } from '../store/features.ts';
import { mercatorX, mercatorY, type TileAddress } from './mercator.ts';

export const EXTENT = 4096;
/** Grid units by which a tile reaches over its sides, so that outlines do not show there. */
export const BUFFER = 64;

export const LAYERS = ['landuse', 'roads', 'buildings'] as const;

type Ring = [number, number][];
interface EncodedFeature {
  type: 3;
  geometry: Ring[];
  tags: Record<string, string | number>;
}

/** @returns the tile, or null where no feature is larger than nothing on the tile's grid */
export function encodeVectorTile(tile: TileAddress, features: readonly TileFeature[]): Uint8Array | null {
  const layers = new Map<string, EncodedFeature[]>(LAYERS.map((name) => [name, []]));
  for (const feature of features) {
    const geometry = quantise(feature.geometry, tile);
    if (geometry.length === 0) continue;
    const { id, class: className, score, area_m2 } = feature;
    const tags = { id, class: className, score: round(score, 1000), area_m2: round(area_m2, 10) };
    layers.get(feature.collection)?.push({ type: 3, geometry, tags });
  }
  const filled = [...layers].filter(([, encoded]) => encoded.length > 0);
  if (filled.length === 0) return null;
  // The declared type asks for fields of a whole GeoJSON-VT tile; only `features` is read.
  const byName = Object.fromEntries(filled.map(([name, encoded]) => [name, { features: encoded }]));
  return fromGeojsonVt(byName as unknown as Parameters<typeof fromGeojsonVt>[0], { version: 2, extent: EXTENT });
}

/** Rings on the tile's grid, each shell followed by its holes (MVT 4.3.4.4); what has no area there is left out. */
function quantise(geometry: Geometry, tile: TileAddress): Ring[] {
  const rings: Ring[] = [];
  for (const [shell, ...holes] of polygonsOf(geometry)) {
    const outer = quantiseRing(shell, tile, 1);
    if (!outer) continue;
    rings.push(outer);
    for (const hole of holes) {
      const inner = quantiseRing(hole, tile, -1);
      if (inner) rings.push(inner);
    }
  }
  return rings;
}

/** Clipping may leave lines and points beside polygons, where only a side or a corner lay in the tile. */
function polygonsOf(geometry: Geometry): Position[][][] {
  if (geometry.type === 'Polygon') return [geometry.coordinates];
  if (geometry.type === 'MultiPolygon') return geometry.coordinates;
  return geometry.type === 'GeometryCollection' ? geometry.geometries.flatMap(polygonsOf) : [];
}

/** @param direction sign of the ring's area in a frame with y down: 1 for shells, -1 for holes */
function quantiseRing(positions: readonly Position[], tile: TileAddress, direction: 1 | -1): Ring | null {
  const scale = 2 ** tile.z * EXTENT;
  const ring: Ring = [];
  let doubleArea = 0;
  let previousX = Number.NaN;
  let previousY = Number.NaN;
  for (const [lon, lat] of positions) {
    const x = Math.round(mercatorX(lon) * scale - tile.x * EXTENT);
    const y = Math.round(mercatorY(lat) * scale - tile.y * EXTENT);
    if (x === previousX && y === previousY) continue;
    if (ring.length > 0) doubleArea += previousX * y - x * previousY;
    ring.push([x, y]);
    previousX = x;
    previousY = y;
  }
  if (ring.length < 4 || doubleArea === 0) return null;
  return Math.sign(doubleArea) === direction ? ring : ring.reverse();
}

function round(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}
