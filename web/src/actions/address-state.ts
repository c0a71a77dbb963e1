/** What is in hand, kept in the page's address: the tool with its corners or point, the feature that is selected, the filter and the table. */
import { effect, untracked } from '@preact/signals';
import { inAddress, writeToAddress } from '../address.ts';
import type { App } from '../app.ts';
import { readRanges, writeRanges } from '../filter.ts';
import { getItem, ServiceError } from '../service/api.ts';
import { type Position, selectedFromItem, type Tool } from '../state.ts';

const TOOLS: readonly Tool[] = ['find', 'measure', 'point'];
/** Of degrees: about 1 cm. */
const DECIMALS = 7;

const written = (positions: readonly Position[]): string | null =>
  positions.length === 0
    ? null
    : positions.map((each) => each.map((value) => Number(value.toFixed(DECIMALS))).join(',')).join(';');

/** What is no position is left out. */
export function readPositions(text: string | null): Position[] {
  return (text ?? '').split(';').flatMap((pair): Position[] => {
    const [lon = Number.NaN, lat = Number.NaN, ...more] = pair
      .split(',')
      .map((part) => (part ? Number(part) : Number.NaN));
    return more.length === 0 && Math.abs(lon) <= 540 && Math.abs(lat) <= 90 ? [[lon, lat]] : [];
  });
}

/** Called before anything of the address is written anew. */
export function keepInAddress(app: App): void {
  const { tool, measured, point, selected, doneJob, ranges, table, tableOrder } = app.state;
  tool.value = TOOLS.find((each) => each === inAddress('tool')) ?? null;
  measured.value = readPositions(inAddress('line'));
  point.value = readPositions(inAddress('at'))[0] ?? null;
  ranges.value = readRanges(inAddress('filter'));
  table.value = inAddress('table');
  tableOrder.value = inAddress('order') ?? tableOrder.value;
  let linked = inAddress('feature');
  effect(() => writeToAddress('filter', writeRanges(ranges.value)));
  effect(() => writeToAddress('table', table.value));
  effect(() => writeToAddress('order', table.value && tableOrder.value));
  effect(() => writeToAddress('tool', tool.value));
  effect(() => writeToAddress('line', written(measured.value)));
  effect(() => writeToAddress('at', written(point.value ? [point.value] : [])));
  effect(() => {
    const feature = selected.value;
    if (feature) linked = null;
    if (linked === null) writeToAddress('feature', feature && `${feature.collection}/${feature.id}`);
  });
  // The feature of the link is selected once its map is shown.
  effect(() => {
    if (!doneJob.value || linked === null) return;
    const [collection, id] = linked.split('/');
    linked = null;
    untracked(() =>
      getItem(`/collections/${encodeURIComponent(collection!)}/items/${encodeURIComponent(id ?? '')}`),
    ).then(
      (item) => {
        selected.value ??= selectedFromItem(item);
      },
      (error) => {
        // One that is gone, of a link that is old, is not worth a word.
        if (error instanceof ServiceError) writeToAddress('feature', null);
      },
    );
  });
}
