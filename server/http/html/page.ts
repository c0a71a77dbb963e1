/** HTML pages without scripts, for people who open the interface in a browser: layout, escaping, negotiation. */
import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';

/** Text that is HTML already. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | undefined | readonly Html[];

/** A template in which all but `Html` is escaped, for texts and for attributes in double quotes. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(texts.map((text, i) => (i === 0 ? text : written(parts[i - 1]) + text)).join(''));
}

function written(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(({ text }) => text).join('');
  const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return String(part).replaceAll(/[&<>"']/g, (sign) => escapes[sign]!);
}

/** Whether a page is asked for: by `f`, or by a browser, which names HTML before all else. */
export function wantsPage(request: Request): boolean {
  const format = request.query.f;
  return format === undefined ? request.accepts(['json', 'geojson', 'html']) === 'html' : format === 'html';
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums;
  --panel: light-dark(#fbfcf8, #1b2123); --quiet: light-dark(#56625e, #a5b0ab); --line: light-dark(#dfe3d9, #333c3e);
  --accent: light-dark(#a3155a, #ff8fc0);
  background: light-dark(#e9ece4, #0f1315); color: light-dark(#17201f, #e8ece8); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem clamp(1rem, 4vw, 2.5rem) 3rem; max-width: 68rem; }
a { color: var(--accent); text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
header { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; justify-content: space-between; padding-bottom: 1.5rem;
  font-size: 0.875rem; color: var(--quiet); }
nav span { margin-left: 0.375rem; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.0625rem; }
.lead { margin: 0.375rem 0 1.5rem; color: var(--quiet); max-width: 42rem; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
.wide { overflow-x: auto; }
.panel + .panel, .panel + .pages, .pages + .panel { margin-top: 1rem; }
.cards { display: grid; gap: 1rem; padding: 0; margin: 0; list-style: none;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); }
.cards .panel { margin: 0; padding: 1rem 1.25rem; }
.cards a { font-size: 1.125rem; font-weight: 600; }
.cards p { margin: 0.25rem 0 0; color: var(--quiet); font-size: 0.875rem; }
table { width: 100%; border-collapse: collapse; font-size: 0.875rem; }
th, td { padding: 0.5rem 1.25rem; text-align: left; border-top: 1px solid var(--line); vertical-align: top; }
tr:first-child > * { border-top: 0; }
thead th, tbody th { font-weight: 600; white-space: nowrap; color: var(--quiet); }
td.number, th.number { text-align: right; white-space: nowrap; }
td.text { overflow-wrap: break-word; }
td.fact { overflow-wrap: anywhere; }
td a code { white-space: nowrap; }
code { font: 0.9375em/1.5 ui-monospace, monospace; }
svg { display: block; width: 100%; height: auto; max-height: 32rem; background: light-dark(#f4f5ef, #151a1c); }
svg path { stroke: light-dark(#17201f, #e8ece8); stroke-opacity: 0.55; stroke-width: 0.75; vector-effect: non-scaling-stroke;
  fill-opacity: 0.75; }
svg path.line { fill: none; stroke-opacity: 1; stroke-width: 2; }
svg a:hover path, svg a:focus path { stroke: var(--accent); stroke-opacity: 1; stroke-width: 2.5; }
.pages { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; justify-content: space-between; align-items: center;
  margin: 1rem 0; font-size: 0.875rem; color: var(--quiet); }
.button { display: inline-block; padding: 0.625rem 1rem; border-radius: 7px; font-weight: 600; text-decoration: none;
  background: var(--accent); color: light-dark(#ffffff, #2a0a19); }
`;

const HEADERS = {
  'Content-Security-Policy':
    `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  'Cache-Control': 'private, no-cache',
};

export interface Page {
  title: string;
  /** What lies above it, from the top: name and path. */
  above: readonly (readonly [name: string, path: string])[];
  /** The same as data: media type, its name and address. */
  data: { type: string; name: string; href: string };
  body: Html;
}

export function sendPage(response: Response, { title, above, data, body }: Page): void {
  const crumbs = above.map(([name, path]) => html`<a href="${path}">${name}</a><span>/</span> `);
  const page = html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} · Planimeter</title>
<link rel="alternate" type="${data.type}" href="${data.href}">
<style>${new Html(STYLE)}</style>
<header><nav aria-label="Above this page">${crumbs}${title}</nav><a href="${data.href}">${data.name}</a></header>
<main>
${body}
</main>
</html>
`;
  response.set(HEADERS).vary('Accept').type('html').send(page.text);
}

/** Names and what they are, one a row. */
export function facts(rows: readonly (readonly [name: string, value: Html | string])[]): Html {
  const lines = rows.map(([name, value]) => html`<tr><th scope="row">${name}</th><td class="fact">${value}</td></tr>`);
  return html`<div class="panel wide"><table><tbody>${lines}</tbody></table></div>`;
}

/** `number`: in columns of numbers, which are set to the right. */
export function table(
  head: readonly { name: string; number?: boolean }[],
  rows: readonly (readonly (Html | string)[])[],
): Html {
  const kind = (i: number) => (head[i]!.number ? 'number' : 'text');
  const names = head.map(({ name }, i) => html`<th scope="col" class="${kind(i)}">${name}</th>`);
  const lines = rows.map(
    (cells) => html`<tr>${cells.map((cell, i) => html`<td class="${kind(i)}">${cell}</td>`)}</tr>`,
  );
  return html`<div class="panel wide"><table><thead><tr>${names}</tr></thead><tbody>${lines}</tbody></table></div>`;
}
