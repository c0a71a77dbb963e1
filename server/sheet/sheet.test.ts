/** What stands on a sheet is what was given, as HTML and as PDF, whatever it holds; maps are at round scales. */
import { expect, test } from 'vitest';
import { judge, pythonWithPdf } from '../../test/support/python.ts';
import { drawMap, type MapFrame, type Shape } from './map-drawing.ts';
import type { Sheet } from './sheet.ts';
import { sheetHtml } from './sheet-html.ts';
import { PAPERS, sheetPdf } from './sheet-pdf.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const HOSTILE = '<script>alert("1")</script> & \'"><img src=http://a.example/x onerror=alert(2)>';
/** A PNG of one pixel. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

const frame: MapFrame = {
  ...{ box: [500_000, 5_400_000, 500_800, 5_400_500], metresX: 1, metresY: 1, geographic: false, northDegrees: 2 },
  ...{ pictures: [{ bytes: PIXEL, type: 'png' }], outlines: [], alt: HOSTILE },
};
const sheet: Sheet = {
  ...{ title: `Town ${HOSTILE}`, subtitle: `Über ${HOSTILE}` },
  map: (width, height) => drawMap(frame, width, height),
  legend: [{ name: `class ${HOSTILE}`, color: '#aa0000' }],
  captions: [`caption ${HOSTILE}`],
  sections: [
    {
      heading: `heading ${HOSTILE}`,
      rows: [[`name ${HOSTILE}`, `value ${HOSTILE}`]],
      bars: [{ name: `bar ${HOSTILE}`, share: 1, value: `amount ${HOSTILE}`, color: '#00aa00' }],
      notes: [`note ${HOSTILE}`],
    },
    { heading: 'Long', rows: Array.from({ length: 150 }, (_, i): [string, string] => [`row ${i}`, 'x '.repeat(i)]) },
  ],
};

test('the page has no script and nothing from elsewhere, and all text is text', () => {
  const html = sheetHtml(sheet);
  expect(html).not.toMatch(/<script|<img|<link|<iframe|@import/i);
  const inAttribute = html.match(/(?:src|href)="[^"]*"/g) ?? [];
  expect(inAttribute.every((each) => each.startsWith('href="data:image/'))).toBe(true);
  const text = html
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"');
  const read = text.replaceAll('&#39;', "'").replaceAll('&amp;', '&');
  for (const what of ['Town', 'Über', 'class', 'caption', 'heading', 'name', 'value', 'bar', 'amount', 'note']) {
    expect(read, what).toContain(`${what} ${HOSTILE}`);
  }
});

const READ = `
import io, json, sys, base64, pypdf
pages = pypdf.PdfReader(io.BytesIO(base64.b64decode(json.load(sys.stdin)['pdf']))).pages
print(json.dumps([dict(text=p.extract_text(), size=[float(v) for v in p.mediabox[2:]]) for p in pages]))
`;

test('the PDF has the same text, on paper of the size that was asked for', { timeout: 120_000 }, async () => {
  const python = pythonWithPdf();
  if (!python) return;
  for (const paper of PAPERS) {
    const { bytes, unknown } = await sheetPdf(sheet, paper);
    expect(unknown).toBe('');
    const pages = judge<{ text: string; size: number[] }[]>(python, READ, { pdf: bytes.toString('base64') });
    expect(pages.length).toBeGreaterThan(1);
    const millimetres = pages.map(({ size }) => size.map((points) => Math.round((points / 72) * 25.4)));
    expect(millimetres).toEqual(pages.map(() => (paper === 'A4' ? [210, 297] : [297, 420])));
    const text = pages
      .map((page) => page.text)
      .join('\n')
      .replaceAll(/\s+/g, '');
    const hostile = HOSTILE.replaceAll(' ', '');
    for (const what of ['Town', 'Über', 'class', 'caption', 'heading', 'name', 'value', 'amount', 'note'])
      expect(text, what).toContain(`${what}${hostile}`);
    for (let i = 0; i < 150; i++) expect(text).toContain(`row${i}`);
    expect(text).toContain(`page1of${pages.length}`);
    expect(text).toMatch(/Scale1:\d{4}/);
  }
});

test('letters that the fonts lack are named', async () => {
  const { unknown } = await sheetPdf({ ...sheet, title: '城 łódź €…', sections: [] }, 'A4');
  expect([...unknown].sort()).toEqual(['ź', 'ł', '城'].sort());
});

test('a map fits, at a round scale, with a scale bar that is true', () => {
  const random = generator(SEED);
  for (let i = 0; i < 300; i++) {
    const [width, height] = [10 ** (1 + random() * 5), 10 ** (1 + random() * 5)];
    const geographic = random() < 0.3;
    const metres = geographic ? 111_000 : 1;
    const box: MapFrame['box'] = [7, 46, 7 + width / metres, 46 + height / metres];
    const [mostWidth, mostHeight] = [300 + random() * 500, 300 + random() * 500];
    const drawn = drawMap({ ...frame, box, metresX: metres, metresY: metres, geographic }, mostWidth, mostHeight);
    const message = `SEED=${SEED}, map ${i}`;
    expect(drawn.width, message).toBeLessThanOrEqual(mostWidth + 1e-6);
    expect(drawn.height, message).toBeLessThanOrEqual(mostHeight + 1e-6);
    expect(Number(drawn.scale.toPrecision(3)), message).toBeCloseTo(drawn.scale, 6);
    const texts = drawn.shapes.filter((shape) => shape.kind === 'text');
    const bar = texts.find(({ text }) => / k?m$/.test(text))!;
    const [amount, unit] = bar.text.split(' ');
    const fields = drawn.shapes.filter((shape): shape is Shape & { kind: 'area' } => 'outline' in shape);
    const xs = fields.flatMap(({ points }) => points.map(([x]) => x));
    const onGround = ((Math.max(...xs) - Math.min(...xs)) / 72) * 0.0254 * drawn.scale;
    expect(onGround / (Number(amount) * (unit === 'km' ? 1000 : 1)), message).toBeCloseTo(1, 6);
    const labels = texts.filter(({ text }) => text !== 'N' && text !== bar.text);
    expect(labels.length, message).toBeGreaterThan(1);
    expect(labels.length, message).toBeLessThan(20);
  }
});

/** Numerical Recipes' linear congruential generator, 0..1. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
