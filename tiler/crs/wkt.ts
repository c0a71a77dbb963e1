/**
 * WKT 1 of coordinate reference systems (OGC 01-009, as GDAL and Esri write it) becomes a tree and text again. What is
 * written holds only words, numbers and harmless text, whatever was read.
 */

export interface WktNode {
  /** In capitals. */
  keyword: string;
  values: (WktNode | string | number)[];
}

const MOST_CHARACTERS = 16_384;
const MOST_DEPTH = 12;
const TOKEN =
  /\s*(?:"((?:[^"]|"")*)"|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)|([A-Za-z_][\w]*)\s*([[(])?|([\])])|(,))/y;

/** Null for text that is no WKT, or too long or too deep to be honest. */
export function parseWkt(text: string): WktNode | null {
  if (text.length > MOST_CHARACTERS) return null;
  const root: WktNode = { keyword: '', values: [] };
  const open = [root];
  TOKEN.lastIndex = 0;
  while (open.length > 1 || root.values.length === 0) {
    const token = TOKEN.exec(text);
    if (!token) return null;
    const [, quoted, number, word, bracket, close] = token;
    const { values } = open.at(-1)!;
    if (quoted !== undefined) values.push(quoted.replaceAll('""', '"'));
    else if (number !== undefined) values.push(Number(number));
    else if (word !== undefined) {
      const node: WktNode = { keyword: word.toUpperCase(), values: [] };
      values.push(node);
      if (bracket) open.push(node);
      if (open.length > MOST_DEPTH) return null;
    } else if (close !== undefined) open.pop();
    if (open.length === 0) return null;
  }
  const [node] = root.values;
  return typeof node === 'object' && node.values.length > 0 ? node : null;
}

/** WKT 1. Names keep letters, digits and what stands in PROJ strings and names of places. */
export function writeWkt({ keyword, values }: WktNode): string {
  if (values.length === 0) return keyword;
  const inside = values.map((value) => {
    if (typeof value === 'number') return String(value);
    return typeof value === 'string' ? `"${harmless(value)}"` : writeWkt(value);
  });
  return `${keyword}[${inside.join(',')}]`;
}

export const harmless = (name: string): string => name.replace(/[^\w +=.,:;/()*'-]/g, '_').slice(0, 1024);

/** The first child of a keyword. */
export function child(node: WktNode, keyword: string): WktNode | null {
  for (const value of node.values) if (typeof value === 'object' && value.keyword === keyword) return value;
  return null;
}

/** The EPSG code that the node says it is, or null. */
export function epsgOf(node: WktNode): number | null {
  const [authority, code] = child(node, 'AUTHORITY')?.values ?? [];
  return authority === 'EPSG' && /^\d{4,6}$/.test(String(code)) ? Number(code) : null;
}
