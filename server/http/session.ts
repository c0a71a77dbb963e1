/** Signing in with a browser: a page without scripts that takes a token and keeps it in a cookie. */
import { createHash } from 'node:crypto';
import express, { type Response, Router } from 'express';
import { Problem } from '../../tiler/problem.ts';
import { COOKIE } from './access.ts';
import type { AppDependencies } from './dependencies.ts';
import type { RateLimits } from './limits.ts';
import { onlyQuery } from './request.ts';

/** Of the cookie; the token may expire before. */
const DAYS = 30;

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif;
  background: light-dark(#dde1d8, #0f1315); color: light-dark(#17201f, #e8ece8); }
body { display: grid; place-items: center; min-height: 100dvh; margin: 0; }
main { box-sizing: border-box; width: min(24rem, 100vw - 2rem); padding: 2rem; border-radius: 12px;
  background: light-dark(#fbfcf8, #1b2123); box-shadow: 0 12px 32px -8px light-dark(#1e2b2533, #000000b0); }
h1 { margin: 0 0 0.25rem; font-size: 1.25rem; }
p { margin: 0 0 1.25rem; color: light-dark(#56625e, #a5b0ab); }
.wrong { color: light-dark(#8f3d00, #ffb77a); }
label { display: block; margin-bottom: 0.375rem; font-weight: 600; font-size: 0.875rem; }
input, button { box-sizing: border-box; width: 100%; min-height: 44px; border-radius: 7px; font: inherit; }
input { padding: 0 0.75rem; border: 1px solid light-dark(#8a958f, #6f7b7a); color: inherit;
  background: light-dark(#f0f2eb, #252c2e); }
button { margin-top: 1rem; border: 0; font-weight: 600; cursor: pointer;
  background: light-dark(#a3155a, #ff8fc0); color: light-dark(#ffffff, #2a0a19); }
:focus-visible { outline: 2px solid light-dark(#a3155a, #ff8fc0); outline-offset: 2px; }
`;

const PAGE_HEADERS = {
  'Content-Security-Policy':
    `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  // Without it browsers send the form with the origin "null", as pages of others would.
  'Referrer-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

const page = (said: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sign in · Planimeter</title>
<style>${STYLE}</style>
<main>
<h1>Planimeter</h1>
${said}
<form method="post" action="/session">
<label for="token">Access token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button>
</form>
</main>
</html>
`;

const WELCOME = '<p>Whoever runs this service gives you a token.</p>';
const WRONG = '<p class="wrong" role="alert">That token is unknown, expired or revoked.</p>';

export function sessionRouter({ access }: Pick<AppDependencies, 'access'>, rates: RateLimits): Router {
  const router = Router();
  const show = (response: Response, status: number, said: string) =>
    response.status(status).set(PAGE_HEADERS).type('html').send(page(said));

  router.get('/session', (request, response) => {
    onlyQuery(request, []);
    show(response, 200, WELCOME);
  });

  router.post('/session', express.urlencoded({ extended: false, limit: '10kb' }), async (request, response) => {
    onlyQuery(request, []);
    const token: unknown = request.body?.token;
    if (typeof token !== 'string') throw new Problem('bad_request', 'Send the form field "token".');
    if ((await access.bearer(token.trim())) === null) {
      await rates.countWrongToken(request.ip ?? '');
      show(response, 401, WRONG);
      return;
    }
    response.cookie(COOKIE, token.trim(), cookieOf(request.secure)).set('Cache-Control', 'no-store').redirect(303, '/');
  });

  router.delete('/session', (request, response) => {
    onlyQuery(request, []);
    response.clearCookie(COOKIE, cookieOf(request.secure)).status(204).end();
  });

  return router;
}

const cookieOf = (secure: boolean) =>
  ({ httpOnly: true, sameSite: 'strict', secure, path: '/', maxAge: DAYS * 86_400_000 }) as const;
