/** The parts of a request, checked: what is malformed becomes a `Problem` that says what was expected. */
import type { Request } from 'express';
import { Problem } from '../../../errors/problem.ts';

/** west, south, east, north in degrees. */
export type Bbox = [number, number, number, number];

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Zoom levels beyond this are finer than any imagery (a pixel of under a centimetre). */
export const MAX_ZOOM = 24;

export const isId = (text: string): boolean => UUID.test(text);

/** An id from the path; one that cannot exist is as absent as one that does not. */
export function pathId(request: Request, name: string, what: string): string {
  const id = pathParameter(request, name);
  if (!isId(id)) throw new Problem('not_found', `There is no ${what} with the id "${shorten(id)}".`);
  return id.toLowerCase();
}

export function pathParameter(request: Request, name: string): string {
  const value = request.params[name];
  return typeof value === 'string' ? value : '';
}

/** Refuses what the route does not know, so that a misspelt filter is not silently left out (OGC API, 7.15). */
export function onlyQuery(request: Request, names: readonly string[]): void {
  for (const name of Object.keys(request.query)) {
    if (names.includes(name)) continue;
    const known = names.length > 0 ? `Known here: ${names.join(', ')}.` : 'None is known here.';
    throw new Problem('bad_request', `The query parameter "${shorten(name)}" is not known. ${known}`);
  }
}

export function queryText(request: Request, name: string): string | undefined {
  const value = request.query[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw new Problem('bad_request', `Give the query parameter "${name}" once.`);
  // No text in the database holds it, and the database refuses to be asked for it.
  if (value.includes('\0')) throw new Problem('bad_request', `The query parameter "${name}" holds a null character.`);
  return value;
}

export function queryId(request: Request, name: string): string | undefined {
  const value = queryText(request, name);
  if (value === undefined) return undefined;
  if (!isId(value)) throw new Problem('bad_request', `"${name}" is an id (a UUID), not "${shorten(value)}".`);
  return value.toLowerCase();
}

/** A whole number of at least 1; above `maximum` the maximum is used (OGC API, permission fc-limit-response). */
export function queryLimit(request: Request, fallback: number, maximum: number): number {
  const value = queryText(request, 'limit');
  if (value === undefined) return fallback;
  if (!/^\d{1,15}$/.test(value) || Number(value) < 1) {
    throw new Problem('bad_request', `"limit" is a whole number from 1 to ${maximum}, not "${shorten(value)}".`);
  }
  return Math.min(Number(value), maximum);
}

/** `bbox` in degrees, with or without heights; heights are left out, since features have none. */
export function queryBbox(request: Request): Bbox | undefined {
  const value = queryText(request, 'bbox');
  return value === undefined ? undefined : parseBbox(value);
}

/** As `queryBbox`, of a text. */
export function parseBbox(value: string): Bbox {
  const parts = value.split(',');
  const numbers = parts.map((part) => (/^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(part) ? Number(part) : NaN));
  if (![4, 6].includes(numbers.length) || !numbers.every(Number.isFinite)) {
    const form = 'four numbers in degrees: west,south,east,north';
    throw new Problem('bad_request', `"bbox" is ${form}, not "${shorten(value)}".`);
  }
  const half = numbers.length / 2;
  const [west, south] = numbers as [number, number];
  const [east, north] = numbers.slice(half) as [number, number];
  if (Math.abs(west) > 180 || Math.abs(east) > 180 || Math.abs(south) > 90 || Math.abs(north) > 90) {
    throw new Problem('bad_request', '"bbox" is in degrees: longitudes within ±180 and latitudes within ±90.');
  }
  if (south > north) throw new Problem('bad_request', '"bbox" has its south above its north.');
  return [west, south, east, north];
}

/** Address of a map tile (XYZ, Web Mercator). */
export function tileAddress(z: string, x: string, y: string): { z: number; x: number; y: number } {
  if (![z, x, y].every((part) => /^\d{1,9}$/.test(part)) || Number(z) > MAX_ZOOM) {
    const expected = `whole numbers z/x/y with z from 0 to ${MAX_ZOOM}`;
    throw new Problem('bad_request', `A map tile is addressed by ${expected}, not "${shorten(`${z}/${x}/${y}`)}".`);
  }
  const tile = { z: Number(z), x: Number(x), y: Number(y) };
  const side = 2 ** tile.z;
  if (tile.x >= side || tile.y >= side) {
    throw new Problem('bad_request', `At zoom ${tile.z} the columns and rows of map tiles run from 0 to ${side - 1}.`);
  }
  return tile;
}

/**
 * The address under which the client reached us, for the absolute links that OGC and TileJSON clients need; of who came by
 * a link with that link's secret, since everything else is closed to them.
 */
export function publicAddress(request: Request): string {
  const share: string | undefined = request.res?.locals.share;
  return `${request.protocol}://${request.host}${share === undefined ? '' : `/shared/${share}`}`;
}

/** What people sent, cut so that a message stays a message. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
