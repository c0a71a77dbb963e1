/** A sheet as one HTML page without scripts and without anything from elsewhere; it prints as it is read. */
import type { MapDrawing, Shape } from './map-drawing.ts';
import type { Bar, Section, Sheet } from './sheet.ts';

/** Points: as wide as the text. */
const [MAP_WIDTH, MAP_HEIGHT] = [720, 640];

const STYLE = `
:root { color-scheme: light; }
body { margin: 0 auto; padding: 2rem 1.25rem 3rem; max-width: 60rem; color: #1d1d1f; background: #fff;
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
.subtitle, .captions, .notes { color: #515154; }
.subtitle { margin: .25rem 0 1.25rem; }
.captions, .notes { font-size: .85rem; }
.captions p, .notes { margin: .2rem 0; }
.notes { padding-left: 1.1rem; }
svg { display: block; width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; list-style: none; margin: .75rem 0; padding: 0; }
.legend i { display: inline-block; width: .85rem; height: .85rem; margin-right: .4rem; border: 1px solid #0003; vertical-align: -.1rem; }
.sections { columns: 2 20rem; column-gap: 2.5rem; margin-top: 1.5rem; }
section { break-inside: avoid; margin-bottom: 1.5rem; border-top: 1px solid #d2d2d7; padding-top: .75rem; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .2rem 1rem; margin: 0 0 .5rem; }
dt { color: #515154; } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@page { margin: 14mm; }
@media print { body { padding: 0; max-width: none; font-size: 10pt; } }
`;

export function sheetHtml(sheet: Sheet): string {
  const drawing = sheet.map(MAP_WIDTH, MAP_HEIGHT);
  const legend = sheet.legend.map(
    ({ name, color }) => `<li><i style="background:${escapeHtml(color)}"></i>${escapeHtml(name)}</li>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeHtml(sheet.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(sheet.title)}</h1>
<p class="subtitle">${escapeHtml(sheet.subtitle)}</p>
</header>
<main>
${mapSvg(drawing)}
<ul class="legend">${legend.join('')}</ul>
<div class="captions">${sheet.captions.map((caption) => `<p>${escapeHtml(caption)}</p>`).join('\n')}</div>
<div class="sections">
${sheet.sections.map(sectionHtml).join('\n')}
</div>
</main>
</body>
</html>
`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (letter) => ENTITIES[letter]!);

function sectionHtml({ heading, rows = [], bars = [], notes = [] }: Section): string {
  const list = rows.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`);
  return [
    `<section><h2>${escapeHtml(heading)}</h2>`,
    rows.length > 0 ? `<dl>${list.join('\n')}</dl>` : '',
    bars.length > 0 ? barsSvg(heading, bars) : '',
    notes.length > 0 ? `<ul class="notes">${notes.map((note) => `<li>${escapeHtml(note)}</li>`).join('\n')}</ul>` : '',
    '</section>',
  ].join('\n');
}

const [BAR_WIDTH, BAR_STEP, BAR_LEFT] = [400, 22, 120];
/** For what stands behind the longest. */
const VALUE_WIDTH = 130;

function barsSvg(heading: string, bars: readonly Bar[]): string {
  const rows = bars.map(({ name, share, value, color }, i) => {
    const [y, width] = [i * BAR_STEP, Math.max(1, share * (BAR_WIDTH - BAR_LEFT - VALUE_WIDTH))];
    return `<text x="${BAR_LEFT - 8}" y="${y + 15}" text-anchor="end">${escapeHtml(name)}</text>
<rect x="${BAR_LEFT}" y="${y + 4}" width="${round(width)}" height="14" fill="${escapeHtml(color)}" stroke="#0003"/>
<text x="${round(BAR_LEFT + width + 6)}" y="${y + 15}">${escapeHtml(value)}</text>`;
  });
  const label = `${heading}: ${bars.map(({ name, value }) => `${name} ${value}`).join('; ')}`;
  return `<svg viewBox="0 0 ${BAR_WIDTH} ${bars.length * BAR_STEP}" role="img" aria-label="${escapeHtml(label)}" font-size="11" fill="#1d1d1f">
${rows.join('\n')}
</svg>`;
}

function mapSvg({ width, height, shapes, alt }: MapDrawing): string {
  return `<svg viewBox="0 0 ${round(width)} ${round(height)}" role="img" aria-label="${escapeHtml(alt)}" font-family="inherit">
${shapes.map(shapeSvg).join('\n')}
</svg>`;
}

function shapeSvg(shape: Shape): string {
  if (shape.kind === 'image') {
    const { x, y, width, height, type, bytes } = shape;
    const where = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"`;
    return `<image ${where} preserveAspectRatio="none" href="data:image/${type};base64,${bytes.toString('base64')}"/>`;
  }
  if (shape.kind === 'text') {
    const { x, y, size, anchor, text } = shape;
    return `<text x="${round(x)}" y="${round(y)}" font-size="${round(size)}" text-anchor="${anchor}">${escapeHtml(text)}</text>`;
  }
  const points = shape.points.map((point) => point.map(round).join()).join(' ');
  const opacity = shape.opacity === undefined ? '' : ` opacity="${shape.opacity}"`;
  const color = escapeHtml(shape.color);
  if (shape.kind === 'line')
    return `<polyline points="${points}" fill="none" stroke="${color}" stroke-width="${shape.width}"${opacity}/>`;
  const outline = shape.outline ? ` stroke="${escapeHtml(shape.outline)}" stroke-width="0.5"` : '';
  return `<polygon points="${points}" fill="${color}"${outline}${opacity}/>`;
}

const round = (value: number): number => Math.round(value * 100) / 100;
