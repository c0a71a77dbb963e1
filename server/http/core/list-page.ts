/** A page of a list as the JSON array that it has always been, with the address of the next one in `Link` (RFC 8288). */
import type { Request, Response } from 'express';
import { publicAddress } from './public-address.ts';

export function sendList(request: Request, response: Response, list: readonly unknown[], next: string | null): void {
  if (next !== null) {
    const query = new URLSearchParams(request.query as Record<string, string>);
    query.set('after', next);
    response.set('Link', `<${publicAddress(request)}${request.path}?${query}>; rel="next"`);
  }
  response.json(list);
}
