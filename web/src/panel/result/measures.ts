/** What a job measured, as it is told: objects by their number, anything else by its area. */
import { areaParts, count, percent, titleOf } from '../../format.ts';
import { t } from '../../messages/index.ts';
import type { JobJson, ModelJson } from '../../service/types.ts';
import type { Fact } from './report-facts.ts';

export interface ClassRow {
  name: string;
  color: string;
  /** Of the area, or of the number of objects, 0..1. */
  share: number;
  percent: string;
  /** What is said large, its unit, and what is said beside it. */
  value: string;
  unit: string;
  note: string;
}

export interface Measures {
  value: string;
  unit: string;
  note: string;
  /** Every class of the network, found or not, largest first. */
  rows: ClassRow[];
  /** The collections that describe the same ground again, each by itself. */
  others: Fact[];
}

export function measuresOf({ totals, collections }: JobJson, model: ModelJson | undefined): Measures {
  const objects = model?.task === 'detection';
  const features = totals.reduce((sum, { count }) => sum + count, 0);
  const [area, areaUnit] = areaParts(totals.reduce((sum, { area_m2 }) => sum + area_m2, 0));
  const rows = (model?.classes ?? [])
    .map(({ name, color }) => {
      const found = totals.find((total) => total.class === name) ?? { count: 0, area_m2: 0, share: 0 };
      const [value, unit] = areaParts(found.area_m2);
      const share = objects ? found.count / Math.max(1, features) : found.share;
      const said = objects
        ? { size: found.count, value: count(found.count), unit: '', note: `${value}\u2009${unit}` }
        : { size: found.area_m2, value, unit, note: t.areas(found.count) };
      return { name, color, share, percent: percent(share), ...said };
    })
    .sort((a, b) => b.size - a.size);
  const others = collections
    .filter(({ id }) => id !== 'landuse' && id !== 'objects')
    .map(({ id, count: found, area_m2 }): Fact => [titleOf(id), foundText(found, area_m2)]);
  return objects
    ? { value: count(features), unit: t.legend.objects(features), note: t.legend.found, rows, others }
    : { value: area, unit: areaUnit, note: t.legend.mapped(t.areas(features)), rows, others };
}

const foundText = (features: number, areaM2: number): string =>
  areaM2 > 0 ? t.legend.collection(count(features), areaParts(areaM2).join('\u2009')) : count(features);

/** How much of the map could not be computed: value and unit; null where all was. */
export function notComputed({ report }: JobJson): [value: string, unit: string] | null {
  const { ledger, model_grid: grid } = report ?? {};
  return ledger?.failed && grid ? areaParts(ledger.failed * grid.gsd_m ** 2) : null;
}
