/** Signing in with a browser: a page without scripts that takes a token and keeps it in a cookie. */
import express, { type Request, type Response, Router } from 'express';
import { check } from '../../api/schema.ts';
import { SignIn } from '../../api/service.ts';
import { COOKIE } from '../core/access.ts';
import type { AppContext } from '../core/app-context.ts';
import { isEncrypted, publicPath } from '../core/public-address.ts';
import type { RateLimits } from '../core/rate-limits.ts';
import { noQuery } from '../core/request.ts';
import { sendNotice } from '../html/notice-page.ts';
import { type Html, html } from '../html/page.ts';

/** Of the cookie; the token may expire before. */
const DAYS = 30;

const form = (said: Html) => html`${said}
<form method="post" action="session">
<label for="token">Access token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button>
</form>`;

const WELCOME = html`<p>Whoever runs this service gives you a token.</p>`;
const WRONG = html`<p class="wrong" role="alert">That token is unknown, expired or revoked.</p>`;

export function sessionRouter({ access }: Pick<AppContext, 'access'>, rates: RateLimits): Router {
  const router = Router();
  const show = (response: Response, status: number, said: Html) =>
    sendNotice(response, status, { title: 'Sign in', body: form(said) });

  router.get('/session', (request, response) => {
    noQuery(request);
    show(response, 200, WELCOME);
  });

  router.post('/session', express.urlencoded({ extended: false, limit: '10kb' }), async (request, response) => {
    noQuery(request);
    const token = check(SignIn, request.body ?? {}).token.trim();
    if ((await access.bearer(token)) === null) {
      await rates.countWrongToken(request.ip ?? '');
      show(response, 401, WRONG);
      return;
    }
    response
      .cookie(COOKIE, token, cookieOf(request))
      .set('Cache-Control', 'no-store')
      .redirect(303, publicPath(request, '/'));
  });

  router.delete('/session', (request, response) => {
    noQuery(request);
    response.clearCookie(COOKIE, cookieOf(request)).status(204).end();
  });

  return router;
}

const cookieOf = (request: Request) =>
  ({
    httpOnly: true,
    sameSite: 'strict',
    secure: isEncrypted(request),
    path: publicPath(request, '/'),
    maxAge: DAYS * 86_400_000,
  }) as const;
