/** A histogram that is the filter: two handles under its bars, of which each end is open. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.ts';
import { cql2Of, type Ranged, withRange } from '../filter.ts';
import { t } from '../messages/index.ts';
import { rangedText } from '../panel/filter-note.tsx';
import { getHistogram } from '../service/api.ts';
import type { HistogramJson, JobJson } from '../service/types.ts';
import { setRange } from '../state.ts';

const texts = t.table;
const BINS = 40;
const [BAR, HEIGHT] = [6, 46];

export function HistogramFilter({ job, collection }: { job: JobJson; collection: string }) {
  const { ranges } = useApp().state;
  const lines = job.collections.find(({ id }) => id === collection)?.area_m2 === 0;
  const properties: readonly Ranged[] = lines ? ['score', 'length_m'] : ['score', 'area_m2'];
  const property = useSignal<Ranged>(properties[1]!);
  const histogram = useSignal<HistogramJson | null>(null);
  // The filter's other ranges count, its own does not: what lies outside stays to be seen.
  const others = cql2Of(withRange(ranges.value, property.value, [null, null]));
  useEffect(() => {
    let left = false;
    const query = {
      ...{ job: job.id, property: property.value, bins: String(BINS) },
      ...(property.value !== 'score' && { scale: 'log' }),
      ...(others && { filter: others }),
    };
    const timer = setTimeout(() => {
      getHistogram(collection, query).then(
        (found) => {
          if (!left) histogram.value = found;
        },
        () => {}, // the rows tell what is wrong
      );
    }, 150);
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [job.id, collection, property.value, others]);
  const shown = histogram.value?.property === property.value ? histogram.value : null;
  return (
    <div class="histogram-filter" data-testid="histogram">
      <label class="quiet">
        {texts.histogramOf}
        <select
          class="select"
          value={property.value}
          onChange={({ currentTarget }) => (property.value = currentTarget.value as Ranged)}
        >
          {properties.map((each) => (
            <option key={each} value={each}>
              {t.filter.properties[each]}
            </option>
          ))}
        </select>
      </label>
      {shown && shown.edges.length > 1 && <Bars property={property.value} histogram={shown} />}
      {shown?.edges.length === 0 && <p class="quiet">{texts.noValues}</p>}
    </div>
  );
}

function Bars({ property, histogram: { edges, counts } }: { property: Ranged; histogram: HistogramJson }) {
  const { state } = useApp();
  const [least, most] = state.ranges.value[property] ?? [null, null];
  const steps = counts.length;
  const low = least === null ? 0 : stepOf(edges, least);
  const high = most === null ? steps : stepOf(edges, most);
  // Square roots, so that one full step does not flatten all others.
  const heights = counts.map(Math.sqrt);
  const largest = Math.max(1, ...heights);
  const value = (step: number) => rounded(property, edges[step]!);
  const set = (from: number, to: number) =>
    setRange(state, property, [from <= 0 ? null : value(from), to >= steps ? null : value(to)]);
  const name = t.filter.properties[property];
  const handle = (label: string, step: number, onSet: (step: number) => void, testId: string) => (
    <input
      type="range"
      min={0}
      max={steps}
      step={1}
      value={step}
      aria-label={label}
      aria-valuetext={rangedText(property, edges[step]!)}
      data-testid={testId}
      onInput={({ currentTarget }) => onSet(Number(currentTarget.value))}
    />
  );
  return (
    <div class="histogram-range">
      <svg viewBox={`0 0 ${steps * BAR} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {heights.map((height, i) => {
          const tall = height === 0 ? 0 : Math.max(1.5, (height / largest) * HEIGHT);
          const outside = i < low || i >= high;
          const key = edges[i];
          return (
            <rect
              key={key}
              class={outside ? 'outside' : undefined}
              x={i * BAR}
              y={HEIGHT - tall}
              width={BAR - 1}
              height={tall}
            />
          );
        })}
      </svg>
      <div class="handles">
        {handle(texts.least(name), low, (step) => set(Math.min(step, high - 1), high), 'range-least')}
        {handle(texts.most(name), high, (step) => set(low, Math.max(step, low + 1)), 'range-most')}
      </div>
      <p class="histogram-ends quiet">
        <span>{rangedText(property, least ?? edges[0]!)}</span>
        <span>{rangedText(property, most ?? edges[steps]!)}</span>
      </p>
    </div>
  );
}

/** The edge nearest to a value. */
function stepOf(edges: readonly number[], value: number): number {
  const distances = edges.map((edge) => Math.abs(edge - value));
  return distances.indexOf(Math.min(...distances));
}

/** As tiles hold scores and sizes, and people write them. */
const rounded = (property: Ranged, value: number): number =>
  property === 'score' ? Number(value.toFixed(2)) : Number(value.toPrecision(3));
