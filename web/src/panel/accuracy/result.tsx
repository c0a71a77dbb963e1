/** Areas and accuracies with their intervals, and the words for a report. */
import { useSignal } from '@preact/signals';
import { area, areaParts, count, titleOf } from '../../format.ts';
import { t } from '../../messages/index.ts';
import { BASE } from '../../service/connection.ts';
import type { Estimate, JobAccuracyJson } from '../../service/types.ts';
import { Button, Facts } from '../parts.tsx';

const texts = t.accuracy;

const number = new Intl.NumberFormat(t.locale, { maximumSignificantDigits: 3 });
const oneDecimal = new Intl.NumberFormat(t.locale, { maximumFractionDigits: 1 });

const shares = (estimate: Estimate | null): string => {
  if (estimate === null) return texts.none;
  const [value, lower, upper] = [estimate.value, estimate.lower, estimate.upper].map((share) => oneDecimal.format(100 * share)); // biome-ignore format: one line
  return texts.interval(value!, lower!, upper!, '%');
};

/** All three in the unit of the estimate. */
const areas = (estimate: Estimate): string => {
  const [, unit] = areaParts(estimate.value);
  const m2 = unit === 'm²' ? 1 : unit === 'km²' ? 1e6 : 1e4;
  const inUnit = (value: number) => number.format(value / m2);
  return texts.interval(inUnit(estimate.value), inUnit(estimate.lower), inUnit(estimate.upper), unit);
};

export function AccuracyResult({ found }: { found: JobAccuracyJson }) {
  const { overall_accuracy, classes, agreement, cannot_tell } = found;
  return (
    <div class="accuracy-result" data-testid="accuracy-result">
      <p class="accuracy-overall">
        {texts.overall}: <strong>{shares(overall_accuracy)}</strong>
      </p>
      <ul class="accuracy-classes" aria-label={texts.table}>
        {classes.map((each) => (
          <li key={each.class}>
            <h3 class="accuracy-class">{titleOf(each.class)}</h3>
            <Facts
              facts={[
                [texts.area, areas(each.area_m2)],
                [texts.pixels, area(each.mapped_m2)],
                [texts.users, shares(each.users_accuracy)],
                [texts.producers, shares(each.producers_accuracy)],
              ]}
            />
          </li>
        ))}
      </ul>
      <p class="quiet">{texts.meaning}</p>
      <p class="quiet">
        {agreement.points > 0 &&
          `${texts.agreement(count(agreement.agreed), count(agreement.points), agreement.kappa?.toFixed(2) ?? null)} `}
        {cannot_tell > 0 && texts.cannotTellPoints(cannot_tell)}
      </p>
      <a
        class="accuracy-print"
        href={`${BASE}/jobs/${found.job}/accuracy?f=html&sample=${found.sample}`}
        target="_blank"
        rel="noreferrer"
      >
        {texts.print}
      </a>
      <Words found={found} />
    </div>
  );
}

function Words({ found }: { found: JobAccuracyJson }) {
  const said = useSignal('');
  const copy = async () => {
    const text = [...found.text, '', ...found.sources].join('\n');
    await navigator.clipboard?.writeText(text).then(() => (said.value = texts.copied));
  };
  return (
    <details class="accuracy-words">
      <summary>{texts.words}</summary>
      {found.text.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      <h3>{texts.sources}</h3>
      <ul class="notes">
        {found.sources.map((source) => (
          <li key={source}>{source}</li>
        ))}
      </ul>
      <Button onClick={copy}>{texts.copy}</Button>
      <span class="quiet" role="status">
        {said}
      </span>
    </details>
  );
}
