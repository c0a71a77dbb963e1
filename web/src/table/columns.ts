/** The attributes of features as columns of a table, and what stands in a cell. */
import { area, lengthParts, moment, oneDecimalOf, percent, titleOf } from '../format.ts';
import { t } from '../messages/index.ts';
import type { FeatureJson } from '../service/types.ts';

const texts = t.table;
/** The first ones; whatever else features have stands after them. */
const FIRST = ['id', 'class', 'score', 'area_m2', 'perimeter_m', 'length_m', 'width_m', 'orientation_deg'];
/** The same in every row, or said above the table. */
const NOT_SHOWN = ['collection', 'job', 'scene', 'model'];
/** As the service sorts. */
export const SORTABLE: readonly string[] = [...FIRST, 'review', 'captured_at'];
const NUMERIC = [...FIRST.slice(2), 'from_node', 'to_node', 'street_m', 'bridged_m'];
const ID_SHOWN = 8;

export const isNumeric = (column: string): boolean => NUMERIC.includes(column);

export function columnsOf(rows: readonly FeatureJson[]): string[] {
  const found = new Set(rows.flatMap(({ properties }) => Object.keys(properties)));
  const others = [...found].filter((name) => !FIRST.includes(name) && !NOT_SHOWN.includes(name));
  return [...FIRST.filter((name) => name === 'id' || found.has(name)), ...others];
}

/** An order that a collection has: of lines by their length, of areas by their area. */
export const orderFor = (lines: boolean, order: string): string =>
  lines ? order.replace('area_m2', 'length_m') : order.replace('length_m', 'area_m2');

export const columnTitle = (column: string): string => texts.columns[column] ?? titleOf(column);

export function cellText({ id, properties }: FeatureJson, column: string): string {
  if (column === 'id') return id.slice(0, ID_SHOWN);
  const value = (properties as Record<string, unknown>)[column] ?? null;
  if (value === null) return '';
  if (column === 'class') return titleOf(String(value));
  if (column === 'review') return texts.reviews[value as keyof typeof texts.reviews] ?? String(value);
  if (column === 'captured_at') return moment(String(value));
  if (typeof value === 'boolean') return value ? texts.yes : texts.no;
  if (typeof value !== 'number') return typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (column === 'score') return percent(value);
  if (column.endsWith('_m2')) return area(value);
  if (column === 'width_m') return `${oneDecimalOf(value)}\u00a0m`;
  if (column.endsWith('_m')) return lengthParts(value).join('\u00a0');
  return column.endsWith('_deg') ? `${oneDecimalOf(value)}°` : String(value);
}
