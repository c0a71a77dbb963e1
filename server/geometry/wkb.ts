/** Little-endian WKB of lines and polygons (OGC 06-103r4), as PostGIS writes it: taken apart, and made multi-part. */
import type { MultiPolygon, Polygon } from 'geojson';
import { writeShape } from '../../vectorizer/shape.ts';

const LINE = 2;
const POLYGON = 3;
const MULTI = 3;

/** Codes of single-part geometries here and in FlatGeobuf: 2 LineString, 3 Polygon; multi-part ones are 3 more. */
export interface ParsedGeometry {
  type: number;
  /** Polygons of rings, or lines of one ring each: x, y, x, y, … in degrees. */
  parts: Float64Array[][];
}

/** Throws for points and collections, which no collection of ours has. */
export function parseWkb(wkb: Uint8Array): ParsedGeometry {
  const view = new DataView(wkb.buffer, wkb.byteOffset, wkb.byteLength);
  let at = 0;
  const header = () => {
    const type = view.getUint32(at + 1, true);
    at += 5;
    return type;
  };
  const count = () => {
    at += 4;
    return view.getUint32(at - 4, true);
  };
  const positions = () => {
    const values = new Float64Array(count() * 2);
    for (let i = 0; i < values.length; i++, at += 8) values[i] = view.getFloat64(at, true);
    return values;
  };
  const part = (type: number) => (type === POLYGON ? Array.from({ length: count() }, positions) : [positions()]);
  const type = header();
  if (type === LINE || type === POLYGON) return { type, parts: [part(type)] };
  if (type !== LINE + MULTI && type !== POLYGON + MULTI) throw new Error(`WKB of type ${type} is not exported`);
  return { type, parts: Array.from({ length: count() }, () => part(header())) };
}

/** A LineString or Polygon as the multi-part geometry of one part; multi-part ones as they are. */
export function toMultiWkb(wkb: Uint8Array): Uint8Array {
  const type = new DataView(wkb.buffer, wkb.byteOffset).getUint32(1, true);
  if (type > POLYGON) return wkb;
  const multi = new Uint8Array(9 + wkb.length);
  const view = new DataView(multi.buffer);
  multi[0] = 1;
  view.setUint32(1, type + MULTI, true);
  view.setUint32(5, 1, true);
  multi.set(wkb, 9);
  return multi;
}

/** Of polygons in degrees. */
export function polygonsToWkb({ type, coordinates }: Polygon | MultiPolygon): Uint8Array {
  const polygons = (type === 'Polygon' ? [coordinates] : coordinates).map((rings) => {
    const ends = rings.map((_, i) => rings.slice(0, i + 1).reduce((points, ring) => points + ring.length, 0));
    return writeShape({ kind: 'polygon', xy: Float64Array.from(rings.flat(2)), ends });
  });
  if (type === 'Polygon') return polygons[0]!;
  const head = toMultiWkb(new Uint8Array([1, POLYGON, 0, 0, 0])).subarray(0, 9);
  new DataView(head.buffer).setUint32(5, polygons.length, true);
  return Buffer.concat([head, ...polygons]);
}

/** west, south, east, north. */
export function boundsOf({ parts }: ParsedGeometry): [number, number, number, number] {
  const bounds: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [shell] of parts) {
    for (let i = 0; i < shell.length; i += 2) {
      if (shell[i] < bounds[0]) bounds[0] = shell[i];
      if (shell[i + 1] < bounds[1]) bounds[1] = shell[i + 1];
      if (shell[i] > bounds[2]) bounds[2] = shell[i];
      if (shell[i + 1] > bounds[3]) bounds[3] = shell[i + 1];
    }
  }
  return bounds;
}

/** A millimetre, about. */
const DECIMALS = 8;

function decimal(degrees: number): string {
  const text = degrees.toFixed(DECIMALS).replace(/\.?0+$/, '');
  return text === '-0' ? '0' : text;
}

function written(ring: Float64Array, open: string, between: string, next: string, close: string): string {
  let text = open;
  for (let i = 0; i < ring.length; i += 2) {
    text += `${i > 0 ? next : ''}${decimal(ring[i]!)}${between}${decimal(ring[i + 1]!)}`;
  }
  return text + close;
}

/** As GeoJSON, with a millimetre's decimals. */
export function geoJsonOf({ type, parts }: ParsedGeometry): string {
  const name = type % MULTI === LINE ? 'LineString' : 'Polygon';
  const texts = parts.map((rings) => {
    const lines = rings.map((ring) => written(ring, '[[', ',', '],[', ']]'));
    return name === 'Polygon' ? `[${lines}]` : lines[0]!;
  });
  const multi = type > MULTI;
  return `{"type":"${multi ? 'Multi' : ''}${name}","coordinates":${multi ? `[${texts}]` : texts[0]}}`;
}

/** As WKT, with a millimetre's decimals. */
export function wktOf({ type, parts }: ParsedGeometry): string {
  const name = type % MULTI === LINE ? 'LINESTRING' : 'POLYGON';
  const texts = parts.map((rings) => {
    const lines = rings.map((ring) => written(ring, '(', ' ', ',', ')'));
    return name === 'POLYGON' ? `(${lines})` : lines[0]!;
  });
  return type > MULTI ? `MULTI${name}(${texts})` : `${name}${texts[0]}`;
}
