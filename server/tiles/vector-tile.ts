/**
 * Features in degrees (WKB) in, a Mapbox Vector Tile (version 2, extent 4096) out.
 *
 * Neighbours share their borders here too: every vertex goes to the tile's grid by itself, whichever feature it belongs
 * to, and nothing is simplified feature by feature, so that what was one border stays one border.
 *
 * Written straight to the wire format (https://github.com/mapbox/vector-tile-spec/tree/master/2.1), feature by feature,
 * because a tile may hold twenty thousand of them: the encoder gives the event loop its turn in between.
 */
import { setImmediate } from 'node:timers/promises';
import { PbfWriter } from 'pbf';
import type { TileFeature } from '../store/tables/tile-features.ts';
import { EXTENT, type Ring, ringsOnGrid } from './tile-grid.ts';
import type { TileAddress } from './web-mercator.ts';

/** Grid units by which a tile reaches over its sides, so that outlines do not show there. */
export const BUFFER = 64;

/**
 * Tiles of more features carry no ids: nobody can point at one of so many, and ids, which do not compress, would be
 * half of the tile.
 */
export const MAX_FEATURES_WITH_IDS = 5000;

export const LAYERS = ['landuse', 'roads', 'buildings', 'objects'] as const;

/** Time after which others get their turn. */
const TURN_MS = 8;

const KEYS = ['id', 'class', 'score', 'area_m2', 'length_m', 'buildings'] as const;

/** GeomType of the specification. */
const LINE = 2;
const POLYGON = 3;

/** @returns the tile, or null where no feature is larger than nothing on the tile's grid */
export async function encodeVectorTile(
  tile: TileAddress,
  features: readonly TileFeature[],
  withIds = features.length <= MAX_FEATURES_WITH_IDS,
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
    const parts = ringsOnGrid(feature.wkb, tile);
    if (layer && parts.length > 0) addFeature(layer, feature, withIds, parts);
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
  else if (Number.isInteger(value) && value >= 0) pbf.writeVarintField(5, value);
  else pbf.writeDoubleField(3, value);
}

function addFeature(layer: Layer, feature: TileFeature, withId: boolean, parts: Ring[]): void {
  const { id, class: className, score, area_m2, length_m, buildings } = feature;
  const type = length_m === null ? POLYGON : LINE;
  const tags: number[] = [];
  const tag = (key: (typeof KEYS)[number], value: string | number) => {
    const index = typeof value === 'string' ? textIndex(layer, value) : numberIndex(layer, value);
    tags.push(KEYS.indexOf(key), index);
  };
  if (withId && id !== null) tag('id', id);
  tag('class', className);
  if (id !== null) {
    if (score !== null) tag('score', round(score, withId ? 1000 : 100));
    if (length_m === null) tag('area_m2', round(area_m2, withId ? 10 : 1));
    else tag('length_m', round(length_m, withId ? 10 : 1));
  }
  if (buildings !== null) tag('buildings', buildings);
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

const textIndex = (layer: Layer, text: string) => valueIndex(layer.texts, layer.values, text);
const numberIndex = (layer: Layer, number: number) => valueIndex(layer.numbers, layer.values, number);

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

function round(value: number, parts: number): number {
  return Math.round(value * parts) / parts;
}
