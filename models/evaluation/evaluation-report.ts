/** An evaluation → one HTML page that needs nothing else: scores, confusion, calibration, pictures of the worst chips. */
import { dataUrl } from '../../tiler/rendering/data-url.ts';
import type { NetworkClass } from '../registry.ts';
import type { Evaluation } from './evaluate.ts';
import { Verdict, type WorstChip } from './worst-chips.ts';

export interface ReportSubject {
  title: string;
  /** What was compared, in a sentence. */
  subject: string;
  classes: readonly Pick<NetworkClass, 'name' | 'color'>[];
  /** More figures for the head of the page, by name. */
  figures?: [string, string][];
}

const PICTURE_PIXELS = 256;

export async function evaluationReport(
  { title, subject, classes, figures: more = [] }: ReportSubject,
  evaluation: Evaluation,
  worst: readonly WorstChip[],
): Promise<string> {
  const { miou, accuracy, ece } = evaluation;
  const figures: [string, string][] = [
    ['Mean IoU', figure(miou)],
    ['Accuracy', figure(accuracy)],
    ['Calibration error', figure(ece)],
    ...more,
  ];
  const chips = await Promise.all(worst.map((chip) => chipRow(chip, classes)));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(subject)}</p>
<dl class="figures">${figures.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`).join('')}</dl>
<h2>Classes</h2>
${classTable(evaluation, classes)}
<h2>Confusion</h2>
<p>Share of each class of the truth (rows) that was given each class (columns), with the number of pixels.</p>
${confusionTable(evaluation)}
${ece === null ? '' : `<h2>Calibration</h2>\n<p>How often pixels were right, by how sure the network was. On the line, it is right as often as it says.</p>\n${calibrationCurve(evaluation)}`}
<h2>Worst chips</h2>
${chips.length > 0 ? `<p>${legend(classes)}</p>\n<div class="chips">${chips.join('\n')}</div>` : '<p>Every chip agrees with the truth.</p>'}
</body>
</html>
`;
}

const figure = (value: number | null): string => (value === null ? '–' : value.toFixed(3));
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const swatch = (color: string): string => `<i style="background:${escapeHtml(color)}"></i>`;

function legend(classes: ReportSubject['classes']): string {
  const named = classes.map(({ name, color }) => `${swatch(color)}${escapeHtml(name)}`);
  return [...named, `${swatch(UNKNOWN_COLOUR)}not known`].join(' &nbsp; ');
}

function classTable({ classes: scores }: Evaluation, classes: ReportSubject['classes']): string {
  const rows = scores.map((row, i) => {
    const cells = [row.iou, row.precision, row.recall, row.f1, row.boundary_iou].map(
      (each) => `<td>${figure(each)}</td>`,
    );
    return `<tr><th>${swatch(classes[i].color)}${escapeHtml(row.class)}</th>${cells.join('')}</tr>`;
  });
  const head = ['Class', 'IoU', 'Precision', 'Recall', 'F1', 'Boundary IoU'].map((name) => `<th>${name}</th>`).join('');
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** Each cell shaded by its share of the row. */
function confusionTable({ confusion, classes }: Evaluation): string {
  const names = [...classes.map((row) => row.class), 'none'];
  const rows = confusion.map((row, truth) => {
    const total = Math.max(
      1,
      row.reduce((sum, each) => sum + each, 0),
    );
    const cells = row.map((pixels, predicted) => {
      const share = pixels / total;
      const colour = predicted === truth ? '42 120 90' : '190 70 50';
      const text = `${(share * 100).toFixed(1)} %<small>${pixels.toLocaleString('en')}</small>`;
      return `<td style="background:rgb(${colour} / ${(0.75 * share).toFixed(3)})">${text}</td>`;
    });
    const name = truth < classes.length ? names[truth] : 'only known not to be it';
    return `<tr><th>${escapeHtml(name)}</th>${cells.join('')}</tr>`;
  });
  const known = confusion[classes.length]?.some((pixels) => pixels > 0) ? rows : rows.slice(0, classes.length);
  const head = names.map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  return `<table class="confusion"><thead><tr><th></th>${head}</tr></thead><tbody>${known.join('')}</tbody></table>`;
}

/** A point a bin that holds pixels, as large as its share of them. */
function calibrationCurve({ calibration }: Evaluation): string {
  const side = 320;
  const margin = 34;
  const bins = calibration.filter(({ count }) => count > 0);
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const x = (value: number) => (margin + value * side).toFixed(1);
  const y = (value: number) => (margin + (1 - value) * side).toFixed(1);
  const path = bins.map((bin, i) => `${i === 0 ? 'M' : 'L'}${x(bin.confidence)} ${y(bin.accuracy)}`).join('');
  const points = bins.map(({ confidence, accuracy, count }) => {
    const title = `sure ${confidence.toFixed(3)}, right ${accuracy.toFixed(3)}, ${count.toLocaleString('en')} pixels`;
    const radius = (3 + 9 * Math.sqrt(count / total)).toFixed(1);
    return `<circle cx="${x(confidence)}" cy="${y(accuracy)}" r="${radius}"><title>${title}</title></circle>`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
    `<text x="${x(value)}" y="${side + margin + 18}" text-anchor="middle">${value}</text>`,
    `<text x="${margin - 8}" y="${y(value)}" text-anchor="end" dominant-baseline="middle">${value}</text>`,
  ]);
  const size = side + 2 * margin;
  return `<svg viewBox="-26 0 ${size + 26} ${size + 14}" width="${size + 26}" role="img" aria-label="Calibration curve">
<rect x="${margin}" y="${margin}" width="${side}" height="${side}"/><path class="even" d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}"/>
<path class="curve" d="${path}"/>${points.join('')}${ticks.join('')}
<text x="${margin + side / 2}" y="${size + 10}" text-anchor="middle">how sure</text>
<text transform="translate(-14 ${margin + side / 2}) rotate(-90)" text-anchor="middle">how often right</text></svg>`;
}

const UNKNOWN_COLOUR = '#b8b8b8';

async function chipRow(chip: WorstChip, classes: ReportSubject['classes']): Promise<string> {
  const { name, x, y, width, height, known, wrong, image, truth, predicted, verdicts } = chip;
  const pictures: [string, Uint8Array][] = [
    ...(image ? [['image', image] as [string, Uint8Array]] : []),
    ['truth', colour(truth, classes)],
    ['predicted', colour(predicted, classes)],
    ['wrong', mistakes(verdicts)],
  ];
  const figures = await Promise.all(
    pictures.map(async ([title, rgb]) => {
      const address = await dataUrl(rgb, width, height, PICTURE_PIXELS);
      return `<figure><img src="${address}" alt="${title}" width="${PICTURE_PIXELS}"><figcaption>${title}</figcaption></figure>`;
    }),
  );
  const share = ((100 * wrong) / known).toFixed(1);
  const head = `<h3>${escapeHtml(name)} <small>from column ${x}, row ${y}: ${share} % of ${known.toLocaleString('en')} pixels are wrong</small></h3>`;
  return `<section>${head}<div>${figures.join('')}</div></section>`;
}

function colour(codes: Uint8Array, classes: ReportSubject['classes']): Uint8Array {
  const table = classes.map(({ color }) => rgbOf(color));
  const unknown = rgbOf(UNKNOWN_COLOUR);
  const rgb = new Uint8Array(codes.length * 3);
  for (const [i, code] of codes.entries()) rgb.set(table[code] ?? unknown, 3 * i);
  return rgb;
}

function rgbOf(color: string): [number, number, number] {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** Red where wrong, white where right, gray where not known. */
function mistakes(verdicts: Uint8Array): Uint8Array {
  const colours = {
    [Verdict.unknown]: rgbOf(UNKNOWN_COLOUR),
    [Verdict.right]: [255, 255, 255],
    [Verdict.wrong]: [200, 40, 40],
  };
  const rgb = new Uint8Array(verdicts.length * 3);
  for (const [i, verdict] of verdicts.entries()) rgb.set(colours[verdict as keyof typeof colours], 3 * i);
  return rgb;
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 1120px; margin: 32px auto; padding: 0 20px; }
h1 { margin: 0; font-size: 28px; } h2 { margin: 36px 0 8px; font-size: 20px; }
h3 { margin: 20px 0 6px; font-size: 15px; overflow-wrap: anywhere; }
small { font-weight: 400; font-size: 12.5px; opacity: 0.75; }
p { margin: 4px 0 12px; max-width: 70ch; }
i { display: inline-block; width: 11px; height: 11px; margin-right: 7px; border-radius: 3px; }
.figures { display: flex; flex-wrap: wrap; gap: 36px; margin: 20px 0; }
.figures dd { margin: 0; font-size: 32px; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; display: block; overflow-x: auto; }
th, td { padding: 6px 14px; border-bottom: 1px solid #8884; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; }
.confusion td small { display: block; }
svg rect { fill: none; stroke: #8888; } svg path { fill: none; } svg text { font-size: 12px; fill: currentColor; }
svg .even { stroke: #8888; stroke-dasharray: 4 4; } svg .curve { stroke: #a3155a; stroke-width: 2; }
svg circle { fill: #a3155a; fill-opacity: 0.65; } svg { max-width: 100%; }
.chips section > div { display: flex; flex-wrap: wrap; gap: 10px; }
figure { margin: 0; } img { display: block; image-rendering: pixelated; } figcaption { font-size: 12.5px; opacity: 0.75; }
`;
