/** Rows of a CSV file (RFC 4180), with commas or semicolons, as records by the names of its first row in small letters. */
import { Problem } from '../../errors/problem.ts';

/** Rows of one file at most. */
export const MOST_ROWS = 100_000;

/** Throws Problem bad_request for quotes that do not close and for too many rows. */
export function readCsv(text: string): Map<string, string>[] {
  const body = text.replace(/^\uFEFF/, '');
  const head = body.slice(0, body.search(/[\r\n]|$/));
  const separator = !head.includes(',') && head.includes(';') ? ';' : ',';
  const [names, ...rows] = splitRows(body, separator);
  if (!names) return [];
  return rows.map((cells) => new Map(names.map((name, i) => [name.trim().toLowerCase(), (cells[i] ?? '').trim()])));
}

function splitRows(text: string, separator: string): string[][] {
  const rows: string[][] = [];
  // A cell in quotes, or one without; and what comes behind it.
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^"\\r\\n${separator}]*))(${separator}|\\r\\n|\\n|\\r|$)`, 'y');
  let row: string[] = [];
  while (cell.lastIndex < text.length) {
    const from = cell.lastIndex;
    const found = cell.exec(text);
    if (!found) throw new Problem('bad_request', `Row ${rows.length + 1} is no CSV: look at its quotation marks.`);
    row.push(found[1]?.replaceAll('""', '"') ?? found[2]!);
    if (found[3] !== separator) {
      if (row.some((value) => value !== '')) rows.push(row);
      row = [];
      if (rows.length > MOST_ROWS) throw new Problem('bad_request', `The file has more than ${MOST_ROWS} rows.`);
    } else if (cell.lastIndex === text.length) row.push('');
    if (cell.lastIndex === from) break;
  }
  if (row.length > 0) rows.push(row);
  return rows;
}

/** A row, its cells in quotes where they must be. What a spreadsheet would run as a formula is written as text. */
export function csvRow(cells: readonly (string | number | null)[]): string {
  const written = cells.map((cell) => {
    if (typeof cell === 'number') return String(cell);
    const text = cell !== null && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : (cell ?? '');
    return /[",\r\n;]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  });
  return `${written.join(',')}\r\n`;
}
