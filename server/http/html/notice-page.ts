/** A page without scripts that says one thing to a person, in the middle of the window: sign in; this link has ended. */
import { createHash } from 'node:crypto';
import type { Response } from 'express';
import { Html, html } from './page.ts';

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

const HEADERS = {
  'Content-Security-Policy':
    `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  // Without it browsers send the form with the origin "null", as pages of others would.
  'Referrer-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

export function sendNotice(response: Response, status: number, { title, body }: { title: string; body: Html }): void {
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} · Planimeter</title>
<style>${new Html(STYLE)}</style>
<main>
<h1>Planimeter</h1>
${body}
</main>
</html>
`;
  response.status(status).set(HEADERS).type('html').send(page.text);
}
