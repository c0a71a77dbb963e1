/**
 * Features in degrees in, a Mapbox Vector Tile (version 2, extent 4096) out.
 *
 * Neighbours share their borders here too: every vertex goes to the tile's grid by itself, whichever feature it belongs
 * to, and nothing is simplified feature by feature, so that what was one border stays one border.
 *
 * Written straight to the wire format (https://github.com/mapbox/vector-tile-spec/tree/master/2.1), feature by feature,
 * because a tile may hold twenty thousand of them: the encoder gives the event loop its turn in between.
 */
import { setImmediate } from 'node:timers/promises';
import type { Geometry, Position } from 'geojson';
import { PbfWriter } from 'pbf';
import type { TileFeature } from '../store/features.ts';
import { mercatorX, mercatorY, type TileAddress } from './mercator.ts';

export const EXTENT = 4096;
/** Grid units by which a tile reaches over its sides, so that outlines do not show there. */
export const BUFFER = 64;

export const LAYERS = ['landuse', 'roads', 'buildings'] as const;

/** Time after which others get their turn. */
const TURN_MS = 8;

/** x0, y0, x1, y1, … on the tile's grid; the first vertex of a ring is not repeated. */
type Ring = number[];

const KEYS = ['id', 'class', 'score', 'area_m2', 'length_m'] as const;

/** GeomType of the specification. */
const LINE = 2;
const POLYGON = 3;

/** @returns the tile, or null where no feature is larger than nothing on the tile's grid */
export async function encodeVectorTile(
  tile: TileAddress,
  features: readonly TileFeature[],
): Promise<Uint8Array | null> {
  let turnStart = performance.now();
  const takeTurns = async () => {
    if (performance.now() - turnStart < TURN_MS) return;
    await setImmediate();
    turnStart = performance.now();
  };
  const layers = new Map(LAYERS.map((name): [string, Layer] => [name, beginLayer(name)]));
  for (const feature of features) {
    await takeTurns();
    const layer = layers.get(feature.collection);
    const type = feature.length_m === null ? POLYGON : LINE;
    const parts = type === POLYGON ? quantise(feature.geometry, tile) : quantiseLines(feature.geometry, tile);
    if (layer && parts.length > 0) addFeature(layer, feature, type, parts);
  }
  const pbf = new PbfWriter();
  for (const layer of layers.values()) {
    if (layer.values.length === 0) continue;
    for (const value of layer.values) {
      await takeTurns();
      layer.pbf.writeMessage(4, writeValue, value);
    }
    pbf.writeBytesField(3, layer.pbf.finish());
  }
  const bytes = pbf.finish();
  return bytes.length > 0 ? bytes : null;
}

interface Layer {
  pbf: PbfWriter;
  /** Index of each value among the layer's values, which features refer to. */
  texts: Map<string, number>;
  numbers: Map<number, number>;
  values: (string | number)[];
}

function beginLayer(name: string): Layer {
  const pbf = new PbfWriter();
  pbf.writeVarintField(15, 2);
  pbf.writeStringField(1, name);
  pbf.writeVarintField(5, EXTENT);
  for (const key of KEYS) pbf.writeStringField(3, key);
  return { pbf, texts: new Map(), numbers: new Map(), values: [] };
}

function writeValue(value: string | number, pbf: PbfWriter): void {
  if (typeof value === 'string') pbf.writeStringField(1, value);
  else pbf.writeDoubleField(3, value);
}

function addFeature(layer: Layer, feature: TileFeature, type: typeof LINE | typeof POLYGON, parts: Ring[]): void {
  const { id, class: className, score, area_m2, length_m } = feature;
  const measure = length_m === null ? area_m2 : length_m;
  const tags = [
    valueIndex(layer.texts, layer.values, id),
    valueIndex(layer.texts, layer.values, className),
    valueIndex(layer.numbers, layer.values, round(score, 1000)),
    valueIndex(layer.numbers, layer.values, round(measure, 10)),
  ].flatMap((value, key) => [key === 3 && type === LINE ? 4 : key, value]);
  layer.pbf.writeMessage(
    2,
    (_, pbf) => {
      pbf.writePackedVarint(2, tags);
      pbf.writeVarintField(3, type);
      pbf.writePackedVarint(4, drawing(parts, type === POLYGON));
    },
    null,
  );
}

function valueIndex<T extends string | number>(indices: Map<T, number>, values: (string | number)[], value: T): number {
  const known = indices.get(value);
  if (known !== undefined) return known;
  indices.set(value, values.length);
  return values.push(value) - 1;
}

const MOVE_TO = 1;
const LINE_TO = 2;
const CLOSE_PATH = 7;

/** Rings or lines as commands with steps from vertex to vertex (MVT 4.3). */
function drawing(parts: Ring[], closed: boolean): number[] {
  const commands: number[] = [];
  let x = 0;
  let y = 0;
  for (const ring of parts) {
    for (let i = 0; i < ring.length; i += 2) {
      if (i === 0) commands.push(MOVE_TO | (1 << 3));
      else if (i === 2) commands.push(LINE_TO | ((ring.length / 2 - 1) << 3));
      commands.push(zigzag(ring[i] - x), zigzag(ring[i + 1] - y));
      x = ring[i];
      y = ring[i + 1];
    }
    if (closed) commands.push(CLOSE_PATH | (1 << 3));
  }
  return commands;
}

function zigzag(step: number): number {
  return ((step << 1) ^ (step >> 31)) >>> 0;
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

/** Lines on the tile's grid; what has no length there is left out. */
function quantiseLines(geometry: Geometry, tile: TileAddress): Ring[] {
  if (geometry.type === 'MultiLineString') return geometry.coordinates.flatMap((line) => quantiseLine(line, tile));
  if (geometry.type === 'GeometryCollection') return geometry.geometries.flatMap((part) => quantiseLines(part, tile));
  return geometry.type === 'LineString' ? quantiseLine(geometry.coordinates, tile) : [];
}

function quantiseLine(positions: readonly Position[], tile: TileAddress): Ring[] {
  const scale = 2 ** tile.z * EXTENT;
  const line: Ring = [];
  for (const [lon, lat] of positions) {
    const x = Math.round(mercatorX(lon) * scale - tile.x * EXTENT);
    const y = Math.round(mercatorY(lat) * scale - tile.y * EXTENT);
    if (line.at(-2) !== x || line.at(-1) !== y) line.push(x, y);
  }
  return line.length >= 4 ? [line] : [];
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
    ring.push(x, y);
    previousX = x;
    previousY = y;
  }
  // The last vertex repeats the first one.
  if (ring.length < 8 || doubleArea === 0) return null;
  ring.length -= 2;
  return Math.sign(doubleArea) === direction ? ring : reversed(ring);
}

function reversed(ring: Ring): Ring {
  const backwards: Ring = [];
  for (let i = ring.length - 2; i >= 0; i -= 2) backwards.push(ring[i], ring[i + 1]);
  return backwards;
}

function round(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}
