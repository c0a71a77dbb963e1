/** The table beside the map: features of a collection, filtered and sorted by the service, tied to the map both ways. */
import { type Signal, useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { bbox } from '@turf/turf';
import { useEffect, useRef } from 'preact/hooks';
import { useApp } from '../app.ts';
import { cql2Of } from '../filter.ts';
import { areaParts, count, lengthParts, titleOf } from '../format.ts';
import type { Box, MapView } from '../map/map-view.ts';
import { t } from '../messages/index.ts';
import { FilterNote } from '../panel/filter-note.tsx';
import { IconButton } from '../panel/parts.tsx';
import { getItem, getItems, getItemsAfter, getSums, messageOf } from '../service/api.ts';
import type { ClassSumsJson, FeatureJson, ItemsJson, JobJson } from '../service/types.ts';
import { selectedFromItem } from '../state.ts';
import { cellText, columnsOf, columnTitle, isNumeric, orderFor, SORTABLE } from './columns.ts';
import { HistogramFilter } from './histogram.tsx';
import './table.css';

const texts = t.table;
const ROWS_A_PAGE = 50;
/** While a range is being drawn. */
const PAUSE_MS = 200;
/** Rows from the end at which the next ones are asked for. */
const NEAR_END_PIXELS = 200;

export function FeatureTable({ view }: { view: MapView }) {
  const { doneJob, table } = useApp().state;
  const job = doneJob.value;
  const collections = job?.collections ?? [];
  const shown = collections.find(({ id }) => id === table.value) ?? collections[0];
  const section = useRef<HTMLElement>(null);
  useEffect(() => section.current?.querySelector('select')?.focus(), []);
  if (!job || !shown) return null;
  return (
    <section ref={section} class="feature-table" aria-label={texts.title} data-testid="table">
      <header class="table-head">
        <select
          class="select"
          aria-label={texts.collection}
          value={shown.id}
          onChange={({ currentTarget }) => (table.value = currentTarget.value)}
        >
          {collections.map(({ id, count: features }) => (
            <option key={id} value={id}>
              {t.download.collection(titleOf(id), count(features))}
            </option>
          ))}
        </select>
        <Sums job={job} collection={shown.id} />
        <FilterNote />
        <IconButton icon="close" label={t.close} onClick={() => (table.value = null)} />
      </header>
      <div class="table-body">
        <HistogramFilter key={`${job.id} ${shown.id}`} job={job} collection={shown.id} />
        <Rows key={`${job.id} ${shown.id}`} job={job} collection={shown.id} view={view} />
      </div>
    </section>
  );
}

/** What is asked of the service for, once the filter has not changed for a moment. */
function useQuery(job: JobJson): Signal<Record<string, string>> {
  const { ranges } = useApp().state;
  const ask = () => {
    const filter = cql2Of(ranges.value);
    return { job: job.id, ...(filter && { filter }) };
  };
  const query = useSignal<Record<string, string>>(ask());
  useSignalEffect(() => {
    const next = ask();
    const timer = setTimeout(() => {
      if (JSON.stringify(next) !== JSON.stringify(query.peek())) query.value = next;
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  });
  return query;
}

/** Number and size of what the filter leaves. */
function Sums({ job, collection }: { job: JobJson; collection: string }) {
  const query = useQuery(job);
  const sums = useSignal<ClassSumsJson['classes'] | null>(null);
  const now = query.value;
  useEffect(() => {
    let left = false;
    getSums(collection, now).then(
      ({ classes }) => {
        if (!left) sums.value = classes;
      },
      () => {}, // the rows tell what is wrong
    );
    return () => {
      left = true;
    };
  }, [collection, now]);
  const total = (of: 'count' | 'area_m2' | 'length_m') => (sums.value ?? []).reduce((sum, each) => sum + each[of], 0);
  const [area, length] = [total('area_m2'), total('length_m')];
  const size = length > 0 ? lengthParts(length) : areaParts(area);
  return (
    <p class="table-sums" role="status" data-testid="table-sums">
      {sums.value && (
        <>
          <b>{texts.features(total('count'))}</b>
          {area + length > 0 && <span class="quiet">{size.join('\u2009')}</span>}
        </>
      )}
    </p>
  );
}

interface RowsProps {
  job: JobJson;
  collection: string;
  view: MapView;
}

function Rows({ job, collection, view }: RowsProps) {
  const { state } = useApp();
  const { tableOrder, selected } = state;
  const query = useQuery(job);
  const page = useSignal<Pick<ItemsJson, 'numberMatched' | 'links'> | null>(null);
  const rows = useSignal<readonly FeatureJson[]>([]);
  const status = useSignal<string>(texts.loading);
  const turn = useRef(0);
  const loading = useRef(false);

  const show = async (ask: () => Promise<ItemsJson>, before: readonly FeatureJson[]) => {
    const mine = ++turn.current;
    loading.current = true;
    try {
      const found = await ask();
      if (mine !== turn.current) return;
      page.value = found;
      rows.value = [...before, ...found.features];
      status.value = found.numberMatched === 0 ? texts.none : '';
    } catch (error) {
      if (mine === turn.current) status.value = messageOf(error).detail;
    } finally {
      if (mine === turn.current) loading.current = false;
    }
  };
  const lines = job.collections.find(({ id }) => id === collection)?.area_m2 === 0;
  const [now, order] = [query.value, orderFor(lines, tableOrder.value)];
  useEffect(() => {
    status.value = texts.loading;
    void show(() => getItems(collection, { ...now, sortby: order, limit: String(ROWS_A_PAGE) }), []);
  }, [now, order]);
  const next = useComputed(() => page.value?.links.find(({ rel }) => rel === 'next')?.href);
  const more = () => {
    const link = next.value;
    if (link && !loading.current) return show(() => getItemsAfter(collection, link), rows.value);
    return Promise.resolve();
  };
  const scrolled = ({ currentTarget: box }: { currentTarget: HTMLElement }) => {
    if (box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END_PIXELS) void more();
  };

  // The feature that was clicked on the map: its row is brought into view, from whatever page.
  const pinned = useSignal<FeatureJson | null>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const chosen = selected.value?.collection === collection ? selected.value.id : null;
  const listed = rows.value.some(({ id }) => id === chosen);
  useEffect(() => {
    if (chosen === null || listed) pinned.value = null;
    else {
      getItem(`/collections/${collection}/items/${chosen}`).then(
        (item) => {
          if (selected.peek()?.id === chosen) pinned.value = item;
        },
        () => {}, // gone meanwhile
      );
    }
    body.current?.querySelector('[data-chosen]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen, listed]);
  const all = pinned.value && !listed && chosen ? [pinned.value, ...rows.value] : rows.value;
  const columns = columnsOf(all);
  const select = (item: FeatureJson) => {
    selected.value = selectedFromItem(item);
    const box = bbox(item) as Box;
    if (!isSeen(view, box)) view.fitBox(box);
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys.
    <section class="table-scroll" tabIndex={0} aria-label={titleOf(collection)} onScroll={scrolled}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column} column={column} order={order} onOrder={(next) => (tableOrder.value = next)} />
            ))}
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={step}>
          {all.map((item) => (
            // By keyboard, the button in its first cell does the same.
            <tr key={item.id} data-chosen={item.id === chosen ? '' : undefined} onClick={() => select(item)}>
              {columns.map((column, i) => (
                <td key={column} class={isNumeric(column) ? 'numeric' : undefined}>
                  {i > 0 ? (
                    cellText(item, column)
                  ) : (
                    <button type="button" class="row-button" aria-pressed={item.id === chosen}>
                      {cellText(item, column)}
                    </button>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="quiet table-status" role="status">
        {status.value || texts.shown(count(rows.value.length), count(page.value?.numberMatched ?? 0))}
      </p>
      {next.value && (
        <button type="button" class="link" onClick={more}>
          {texts.more}
        </button>
      )}
    </section>
  );
}

/** From afar features are drawn as one. */
const LEAST_ZOOM = 15;
/** Of the card of the feature that is selected, in CSS pixels. */
const CARD = 380;

/** Whether a box lies where nothing covers the map. */
function isSeen({ map }: MapView, [west, south, east, north]: Box): boolean {
  const { top = 0, right = 0, bottom = 0, left = 0 } = map.getPadding();
  const { clientWidth, clientHeight } = map.getContainer();
  const [a, b] = [map.project([west, north]), map.project([east, south])];
  const inside = a.x > left && a.y > top && b.x < clientWidth - right - CARD && b.y < clientHeight - bottom;
  return inside && map.getZoom() >= LEAST_ZOOM;
}

/** Between rows by the arrow keys. */
function step(event: KeyboardEvent): void {
  const down = event.key === 'ArrowDown';
  if (!down && event.key !== 'ArrowUp') return;
  const row = (event.target as HTMLElement).closest('tr');
  const next = down ? row?.nextElementSibling : row?.previousElementSibling;
  const button = next?.querySelector('button');
  if (!button) return;
  event.preventDefault();
  button.focus();
}

/** Sorts by its column; once more, the other way about. */
interface HeadProps {
  column: string;
  order: string;
  onOrder: (order: string) => void;
}

function Head({ column, order, onOrder }: HeadProps) {
  const title = columnTitle(column);
  const up = order === column;
  const down = order === `-${column}`;
  const numeric = isNumeric(column);
  const sorted = up ? 'ascending' : down ? 'descending' : undefined;
  // Numbers begin with the largest.
  const next = numeric ? (down ? column : `-${column}`) : up ? `-${column}` : column;
  return (
    <th scope="col" aria-sort={sorted} class={numeric ? 'numeric' : undefined}>
      {SORTABLE.includes(column) ? (
        <button type="button" title={texts.sortBy(title)} onClick={() => onOrder(next)}>
          {title}
          <span aria-hidden="true">{up ? '↑' : down ? '↓' : ''}</span>
        </button>
      ) : (
        title
      )}
    </th>
  );
}
