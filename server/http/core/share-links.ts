/** Links that show one finished map to whoever has them: taken out of the address, then checked. */
import type { Request, RequestHandler, Response } from 'express';
import { Problem } from '../../../errors/problem.ts';
import type { Role } from '../../api/index.ts';
import type { Caller } from '../../operations/caller.ts';
import type { Share } from '../../store/tables/shares.ts';
import { sendNotice } from '../html/notice-page.ts';
import { html } from '../html/page.ts';
import { publicPath } from './public-address.ts';
import type { RateLimits } from './rate-limits.ts';
import { prefersPage } from './request.ts';

const SHARED = /^\/shared\/([\w-]{1,100})(\/[^?]*)?(\?.*)?$/;

/**
 * To be mounted before everything else: takes the secret out of the address, so that no log has it, and keeps it for the
 * guard and for the addresses in the answer.
 */
export const unwrapShare: RequestHandler = (request, response, next) => {
  const [, secret, path, query = ''] = SHARED.exec(request.url) ?? [];
  if (secret === undefined) return next();
  if (path === undefined) return response.redirect(308, `${publicPath(request, `/shared/${secret}/`)}${query}`);
  response.locals.share = secret;
  request.url = path + query;
  request.originalUrl = request.url;
  next();
};

/**
 * Who came by a link, and sees its job alone; null where a page was sent that the link has ended. `look` finds what the
 * link shows. Throws Problem not_found, not_allowed, rate_limited.
 */
export async function callerByLink(
  request: Request,
  response: Response,
  least: Role,
  look: () => Promise<Share | null>,
  rates: RateLimits,
): Promise<Caller | null> {
  const share = await look();
  if (!share) {
    await rates.countWrongToken(request.ip ?? '');
    if (prefersPage(request)) {
      sendNotice(response, 404, LINK_ENDED);
      return null;
    }
    throw new Problem('not_found', 'This link is unknown, has expired or was revoked: ask for another.');
  }
  if (least !== 'viewer' || response.locals.whole) {
    throw new Problem('not_allowed', 'A link shows one job, and no more.');
  }
  return { ...share, name: 'a link', role: 'viewer', signedIn: false, limited: true };
}

const LINK_ENDED = {
  title: 'This link has ended',
  body: html`<p>This link shows nothing: it is unknown, has expired or was revoked. Ask whoever sent it for another.</p>`,
};
