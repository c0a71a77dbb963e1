/** The parts of a request, checked: what is malformed becomes a `Problem` that says what was expected. */
import type { Request } from 'express';
import { Problem } from '../../../errors/problem.ts';
import { NO_QUERY, readQuery } from '../../api/query.ts';
import { isId, shorten } from '../../api/schema.ts';

/** Zoom levels beyond this are finer than any imagery (a pixel of under a centimetre). */
const MAX_ZOOM = 24;

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

/** For routes that have no query. */
export const noQuery = (request: Request): void => void readQuery(NO_QUERY, request.query);

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

/** Browsers that a person opens something in. */
export const prefersPage = (request: Request): boolean =>
  request.method === 'GET' && request.accepts(['json', 'html']) === 'html';
