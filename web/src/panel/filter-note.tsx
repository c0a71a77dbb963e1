/** The filter in words, and the way to be rid of it. */
import { useApp } from '../app.ts';
import { type Ranged, type Ranges, rangesOf } from '../filter.ts';
import { area, lengthParts, percent } from '../format.ts';
import { t } from '../messages/index.ts';

const texts = t.filter;

export const rangedText = (property: Ranged, value: number): string => {
  if (property === 'score') return percent(value);
  return property === 'area_m2' ? area(value) : lengthParts(value).join('\u00a0');
};

export const filterText = (ranges: Ranges): string =>
  rangesOf(ranges)
    .map(([property, [least, most]]) => {
      const name = texts.properties[property];
      const text = (value: number) => rangedText(property, value);
      if (least !== null && most !== null) return texts.between(name, text(least), text(most));
      return least === null ? texts.atMost(name, text(most!)) : texts.atLeast(name, text(least));
    })
    .join(' · ');

export function FilterNote() {
  const { ranges } = useApp().state;
  const said = filterText(ranges.value);
  return (
    <div class="filter-note" data-testid="filter-note" hidden={said === ''}>
      <span class="quiet">{said}</span>
      <button type="button" class="link" onClick={() => (ranges.value = {})}>
        {texts.clear}
      </button>
    </div>
  );
}
