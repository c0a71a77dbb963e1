/** A sheet as a PDF: the map on the first page, then the figures. Text is text, lines are lines. */
import PDFDocument from 'pdfkit';
import type { MapDrawing, Shape } from './map-drawing.ts';
import type { Bar, Section, Sheet } from './sheet.ts';

export const PAPERS = ['A4', 'A3'] as const;
export type Paper = (typeof PAPERS)[number];

const MARGIN = 40;
const GAP = 24;
const [INK, SOFT, RULE] = ['#1d1d1f', '#515154', '#d2d2d7'];
const [REGULAR, BOLD] = ['Helvetica', 'Helvetica-Bold'];
const [TEXT, SMALL] = [9, 7.5];
/** Of a column, for the names of rows. */
const NAMES = 0.34;
/** Columns of figures. */
const COLUMNS: Record<Paper, number> = { A4: 1, A3: 2 };

interface Written {
  bytes: Buffer;
  /** Letters that the fonts every PDF reader has do not know, which are written as "?". */
  unknown: string;
}

/** @param now the time that the file says it was made at */
export async function sheetPdf(sheet: Sheet, paper: Paper, now = new Date()): Promise<Written> {
  const unknown = new Set<string>();
  const text = (given: string) => latin(given, unknown);
  const doc = new PDFDocument({
    ...{ size: paper, margin: MARGIN, bufferPages: true, lang: 'en', displayTitle: true, pdfVersion: '1.7' },
    info: { Title: sheet.title, Creator: 'Planimeter', CreationDate: now, ModDate: now },
  });
  const parts: Buffer[] = [];
  doc.on('data', (part: Buffer) => parts.push(part));
  const ended = new Promise<void>((resolve, reject) => doc.on('end', resolve).on('error', reject));

  const { width: pageWidth, height: pageHeight } = doc.page;
  const width = pageWidth - 2 * MARGIN;
  doc.fillColor(INK).font(BOLD).fontSize(18).text(text(sheet.title), MARGIN, MARGIN, { width });
  doc
    .fillColor(SOFT)
    .font(REGULAR)
    .fontSize(TEXT + 1)
    .text(text(sheet.subtitle), { width });
  const captions = () => doc.fillColor(SOFT).font(REGULAR).fontSize(SMALL);
  const captionHeight = sheet.captions.reduce(
    (sum, caption) => sum + captions().heightOfString(text(caption), { width }) + 2,
    0,
  );
  const top = doc.y + 8;
  const drawing = sheet.map(width, pageHeight - MARGIN - top - captionHeight - 3 * GAP);
  const left = MARGIN + (width - drawing.width) / 2;
  draw(doc, drawing, left, top, text);
  let y = legend(doc, sheet.legend, top + drawing.height + 6, width, text);
  const scale = `Scale 1 : ${drawing.scale.toLocaleString('en', { maximumFractionDigits: 0 }).replaceAll(',', ' ')} when printed on ${paper} without fitting to the page.`;
  for (const caption of [scale, ...sheet.captions]) {
    captions().text(text(caption), MARGIN, y, { width });
    y = doc.y + 2;
  }

  const columns = COLUMNS[paper];
  const columnWidth = (width - (columns - 1) * GAP) / columns;
  const bottom = pageHeight - MARGIN - 16;
  let [column, columnTop] = [0, y + 12]; // below the map, where there is room
  let at = { x: MARGIN, y: columnTop, width: columnWidth };
  const room = (needed: number) => {
    // What is higher than a page stands on one by itself.
    while (at.y + needed > bottom && at.y > MARGIN) {
      column++;
      if (column === columns) {
        doc.addPage();
        [column, columnTop] = [0, MARGIN];
      }
      at = { x: MARGIN + column * (columnWidth + GAP), y: columnTop, width: columnWidth };
    }
  };
  for (const section of sheet.sections) writeSection(doc, section, { room, place: () => at, text });

  const { count } = doc.bufferedPageRange();
  for (let page = 0; page < count; page++) {
    doc.switchToPage(page);
    const foot = `${sheet.title} · page ${page + 1} of ${count} · Planimeter`;
    // Within the margin, which would else begin another page.
    doc.page.margins.bottom = 0;
    doc.fillColor(SOFT).font(REGULAR).fontSize(SMALL);
    doc.text(text(foot), MARGIN, pageHeight - MARGIN + 6, {
      width,
      height: SMALL * 1.3,
      ellipsis: true,
      lineBreak: false,
    });
  }
  doc.end();
  await ended;
  return { bytes: Buffer.concat(parts), unknown: [...unknown].join('') };
}

type Doc = InstanceType<typeof PDFDocument>;
type ToText = (text: string) => string;

/** Beyond Latin-1, what Windows' code page 1252 has, as the standard fonts do. */
const ALSO = '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ';

/** What the standard fonts have, letter by letter. */
function latin(text: string, unknown: Set<string>): string {
  return [...text.normalize('NFC').replaceAll('\t', ' ')]
    .map((letter) => {
      const code = letter.codePointAt(0)!;
      if ((code >= 0x20 && code < 0x7f) || (code >= 0xa0 && code <= 0xff) || ALSO.includes(letter)) return letter;
      if (code < 0x20) return ' ';
      unknown.add(letter);
      return '?';
    })
    .join('');
}

function draw(doc: Doc, { shapes }: MapDrawing, left: number, top: number, text: ToText): void {
  doc.save().translate(left, top);
  for (const shape of shapes) drawShape(doc, shape, text);
  doc.restore();
}

function drawShape(doc: Doc, shape: Shape, text: ToText): void {
  if (shape.kind === 'image') {
    const { x, y, width, height, bytes } = shape;
    doc.image(bytes, x, y, { width, height });
    return;
  }
  if (shape.kind === 'text') {
    const { x, y, size, anchor } = shape;
    const label = text(shape.text);
    doc.font(REGULAR).fontSize(size).fillColor(INK);
    const from = anchor === 'start' ? x : x - doc.widthOfString(label) / (anchor === 'middle' ? 2 : 1);
    doc.text(label, from, y, { lineBreak: false, baseline: 'alphabetic' });
    return;
  }
  const [[x0, y0], ...others] = shape.points as [[number, number], ...[number, number][]];
  doc.save().moveTo(x0, y0);
  for (const [x, y] of others) doc.lineTo(x, y);
  if (shape.opacity !== undefined) doc.opacity(shape.opacity);
  if (shape.kind === 'line') doc.lineWidth(shape.width).stroke(shape.color);
  else if (shape.outline) doc.closePath().lineWidth(0.5).fillAndStroke(shape.color, shape.outline);
  else doc.closePath().fill(shape.color);
  doc.restore();
}

/** Returns where it ends. */
function legend(doc: Doc, entries: Sheet['legend'], top: number, width: number, text: ToText): number {
  if (entries.length === 0) return top;
  let [x, y] = [MARGIN, top];
  doc.font(REGULAR).fontSize(TEXT);
  for (const { name, color } of entries) {
    const label = text(name);
    const needed = 14 + doc.widthOfString(label) + 14;
    if (x + needed > MARGIN + width && x > MARGIN) [x, y] = [MARGIN, y + 14];
    doc.lineWidth(0.5).rect(x, y, 9, 9).fillAndStroke(color, RULE);
    doc.fillColor(INK).text(label, x + 14, y, { lineBreak: false });
    x += needed;
  }
  return y + 16;
}

interface Flow {
  /** Moves on to another column or page where so much does not fit. */
  room(height: number): void;
  /** Where to write; its y goes on with what is written. */
  place(): { x: number; y: number; width: number };
  text: ToText;
}

function writeSection(doc: Doc, { heading, rows = [], bars = [], notes = [] }: Section, flow: Flow): void {
  const { room, place, text } = flow;
  room(48); // a heading does not stand alone
  const top = place();
  doc
    .lineWidth(0.5)
    .moveTo(top.x, top.y)
    .lineTo(top.x + top.width, top.y)
    .stroke(RULE);
  doc
    .fillColor(INK)
    .font(BOLD)
    .fontSize(TEXT + 2)
    .text(text(heading), top.x, top.y + 6, { width: top.width });
  top.y = doc.y + 4;
  for (const [name, value] of rows) {
    const { width } = place();
    const columns = [width * NAMES - 8, width * (1 - NAMES)] as const;
    doc.font(REGULAR).fontSize(TEXT);
    const height = Math.max(
      doc.heightOfString(text(name), { width: columns[0] }),
      doc.heightOfString(text(value), { width: columns[1] }),
    );
    room(height + 3);
    const at = place();
    doc.fillColor(SOFT).text(text(name), at.x, at.y, { width: columns[0] });
    doc.fillColor(INK).text(text(value), at.x + width * NAMES, at.y, { width: columns[1] });
    at.y += height + 3;
  }
  for (const bar of bars) writeBar(doc, bar, flow);
  for (const note of notes) {
    const { width } = place();
    doc.font(REGULAR).fontSize(TEXT - 0.5);
    const height = doc.heightOfString(text(note), { width: width - 8 });
    room(height + 3);
    const at = place();
    doc
      .fillColor(SOFT)
      .text('•', at.x, at.y, { lineBreak: false })
      .text(text(note), at.x + 8, at.y, { width: width - 8 });
    at.y += height + 3;
  }
  place().y += 12;
}

const VALUE_WIDTH = 110;

function writeBar(doc: Doc, { name, share, value, color }: Bar, { room, place, text }: Flow): void {
  room(15);
  const at = place();
  const from = at.x + at.width * NAMES;
  const width = Math.max(0.5, share * (at.width * (1 - NAMES) - VALUE_WIDTH));
  doc.font(REGULAR).fontSize(TEXT).fillColor(SOFT);
  doc.text(text(name), at.x, at.y + 1, { width: at.width * NAMES - 8, height: TEXT * 1.3, ellipsis: true });
  doc.lineWidth(0.4).rect(from, at.y, width, 10).fillAndStroke(color, RULE);
  doc.fillColor(INK).text(text(value), from + width + 5, at.y + 1, { lineBreak: false });
  at.y += 15;
}
